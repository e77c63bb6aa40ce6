"""Tables and texts as GitHub's Markdown, which nothing in a result file can break out of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int | None = None) -> list[str]:
    """Return a Markdown table's lines. Columns are aligned to the right after the first ``left`` ones, if given."""
    rules = ["---" if left is None or at < left else "---:" for at in range(len(header))]
    return [cells(header), cells(rules), *map(cells, rows)]


def cells(row: Sequence[str]) -> str:
    """Return a row of a Markdown table."""
    return "| " + " | ".join(plain(cell) for cell in row) + " |"


def plain(text: str) -> str:
    """Return text in one line that Markdown takes neither for HTML nor for the end of a table's cell."""
    return re.sub(r"([\\|])", r"\\\1", " ".join(text.split())).replace("<", "&lt;")
