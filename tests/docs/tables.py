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


def comments(source: str) -> dict[str, str]:
    """What the comments of a class say of its fields.

    A comment is of the field on its line; on lines of its own it is of the fields beneath, up to the next comment or blank line.
    """
    said: dict[str, str] = {}
    above: list[str] = []
    begun = False
    for line in source.splitlines():
        if own := re.fullmatch(r"    # (.*)", line):
            above, begun = ([] if begun else above) + [own[1]], False
        elif field := re.match(r"    (\w+): ", line):
            beside = line.partition("  # ")[2]
            above, begun = ([], False) if beside else (above, True)
            said[field[1]] = sentence(beside or " ".join(above))
        elif not line.startswith("     "):
            above, begun = [], False
    return said


def sentence(text: str) -> str:
    """A comment as a sentence."""
    text = paragraph(text)
    first = text if "_" in text.partition(" ")[0] else f"{text[:1].upper()}{text[1:]}"
    return f"{first.removesuffix('.')}." if text else ""
