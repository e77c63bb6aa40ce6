"""Ratios of equal work: calls that cover unlike numbers of examples are compared by the time an example, wherever a ratio is shown."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from reports.answers import answers
from reports.brief import brief
from reports.file_comparison import compare_files
from reports.frame import COLUMNS, example_s, frame, speedup, work_ratio
from reports.history import trends
from reports.history_page import as_json, html
from reports.page_data import page_data
from reports.result_schema import ResultFile, Row
from reports.run_markdown import as_markdown
from reports.tables import csv, tables
from tests import saved
from tests.saved import row

TRAINING: dict[str, Any] = {"kernel": "training.skip-gram", "K": 5}
ALL: dict[str, Any] = {"covers": {"pairs": 3000, "words": 300}, "differs": "full softmax"}
HALF: dict[str, Any] = {"covers": {"pairs": 1500, "words": 300}, "differs": "its own windows"}


def problem() -> ResultFile:
    """The book takes 300 ms for 3,000 pairs; "half" 1 ms for 1,500 of them, and "whole" 1.5 ms for all: which is faster."""
    return saved.result(
        row("book", 0.3, baseline=True, **ALL, **TRAINING),
        row("half", 1e-3, **HALF, **TRAINING),
        row("whole", 1.5e-3, **ALL | {"differs": "K negatives"}, **TRAINING),
    )


def test_a_speed_up_is_by_example() -> None:
    book, half, whole = problem().benchmarks
    assert work_ratio(half, book) == 0.5
    assert work_ratio(whole, book) == work_ratio(book, row_without()) == 1.0
    for fast, ratio in ((half, 150.0), (whole, 200.0)):
        found = speedup(fast, book)
        assert found is not None
        assert (found.estimate, found.low, found.high) == pytest.approx((ratio, ratio, ratio))
    assert example_s(half) == pytest.approx(1e-3 / 1500)
    assert example_s(row_without()) == pytest.approx(1e-5)


def row_without() -> Row:
    return saved.result(row("gather", 1e-5)).benchmarks[0]


def test_files_without_processes_too() -> None:
    result = saved.result(
        saved.without_processes("book", 0.3, baseline=True, **ALL, **TRAINING),
        saved.without_processes("half", 1e-3, **HALF, **TRAINING),
    )
    book, half = result.benchmarks
    assert speedup(half, book).estimate == pytest.approx(150.0)  # type: ignore[union-attr]


def test_what_is_fastest_is_so_by_example_everywhere() -> None:
    """No output has the ratio of the calls, 300."""
    result = problem()
    (answer,) = answers(result).values()
    assert answer.use.slug == "whole"
    assert {one.slug: round(answer.slower(one).estimate, 3) for one in answer.rows} == {
        "book": 200,
        "half": 1.333,
        "whole": 1,
    }
    cases = frame(result)
    assert cases.speedup.to_list()[1:] == pytest.approx([150.0, 200.0])
    (table,) = tables(cases, result)
    assert [line[3] for line in table.rows] == ["baseline", "150× faster (150–150)", "200× faster (200–200)"]
    for text in (csv(cases), as_markdown(result), table.note, "\n".join(brief(result))):
        assert not re.search(r"\b(300(\.0)?×|300 times)", text)


def test_the_table_says_pairs_and_words_a_second_and_what_is_not_alike() -> None:
    (table,) = tables(frame(problem()), problem())
    assert table.header[-2:] == ("pairs a second", "words a second")
    assert [line[-2:] for line in table.rows] == [
        ("10,000", "1,000"), ("1.50 million", "300,000"), ("2.00 million", "200,000")
    ]  # fmt: skip
    assert table.note == (
        "A call covers 3,000 pairs of 300 words (book, whole); 1,500 pairs of 300 words (half). Speed-ups therefore compare the "
        "time per example. Implementations differ in more than speed: full softmax (book); its own windows (half); K negatives (whole)."
    )


def test_where_all_cover_the_same_that_is_said_and_where_none_does_nothing() -> None:
    same = saved.result(row("book", 0.3, baseline=True, **ALL, **TRAINING), row("other", 0.1, **ALL, **TRAINING))
    assert tables(frame(same), same)[0].note == "A call of each implementation covers 3,000 pairs of 300 words."
    plain = saved.result(row("gather", 1e-5))
    (table,) = tables(frame(plain), plain)
    assert table.note == ""
    assert "pairs a second" not in table.header


def test_a_file_of_before_says_that_its_ratios_are_not_of_equal_work() -> None:
    before = saved.result(row("book", 0.3, baseline=True, **TRAINING), row("half", 1e-3, **TRAINING))
    (table,) = tables(frame(before), before)
    assert table.note == (
        "This file is of an earlier version, in which calls covered different numbers of pairs: its speed-ups do not compare "
        "equal work."
    )


def test_the_page_compares_by_example() -> None:
    (found,) = page_data(problem())["problems"]
    book, half, whole = found["cases"]
    assert [one["r"][0][0] for one in (book, half, whole)] == pytest.approx([200, 4 / 3, 1], rel=1e-4)
    assert [one["words"] for one in (book, half, whole)] == pytest.approx([1e3, 3e5, 2e5])


def test_the_data_frame_has_both_figures() -> None:
    assert {"pairs_per_s", "words_per_s"} <= set(COLUMNS)
    cases = frame(problem())
    assert cases.pairs_per_s.to_list() == pytest.approx([1e4, 1.5e6, 2e6])
    assert cases.words_per_s.to_list() == pytest.approx([1e3, 3e5, 2e5])


# over time


@pytest.mark.parametrize("across", [False, True])
def test_two_files_whose_calls_cover_other_work_are_not_compared(across: bool) -> None:
    def run(covers: dict[str, float], wall_s: float) -> ResultFile:
        return saved.result(
            row("book", 0.3, baseline=True, **ALL, **TRAINING), row("numba", wall_s, covers=covers, **TRAINING)
        )

    names = ("a", "b")
    for before in ({"pairs": 1325.0, "words": 300.0}, {}):
        found = compare_files(run(before, 1e-3), run(ALL["covers"], 2e-3), names, 0.02, across)
        assert [case.implementation for case in found.cases] == ([] if across else ["book"])
        (left,) = found.skipped["a call covers other work"]
        assert left.startswith("training.skip-gram/numba@")


def test_a_series_begins_anew_where_a_call_covers_other_work() -> None:
    runs = [
        (f"{n}.json", saved.result(row("numba", wall_s, covers=covers, **TRAINING)))
        for n, (wall_s, covers) in enumerate([(1e-3, {}), (1e-3, {}), (2e-3, {"pairs": 3000.0})])
    ]
    (trend,) = trends(runs)
    (series,) = trend.series.values()
    assert [point.wall_s for point in series.points] == pytest.approx([2e-3])
    said = "left out: 2 earlier runs, in which a call covered other work"
    assert series.omission == json.loads(as_json([trend]))[0]["series"][0]["left_out"] == said
    assert said in html([trend], [], 0.05)
