"""A stranger's repository, whose implementations are compared."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.plans.repositories import commit, started

MINE = '''
"""Outside implementations."""
import numpy as np
from impls.lookup import lookup
from kept.rows import rows_of


@lookup.implementation("slows", "gather")
def slows(W, idx):
    return rows_of(W, idx)


@lookup.implementation("stays", "np.take")
def stays(W, idx):
    return np.take(W, idx, axis=0)


@lookup.implementation("goes", "gather")
def goes(W, idx):
    return W[idx]


@lookup.implementation("breaks", "gather")
def breaks(W, idx):
    return W[idx + 0]


@lookup.implementation("hoards", "gather")
def hoards(W, idx):
    return W[idx - 0]
'''

ROWS = """
def rows_of(W, idx):
    return W[idx]
"""


def make_repository(folder: Path, more: Mapping[str, str] | None = None) -> Path:
    """Make a stranger's repository, whose file imports a module of its own. more: other files, or other texts for these."""
    commit(started(folder), {"mine.py": MINE, "kept/rows.py": ROWS, "kept/__init__.py": "", **(more or {})})
    return folder


def leftovers() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("w2vbench-tree-*"))


def compared(out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((out / "comparison.json").read_text())["w2vbench"]["comparison"]
    return content
