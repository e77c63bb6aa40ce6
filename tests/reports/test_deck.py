"""The source deck's figures beside those of a run."""

from __future__ import annotations

from typing import Any

import pytest

from reports.deck import HEADER, deck_table
from reports.markdown import markdown_table
from reports.page import html
from reports.result_schema import ResultFile
from reports.run_markdown import as_markdown
from tests import golden_files, saved

DECK: dict[str, Any] = {"V": 10**6, "B": 1, "dtype": "f64"}
SCALAR: dict[str, Any] = {"kernel": "scatter.scalar", "V": 10**6, "H": 1, "B": 10_000, "dtype": "f64"}


def profile(lines: dict[str, tuple[int, float]], calls: int = 1) -> saved.Content:
    return saved.profile({line: {"hits": hits, "time_s": s} for line, (hits, s) in lines.items()}, calls=calls)


@pytest.fixture
def deck_run() -> ResultFile:
    """One-hot dot takes 50 ms and gather 1 µs; the loop 5 ms (10 ms in the profile's two lines) and add.at 50 µs."""
    rows = [
        saved.row("one-hot-dot", 5e-2, baseline=True, **DECK),
        saved.row("gather", 1e-6, **DECK),
        saved.row("loop", 5e-3, baseline=True, **SCALAR),
        saved.row("add-at", 5e-5, **SCALAR),
    ]
    profiles = [
        profile({"one_hot[word] = 1": (2, 1e-3), "out[i] = np.dot(one_hot, W)": (2, 0.12)}, calls=2),
        profile({"return W[idx]": (4, 8e-6)}, calls=4),
        profile({"for i, word in enumerate(idx):": (10_001, 4e-3), "dW[word] += dout[i]": (10_000, 6e-3)}),
    ]
    return saved.result(*rows, profiles={one["name"]: found for one, found in zip(rows, profiles, strict=False)})


def test_figures_and_speed_ups_are_shown_as_printed_as_they_must_be_read_and_as_measured(deck_run: ResultFile) -> None:
    table = "\n".join(markdown_table(HEADER, deck_table(deck_run))) + "\n"
    golden_files.check("deck.md", table)
    assert "## The source deck's figures" in as_markdown(deck_run)
    page = html(deck_run)
    assert "84.7 ms" in page
    assert all(f'<th scope="col">{name}</th>' in page for name in HEADER)
    assert deck_table(saved.result(saved.row("gather", 1e-6))) == []  # of another size
