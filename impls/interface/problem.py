"""A kernel's inputs at a size, and the work of a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .arrays import Array, resident_zeros
from .case import Size


@dataclass(frozen=True)
class Work:
    """What a call reads, writes and computes.

    Attributes
    ----------
    read_bytes, written_bytes
        Bytes.
    flops
        Floating-point operations.
    """

    read_bytes: float
    written_bytes: float
    flops: float = 0.0


@dataclass(frozen=True)
class Problem:
    """The inputs of a kernel at a size.

    Attributes
    ----------
    size
        The problem's size.
    inputs
        What stays the same from call to call, by name: weights, distribution, generator, buffers.
    batches
        Arguments of successive calls, in the order of ``Kernel.parameters``. The batches rotate, so that the rows they
        touch do not all stay in cache.
    touched
        Mean number of distinct rows that a batch touches; 0 where it touches none.
    reset
        Undoes what calls changed in place. It runs between samples, outside the clock.
    buffers
        Arrays that the implementations share.
    checked
        Arguments of the same kind for the check. They are never timed.
    renew
        ``renew(first, count)`` gives these batches other contents, in place. It runs after they were timed.
    verify_data
        What ``Kernel.verify`` needs to judge a timed call's result.
    tables
        What ``table`` has made. A program's workspaces of all sizes share it; those that are measured share nothing.
    """

    size: Size
    inputs: dict[str, Any]
    batches: Sequence[tuple[Any, ...]]
    touched: float
    reset: Callable[[], None] = lambda: None
    buffers: dict[str, Array] = field(default_factory=dict)
    checked: Sequence[tuple[Any, ...]] = ()
    renew: Callable[[int, int], None] = lambda first, count: None
    verify_data: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)

    @property
    def bare(self) -> Problem:
        """The problem as a ``prepare`` gets it: with its size, inputs and shared buffers, and without batches."""
        return Problem(self.size, self.inputs, (), self.touched, buffers=self.buffers)

    def buffer(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return an array in the size's dtype that implementations share and every call overwrites."""
        if name not in self.buffers:
            self.buffers[name] = resident_zeros(shape, self.size.float_type)
        return self.buffers[name]

    def table(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what ``make()`` makes of ``Kernel.constants`` alone. It must not be written to."""
        if name not in self.tables:
            self.tables[name] = make()
        return self.tables[name]
