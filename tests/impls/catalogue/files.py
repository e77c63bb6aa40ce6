"""Files with implementations from outside, written by tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from w2vbench.impls.catalogue.discovery import CatalogueError

from tests.tables import table

MINE = table("files")["accepted"]["mine"]
LINE = 5
"""Where the implementation of a module begins whose statement is one line."""


def written(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def module(path: Path, statement: str = "", returns: str = "W[idx]", slug: str = "mine") -> Path:
    """Write a file with an implementation of lookup, and a statement before it."""
    return written(path, MINE.format(statement=statement, returns=returns, slug=slug))


def refusal_of(read: Callable[..., object], *arguments: object, **options: object) -> str:
    """The one line with which implementations are refused."""
    with pytest.raises(CatalogueError) as refusal:
        read(*arguments, **options)
    message = str(refusal.value)
    assert "\n" not in message
    return message
