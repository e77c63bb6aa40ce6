"""``w2vbench check --book`` as real processes: what a person reads, exit codes, hanging code, and a folder that stays clean."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from w2vbench.bench.commands.terminal.book_lines import book_lines, in_cell
from w2vbench.bench.engine.protocol import BookChecked, BookFault, Line, LineProfile
from w2vbench.bench.plans.book.book import BookResult
from w2vbench.bench.plans.book.book_times import TimedMethods
from w2vbench.bench.plans.book.text import Text
from w2vbench.impls.interface.case import Size
from w2vbench.reports.statistics.problems import Interval

from tests import golden_files
from tests.bench.commands.conftest import Ask
from tests.bench.engine.book import EMBEDDING, WRONG, changed, faults_of, notebook, written
from tests.processes import ROOT, w2vbench


def test_right_layers_are_timed_beside_ours_and_shown_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "ch04").mkdir()
    written(tmp_path / "ch04", EMBEDDING)
    done = w2vbench("check", "--book", "ch04/layers.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["ch04/layers.py: 1 class", "right        Embedding"]
    rows = [line.split() for line in lines if line.startswith("Embedding.") and "  as " not in line]
    assert [row[:2] for row in rows] == [["Embedding.forward", "lookup"], ["Embedding.backward", "scatter.dense"]]
    assert [line for line in lines if line.endswith("np.add.at(dW, self.idx, dout)")]  # with its figures before it
    assert "Embedding.backward  as scatter.dense@V=1e4,H=100,B=100,f32,i64,zipf,t1" in lines
    assert sorted(one.name for one in (tmp_path / "ch04").iterdir()) == ["layers.py"]


def test_wrong_layers_are_named_and_those_built_on_them_are_not_accused(tmp_path: Path) -> None:
    written(tmp_path, changed([("np.add.at(dW, self.idx, dout)", "dW[self.idx] = dout")]))
    done = w2vbench("check", "--book", "layers.py", "--untimed", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "\nwrong        Embedding\n" in done.stdout
    assert "\nnot checked  EmbeddingDot, NegativeSamplingLoss, CBOW and SkipGram: they use Embedding\n" in done.stdout
    assert "Embedding.backward  layers.py:86  dW[self.idx] = dout\n" in done.stdout
    assert "dW[1] is [7, 8], not [10, 12]" in done.stdout
    record = json.loads(w2vbench("check", "--book", "layers.py", "--untimed", "--json", cwd=tmp_path).stdout)
    by_name = {one["name"]: one for one in record["classes"]}
    assert {name: one["status"] for name, one in by_name.items() if name[0] == "E"} == {
        "Embedding": "wrong",
        "EmbeddingDot": "not checked",
    }
    assert [fault["fault"] for fault in by_name["Embedding"]["faults"]] == ["assigned"]
    assert record["times"] == []


HANGS = """
class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [W * 0]

    def forward(self, x):
        while True:
            pass


class Embedding:
    def __init__(self, W):
        __import__("os")._exit(3)


class EmbeddingDot:
    def __init__(self, W):
        self.rows = bytearray(1 << 45)


class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        while True:
            pass


class SigmoidWithLoss:
    def __init__(self):
        print("not to be seen")
        raise SystemExit
"""


def test_code_that_hangs_crashes_or_fills_the_memory_is_ended_and_the_others_are_checked(tmp_path: Path) -> None:
    written(tmp_path, HANGS)
    done = w2vbench("check", "--book", "layers.py", "--untimed", "--time-limit", "2", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "\nwrong        MatMul, SigmoidWithLoss, Embedding, EmbeddingDot and CBOW\n" in done.stdout
    for said in (
        "MatMul.forward took longer than 2 s (--time-limit)",
        "CBOW.__init__ took longer than 2 s (--time-limit)",
        "the process ended during Embedding.__init__ with exit code 3",
        "needs more memory than its limit allows",
        "it raises SystemExit",
    ):
        assert said in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "not to be seen" not in done.stdout + done.stderr


def test_a_notebook_is_checked_by_what_it_defines_and_faults_have_their_cells(tmp_path: Path) -> None:
    head, *classes = changed([("np.add.at(dW, self.idx, dout)", "dW[self.idx] = dout")]).split("\n\n\nclass ")
    cells = ["%matplotlib inline\n!pip install numpy", head, *(f"class {one}" for one in classes), "%%time\nnot python"]
    (tmp_path / "ch04.ipynb").write_bytes(notebook(*cells, "while True:\n    print(CBOW)"))
    done = w2vbench("check", "--book", "ch04.ipynb", "--untimed", "--json", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "(left out: 1 other statement, 4 lines of IPython's own)" in done.stderr
    found = {one["name"]: one for one in json.loads(done.stdout)["classes"]}
    (fault,) = found["Embedding"]["faults"]
    cell = cells[fault["cell"] - 1].splitlines()
    assert cell[0] == "class Embedding:"
    assert cell[fault["line"] - 1].strip() == "dW[self.idx] = dout"
    assert found["EmbeddingDot"]["uses"] == ["Embedding"]
    printed = w2vbench("check", "--book", "ch04.ipynb", "--untimed", cwd=tmp_path).stdout
    place = f"code cell {fault['cell']}, line {fault['line']}"
    assert f"Embedding.backward  ch04.ipynb, {place}  dW[self.idx] = dout" in printed


def test_a_profile_of_a_notebook_has_the_lines_of_its_cell() -> None:
    text = Text("", cells=(1, 10))
    profile = LineProfile(variant="A.f", lines=(Line(number=12, text="def f(self):"), Line(number=13, text="    pass")))
    assert [line.number for line in in_cell(profile, text).lines] == [3, 4]
    assert in_cell(profile, Text("")) == profile


BAD = {
    "missing.py": (None, "missing.py: no such file"),
    "empty.py": (b" \n", "empty.py: empty"),
    "binary.py": (b"\x7fELF\0\0", "binary.py: binary, not Python's text"),
    "latin.py": (b"x = '\xff'\n", "latin.py, line 1: SyntaxError: "),
    "huge.py": (b"#" * (1 << 21), "huge.py: larger than 1 MB"),
    "syntax.py": (b"x = 1\ndef (:\n", "syntax.py, line 2: SyntaxError"),
    "deep.py": (b"(" * 100_000, "deep.py"),
    "book.txt": (b"x = 1", "book.txt: neither a Python file nor a notebook (its name must end in .py or .ipynb)"),
    "text.ipynb": (b"import numpy as np\n", "text.ipynb: no notebook: it is not JSON"),
    "deep.ipynb": (b"[" * 100_000, "deep.ipynb: no notebook: it is not JSON"),
    "object.ipynb": (b"{}", "object.ipynb: no notebook of today's format: it has no list of cells"),
    "list.ipynb": (b"[1]", "list.ipynb: no notebook of today's format"),
    "cells.ipynb": (b'{"cells": [3]}', "cells.ipynb: a notebook without code"),
    "words.ipynb": (notebook("x = 1", of="markdown"), "words.ipynb: a notebook without code"),
    "number.ipynb": (b'{"cells": [{"cell_type": "code", "source": 3}]}', "the source of a cell is not text"),
    "broken.ipynb": (notebook("x = 1", "y = 2\ndef (:"), "broken.ipynb, code cell 2, line 2: SyntaxError"),
}
BAD_WHEN_LOADED = {
    "nothing.py": (b"x = 1\n", "nothing.py: has none of the book's classes"),
    "trains.py": (b"while True: pass\n", "if it trains when it is imported, put that under if __name__ == '__main__':"),
    "absent.ipynb": (
        notebook("x = 1", "\nfrom common.np import *"),
        "absent.ipynb, code cell 2, line 2: there is no module common in ",
    ),
    "ends.py": (b"import os\nos._exit(3)\n", "ends.py: the process ended during loading the file with exit code 3"),
}


def last_of(lines: list[str]) -> str:
    """The last of the lines on stderr. Before it only stands what is done, and what is read."""
    *before, last = lines
    assert all(line == "checking your classes" or ": a notebook: only its imports" in line for line in before)
    return last


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, ask: Ask) -> None:
    content, says = BAD[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    code, said = ask("check", "--book", name)
    assert code == 2, said
    assert says in last_of(said.splitlines())


@pytest.mark.parametrize("name", BAD_WHEN_LOADED)
def test_a_file_that_cannot_be_loaded_is_one_line(tmp_path: Path, name: str) -> None:
    """In one of them, workers that would time its layers have started meanwhile."""
    content, says = BAD_WHEN_LOADED[name]
    (tmp_path / name).write_bytes(content)
    untimed = ("--untimed",) if name != "nothing.py" else ()
    done = w2vbench("check", "--book", name, "--time-limit", "2", *untimed, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert says in last_of(done.stderr.splitlines())


@pytest.mark.parametrize("line", ["--book x.py --kernel lookup", "--book x.py --impl y.py", "--untimed", "--book ."])
def test_options_that_do_not_go_together_are_one_line(line: str, ask: Ask) -> None:
    code, said = ask("check", *line.split())
    assert code == 2, said
    assert said.count("\n") == 1


def test_what_a_person_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fault, as the command prints it; then verdicts and times."""
    monkeypatch.chdir(tmp_path)
    made: dict[str, list[BookFault]] = {}
    for number, mistake in enumerate(WRONG):
        if mistake["fault"] not in made:
            (tmp_path / str(number)).mkdir()
            found = faults_of(written(tmp_path / str(number), mistake["code"]))
            made[mistake["fault"]] = [
                one for one in found if (one.fault, one.method) == (mistake["fault"], mistake["method"])
            ]
    faults = tuple(fault for found in made.values() for fault in found)
    classes = [
        BookChecked(name="MatMul"),
        BookChecked(name="Embedding", faults=faults),
        BookChecked(name="EmbeddingDot", built_on=("Embedding",)),
    ]
    result = BookResult(file=Path("ch04/layers.py"), classes=classes, timed=TIMED)
    golden_files.check("book.txt", "".join(f"{line.text}\n" for line in book_lines(result, 100)))


def timed(kernel: str, slug: str, B: int, **figures: float | str | Interval) -> TimedMethods:
    return TimedMethods(kernel=kernel, slug=slug, methods=(slug,), size=Size(10_000, 100, B), **figures)  # type: ignore[arg-type]


TIMED = (
    timed("lookup", "MatMul.forward", 100, mine_s=2.7e-3, fastest="numba", fastest_s=1.7e-6, ratio=Interval(1534.0, 1387.0, 1698.0)),
    timed("lookup", "Embedding.forward", 100, mine_s=1.72e-6, fastest="numba", fastest_s=1.7e-6, ratio=Interval(1.01, 0.9, 1.2)),
    timed("output.softmax", "SoftmaxWithLoss", 8, mine_s=2e-3, fastest="numba", fastest_s=8e-4, ratio=Interval(2.5, 2.0, 3.0)),
    timed("scatter.dense", "Embedding.backward", 100, why_not="it does not keep the array of word ids itself"),
)  # fmt: skip


SHOWN = re.findall(
    r"```python\n# (\w+\.py)\n(.*?)```\n\n`w2vbench (check --book \w+\.py --untimed)` prints:\n\n```text\n(.*?)```",
    (ROOT / "docs/book.md").read_text("utf-8"),
    re.S,
)


assert len(SHOWN) == 3


@pytest.mark.parametrize(("name", "code", "line", "printed"), SHOWN, ids=[name for name, *_ in SHOWN])
def test_the_guide_shows_what_the_command_prints(tmp_path: Path, name: str, code: str, line: str, printed: str) -> None:
    written(tmp_path, f"# {name}\n{code}", name)
    done = w2vbench(*line.split(), cwd=tmp_path)
    assert (done.stdout, done.returncode) == (printed, 1)
