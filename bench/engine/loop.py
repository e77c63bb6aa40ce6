"""The timing loop: written out for a number of arguments, so that nothing stands between the clock and the function.

Every call of an implementation goes through it, the check's too: from inside they look alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

Sampler = Callable[[Callable[..., Any], Iterator[tuple[Any, ...]], tuple[Any, ...]], tuple[int, int, Any]]

CLOCKS: dict[str, Any] = {"clock": time.perf_counter_ns, "cpu_clock": time.process_time_ns}
"""Taken when this is imported: before any file from outside is."""


def sampler(arity: int, workspace: bool, slowed: float = 0.0) -> Sampler:
    """A loop over batches of so many arguments, with a workspace as the last one if there is one.

    It gives wall and CPU time (of all threads of the process) in nanoseconds, and the last call's result; an earlier
    one is freed before the next call, as where nobody keeps it. slowed: it then spins until this share more has passed,
    which is a slowdown known exactly.
    """
    names = [f"a{i}" for i in range(arity)]
    unpacked = f"({', '.join(names)},)" if names else "_"
    passed = ", ".join([*names, *(["workspace"] if workspace else [])])
    source = f"""
def sample(function, batches, last):
    {"(workspace,) = last" if workspace else ""}
    result = None
    cpu = cpu_clock()
    start = clock()
    for {unpacked} in batches:
        result = None
        result = function({passed})
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
    scope: dict[str, Any] = dict(CLOCKS)
    exec(compile(source, "<timing loop>", "exec"), scope)
    return scope["sample"]  # type: ignore[no-any-return]
