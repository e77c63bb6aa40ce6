"""``docs/example.ipynb``: ``python -m tests.docs.notebook`` measures, executes it anew, and draws the chart of docs/notebook.md."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

DOCS = Path(__file__).parents[2] / "docs"
NOTEBOOK = DOCS / "example.ipynb"
INSTEAD = "runs_as"
"""In a cell's metadata: what a test runs in its place, since it takes minutes."""
KEPT = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


def read() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def execute(notebook: Any, folder: Path) -> None:
    """Run all cells in a folder; an error in one is raised."""
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()


def cell_of(notebook: Any) -> list[Any]:
    """The cells with code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def mime_types(cell: Any) -> list[list[str]]:
    """What a cell shows: for each output its MIME types, or its stream's name."""
    return [sorted(output.data) if "data" in output else [output.get("name", "")] for output in cell.outputs]


def make() -> None:
    """Execute the notebook, and keep it without what is of this machine or this moment alone."""
    notebook = read()
    with tempfile.TemporaryDirectory() as folder:
        execute(notebook, Path(folder))
        chart = Path(folder) / "lookup.svg"
        (DOCS / "figure.svg").write_text(chart.read_text(encoding="utf-8"), encoding="utf-8")
    notebook.metadata = KEPT
    for cell in cell_of(notebook):
        cell.metadata.pop("execution", None)
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    make()
