"""Arrays that are lent to callers: results that no later call overwrites, made in memory that is used again.

A call writes into views of arrays that are kept here. A view that somebody still holds keeps its array referenced, and as long
as it is, another array takes its place. A caller that keeps a result therefore keeps it for good, and one that lets go of it
costs no new memory, and no page faults. A second array is kept, since in ``out = call(...)`` the last result is still held
while the next is computed. Only views are given away: what a caller does to a view's shape does not change the array.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import Any

import numpy as np

from ..interface import Array

NEVER = -1


def in_list(parts: list[Any]) -> int:
    """Return how often an array in a list counts as referenced, where nobody else holds it."""
    base = parts[0]
    return sys.getrefcount(base)


def in_variable(free: deque[Array]) -> int:
    """Return how often an array counts as referenced that is in a local variable only."""
    base = free.popleft()
    if (count := sys.getrefcount(base)) > MOST:
        base = np.empty(0)
    return min(count, sys.getrefcount(base))


def trusted(count: int, most: int) -> int:
    """Return a measured number of references, or NEVER if somebody else held the array, as a debugger may do.

    A number that is too large would take an array that a caller holds for one that nobody holds.
    """
    return count if COUNTED and 0 < count <= most else NEVER


MOST = 100
COUNTED = getattr(sys, "_is_gil_enabled", lambda: True)()
"""Whether numbers of references are exact. Without the interpreter lock they are not, and every result gets new memory."""
BORROWED = sys.version_info >= (3, 14)
"""Whether this Python passes a local variable to a function without counting the variable."""
IN_LIST = trusted(in_list([np.empty(1)]), 2 if BORROWED else 3)
ALONE = trusted(in_variable(deque([np.empty(1)])), 1 if BORROWED else 2)
"""Measured, since they differ between versions of Python. The least is safe: a larger count means that somebody holds it."""


class Lender:
    """A workspace whose returned arrays are lent.

    Parameters
    ----------
    workspace
        What ``prepare`` made: a tuple with arrays.
    positions
        Of the arrays that a call returns.
    """

    __slots__ = ("kind", "parts", "positions", "spares")

    def __init__(self, workspace: tuple[Any, ...], positions: tuple[int, ...]) -> None:
        self.kind, self.positions = type(workspace), positions
        self.parts = list(workspace)
        for at in positions:
            self.parts[at] = owned(self.parts[at])
        self.spares: list[Any] = [None] * len(self.parts)

    def lend(self) -> tuple[Any, ...]:
        """Return the workspace with views that nobody else has."""
        parts = self.parts
        views = parts.copy()
        for at in self.positions:
            base = parts[at]
            views[at] = None  # so that this list does not count
            if sys.getrefcount(base) != IN_LIST:
                base = self.other(at)
            views[at] = base.view()
        return tuple.__new__(self.kind, views)

    def other(self, at: int) -> Array:
        """Put another array in place of one that somebody holds: the spare one, if nobody holds that."""
        held, spare = self.parts[at], self.spares[at]
        if spare is None or sys.getrefcount(spare) != IN_LIST:
            spare = np.empty_like(held)
        self.parts[at], self.spares[at] = spare, held
        return spare  # type: ignore[no-any-return]


def lendable(workspace: Any, positions: tuple[int, ...]) -> Any:
    """Return what lends the arrays of a workspace that a call returns; the workspace itself where it returns none."""
    if not positions:
        return workspace
    return owned(workspace) if isinstance(workspace, np.ndarray) else Lender(workspace, positions)


def owned(array: Array) -> Array:
    """Return an array that owns its memory, since only of such an array do views count as references."""
    return array if array.base is None else np.empty(array.shape, array.dtype)


def other(free: deque[Array], held: Array) -> Array:
    """Return another array in place of one that somebody holds, which is kept for later if it is the only one."""
    if not free:
        free.append(held)
    return np.empty_like(held)
