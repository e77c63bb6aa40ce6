"""Traced allocation by line: what each line of one call allocates through Python, exact to the byte (tracemalloc).

What is read and kept between two lines is itself traced: some hundred bytes, which a reader is not shown.
"""

from __future__ import annotations

import gc
import inspect
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any


@dataclass
class Allocated:
    """Bytes of one line. added: net, over all its hits. peak: the highest above what was there when a hit began."""

    added: int = 0
    peak: int = 0


def traced_lines(function: Callable[..., Any], arguments: tuple[Any, ...]) -> dict[int, Allocated]:
    """What each line of one call allocates, by line number; functions that it calls count to the line that calls them."""
    code = inspect.unwrap(function).__code__
    found: dict[int, Allocated] = {}
    outermost: FrameType | None = None
    line: int | None = None
    before = 0

    def settle() -> None:
        now, highest = tracemalloc.get_traced_memory()
        if line is not None:
            mine = found.setdefault(line, Allocated())
            mine.added += now - before
            mine.peak = max(mine.peak, highest - before)

    def within(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal outermost, line, before
        if event in ("line", "return"):  # the line before is over; after an exception it goes on
            settle()
            line = frame.f_lineno if event == "line" else None
            outermost = frame if event == "line" else None
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
        return within

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal outermost
        if frame.f_code is not code or outermost is not None:  # a call of itself counts to the line that makes it
            return None
        outermost = frame
        return within

    gc.collect()
    tracemalloc.start()
    hook = sys.gettrace()
    sys.settrace(enter)
    try:
        function(*arguments)
    finally:
        sys.settrace(hook)
        tracemalloc.stop()
    return found
