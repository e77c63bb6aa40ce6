"""What checks of this program's own implementations have found on this machine before, so that a run need not repeat them."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable

import msgspec
from w2vbench.impls.compiling.cache import cache_folder
from w2vbench.reports.file.files import ResultError, write

FILE = "passed.json"


class PassedChecks:
    """The checks that were passed, and those that failed on purpose. They are kept beside compiled code, and deleted with it when
    nobody needs them.

    Parameters
    ----------
    identity
        What checks depend on: code, text, machine and packages. None where nothing is to be kept.

    Attributes
    ----------
    reasons
        By a check's name, why it failed; empty if it was passed.
    """

    def __init__(self, identity: object = None) -> None:
        self.reasons: dict[str, str] = {}
        folder = None
        if identity is not None:
            folder = cache_folder(hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:20])
        self.file = folder / FILE if folder else None
        if self.file:
            with contextlib.suppress(OSError, ValueError, TypeError):  # a file that cannot be read only costs time
                self.reasons = msgspec.json.decode(self.file.read_bytes(), type=dict[str, str])

    def includes(self, names: Iterable[str]) -> bool:
        """Whether all of these were passed."""
        return all(self.reasons.get(name) == "" for name in names)

    def failed(self, name: str) -> str:
        """Return why a check failed; empty if that is not known, or it was passed."""
        return self.reasons.get(name, "")

    def add(self, names: Iterable[str], reason: str = "") -> None:
        """Keep further checks: passed, or failed for a reason."""
        new = {*names} - self.reasons.keys()
        self.reasons |= dict.fromkeys(sorted(new), reason)
        if new and self.file:
            with contextlib.suppress(ResultError):
                write(self.file, json.dumps(self.reasons, indent=0))
