"""The implementations that are ready for a program's calls, and how others are made ready: workspaces, and compiled code."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from ..interface import Array, Implementation, Kernel, Problem
from ..interface.case import Size
from .arguments import examples, prepared_size, size_of
from .guard import Ready, key_of
from .lending import Lender
from .offered import sized

MOST_READY = 256
"""Sizes of arguments for which implementations stay ready."""
MOST_BYTES = 256 << 20
"""Bytes of their workspaces. Beyond these, all but the last are let go."""


class Readiness:
    """The implementations that are ready, and how others are made so. One lock guards all that is made.

    Parameters
    ----------
    kernel
        The kernel.
    implementations
        Those that may be chosen, by slug.
    choose
        Returns the slug for a size.
    like
        The stated size.
    inputs
        Arguments that stay the same, by name, as far as they are known.
    """

    def __init__(
        self,
        kernel: Kernel,
        implementations: Mapping[str, Implementation],
        choose: Callable[[Size], str],
        like: Size,
        inputs: dict[str, Any],
    ) -> None:
        if unknown := [name for name in inputs if name not in (*kernel.constants, "rng")]:
            raise ValueError(f"inputs of {kernel.name} are {', '.join(kernel.constants) or 'none'}, not {unknown[0]}")
        self.kernel, self.implementations, self.like, self.inputs = kernel, implementations, like, inputs
        self.choose = lru_cache(maxsize=4096)(choose)
        self.seen: dict[Any, Ready] = {}
        self.by_size: dict[Any, tuple[Ready, dict[str, Any]]] = {}
        """What is ready, and the constants that its further workspaces are made from."""
        self.tables: dict[tuple[int, ...], tuple[tuple[Any, ...], dict[str, Any]]] = {}
        """What was made of constants, by their ids, with the constants themselves, so that no other objects get these ids."""
        self.held_bytes = 0
        self.lock = threading.RLock()
        self.key_of = key_of(kernel)

    def find(self, *arguments: Any) -> Ready:
        """Return what is ready for arguments that were not seen before. Raises TypeError, ValueError."""
        named = dict(zip(self.kernel.parameters, arguments, strict=True))
        size = size_of(self.kernel, named, self.like.V, self.like)
        constants = {name: named[name] for name in (*self.kernel.constants, "rng") if name in named}
        with self.lock:
            ready = self.prepared(size, constants)
            self.seen[self.key_of(*arguments)] = ready
            return ready

    def prepared(self, size: Size, constants: Mapping[str, Any]) -> Ready:
        """Return what is ready for a size and constants. Raises ValueError for those with which no call can be made."""
        ids = tuple(id(constants[name]) for name in self.kernel.constants)
        if (size, ids) not in self.by_size:
            its = dict(constants)
            made, held = self.prepare(self.implementations[self.choose(size)], size, its)
            self.held_bytes += held
            if self.held_bytes > MOST_BYTES or len(self.seen) >= MOST_READY:
                self.seen.clear()
                self.by_size.clear()
                self.tables = {ids: self.tables[ids]}
                self.held_bytes = held
            self.by_size[size, ids] = made, its
        made, its = self.by_size[size, ids]
        if "rng" in constants:
            its.setdefault("rng", constants["rng"])
        return made

    def prepare(self, implementation: Implementation, size: Size, constants: dict[str, Any]) -> tuple[Ready, int]:
        """Make an implementation's workspace, and compile it. Return what is ready, and the workspace's bytes."""
        arguments = examples(self.kernel, size, constants)
        set_up, positions, function = implementation.prepare, implementation.returns, implementation.function
        those = tuple(constants[name] for name in self.kernel.constants)
        ids = tuple(map(id, those))
        _, tables = self.tables.get(ids, (those, {}))
        problem = Problem(size, constants, (), touched=float(size.B), tables=tables)
        self.kernel.refuse(problem)
        self.tables[ids] = those, tables

        def workspace() -> Any:
            if set_up is None:
                return None
            with self.lock:
                inputs = constants | {"rng": own_generator(constants.get("rng"))}
                return set_up(replace(problem, inputs=inputs, buffers={}))

        def lendable(made: Any) -> Any:
            return Lender(made, positions) if positions else made

        shared = list(arrays_in(tuple(tables.values())))
        first = workspace()
        if implementation.jit:
            from ..compiling.functions import ready

            function = ready(function, (*arguments, *((first,) if set_up else ())))
        free: deque[Any] | None = None
        if set_up:
            unseeded = (
                "rng" in self.kernel.parameters and "rng" not in constants
            )  # the first call's generator seeds one
            free = deque(() if unseeded else (lendable(first),))
        rest = implementation.jit, free, lambda: lendable(workspace()), bool(positions)
        held = sum(part.nbytes for part in arrays_in(first) if all(part is not one for one in shared))
        return (function, rest if set_up or implementation.jit else None), held

    def warm(self, **size: Any) -> None:
        """Make ready for calls of a size: V, H, B, K, dtype, index, threads.

        What is left out is as in ``best``'s call, whose own defaults are H=100, B=100, K=5. ``dispatch`` has these too, and
        the V that it got, else 2. Raises ValueError for an invalid size, TypeError for no whole number, or where a constant is
        not known.
        """
        at = self.size(size)
        examples(self.kernel, at, self.inputs)
        with self.lock:
            self.prepared(at, self.inputs)

    def slug(self, **size: Any) -> str:
        """Return the slug of the implementation that is used at a size: V, H, B, K, dtype, index, threads.

        What is left out is as for ``warm``. Raises ValueError for an invalid size, TypeError for no whole number.
        """
        return self.choose(self.size(size))

    def size(self, changed: Mapping[str, Any]) -> Size:
        """Return the stated size with other dimensions or types."""
        like = {name: getattr(self.like, name) for name in ("V", "H", "B", "K", "dtype", "index", "threads")}
        if unknown := [name for name in changed if name not in like]:
            raise ValueError(f"a size has {', '.join(like)}, not {unknown[0]}")
        return prepared_size(self.kernel, sized(kernel=self.kernel, **{**like, **changed}))


def own_generator(rng: np.random.Generator | None) -> np.random.Generator:
    """Return a generator of its own for each workspace, so that no two threads draw the same numbers."""
    if rng is None:
        return np.random.default_rng()
    try:
        return rng.spawn(1)[0]
    except (AttributeError, TypeError):  # its bit generator was made without a seed that can be divided
        return np.random.default_rng(int(rng.integers(2**63)))


def arrays_in(workspace: Any) -> Iterator[Array]:
    """Yield the arrays of a workspace, or of tables."""
    if isinstance(workspace, np.ndarray):
        yield workspace
    elif isinstance(workspace, tuple):
        for part in workspace:
            yield from arrays_in(part)
