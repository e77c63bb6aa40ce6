"""Tables, Markdown and CSV: the same figures everywhere, and nothing in a file can break out of its cell."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from w2vbench.reports.drawing.markdown import markdown_table, plain
from w2vbench.reports.file.files import read
from w2vbench.reports.file.frame import csv, frame
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.outputs import report
from w2vbench.reports.run.markdown import as_markdown

from tests import golden_files, saved
from tests.markdown import cells
from tests.saved import PROBLEM, STATUSES, not_measured, processes, row, without_processes

# -- the whole report


def test_a_report_reads_as_the_one_that_was_checked_by_eye(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "linesep", "\r\n")  # where lines end otherwise, these have no empty ones between them
    paths = report(ResultFile.model_validate(saved.small()), tmp_path / "a" / "b")
    assert [path.name for path in paths] == ["index.html", "report.md", "cases.csv"]
    assert {*(tmp_path / "a" / "b").iterdir()} == {*paths}
    for path in paths[1:]:
        golden_files.check(path.name, path.read_bytes().decode())


# -- tables


def growing(*walls: float) -> ResultFile:
    return saved.result(*[row("one-hot", wall, V=10**at) for at, wall in enumerate(walls, 4)])


def at_limit(read_bytes: float = 0.0, flops: float = 0.0) -> ResultFile:
    """On a machine that moves a byte and computes an operation in a nanosecond, a case that takes one for each ten words."""
    work: Any = {"read_bytes": read_bytes, "written_bytes": 0.0, "flops": flops}
    rows = [
        row("matmul", V * 1e-10, V=V, moves_more=read_bytes > 0, **{name: V * each for name, each in work.items()})
        for V in (10_000, 100_000)
    ]
    limits = {"read": [[1e5, 1e9]], "write": [], "copied": [], "matmul": {"f32": 1e9}}
    return saved.result(*rows, limits=limits)


def above_limit(*walls: float) -> ResultFile:
    """A case that takes so long in each process, where moving what must be moved takes a microsecond."""
    mine = row("mine", processes(*walls), baseline=True)
    rows = [saved.one_process([1e-6] * 6)] * len(walls)
    return saved.result(mine, limit_samples={mine["group"]: {"rows": rows}})


def staged() -> ResultFile:
    """Training steps: one without a time in any part, and one whose parts but one take none."""
    stages: dict[str, dict[str, float]] = {
        "sparse": {"update": 3.0, "lookup": 0.6, "scatter": 0.4},
        "numba": {"lookup to update": 1.0},
        "idle": {"lookup": 0.0, "update": 0.0},
        "updates": {"update": 1.0, "lookup": 0.0, "scatter": 0.0},
    }
    rows = [row(slug, 1e-3) for slug in stages]
    return saved.result(*rows, stages={one["name"]: its for one, its in zip(rows, stages.values(), strict=True)})


SKIP_GRAM: dict[str, Any] = {"kernel": "training.skip-gram", "K": 5}
ALL: dict[str, Any] = {"covers": {"pairs": 3000, "words": 300}, "differs": "full softmax"}
HALF: dict[str, Any] = {"covers": {"pairs": 1500, "words": 300}, "differs": "its own windows"}
BOOK = row("book", 0.3, baseline=True, **ALL, **SKIP_GRAM)
FAILED = [not_measured(f"way-{at}", status, f"why {status}") for at, status in enumerate(STATUSES)]
TABLES = {
    "cases without figures": saved.result(row("gather", 1e-5, title="W[idx]"), not_measured=FAILED),
    "nothing measured": saved.result(not_measured=[not_measured("add-at", "crashed", "signal SIGSEGV")]),
    "no cases": saved.result(),
    "a size of which nothing was measured, among kernels": saved.result(
        row("gather", 1e-5), row("csr", 1e-5, kernel="scatter.dense"),
        not_measured=[not_measured("gather", "out of memory", "", V=10**6)],
    ),
    "growth that bends": growing(1e-5, 1e-5, 1e-3),  # a line through it all would say V^1.00 and hide both
    "growth that does not": growing(1e-5, 1e-4, 1e-3),
    "an input that is converted": saved.result(row("gather", 1e-5, baseline=True), row("torch", 2e-5, adapt_s=3.2e-6)),
    "at the memory bandwidth": at_limit(read_bytes=0.1),
    "at the rate of matrix products": at_limit(flops=0.1),
    "at half that rate": at_limit(flops=0.05),
    "a little above a limit": above_limit(0.97e-6, 0.99e-6, 0.98e-6),
    "by chance above a limit": above_limit(0.7e-6, 1.1e-6, 0.9e-6),
    "above a limit that does not apply": above_limit(0.80e-6, 0.79e-6, 0.81e-6),
    "below a limit": above_limit(1.5e-6, 1.4e-6, 1.6e-6),
    "stages of a step": staged(),
    "calls that cover unlike work": saved.result(
        BOOK, row("half", 1e-3, **HALF, **SKIP_GRAM), row("whole", 1.5e-3, **ALL | {"differs": "K negatives"}, **SKIP_GRAM)
    ),
    "calls that cover the same": saved.result(BOOK, row("other", 0.1, **ALL, **SKIP_GRAM)),
    "pytest-benchmark": saved.result(
        without_processes("one-hot", 1e-3, baseline=True), without_processes("gather", 1e-5), engine="pytest-benchmark"
    ),
}  # fmt: skip


def test_tables_and_their_notes_read_as_they_were_checked_by_eye() -> None:
    parts = [f"# {name}\n\n{as_markdown(result).partition('## ')[2]}" for name, result in TABLES.items()]
    golden_files.check("tables.md", "\n".join(parts))


@pytest.mark.parametrize("complete", [True, False])
def test_an_interrupted_run_says_so(complete: bool) -> None:
    said = "**This run was interrupted: only the problems below were finished.**"
    assert (said in as_markdown(saved.result(complete=complete))) is not complete


# -- nothing breaks out


@pytest.mark.parametrize("title", ["a | b", "a\\| b", "a\nb", "a\r\n\r\n# b", "a\\", "||", "a\u2028b", "<b>", "a\x0bb"])
def test_no_title_breaks_a_markdown_table(title: str) -> None:
    lines = markdown_table(("x", "y", "z"), [("slug", title, "1.00 s")], left=2)
    assert len("\n".join(lines).splitlines()) == 3
    assert cells(lines[2]) == ["slug", " ".join(title.split()), "1.00 s"]


def test_no_text_of_a_file_is_html_or_a_heading_in_markdown() -> None:
    outside_code = re.sub(r"`[^`]*`", "", as_markdown(saved.hostile()))
    assert not re.search(r"<\w|</", outside_code)
    heading = "one\n\n# not mine"
    texts: dict[str, Any] = {"warnings": [heading], "kernels": {"lookup": heading}, "command": heading}
    made = as_markdown(saved.result(row("gather", 1e-5, title=heading), **texts))
    assert [line for line in made.splitlines() if line.startswith("# ")] == ["# w2vbench report"]


def test_plain_text_stays_as_it_is() -> None:
    assert plain("one-hot × W, [idx] & 2 > 1_000 * 3") == "one-hot × W, [idx] & 2 > 1_000 * 3"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_text_is_a_formula_in_a_spreadsheet_and_numbers_below_zero_stay_numbers(start: str) -> None:
    text = f'{start}HYPERLINK("http://example.org")'
    rows = row("gather", 1e-4, title=text), row("gather", 1e-5, V=100_000)
    made = csv(frame(saved.result(*rows, not_measured=[not_measured("add-at", "error", text)])))
    table = pd.read_csv(io.StringIO(made, newline=""), keep_default_na=False)
    assert table.title[0] == table.reason[2] == f"'{text}"
    assert table.growth_V[:2].astype(float).to_list() == pytest.approx([-1, -1])


def test_csv_gives_back_the_table() -> None:
    table = frame(read(PROBLEM))
    again = pd.read_csv(io.StringIO(csv(table)), keep_default_na=False, na_values=dict.fromkeys(table.columns[16:], ""))
    pd.testing.assert_frame_equal(again, table, check_dtype=False, rtol=1e-14)
