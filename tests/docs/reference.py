"""The generated pages of docs/: ``python -m tests.docs.reference`` writes them. They are kept, so that GitHub shows them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import commands, kernels, schema

DOCS = Path(__file__).parents[2] / "docs"
COMMAND = "python -m tests.docs.reference"
PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands.page,
    "kernels.md": kernels.page,
    "result-file.md": schema.page,
}


def generated(page: str) -> str:
    """A page's text, with a note for whoever would edit it."""
    return f"<!-- Generated: {COMMAND} -->\n\n{PAGES[page]().rstrip()}\n"


if __name__ == "__main__":
    for page in PAGES:
        (DOCS / page).write_text(generated(page), encoding="utf-8")
