"""Temporary folders that killed processes have left: they carry their owner's process number in their names."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

LARGEST_PID = 1 << 22
"""Linux has no larger process number; a name may hold any digits."""


def abandoned(prefix: str) -> Iterator[Path]:
    """Folders called ``PREFIX-PID-…`` in the temporary folder, of processes that are no more."""
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}-*-*"):
        owner = left.name.removeprefix(f"{prefix}-").partition("-")[0]
        if (
            owner.isascii()
            and owner.isdecimal()
            and len(owner) < 10
            and 0 < int(owner) <= LARGEST_PID
            and not psutil.pid_exists(int(owner))
        ):
            yield left
