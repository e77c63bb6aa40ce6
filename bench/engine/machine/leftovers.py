"""Temporary folders that killed processes have left behind, known by the process number in their names."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

LARGEST_PID = 1 << 22
"""Linux has no larger process number, but a folder's name may hold any digits."""


def abandoned_folders(prefix: str) -> Iterator[Path]:
    """Yield the folders named ``PREFIX-PID-…`` in the temporary folder whose process has ended."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}-*-*"):
        owner = folder.name.removeprefix(f"{prefix}-").partition("-")[0]
        if re.fullmatch("[1-9][0-9]{0,6}", owner) and int(owner) <= LARGEST_PID and not psutil.pid_exists(int(owner)):
            yield folder
