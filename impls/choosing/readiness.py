"""The implementations that are ready for a program's calls, and how others are made ready: workspaces, and compiled code."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from ..interface import Array, Implementation, Kernel, Problem
from ..interface.case import Size
from .arguments import examples, prepared_size, size_of
from .guard import LENT, PLAIN, POOLED, SHARED, Prepared, Ready, dimensions, expected_of, key_of
from .lending import lendable
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
        self.by_size: dict[Any, Prepared] = {}
        self.tables: dict[tuple[int, ...], tuple[tuple[Any, ...], dict[str, Any]]] = {}
        """What was made of constants, by their ids, with the constants themselves, so that no other objects get these ids."""
        self.held_bytes = 0
        self.lock = threading.RLock()
        self.expected, self.key_of = expected_of(kernel), key_of(kernel)
        self.call: Callable[..., Any] = lambda *arguments: None

    def find(self, *arguments: Any) -> Ready:
        """Return what is ready for arguments that were not seen before. Raises TypeError, ValueError."""
        named = dict(zip(self.kernel.parameters, arguments, strict=True))
        size = size_of(self.kernel, named, self.like.V, self.like)
        constants = {name: named[name] for name in (*self.kernel.constants, "rng") if name in named}
        with self.lock:
            ready = (*self.expected(*arguments), *self.prepared(size, constants).fields)
            self.seen[self.key_of(*arguments)] = ready
            return ready

    def prepared(self, size: Size, constants: Mapping[str, Any]) -> Prepared:
        """Return what is ready for a size and constants. Raises ValueError for those with which no call can be made."""
        ids = tuple(id(constants[name]) for name in self.kernel.constants)
        key = size, ids
        if key not in self.by_size:
            made, held = self.prepare(self.implementations[self.choose(size)], size, dict(constants))
            self.held_bytes += held
            if self.held_bytes > MOST_BYTES or len(self.seen) >= MOST_READY:
                self.seen.clear()
                self.by_size.clear()
                self.tables = {ids: self.tables[ids]}
                self.held_bytes = held
            self.by_size[key] = made
        made = self.by_size[key]
        if made.seed and "rng" in constants:
            made.seed(constants["rng"])
        return made

    def prepare(self, implementation: Implementation, size: Size, constants: dict[str, Any]) -> tuple[Prepared, int]:
        """Make an implementation's workspace, and compile it. Return what is ready, and the workspace's bytes."""
        arguments = examples(self.kernel, size, constants)
        set_up, positions = implementation.prepare, implementation.returns
        those = tuple(constants[name] for name in self.kernel.constants)
        ids = tuple(map(id, those))
        _, tables = self.tables.setdefault(ids, (those, {}))
        problem = Problem(size, constants, (), touched=float(size.B), tables=tables)
        try:
            self.kernel.refuse(problem)
        except ValueError:
            del self.tables[ids]  # nothing is kept of what is refused
            raise

        def workspace() -> Any:
            if set_up is None:
                return None
            with self.lock:
                inputs = constants | {"rng": own_generator(constants.get("rng"))}
                return set_up(replace(problem, inputs=inputs, buffers={}))

        def seed(rng: np.random.Generator) -> None:
            constants["rng"] = rng
            prepared.free = deque([prepared.make()])
            prepared.seed = None

        shared = list(arrays_in(tuple(tables.values())))
        first, function = workspace(), implementation.function
        if implementation.jit:
            from ..compiling.functions import ready

            function = ready(function, (*arguments, *((first,) if set_up else ())))
        how = PLAIN if set_up is None else SHARED if isinstance(first, ModuleType) else POOLED
        if positions and isinstance(first, np.ndarray):
            how = LENT
        prepared = Prepared(
            implementation.slug,
            function,
            how,
            first if how == SHARED else None,
            deque([lendable(first, positions)] if how in (POOLED, LENT) else ()),
            lambda: lendable(workspace(), positions),
            bool(positions) and how == POOLED,
            implementation.jit,
            seed if how == POOLED and "rng" in self.kernel.parameters and "rng" not in constants else None,
        )
        return prepared, sum(part.nbytes for part in arrays_in(first) if all(part is not one for one in shared))

    def copied(self, *arguments: Any) -> Any:
        """Call with contiguous, aligned copies of the arrays that are not. Raises TypeError for one that the call would change."""
        contiguous = []
        for name, shape, value in zip(self.kernel.parameters, self.kernel.shapes, arguments, strict=True):
            if dimensions(shape) and name not in self.kernel.constants:
                if name in self.kernel.mutates and not value.flags.carray:
                    raise TypeError(f"{name} is changed in place: it must be C-contiguous, aligned and writeable")
                value = np.require(value, requirements=("C", "A"))
            contiguous.append(value)
        return self.call(*contiguous)

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
