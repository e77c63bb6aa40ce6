"""A stranger's repository, whose implementations are compared."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.plans.repositories import commit, started

HEADER = '''"""Outside implementations."""
import json, os, time
from pathlib import Path
import numpy as np
from w2vbench.impls.lookup import lookup
from kept.rows import rows_of

calls = [0]
'''
GATHERS = {
    "slows": "return rows_of(W, idx)",
    "stays": "return np.take(W, idx, axis=0)",
    "goes": "return W[idx]",
    "breaks": "return W[idx + 0]",
    "hoards": "return W[idx - 0]",
}
ROWS = "def rows_of(W, idx):\n    return W[idx]\n"


def source(gathers: Mapping[str, str], prepared: Mapping[str, str] | None = None) -> str:
    """A file of gathers. gathers: the statements of each. prepared: what those with a ``state`` prepare."""
    text = HEADER
    for slug, body in gathers.items():
        made = (prepared or {}).get(slug)
        options, more = (f", prepare=lambda problem: {made}", ", state") if made else ("", "")
        text += f'\n\n@lookup.implementation("{slug}", "gather"{options})\ndef {slug}(W, idx{more}):\n    {body}\n'
    return text


MINE = source(GATHERS)


def make_repository(folder: Path, more: Mapping[str, str] | None = None) -> Path:
    """Make a stranger's repository, whose file imports a module of its own. more: other files, or other texts for these."""
    commit(started(folder), {"mine.py": MINE, "kept/rows.py": ROWS, "kept/__init__.py": "", **(more or {})})
    return folder


def leftovers() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("w2vbench-tree-*"))


def compared(out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((out / "comparison.json").read_text())["w2vbench"]["comparison"]
    return content
