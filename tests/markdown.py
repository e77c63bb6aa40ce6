"""Tables of Markdown, as the tests read them."""

from __future__ import annotations

import re


def cells(line: str) -> list[str]:
    """A line of a Markdown table as GitHub reads it: split at the bars that no backslash escapes."""
    inner = re.findall(r"((?:\\.|[^|\\])*)\|", line)
    return [re.sub(r"\\([|\\])", r"\1", cell.strip()).replace("&lt;", "<") for cell in inner[1:]]


def written(text: str) -> list[list[list[str]]]:
    """The bodies of every table of a Markdown text, but for those of where each implementation wins."""
    blocks = [
        block.splitlines()
        for block in text.split("\n\n")
        if block.startswith("| ") and not block.startswith("| fastest at each size ")
    ]
    return [[cells(line) for line in block[2:]] for block in blocks]
