"""The source deck's figures beside those of a run."""

from __future__ import annotations

import pytest
from w2vbench.reports.deck.printed import HEADER, deck_table
from w2vbench.reports.drawing.markdown import markdown_table
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.run.markdown import as_markdown
from w2vbench.reports.run.page import html

from tests import golden_files, saved
from tests.reports.deck import deck_runs


@pytest.fixture
def deck_run() -> ResultFile:
    rows = deck_runs.figures()
    return saved.result(*rows, profiles=deck_runs.profiles(rows))


def test_figures_and_speed_ups_are_shown_as_printed_as_they_must_be_read_and_as_measured(deck_run: ResultFile) -> None:
    table = "\n".join(markdown_table(HEADER, deck_table(deck_run))) + "\n"
    golden_files.check("deck.md", table)
    assert "## The source deck's figures" in as_markdown(deck_run)
    page = html(deck_run)
    assert "84.7 ms" in page
    assert all(f'<th scope="col">{name}</th>' in page for name in HEADER)
    assert deck_table(saved.result(saved.row("gather", 1e-6))) == []  # of another size
