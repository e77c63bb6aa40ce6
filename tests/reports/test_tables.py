"""Tables, Markdown and CSV: the same figures everywhere, and nothing in a file can break out of its cell."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from reports.files import ResultError, read
from reports.frame import frame
from reports.page import report
from reports.result_schema import ResultFile
from reports.run_markdown import as_markdown
from reports.tables import Table, csv, markdown, plain, tables
from tests import golden_files, saved
from tests.markdown import cells
from tests.saved import PROBLEM, STATUSES, not_measured, row, without_processes


def tables_of(result: ResultFile) -> list[Table]:
    return tables(frame(result), result)


# -- the whole report


@pytest.mark.parametrize("name", ["report.md", "cases.csv"])
def test_a_report_reads_as_the_one_that_was_checked_by_eye(name: str, tmp_path: Path) -> None:
    report(ResultFile.model_validate(saved.small()), tmp_path)
    golden_files.check(name, (tmp_path / name).read_bytes().decode())


def test_a_report_is_three_files_in_a_new_folder(tmp_path: Path) -> None:
    paths = report(read(PROBLEM), tmp_path / "a" / "b")
    assert [path.name for path in paths] == ["index.html", "report.md", "cases.csv"]
    assert {path.name for path in (tmp_path / "a" / "b").iterdir()} == {path.name for path in paths}


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(ResultError, match="out"):
        report(read(PROBLEM), tmp_path / "out")


def test_an_interrupted_run_says_so() -> None:
    assert "**This run was interrupted: only the problems below were finished.**" in as_markdown(
        saved.result(row("gather", 1e-5), complete=False)
    )
    assert "nterrupted" not in as_markdown(saved.result(row("gather", 1e-5)))


# -- figures in a table


def test_what_could_not_be_had_is_a_dash_and_what_was_not_measured_a_reason() -> None:
    (one,) = tables_of(
        saved.result(
            row("gather", 1e-5, title="W[idx]"),
            not_measured=[not_measured("add-at", "timeout", "too long", title="np.add.at")],
        )
    )
    assert one.header == ("implementation", "what it is", "wall", "speed-up", "CPU", "peak memory", "grows as")
    assert one.rows == (
        ("gather", "W[idx]", "10.0 µs", "–", "10.0 µs", "–", "–"),
        ("add-at", "np.add.at", "timeout: too long", "", "", "", ""),
    )
    assert one.statuses == ("ok", "timeout")
    assert one.note == ""


def test_every_status_is_told_with_its_reason() -> None:
    (one,) = tables_of(
        saved.result(
            row("gather", 1e-5),
            not_measured=[not_measured(f"implementation-{s}".replace(" ", "-"), s, f"why {s}") for s in STATUSES],
        )
    )
    assert [line[2] for line in one.rows[1:]] == [f"{status}: why {status}" for status in STATUSES]


def test_a_problem_in_which_nothing_was_measured_still_has_its_table() -> None:
    (one,) = tables_of(saved.result(not_measured=[not_measured("add-at", "crashed", "signal SIGSEGV")]))
    assert one.rows == (("add-at", "the add-at way", "crashed: signal SIGSEGV", "", "", "", ""),)


def test_an_empty_file_has_no_tables() -> None:
    assert tables_of(saved.result()) == []
    assert as_markdown(saved.result()).startswith("# w2vbench report\n")


def test_an_implementation_whose_growth_bends_is_said_to_where() -> None:
    # flat from 10,000 to 100,000 and square from there: a line through it all would say V^1.00 and hide both
    result = saved.result(
        *[row("one-hot", wall, V=V) for V, wall in ((10_000, 1e-5), (100_000, 1e-5), (1_000_000, 1e-3))]
    )
    assert (
        tables_of(result)[0].note
        == "The growth of one-hot changes with V: V^0.00 from 10,000 to 100,000, V^2.00 from 100,000 to 1,000,000."
    )
    straight = saved.result(*[row("one-hot", V * 1e-9, V=V) for V in (10_000, 100_000, 1_000_000)])
    assert tables_of(straight)[0].note == ""


def test_what_converting_the_input_takes_is_said_beside_the_times_that_leave_it_out() -> None:
    result = saved.result(row("gather", 1e-5, baseline=True), row("torch", 2e-5, adapt_s=3.2e-6))
    assert tables_of(result)[0].note == "Times of torch leave out the conversion of its input, 3.20 µs a batch."


@pytest.mark.parametrize(
    ("work", "note"),
    [
        ({"read_bytes": 1e3, "moves_more": True}, "At the memory bandwidth, so that only moving fewer bytes would help: matmul 100%."),
        ({"flops": 1e3}, "At the rate of matrix products, so that only computing less would help: matmul 100%."),
        ({"flops": 5e2}, ""),
    ],
)  # fmt: skip
def test_what_is_at_a_limit_of_the_machine_is_told_what_alone_would_help(work: dict[str, float], note: str) -> None:
    """At a byte and an operation a nanosecond."""
    moved: dict[str, Any] = {"read_bytes": 0.0, "written_bytes": 0.0, "flops": 0.0}
    rows = [
        row(
            "matmul",
            V * 1e-10,
            V=V,
            **moved | {name: figure if figure is True else figure * V / 1e4 for name, figure in work.items()},
        )
        for V in (10_000, 100_000)
    ]
    limits = {"read": [[1e5, 1e9]], "write": [], "copied": [], "matmul": {"f32": 1e9}}
    assert [table.note for table in tables_of(saved.result(*rows, limits=limits))] == [note] * 2


def test_where_a_steps_time_goes_is_told_with_what_its_largest_part_would_free() -> None:
    """A line an implementation; one without a time in any part has none, here and in the plot."""
    rows = row("sparse", 1e-3), row("numba", 1e-5), row("idle", 2e-5), row("updates", 2e-3)
    cases = [case["name"] for case in rows]
    parts = (
        {"update": 3.0, "lookup": 0.6, "scatter": 0.4},
        {"lookup to update": 1.0},
        {"lookup": 0.0, "update": 0.0},
        {"update": 1.0, "lookup": 0.0, "scatter": 0.0},  # without which nothing would be left
    )
    result = saved.result(*rows, stages=dict(zip(cases, parts, strict=True)))
    (table,) = tables(frame(result), result)
    assert table.stages == (
        "sparse: update 75%, lookup 15%, scatter 10% (4.00× faster if update cost nothing)",
        "numba: lookup to update 100%",
        "updates: update 100%",
    )
    assert "Where a step's time goes:\n\n- sparse: update 75%" in as_markdown(result)


def test_the_file_of_the_other_engine_has_the_same_tables_without_intervals() -> None:
    (one,) = tables_of(
        saved.result(
            without_processes("one-hot", 1e-3, baseline=True),
            without_processes("gather", 1e-5),
            engine="pytest-benchmark",
        )
    )
    assert one.problem == "lookup@V=1e4,H=100,B=100,f32,i64,zipf,t1"
    assert [line[3] for line in one.rows] == ["baseline", "100× faster"]


# -- nothing breaks out


@pytest.mark.parametrize("title", ["a | b", "a\\| b", "a\nb", "a\r\n\r\n# b", "a\\", "||", "a\u2028b", "<b>", "a\x0bb"])
def test_no_title_breaks_a_markdown_table(title: str) -> None:
    text = markdown(Table("lookup@V=1e4", ("x", "y", "z"), (("slug", title, "1.00 s"),), ("ok",), ""))
    lines = text.splitlines()
    assert len(lines) == 3
    assert cells(lines[2]) == ["slug", " ".join(title.split()), "1.00 s"]


def test_no_text_of_a_file_is_html_or_a_heading_in_markdown() -> None:
    made = as_markdown(saved.hostile())
    outside_code = re.sub(r"`[^`]*`", "", made)
    assert not re.search(r"<\w|</", outside_code)
    heading = "one\n\n# not mine"
    made = as_markdown(
        saved.result(
            row("gather", 1e-5, title=heading), warnings=[heading], kernels={"lookup": heading}, command=heading
        )
    )
    assert [line for line in made.splitlines() if line.startswith("# ")] == ["# w2vbench report"]


def test_plain_text_stays_as_it_is() -> None:
    assert plain("one-hot × W, [idx] & 2 > 1_000 * 3") == "one-hot × W, [idx] & 2 > 1_000 * 3"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_text_is_a_formula_in_a_spreadsheet(start: str) -> None:
    text = f'{start}HYPERLINK("http://example.org")'
    made = csv(
        frame(saved.result(row("gather", 1e-5, title=text), not_measured=[not_measured("add-at", "error", text)]))
    )
    table = pd.read_csv(io.StringIO(made, newline=""), keep_default_na=False)
    assert table.title[0] == f"'{text}"
    assert table.reason[1] == f"'{text}"


def test_numbers_below_zero_stay_numbers_in_the_csv() -> None:
    falling = frame(saved.result(row("gather", 1e-4), row("gather", 1e-5, V=100_000)))
    table = pd.read_csv(io.StringIO(csv(falling)))
    assert table.growth_V.to_list() == pytest.approx([-1, -1])


def test_csv_gives_back_the_table() -> None:
    table = frame(read(PROBLEM))
    again = pd.read_csv(io.StringIO(csv(table)), keep_default_na=False, na_values=dict.fromkeys(table.columns[16:], ""))
    pd.testing.assert_frame_equal(again, table, check_dtype=False, rtol=1e-14)


def test_csv_has_no_empty_lines_where_lines_end_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "linesep", "\r\n")
    _, _, path = report(saved.result(row("gather", 1e-5), row("take", 1e-5)), tmp_path)
    assert path.read_bytes().count(b"\n") == 3
    assert b"\r" not in path.read_bytes()
