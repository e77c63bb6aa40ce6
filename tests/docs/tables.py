"""Markdown as the generated pages of docs/ write it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table whose cells are Markdown already.

    No cell may have a bar: GitHub and the site disagree on how code in a table escapes it.
    """
    lines = [list(header), ["---"] * len(header), *map(list, rows)]
    if any("|" in cell for line in lines for cell in line):
        raise ValueError("a cell has a bar")
    return [f"| {' | '.join(line)} |" for line in lines]


def paragraph(text: str) -> str:
    """A docstring's text in Markdown, each paragraph on one line: ``code`` becomes `code`."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(part.split()) for part in paragraphs).replace("``", "`")


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def attributes(docstring: str) -> tuple[str, dict[str, str]]:
    """A NumPy docstring's text, and what its section Attributes says of each name."""
    text, _, section = inspect.cleandoc(docstring).partition("Attributes\n----------\n")
    said: dict[str, str] = {}
    for names, explanation in re.findall(r"^(\w[\w, ]*)\n((?:    .*\n?)+)", section, re.MULTILINE):
        said |= {name: paragraph(explanation) for name in names.split(", ")}
    return paragraph(text), said
