"""A reader's layers of the book: every mistake is named with its line, and no right solution is accused, however unusual."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from w2vbench.bench.plans.book import checking
from w2vbench.bench.plans.book.faults import FAULTS
from w2vbench.bench.plans.book.loading import BOOK, load_classes
from w2vbench.impls.catalogue.discovery import CatalogueError

from tests.bench.engine.book import AS_IN_THE_BOOK, EMBEDDING, LAYERS, RIGHT, WRONG, faults_of, layers_of, written

OF_PROCESSES = {"timeout", "crashed", "out-of-memory", "error"}
"""Faults that tests/bench/commands/test_check_book.py shows."""


def test_the_books_own_layers_are_right(tmp_path: Path) -> None:
    file = written(tmp_path, LAYERS)
    assert tuple(load_classes(file)) == tuple(BOOK) == tuple(checking.CHECKS)
    assert [(one.fault, one.method) for one in faults_of(file)] == [(AS_IN_THE_BOOK, "SigmoidWithLoss.backward")]


def test_our_own_layers_are_right(tmp_path: Path) -> None:
    assert faults_of(written(tmp_path, "from w2vbench.impls.layers import *\n")) == []


@pytest.mark.parametrize("mistake", WRONG, ids=lambda one: f"{one['fault']} {one['method']}")
def test_a_mistake_is_named_with_its_line(mistake: dict[str, Any], tmp_path: Path) -> None:
    file = written(tmp_path, mistake["code"])
    found = [one for one in faults_of(file) if not one.remark]
    named = [one for one in found if (one.fault, one.method) == (mistake["fault"], mistake["method"])]
    assert named, [(one.fault, one.method, one.says, one.example) for one in found]
    (fault,) = named
    assert fault.file == str(file)
    assert mistake["line"] in mistake["code"].splitlines()[fault.line - 1]
    assert "{" not in fault.says + fault.instead
    accused = {one.method.partition(".")[0] for one in found}
    assert accused == {mistake["method"].partition(".")[0], *([mistake["also"]] if "also" in mistake else ())}


def test_there_is_a_mistake_for_each_fault() -> None:
    remarks = {name for name, fault in FAULTS.items() if fault.remark}
    assert {one["fault"] for one in WRONG} == FAULTS.keys() - remarks - OF_PROCESSES
    assert {one["remark"] for one in RIGHT if "remark" in one} == remarks - {AS_IN_THE_BOOK}


@pytest.mark.parametrize("solution", RIGHT, ids=lambda one: one["what"])
def test_a_right_solution_is_not_accused(solution: dict[str, Any], tmp_path: Path) -> None:
    found = faults_of(written(tmp_path, solution["code"]), solution.get("only", ()))
    assert [(one.fault, one.method, one.says, one.example) for one in found if not one.remark] == []
    assert {one.fault for one in found} <= {AS_IN_THE_BOOK, solution.get("remark")}
    assert solution.get("remark") in {None, *(one.fault for one in found)}


def test_without_models_a_layer_in_float64_may_be_right(tmp_path: Path) -> None:
    """A reader's weights may all be float64, which only their models would show."""
    code = EMBEDDING.replace("np.zeros_like(W)", "np.zeros(W.shape)")
    (found,) = faults_of(written(tmp_path, code))
    assert (found.fault, found.remark) == ("gradient-float64", True)


def test_samplers_are_judged_alike_whatever_the_seed(tmp_path: Path) -> None:
    """The check seeds the global generators, and puts their states back."""
    file = written(tmp_path, LAYERS)
    np.random.seed(7)
    expected = np.random.rand()
    np.random.seed(7)
    assert [one.fault for one in faults_of(file)] == [AS_IN_THE_BOOK]
    assert np.random.rand() == expected


LAYOUT = {
    "common/__init__.py": "",
    "common/np.py": "from common.config import GPU\nimport numpy as np\n",
    "common/config.py": "GPU = False\n",
    "common/layers.py": "from common.np import *\n" + LAYERS,
    "ch04/negative_sampling_layer.py": "import sys\nsys.path.append('..')\nfrom common.np import *\n"
    "from common.layers import Embedding, SigmoidWithLoss\nimport collections\n\n\n"
    + layers_of("EmbeddingDot", "SimpleCBOW"),
    "ch04/cbow.py": "from common.layers import Embedding\nfrom ch04.negative_sampling_layer import NegativeSamplingLoss\n"
    "import numpy as np\n\n\n" + layers_of("CBOW", "SkipGram"),
}


def test_the_books_layout_resolves_and_stays_as_it_is(tmp_path: Path) -> None:
    for name, code in LAYOUT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code, "utf-8")
    before = sorted(tmp_path.rglob("*"))
    assert [one.fault for one in faults_of(tmp_path / "ch04/cbow.py")] == []
    found = faults_of(tmp_path / "ch04/negative_sampling_layer.py")
    assert [(one.fault, Path(one.file).name) for one in found] == [(AS_IN_THE_BOOK, "layers.py")]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os\nfrom common.np import *\n", "line 2: there is no module common in {here} or {above}: put common/ of the book into one of them"),
        ("import cupyx_of_nobody\n", "line 1: there is no module cupyx_of_nobody: install it, or put it beside the file"),
        ("from .layers import *\n", "line 1: relative imports work in a package only: write from layers import …"),
        ("\nexit()\n", "line 2: it ends the program when it is imported: put that under if __name__"),
        ("\n\n1 / 0\n", "line 3: ZeroDivisionError: division by zero"),
        ("class Embeding:\n    pass\n", "has none of the book's classes (MatMul, "),
        ("from collections import Counter as Embedding\n", "has none of the book's classes (MatMul, "),
    ],
)  # fmt: skip
def test_what_cannot_be_loaded_is_one_line_that_says_what_to_do(tmp_path: Path, code: str, said: str) -> None:
    file = written(tmp_path, code)
    with pytest.raises(CatalogueError) as error:
        load_classes(file)
    assert said.format(here=tmp_path, above=tmp_path.parent) in str(error.value)
    assert "\n" not in str(error.value)
