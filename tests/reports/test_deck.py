"""The source deck's figures beside those of a run."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from reports.deck import HEADER, deck_table
from reports.page import html
from reports.result_schema import ResultFile
from reports.run_markdown import as_markdown
from tests import saved

DECK: dict[str, Any] = {"V": 10**6, "B": 1, "dtype": "f64"}
SCALAR: dict[str, Any] = {"V": 10**6, "H": 1, "B": 10_000, "dtype": "f64"}


def profile(*lines: tuple[str, int, float], calls: int = 1) -> saved.Content:
    return {
        "calls": calls,
        "unit_s": 1e-9,
        "hook_s": 2e-7,
        "lines": [
            {"number": at, "text": text, "hits": hits, "time_s": time_s, "memory_bytes": 0}
            for at, (text, hits, time_s) in enumerate(lines)
        ],
    }


@pytest.fixture
def deck_run() -> ResultFile:
    """One-hot dot takes 50 ms and gather 1 µs; the loop 5 ms (10 ms in the profile's two lines) and add.at 50 µs."""
    rows = [
        saved.row("one-hot-dot", 5e-2, baseline=True, **DECK),
        saved.row("gather", 1e-6, **DECK),
        saved.row("loop", 5e-3, kernel="scatter.scalar", baseline=True, **SCALAR),
        saved.row("add-at", 5e-5, kernel="scatter.scalar", **SCALAR),
    ]
    cases = [row["name"] for row in rows]
    profiles = {
        cases[0]: profile(("one_hot[word] = 1", 2, 1e-3), ("out[i] = np.dot(one_hot, W)", 2, 0.12), calls=2),
        cases[1]: profile(("return W[idx]", 4, 8e-6), calls=4),
        cases[2]: profile(("for i, word in enumerate(idx):", 10_001, 4e-3), ("dW[word] += dout[i]", 10_000, 6e-3)),
    }
    return saved.result(*rows, profiles=profiles)


def test_figures_are_shown_as_printed_as_they_must_be_read_and_as_measured(deck_run: ResultFile) -> None:
    assert [row[2:] for row in deck_table(deck_run)[:4]] == [
        ("84,674", "84.7 ms", "60.0 ms", "50.0 ms"),
        ("8", "8.00 µs", "2.00 µs", "1.00 µs"),
        ("8,689 + 15,091", "23.8 ms", "10.0 ms", "5.00 ms"),
        ("1,694", "1.69 ms", "–", "50.0 µs"),
    ]


def test_the_decks_speedups_follow_from_its_figures(deck_run: ResultFile) -> None:
    index, add_at = deck_table(deck_run)[-2:]
    assert index[2:5] == ("84,674 / 8", "10,600× faster", "30,000× faster")
    assert index[5].startswith("50,000×")
    assert add_at[2:5] == ("23,780 / 1,694", "14.0× faster", "–")
    assert add_at[5].startswith("100×")


def test_a_run_of_other_sizes_has_no_such_table() -> None:
    assert deck_table(saved.result(saved.row("gather", 1e-6))) == []


def test_page_and_markdown_show_it(deck_run: ResultFile) -> None:
    assert "## The source deck's figures" in as_markdown(deck_run)
    page = html(deck_run)
    assert "84.7 ms" in page
    assert all(f'<th scope="col">{name}</th>' in page for name in HEADER)


def test_profiles_stand_beside_their_source() -> None:
    row = saved.row("gather", 1e-6)
    result = saved.result(
        row,
        sources={"lookup/gather": {"file": "impls/lookup.py", "line": 1, "code": "def gather(W, idx): ..."}},
        profiles={row["name"]: profile(("return W[idx] <b>", 4, 8e-6), calls=4)},
    )
    page = html(result)
    (line,) = re.findall(r"<td><pre>(.*?)</pre></td>", page)
    assert unescape(re.sub(r"</?span[^>]*>", "", line)) == "return W[idx] <b>"
    assert "<b>" not in line
    assert '<span class="percent-of">100 %</span>' in page
