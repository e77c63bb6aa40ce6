"""Where this program's own files are: in a clone, its rooms are beside the package ``w2vbench``; installed, they are inside."""

from __future__ import annotations

import shutil
from pathlib import Path

import w2vbench
from w2vbench import impls

PACKAGE = Path(w2vbench.__file__).resolve().parent
ROOMS = Path(impls.__file__).resolve().parents[1]
"""The folder that holds ``impls``, ``bench`` and ``reports``."""


def copy_to(folder: Path) -> Path:
    """Copy this program into a folder, as an installation lays it out. Return the folder of its rooms."""
    ignore = shutil.ignore_patterns("__pycache__")
    copy = folder / PACKAGE.name
    if not copy.exists():
        shutil.copytree(PACKAGE, copy, ignore=ignore)
        for room in ("impls", "bench", "reports") if ROOMS != PACKAGE else ():
            shutil.copytree(ROOMS / room, copy / room, ignore=ignore)
    return copy
