"""The timing loop, generated for a number of arguments, so that nothing but the call is timed.

The check's calls go through it too, so that an implementation cannot tell a check from a timed call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

Function = Callable[..., Any]
"""What is called: an implementation's function, or its compiled code."""
Arguments = tuple[Any, ...]
"""Arguments of a call: those of a batch, or the workspace that follows them."""
Sampler = Callable[[Function, Iterator[Arguments], Arguments], tuple[int, int, Any]]
"""The timing loop, see ``sampler``."""

CLOCKS = MappingProxyType({"clock": time.perf_counter_ns, "cpu_clock": time.process_time_ns})
"""Bound when this module is imported, which is before any user's file is."""


def sampler(arity: int, workspace: bool, slowed: float = 0.0) -> Sampler:
    """Generate a loop that calls a function on one batch after another.

    Each result is freed before the next call, as in a program that does not keep it.

    Parameters
    ----------
    arity
        Arguments in a batch.
    workspace
        Whether a workspace is passed as the last argument.
    slowed
        Share by which the loop then spins on, so that the slowdown is known exactly.

    Returns
    -------
    callable
        ``sample(function, batches, last)``, where ``last`` holds the workspace if there is one. It returns wall time and CPU
        time (of all threads of the process), both in nanoseconds, and the last call's result.
    """
    names = [f"a{i}" for i in range(arity)]
    targets = f"({', '.join(names)},)" if names else "_"
    arguments = ", ".join([*names, *(["workspace"] if workspace else [])])
    source = f"""
def sample(function, batches, last):
    {"(workspace,) = last" if workspace else ""}
    result = None
    cpu = cpu_clock()
    start = clock()
    for {targets} in batches:
        result = None
        result = function({arguments})
    end = clock()
"""
    if slowed:
        source += f"""
    end += (end - start) * {slowed!r}
    while clock() < end:
        pass
    end = clock()
"""
    source += "    return end - start, cpu_clock() - cpu, result\n"
    scope: dict[str, object] = dict(CLOCKS)
    exec(compile(source, "<timing loop>", "exec"), scope)
    return scope["sample"]  # type: ignore[return-value]
