"""What an implementation must leave alone: the clocks, NumPy, this program, and the inputs that it shares with others."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from operator import is_
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from bench.engine.contract import checksum
from impls.interface import Array, Kernel, Problem

WATCHED = ("time", "gc", "builtins", "numpy", "numpy.random", "numpy.linalg", "bench", "impls")
"""Modules whose names must stand for what they stood for; of our own all that are loaded."""
LARGE = 16 << 20
"""Inputs of more bytes are looked at in blocks, unless each look is to be a whole one."""
BLOCKS, BLOCK_BYTES = 256, 4096


class Names:
    """What the watched modules' names stand for, so that one that is changed is noticed and put back."""

    def __init__(self) -> None:
        self.known: list[tuple[ModuleType, dict[str, Any]]] = [
            (module, {name: value for name, value in vars(module).items() if not name.startswith("__")})
            for module in watched()
        ]
        functions = {value for _, names in self.known for value in names.values() if type(value) is FunctionType}
        self.codes = [(function, function.__code__) for function in functions]
        self.callbacks = list(gc.callbacks)

    def put_back(self) -> list[str]:
        """Names that stand for something else than they did, which they now no longer do."""
        changed = []
        for module, known in self.known:
            now = vars(module)
            if all(map(is_, map(now.get, known), known.values())):  # as they mostly are: nothing in Python is as fast
                continue
            for name in [name for name, value in known.items() if now.get(name) is not value]:
                changed.append(f"{module.__name__}.{name}")
                setattr(module, name, known[name])
        for function, code in self.codes:
            if function.__code__ is not code:
                changed.append(f"{function.__module__}.{function.__name__}")
                function.__code__ = code
        if gc.callbacks != self.callbacks:
            changed.append("gc.callbacks")
            gc.callbacks[:] = self.callbacks
        return list(dict.fromkeys(changed))


def watched() -> Iterator[ModuleType]:
    for name, module in list(sys.modules.items()):
        if name in WATCHED or name.startswith(("bench.", "impls.")):
            yield module


class Inputs:
    """Checksums of the inputs that all variants of a problem are given and none may change, to find out which one did.

    careful: every look is at all of them. Otherwise one at a large input is at some blocks, and only the last at all of it.
    """

    def __init__(self, kernel: Kernel, problem: Problem, careful: bool) -> None:
        self.arrays = {
            name: [
                array for array in (given if isinstance(given, tuple) else (given,)) if isinstance(array, np.ndarray)
            ]
            for name, given in problem.inputs.items()
            if name not in kernel.mutates
        }
        self.careful = careful
        self.whole_before = self.sums(True)
        large = any(array.nbytes > LARGE for arrays in self.arrays.values() for array in arrays)
        self.before = self.sums(False) if large and not careful else self.whole_before

    def sums(self, whole: bool) -> dict[str, list[int]]:
        return {name: [digest(array, whole) for array in arrays] for name, arrays in self.arrays.items()}

    def changed(self, whole: bool = False) -> str:
        """The name of an input that is no longer as it was at first; empty if all are. whole: look at all of it."""
        before = self.whole_before if whole else self.before
        now = self.sums(whole or self.careful)
        return next((name for name in now if now[name] != before[name]), "")


def digest(array: Array, whole: bool) -> int:
    """A checksum of an array, or of evenly spread blocks of a large one."""
    if whole or array.nbytes <= LARGE:
        return checksum(array)
    flat = array.reshape(-1)
    block = BLOCK_BYTES // array.itemsize
    starts = np.linspace(0, len(flat) - block, BLOCKS).astype(np.int64)
    return checksum(np.concatenate([flat[start : start + block] for start in starts]))


LOOKS = ("sys._getframe", "sys._current_frames", "gc.get_objects", "gc.get_referrers", "gc.get_referents")
"""Audit events of Python by which a function finds out who calls it, and with what."""


class Listening:
    """Notices when a function looks at its callers or at the collector's objects, where ``on`` is set.

    Hooks cannot be taken away again, by anybody, so there is one in a process.
    """

    def __init__(self) -> None:
        self.on = False
        self.heard = ""
        sys.addaudithook(self.hear)

    def hear(self, event: str, details: tuple[Any, ...]) -> None:
        if self.on and (event in LOOKS or (event == "object.__getattr__" and details[1] == "tb_frame")):
            self.heard = "a traceback's frame" if event not in LOOKS else event

    def told(self) -> str:
        """What was looked at since it was last asked; empty if nothing was."""
        heard, self.heard = self.heard, ""
        return heard


@cache
def names() -> Names:
    """This process's names, as they were when this was first called."""
    return Names()


@cache
def listening() -> Listening:
    """This process's one."""
    return Listening()


class Guard:
    """Tells what the variant that ran last has done to what it must leave alone."""

    def __init__(self, kernel: Kernel, problem: Problem, careful: bool) -> None:
        self.inputs, self.careful = Inputs(kernel, problem, careful), careful

    def blame(self, whole: bool = False) -> str:
        """What is to be said of it; empty if it did nothing. What was patched is put back."""
        if changed := names().put_back():
            return patched(changed)
        name = self.inputs.changed(whole)
        return f"changes its input {name}" if name else ""


def patched(changed: Sequence[str]) -> str:
    return f"patches {', '.join(changed)}"
