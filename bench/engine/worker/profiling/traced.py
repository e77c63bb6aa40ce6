"""Traced allocation by line: what each line of one call allocates through Python, exact to the byte (tracemalloc).

The hook's own figures are traced too. They take about a hundred bytes a line, too few for reports to show.
"""

from __future__ import annotations

import gc
import inspect
import sys
import tracemalloc
from dataclasses import dataclass
from types import FrameType
from typing import Any

from w2vbench.bench.engine.worker.variants.loop import Arguments, Function


@dataclass
class LineAllocation:
    """Bytes that a line allocates.

    Attributes
    ----------
    added
        Net, over all its hits.
    peak
        Highest above what was allocated when a hit began.
    """

    added: int = 0
    peak: int = 0


def traced_lines(function: Function, arguments: Arguments, of: Function | None = None) -> dict[int, LineAllocation]:
    """Call a function, and trace what each line of it, or of another (``of``) that it calls, allocates, by line number.

    A line includes the functions that it calls.
    """
    code = inspect.unwrap(of or function).__code__
    lines: dict[int, LineAllocation] = {}
    line: int | None = None  # 0 before the first line
    before = 0

    def on_line(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal line, before
        if event in ("line", "return"):  # the previous line has ended; after an exception it continues
            now, peak = tracemalloc.get_traced_memory()
            if line:
                allocation = lines.setdefault(line, LineAllocation())
                allocation.added += now - before
                allocation.peak = max(allocation.peak, peak - before)
            line = frame.f_lineno if event == "line" else None
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
        return on_line

    def on_call(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal line
        if frame.f_code is not code or line is not None:  # a recursive call belongs to the line that makes it
            return None
        line = 0
        return on_line

    gc.collect()
    tracemalloc.start()
    hook = sys.gettrace()
    sys.settrace(on_call)
    try:
        function(*arguments)
    finally:
        sys.settrace(hook)
        tracemalloc.stop()
    return lines
