"""What is shown of a line profile: cells, shares and notes, on the page too."""

from __future__ import annotations

import pytest

from reports.lines import LEAST_GROWTH, LEAST_TRACED, allocation, cells, resident_growth
from reports.page import html
from reports.result_schema import LineProfile, ProfiledLine
from tests import saved


@pytest.mark.parametrize(
    ("added", "peak", "shown"),
    [
        (None, None, ""),
        (0, 0, ""),
        (LEAST_TRACED - 1, LEAST_TRACED - 1, ""),
        (8_000_112, 8_000_200, "8.00 MB"),
        (96, 8_000_112, "0 B / 8.00 MB"),
        (-8_000_000, 64, "-8.00 MB / 0 B"),
        (40_000_000, 8_000_000, "40.0 MB / 8.00 MB"),
    ],
)
def test_allocation_is_shown_as_added_and_peak_where_they_differ(
    added: int | None, peak: int | None, shown: str
) -> None:
    line = ProfiledLine(number=1, text="x", hits=1, time_s=1.0, traced_bytes=added, traced_peak_bytes=peak)
    assert allocation(line) == shown


@pytest.mark.parametrize(
    ("bytes_", "shown"), [(None, ""), (LEAST_GROWTH - 1, ""), (64_000, "64.0 kB"), (-5_000_000, "-5.00 MB")]
)
def test_resident_growth_is_shown_where_it_is_the_lines_own(bytes_: int | None, shown: str) -> None:
    assert resident_growth(ProfiledLine(number=1, text="x", memory_bytes=bytes_)) == shown


CASE = "lookup/one-hot@V=1e6,H=100,B=1,f64,i64,zipf,t1"


def shown_profile() -> saved.Content:
    def line(number: int, text: str, traced: int, peak: int, time_s: float) -> saved.Content:
        figures = {"hits": 2, "time_s": time_s, "memory_bytes": 102_400}
        return {"number": number, "text": text, "traced_bytes": traced, "traced_peak_bytes": peak, **figures}

    return {
        "calls": 2,
        "unit_s": 1e-9,
        "hook_s": 1e-7,
        "lines": [
            {"number": 1, "text": "def one_hot(W, idx):"},
            line(2, "    v = zeros(V)", 8_000_112, 8_000_112, 2e-3),
            line(3, "    return v @ W", 12, 80, 6e-3),
        ],
    }


def test_cells_are_blank_where_no_code_runs_and_shares_are_of_the_largest() -> None:
    first, second, third = cells(LineProfile.model_validate(shown_profile()))
    assert set(first.text) == {""}
    assert second.text == ("2", "2.00 ms", "1.00 ms", "25.0%", "8.00 MB", "102 kB")
    assert (second.time_share, second.memory_share) == (0.25, 1.0)
    assert third.text[-2:] == ("", "102 kB")


def test_the_page_shows_allocation_beside_each_line_and_why_others_have_no_lines() -> None:
    source = {"file": "impls/lookup.py", "line": 7, "code": "def f(W, idx):\n    return W[idx]\n"}
    page = html(
        saved.result(
            saved.row("one-hot", 1e-3, V=10**6),
            saved.row("numba", 1e-6, V=10**6),
            profiles={CASE: shown_profile()},
            not_profiled={CASE.replace("one-hot", "numba"): "it is compiled"},
            sources={"lookup/one-hot": source, "lookup/numba": source},
        )
    )
    assert '<span class="percent-of">25 %</span></td><td class="measured amount">8.00 MB</td>' in page
    assert "impls/lookup.py:7 · it is compiled" in page
