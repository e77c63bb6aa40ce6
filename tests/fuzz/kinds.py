"""What an input is: files, and a command line or a function that is given them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Input:
    """Something that a user may give.

    Attributes
    ----------
    line
        A command line.
    files
        Files of the current folder, by name. What ends in / is a folder.
    direct
        Instead of a command line: a function that gets the folder, and raises nothing but what is meant for users.
    """

    line: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    direct: Callable[[Path], None] | None = None


Kind = Callable[[random.Random], Input]
"""Makes an input of its kind at random."""
