"""Checks that this program's own implementations have passed on this machine before, so that a run need not repeat them."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable

from impls.compile_cache import cache_folder
from reports.files import ResultError, write

FILE = "passed.json"


class PassedChecks:
    """The checks that were passed, by name. They are kept beside compiled code, and deleted with it when nobody needs them.

    Parameters
    ----------
    identity
        What checks depend on: code, text, machine and packages. None where nothing is to be kept.
    """

    def __init__(self, identity: object = None) -> None:
        self.names: set[str] = set()
        folder = None
        if identity is not None:
            folder = cache_folder(hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:20])
        self.file = folder / FILE if folder else None
        if self.file:
            with contextlib.suppress(OSError, ValueError, TypeError):  # a file that cannot be read only costs time
                self.names = {name for name in json.loads(self.file.read_text(encoding="utf-8")) if type(name) is str}

    def includes(self, names: Iterable[str]) -> bool:
        """Whether all of these were passed."""
        return self.names.issuperset(names)

    def add(self, names: Iterable[str]) -> None:
        """Keep further names."""
        new = {*names} - self.names
        self.names |= new
        if new and self.file:
            with contextlib.suppress(ResultError):
                write(self.file, json.dumps(sorted(self.names), indent=0))
