"""Tables and texts as GitHub's Markdown, which nothing in a result file can break out of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int | None = None) -> list[str]:
    """Return a Markdown table's lines. Columns are aligned to the right after the first ``left`` ones, if given."""
    rules = ["---" if left is None or at < left else "---:" for at in range(len(header))]
    return [cells(header), cells(rules), *map(cells, rows)]


def document(*blocks: Sequence[str]) -> str:
    """Return blocks of lines as a document, with an empty line between them; blocks without lines are left out."""
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def bullets(texts: Iterable[str]) -> list[str]:
    """Return texts as a list's lines."""
    return [f"- {plain(text)}" for text in texts]


def paragraphs(texts: Sequence[str], before: str = "") -> list[str]:
    """Return texts as a block of paragraphs, each with some Markdown before it."""
    return ["\n\n".join(f"{before}{plain(text)}" for text in texts)] if texts else []


def cells(row: Sequence[str]) -> str:
    """Return a row of a Markdown table."""
    return "| " + " | ".join(plain(cell) for cell in row) + " |"


def plain(text: str) -> str:
    """Return text in one line that Markdown takes neither for HTML nor for the end of a table's cell."""
    return re.sub(r"([\\|])", r"\\\1", " ".join(text.split())).replace("<", "&lt;")


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a Markdown table, each row as soon as it is known."""
    for line in chain(markdown_table(header, ()), map(cells, rows)):
        print(line, flush=True)
