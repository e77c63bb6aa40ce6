"""Compiled rungs: plain Python functions that numba compiles when a launch prepares them, and keeps on disk.

An implementation with ``jit=True`` is written as an ordinary function and stands in its ladder like any other; so do the
functions that it calls. numba is imported only by a process that needs it.
"""

from __future__ import annotations

import dis
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numpy as np

LOOSE = ("arcp", "contract", "nsz", "reassoc")
"""Sums may be taken in any order and products fused into them; NaN and infinity stay what they are."""
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": set(LOOSE)}
KEPT_S = 14 * 86_400
"""Compiled code that nobody has used for this long is taken away when more is written."""


def machine_code(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function as one that writes machine code (an ``intrinsic`` of numba): compiled functions may call it."""
    function.writes_machine_code = True  # type: ignore[attr-defined]
    return function


def ready(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[..., Any]:
    """The machine code of a function for arguments of these types, to be called with such arguments only.

    It is called directly, since numba's own call would look the types up each time; and what the function does not use
    is not handed over, since unpacking a random generator alone takes longer than drawing a thousand numbers.
    """
    from numba import typeof

    code = function.__code__
    parameters = code.co_varnames[: code.co_argcount]
    used = {step.argval for step in dis.get_instructions(code) if step.opname.startswith("LOAD_FAST")}
    used = {name for argument in used for name in (argument if isinstance(argument, tuple) else (argument,))}
    types = (typeof(argument if name in used else 0) for name, argument in zip(parameters, arguments, strict=True))
    machine: Callable[..., Any] = compiled(function).compile(tuple(types))
    if used.issuperset(parameters):
        return machine
    handed = ", ".join(name if name in used else "0" for name in parameters)
    return eval(f"lambda {', '.join(parameters)}: machine({handed})", {"machine": machine})  # type: ignore[no-any-return]


@cache
def compiled(function: Callable[..., Any], inlined: bool = False) -> Any:
    """numba's version of a function, and of all plain functions that it calls by their global names, as part of it.

    It is compiled at its first call for each combination of argument types, or read from disk, if exactly this code has
    been compiled before: numba's own cache goes by one file's time, and would miss an edit in another one.
    """
    import numba
    from numba.extending import intrinsic

    assert isinstance(function, FunctionType)
    if getattr(function, "writes_machine_code", False):
        return intrinsic(function)
    known = {name: compiled(value, inlined=True) for name, value in called(function)}
    copy = FunctionType(function.__code__, {**function.__globals__, **known}, function.__name__)
    copy.__qualname__, copy.__module__ = function.__qualname__, function.__module__
    kept = None if inlined else folder(digest(function))
    if kept is None:
        return numba.njit(**OPTIONS, forceinline=inlined)(copy)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(kept)
    try:
        return numba.njit(**OPTIONS, cache=True)(copy)
    finally:
        numba.config.CACHE_DIR = before


def called(function: Any) -> Iterator[tuple[str, FunctionType]]:
    """The plain functions that a function uses by their global names."""
    for name in names(function.__code__):
        value = function.__globals__.get(name)
        if isinstance(value, FunctionType):
            yield name, value


def names(code: CodeType) -> list[str]:
    """Global names that some code uses, each once."""
    return list(dict.fromkeys(step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"))


def digest(function: Any) -> str:
    """What a function's compiled form depends on: its names, all of this package, the files of the functions that it calls,
    and the constants that these use."""
    import numba

    found = hashlib.sha256(repr((numba.__version__, LOOSE, function.__module__, function.__qualname__)).encode())
    found.update(own_text())
    waiting, met = [function], {function}
    while waiting:
        one = waiting.pop()
        constants = {name: one.__globals__.get(name) for name in names(one.__code__)}
        plain = {name: value for name, value in constants.items() if isinstance(value, PLAIN)}
        found.update(Path(one.__code__.co_filename).read_bytes() + repr(plain).encode())
        for _, other in called(one):
            if other not in met:
                met.add(other)
                waiting.append(other)
    return found.hexdigest()[:20]


PLAIN = (int, float, str, tuple, np.generic)


@cache
def own_text() -> bytes:
    """A digest of all files of this package."""
    found = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        found.update(file.read_bytes())
    return found.digest()


def folder(name: str) -> Path | None:
    """Where compiled code of this name is kept, in numba's own cache or in the user's; None where neither can be written."""
    try:
        root = Path(os.environ.get("NUMBA_CACHE_DIR") or cache_home()) / "w2vbench"
        made = not (root / name).is_dir()
        (root / name).mkdir(parents=True, exist_ok=True)
        os.utime(root / name)
        if made:
            forget(root)
        return root / name if os.access(root / name, os.W_OK) else None
    except (OSError, RuntimeError):  # no right to, no room, or no home at all
        return None


def cache_home() -> Path:
    """The user's folder for what can be made again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or tempfile.gettempdir())
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def forget(root: Path) -> None:
    """Take away compiled code that has not been used for long."""
    for old in root.iterdir():
        try:
            if re.fullmatch("[0-9a-f]{20}", old.name) and time.time() - old.stat().st_mtime > KEPT_S:
                shutil.rmtree(old, ignore_errors=True)
        except OSError:  # another process was faster
            continue
