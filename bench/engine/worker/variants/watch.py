"""What an implementation must not change: the clocks, NumPy, this program, and the inputs that it shares with others."""

from __future__ import annotations

import builtins
import gc
import sys
import zlib
from collections.abc import Iterable, Sequence
from functools import cache
from operator import is_
from types import CodeType, FrameType, FunctionType, ModuleType

import numpy as np
from w2vbench.impls.interface import Array, Kernel, Problem

OWN = "w2vbench."
"""How the names of this program's modules begin."""
WATCHED = ("time", "gc", "builtins", "numpy", "numpy.random", "numpy.linalg", "w2vbench")
"""Modules whose attributes must not be replaced, with all loaded submodules of ``w2vbench``."""
LARGE = 16 << 20
"""Of an input with more bytes only some blocks are compared, unless all of it must be."""
BLOCKS, BLOCK_BYTES = 256, 4096
BUILTINS = frozenset(name for name in vars(builtins) if not name.startswith("_"))


class WatchedNames:
    """The attributes of the watched modules and of this program's classes, so that a replaced one is found and restored."""

    def __init__(self) -> None:
        modules = [one for name, one in list(sys.modules.items()) if name in WATCHED or name.startswith(OWN)]
        own = [module for module in modules if module.__name__.startswith(OWN)]
        classes = [one for module in own for one in vars(module).values() if is_defined_in(module, one)]
        self.known = [
            (owner, {name: value for name, value in vars(owner).items() if not name.startswith("__")})
            for owner in (*modules, *classes)
        ]
        self.hidden = {module: len(vars(module)) - len(names) for module, names in self.known}
        functions = {value for _, names in self.known for value in names.values() if type(value) is FunctionType}
        self.codes = [(function, function.__code__) for function in functions]
        self.callbacks = [one for one in gc.callbacks if not is_library_collector(one)]

    def restore(self) -> list[str]:
        """Restore what was replaced, and return its names."""
        changed = []
        for module, known in self.known:
            now = vars(module)
            if len(now) != len(known) + self.hidden[module]:
                # names that the module did not have, and uses as builtins
                for name in BUILTINS & now.keys() - known.keys():
                    changed.append(f"{module.__name__}.{name}")
                    delattr(module, name)
            if all(map(is_, map(now.get, known), known.values())):  # the usual case, in the fastest way
                continue
            for name in [name for name, value in known.items() if now.get(name) is not value]:
                changed.append(f"{module.__name__}.{name}")
                setattr(module, name, known[name])
        for function, code in self.codes:
            if function.__code__ is not code:
                changed.append(f"{function.__module__}.{function.__name__}")
                function.__code__ = code
        if [one for one in gc.callbacks if not is_library_collector(one)] != self.callbacks:
            changed.append("gc.callbacks")
            gc.callbacks[:] = [*self.callbacks, *filter(is_library_collector, gc.callbacks)]
        return list(dict.fromkeys(changed))


def is_defined_in(module: ModuleType, value: object) -> bool:
    """Whether a value is a class that a module defines."""
    return isinstance(value, type) and value.__module__ == module.__name__


def immutable_arrays(kernel: Kernel, inputs: Iterable[tuple[str, object]]) -> list[tuple[str, Array]]:
    """Return the arrays among named inputs that a call must not change, each with its input's name."""
    return [
        (name, array)
        for name, value in inputs
        if name not in kernel.mutates
        for array in (value if isinstance(value, tuple) else (value,))
        if isinstance(array, np.ndarray)
    ]


def checksum(array: Array) -> int:
    """Return a checksum of an array's bytes, at the speed of memory: sums of every 1,021st word, then CRC-32 of the sums."""
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    whole = data.size // (8 * 1021) * (8 * 1021)
    columns = data[:whole].view(np.uint64).reshape(-1, 1021).sum(axis=0, dtype=np.uint64)
    return zlib.crc32(data[whole:].tobytes(), zlib.crc32(columns.tobytes()))


def digest(array: Array, whole: bool) -> int:
    """Return a checksum of an array, or of evenly spread blocks of a large one."""
    if whole or array.nbytes <= LARGE:
        return checksum(array)
    flat = array.reshape(-1)
    block = BLOCK_BYTES // array.itemsize
    starts = np.linspace(0, len(flat) - block, BLOCKS).astype(np.int64)
    return checksum(np.concatenate([flat[start : start + block] for start in starts]))


INTROSPECTION = ("sys._getframe", "sys._current_frames", "gc.get_objects", "gc.get_referrers", "gc.get_referents")
"""Python's audit events of the functions that can show an implementation who calls it, and with what."""
TRUSTED = (
    *("typing", "typing_extensions", "collections", "enum"),  # to name types: torch makes some in its first step
    *("numba.core.utils", "numba.core.types.functions"),  # at their own errors, while they compile
)
"""Modules that look at frames, and pass none on."""
COLLECTORS = ("jax._src.lib",)
"""Modules that have the collector call them from their import on, to free what only their own code holds."""


def is_library_collector(callback: object) -> bool:
    """Whether a callback of the collector is a function of COLLECTORS."""
    return type(callback) is FunctionType and is_function_of(COLLECTORS, callback.__globals__, callback.__code__)


def is_function_of(names: Iterable[str], globals_of: dict[str, object], code: CodeType) -> bool:
    """Whether code that runs with these globals is from the file of one of some modules."""
    modules = [sys.modules[name] for name in names if name in sys.modules]
    return any(globals_of is vars(module) and code.co_filename == module.__file__ for module in modules)


class Introspection:
    """Records when a function looks at its callers or at the collector's objects, while ``active`` is set.

    Audit hooks cannot be removed, so a process has only one.
    """

    def __init__(self) -> None:
        self.active, self.event = False, ""
        sys.addaudithook(self.on_event)

    def on_event(self, event: str, details: tuple[object, ...]) -> None:
        traceback = event == "object.__getattr__" and details[1] == "tb_frame"
        if self.active and (traceback or event in INTROSPECTION):
            self.active = False  # what follows asks for a frame too
            caller: FrameType | None = sys._getframe(1)
            while caller and traceback and is_function_of(("traceback",), caller.f_globals, caller.f_code):
                caller = caller.f_back
            if not (caller and is_function_of(TRUSTED, caller.f_globals, caller.f_code)):
                self.event = "a traceback's frame" if traceback else event
            self.active = True

    def take_event(self) -> str:
        """Return the last event since the previous call; empty if there was none."""
        event, self.event = self.event, ""
        return event


watched_names = cache(WatchedNames)
"""Return this process's watched names, as they were at the first call."""
introspection = cache(Introspection)
"""Return this process's record of introspection."""


class Guard:
    """Finds what the variant that ran last has changed, but must not: watched names, and inputs that all variants share.

    careful: whether each check reads large inputs completely. If not, it reads some blocks of them unless it is ``whole``.
    """

    def __init__(self, kernel: Kernel, problem: Problem, careful: bool) -> None:
        self.arrays, self.careful = immutable_arrays(kernel, problem.inputs.items()), careful
        self.before = {whole: self.digests(whole) for whole in (False, True)}

    def digests(self, whole: bool) -> list[int]:
        return [digest(array, whole or self.careful) for _, array in self.arrays]

    def violation(self, whole: bool = False) -> str:
        """Describe what the variant has changed; empty if nothing. Patched names are restored."""
        if changed := watched_names().restore():
            return patch_reason(changed)
        inputs = zip(self.arrays, self.before[whole], self.digests(whole), strict=True)
        return next((f"changes its input {name}" for (name, _), before, now in inputs if now != before), "")


def patch_reason(changed: Sequence[str]) -> str:
    return f"patches {', '.join(changed)}"
