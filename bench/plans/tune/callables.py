"""What ``w2vbench.best`` and ``w2vbench.dispatch`` give a program, as implementations that the engine can check and time.

The engine loads this file as it loads a user's. A table's times are those of the functions that a program calls: with the check
of their arguments, and with results of the caller's own. ``lookup/best-gather`` is the function whose implementation is
``gather``, and ``lookup/dispatched`` chooses by the table of the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from w2vbench.impls.catalogue.discovery import own
from w2vbench.impls.choosing.arguments import examples
from w2vbench.impls.choosing.dispatch_table import DispatchTable, KernelTimes, default_path, read
from w2vbench.impls.choosing.dispatcher import Dispatched, dispatch
from w2vbench.impls.choosing.offered import candidates
from w2vbench.impls.compiling.functions import ready as ready_code
from w2vbench.impls.interface import Implementation, Kernel, Problem

BEST = "best-"
"""What the slug of a function begins with whose implementation does not change."""
DIRECT = "direct-"
"""What the slug of a direct call begins with, into a new buffer for each result."""
DISPATCHED = "dispatched"


def ready(problem: Problem, name: str, table: DispatchTable) -> Dispatched:
    """Return a kernel's function, warm for a problem's size."""
    size, constants = problem.size, problem.inputs
    kernel = next(i.kernel for i in own() if i.kernel.name == name)
    inputs = {constant: constants[constant] for constant in kernel.constants}
    call = dispatch(name, V=size.V, threads=size.threads, inputs=inputs, table=table)
    call.warm(V=size.V, H=size.H, B=size.B, K=size.K, dtype=size.dtype, index=size.index)
    return call


def best_of(problem: Problem, implementation: Implementation) -> Dispatched:
    """Return the function that always uses one implementation."""
    name, slug = implementation.kernel.name, implementation.slug
    return ready(problem, name, DispatchTable({name: KernelTimes((slug,), {problem.size: {slug: 1.0}})}, {}))


def dispatched_by_table(problem: Problem, name: str) -> Dispatched:
    """Return the function that chooses by the table of the environment, wherever that was measured."""
    return ready(problem, name, read(default_path()))


def direct_call(problem: Problem, implementation: Implementation) -> Callable[..., Any]:
    """Return a direct call of an implementation that returns its workspace, an array: as a program does that keeps results."""
    buffer = implementation.prepare(problem) if implementation.prepare else None
    assert isinstance(buffer, np.ndarray)
    arguments = examples(implementation.kernel, problem.size, problem.inputs)
    function = (
        ready_code(implementation.function, (*arguments, buffer)) if implementation.jit else implementation.function
    )
    parameters = ", ".join(implementation.kernel.parameters)
    scope = {"function": function, "empty": np.empty, "shape": buffer.shape, "dtype": buffer.dtype}
    return eval(f"lambda {parameters}: function({parameters}, empty(shape, dtype))", scope)  # type: ignore[no-any-return]


@dataclass(frozen=True, kw_only=True)
class GivenFunction(Implementation):
    """A function that the engine calls as a program does, without a workspace.

    ``ready`` makes it for a problem.
    """

    ready: Callable[[Problem], Callable[..., Any]]

    def compiled(self, problem: Problem, last: tuple[Any, ...]) -> Callable[..., Any]:
        return self.ready(problem.bare)


def signature(kernel: Kernel) -> Callable[..., Any]:
    """Generate a function with the kernel's signature, as every implementation has one. It is never called."""
    scope: dict[str, object] = {"__name__": __name__}
    exec(f"def not_called({', '.join(kernel.parameters)}): raise NotImplementedError\n", scope)
    return scope["not_called"]  # type: ignore[return-value]


def callables() -> Iterator[Implementation]:
    """Yield the functions of every kernel: those of each implementation that may be chosen, then the one that chooses."""
    for kernel in {i.kernel.name: i.kernel for i in own() if i.kernel.shapes}.values():
        given = partial(GivenFunction, kernel=kernel, function=signature(kernel))
        for slug, one in candidates(kernel.name).items():
            known = partial(given, title=one.title, requires=one.requires)
            arrays = "+".join(filter(None, (one.temporaries, one.shares)))
            best = partial(best_of, implementation=one)
            yield known(slug=BEST + slug, grows_with=one.grows_with, temporaries=arrays, ready=best)
            if one.returns == (0,):
                yield known(slug=DIRECT + slug, ready=partial(direct_call, implementation=one))
        yield given(slug=DISPATCHED, title="dispatch", ready=partial(dispatched_by_table, name=kernel.name))


CALLABLES = tuple(callables())
