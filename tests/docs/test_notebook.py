"""The example notebook is executed anew, and shows what it shows in docs/."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.processes import ROOT

pytest.importorskip("nbclient")
from . import notebook


@pytest.fixture(scope="module")
def kept() -> Any:
    return notebook.read()


def test_the_notebook_runs_and_shows_the_same_kinds_of_things(
    kept: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    fresh = notebook.read()
    for cell in notebook.cell_of(fresh):
        cell.source = cell.metadata.get(notebook.INSTEAD, cell.source)
        cell.outputs = []
    notebook.execute(fresh, tmp_path)  # an error in a cell is raised
    for was, now in zip(notebook.cell_of(kept), notebook.cell_of(fresh), strict=True):
        assert notebook.mime_types(now) == notebook.mime_types(was), now.source


def test_the_kept_notebook_shows_tables_and_charts_and_no_error(kept: Any) -> None:
    shown = {kind for cell in notebook.cell_of(kept) for kinds in notebook.mime_types(cell) for kind in kinds}
    assert {"text/html", "image/svg+xml", "text/plain"} <= shown
    assert not [output for cell in notebook.cell_of(kept) for output in cell.outputs if output.output_type == "error"]


def test_only_the_cell_that_measures_is_replaced_in_tests(kept: Any) -> None:
    replaced = [cell for cell in notebook.cell_of(kept) if notebook.INSTEAD in cell.metadata]
    assert len(replaced) == 1
    instead = replaced[0].metadata[notebook.INSTEAD]
    assert "w2vbench run --preset quick" in replaced[0].source
    assert "w2vbench run --preset quick" in instead


def test_the_kept_notebook_names_no_folder_of_a_machine() -> None:
    text = notebook.NOTEBOOK.read_text(encoding="utf-8")
    assert str(Path.home()) not in text
    assert "/tmp/" not in text
