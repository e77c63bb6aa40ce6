"""Arrays that are lent to callers: results that no later call overwrites, made in memory that is used again.

A call writes into views of arrays that are kept here. A view that somebody still holds keeps its array referenced, and as long
as it is, another array takes its place. A caller that keeps a result therefore keeps it for good, and one that lets go of it
costs no new memory, and no page faults. A second array is kept, since in ``out = call(...)`` the last result is still held
while the next is computed. Only views are given away: what a caller does to a view's shape does not change the array.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..interface import Array


def references(parts: list[Any]) -> int:
    """Return how often an array in a list counts as referenced."""
    base = parts[0]
    return sys.getrefcount(base)


COUNTED = getattr(sys, "_is_gil_enabled", lambda: True)()
"""Whether numbers of references are exact. Without the interpreter lock they are not, and every result gets new memory."""
ALONE = min(references([np.empty(1)]), 2 if sys.version_info >= (3, 14) else 3) if COUNTED else -1
"""References of an array in a list that nobody else holds. Measured, since versions of Python differ. A debugger may hold the
measured array. The least is safe: a larger count means that somebody holds it."""


class Lender:
    """A workspace whose returned arrays are lent.

    Parameters
    ----------
    workspace
        What ``prepare`` made: an array, or a tuple with arrays.
    positions
        Of the arrays that a call returns.
    """

    __slots__ = ("kind", "parts", "positions", "spares")

    def __init__(self, workspace: Array | tuple[Any, ...], positions: tuple[int, ...]) -> None:
        alone = isinstance(workspace, np.ndarray)
        self.kind: Any = None if alone else type(workspace)
        self.positions = positions
        self.parts: list[Any] = [workspace] if alone else list(workspace)
        for at in positions:
            part = self.parts[at]  # only of an array that owns its memory do views count as references
            self.parts[at] = part if part.base is None else np.empty(part.shape, part.dtype)
        self.spares: list[Any] = [None] * len(self.parts)

    def lend(self) -> Any:
        """Return the workspace with views that nobody else has."""
        parts = self.parts
        if self.kind is None:
            base = parts[0]
            return base.view() if sys.getrefcount(base) == ALONE else self.other(0).view()
        views = parts.copy()
        for at in self.positions:
            base = parts[at]
            views[at] = None  # so that this list does not count
            if sys.getrefcount(base) != ALONE:
                base = self.other(at)
            views[at] = base.view()
        return tuple.__new__(self.kind, views)

    def other(self, at: int) -> Array:
        """Put another array in place of one that somebody holds: the spare one, if nobody holds that."""
        held, spare = self.parts[at], self.spares[at]
        if spare is None or sys.getrefcount(spare) != ALONE:
            spare = np.empty_like(held)
        self.parts[at], self.spares[at] = spare, held
        return spare  # type: ignore[no-any-return]
