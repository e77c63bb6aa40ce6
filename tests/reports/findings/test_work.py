"""Ratios of equal work: calls that cover unlike numbers of examples are compared by the time an example, wherever a ratio is shown.

What tables and their notes say of it stands in ``tests/golden/tables.md``."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from w2vbench.reports.file.frame import csv, frame
from w2vbench.reports.findings.answers import answers
from w2vbench.reports.others.history import trends
from w2vbench.reports.others.history_page import as_json, html
from w2vbench.reports.run.lines import brief
from w2vbench.reports.run.markdown import as_markdown
from w2vbench.reports.run.page_data import page_data

from tests import saved
from tests.reports.compare.comparisons import two_files, verdicts
from tests.reports.others.series import kept
from tests.saved import row, without_processes

TRAINING: dict[str, Any] = {"kernel": "training.skip-gram", "K": 5}
ALL: dict[str, Any] = {"covers": {"pairs": 3000, "words": 300}}
HALF: dict[str, Any] = {"covers": {"pairs": 1500, "words": 300}}
BOOK = row("book", 0.3, baseline=True, **ALL, **TRAINING)


@pytest.mark.parametrize("make", [row, without_processes])
def test_what_is_fastest_is_so_by_example_everywhere(make: Any) -> None:
    """The book takes 300 ms for 3,000 pairs; "half" 1 ms for 1,500 of them, and "whole" 1.5 ms for all: which is faster.

    No output has the ratio of the calls, 300."""
    book = make("book", 0.3, baseline=True, **ALL, **TRAINING)
    result = saved.result(book, make("half", 1e-3, **HALF, **TRAINING), make("whole", 1.5e-3, **ALL, **TRAINING))
    (answer,) = answers(result).values()
    assert answer.use.slug == "whole"
    assert [answer.slower(one).estimate for one in answer.rows] == pytest.approx([200, 4 / 3, 1])
    cases = frame(result)
    assert cases.speedup.to_list() == pytest.approx([1.0, 150.0, 200.0])
    assert cases.pairs_per_s.to_list() == pytest.approx([1e4, 1.5e6, 2e6])
    assert cases.words_per_s.to_list() == pytest.approx([1e3, 3e5, 2e5])
    shown = page_data(result)["problems"][0]["cases"]
    assert [one["r"][0][0] for one in shown] == pytest.approx([200, 4 / 3, 1], rel=1e-4)
    assert [one["shown"]["words_per_s"][0] for one in shown] == pytest.approx([1e3, 3e5, 2e5])
    for text in (csv(cases), as_markdown(result), "\n".join(brief(result))):
        assert not re.search(r"\b(300(\.0)?×|300 times)", text)


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("before", [{"pairs": 1325.0, "words": 300.0}, {}])
def test_two_files_whose_calls_cover_other_work_are_not_compared(before: dict[str, float], across: bool) -> None:
    base = saved.result(BOOK, row("numba", 1e-3, covers=before, **TRAINING))
    found = two_files(base, saved.result(BOOK, row("numba", 2e-3, **ALL, **TRAINING)), across=across)
    assert [*verdicts(found)] == ([] if across else ["book"])
    (left,) = found.skipped["a call covers other work"]
    assert left.startswith("training.skip-gram/numba@")


def test_a_series_begins_anew_where_a_call_covers_other_work() -> None:
    works: list[dict[str, float]] = [{}, {}, {"pairs": 3000.0}]
    runs = [saved.result(row("numba", 1e-3 + at, covers=covers, **TRAINING)) for at, covers in enumerate(works)]
    (trend,) = trends(kept(*runs))
    (series,) = trend.series.values()
    assert [point.wall_s for point in series.points] == pytest.approx([2.001])
    said = "left out: 2 earlier runs, in which a call covered other work"
    assert series.omission == json.loads(as_json([trend]))[0]["series"][0]["left_out"] == said
    assert said in html([trend], [], 0.05)
