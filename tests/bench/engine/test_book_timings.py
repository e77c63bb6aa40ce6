"""A reader's right methods, called as a kernel is, give what the kernel gives, so that their times can be set beside ours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from w2vbench.bench.engine.protocol import Status, Verdict
from w2vbench.bench.engine.worker.checking.contract import check_problem
from w2vbench.bench.plans.book.implementations import TIMINGS, NotTimed, implementations_of
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface.case import Size

from tests.bench.engine.book import EMBEDDING, LAYERS, changed, written

SIZE = Size(V=60, H=8, B=7, K=3, dtype="f32")
KEYS = [f"{one.kernel}/{one.slug}" for one in TIMINGS if one.kernel != "sampling.with-replacement"]
"""The book's sampler draws without replacement."""


def verdicts(code: str, corpus: Corpus, folder: Path, dtype: str = SIZE.dtype) -> dict[str, Verdict]:
    """Of a file's methods, by kernel and slug."""
    found = {}
    for one in implementations_of(written(folder, code)):
        problem = one.kernel.make(replace(SIZE, dtype=dtype), corpus, np.random.default_rng(1))
        found[one.key] = check_problem(one, problem, *one.start(problem))
    return found


@pytest.fixture(scope="module")
def of_the_book(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    return verdicts(LAYERS, corpus, tmp_path_factory.mktemp("book"))


@pytest.mark.parametrize("key", KEYS)
def test_the_books_methods_pass_the_kernels_check(key: str, of_the_book: dict[str, Verdict]) -> None:
    assert of_the_book[key] == Verdict(Status.OK)


FLOAT64 = changed([('.astype("f")', "")], every=True)
LOSSES = "output.softmax/SoftmaxWithLoss", "output.negative-sampling/NegativeSamplingLoss"


@pytest.mark.parametrize("inside", ["y[np.arange(n), t] + 1e-7", "np.clip(y[np.arange(n), t], 1e-7, 1)"])
def test_in_float64_the_number_inside_of_the_logarithm_is_no_mistake(
    inside: str, tmp_path: Path, corpus: Corpus
) -> None:
    code = FLOAT64.replace("y[np.arange(n), t] + 1e-7", inside)
    found = verdicts(code, corpus, tmp_path, "f64")
    assert [found[key] for key in LOSSES] == [Verdict(Status.OK)] * 2


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("/ n\n", "/ (n + 1e-3)\n", "the loss"),
        ("return dx / n", "return dx / (n + 1e-6)", "dW_out"),
        ("+ 1e-7", "+ 1e-3", "the loss"),
    ],
)
def test_other_differences_in_float64_are(old: str, new: str, part: str, tmp_path: Path, corpus: Corpus) -> None:
    assert old in FLOAT64
    found = verdicts(FLOAT64.replace(old, new), corpus, tmp_path, "f64")["output.softmax/SoftmaxWithLoss"]
    assert (found.status, found.reason[: len(part)]) == ("wrong", part)


def test_a_file_has_the_timings_of_the_classes_that_it_defines(tmp_path: Path, corpus: Corpus) -> None:
    found = verdicts(EMBEDDING, corpus, tmp_path)
    assert found == {
        "lookup/Embedding.forward": Verdict(Status.OK),
        "scatter.dense/Embedding.backward": Verdict(Status.OK),
    }


@pytest.mark.parametrize(
    ("old", "new", "slug", "why"),
    [
        ("self.idx = idx", "self.idx = list(idx)", "Embedding.backward", "does not keep the array of word ids itself"),
        ("get_negative_sample", "draw", "NegativeSamplingLoss", "draws its negatives itself"),
    ],
)
def test_methods_that_cannot_be_called_as_the_kernel_is_say_why(
    old: str, new: str, slug: str, why: str, tmp_path: Path, corpus: Corpus
) -> None:
    (one,) = (i for i in implementations_of(written(tmp_path, changed([(old, new)], every=True))) if i.slug == slug)
    with pytest.raises(NotTimed, match=why):
        one.start(one.kernel.make(SIZE, corpus, np.random.default_rng(1)))
