"""Compiled rungs: plain Python functions that numba compiles when a launch prepares them, and keeps on disk.

An implementation with ``jit=True`` is written as an ordinary function and stands in its ladder like any other; so do the
functions that it calls. numba is imported only by a process that needs it.
"""

from __future__ import annotations

import dis
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

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
    if inlined:
        return numba.njit(**OPTIONS, forceinline=True)(copy)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder(digest(function)))
    try:
        return numba.njit(**OPTIONS, cache=True)(copy)
    finally:
        numba.config.CACHE_DIR = before


def called(function: FunctionType) -> Iterator[tuple[str, FunctionType]]:
    """The plain functions that a function uses by their global names."""
    for name in names(function.__code__):
        value = function.__globals__.get(name)
        if isinstance(value, FunctionType):
            yield name, value


def names(code: CodeType) -> list[str]:
    """Global names that some code uses, each once."""
    return list(dict.fromkeys(step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"))


def digest(function: FunctionType) -> str:
    """What a function's compiled form depends on: its code and module name, constants, and the functions that it calls."""
    import numba

    found = hashlib.sha256(repr((numba.__version__, LOOSE)).encode())
    waiting, met = [function], {function}
    while waiting:
        one = waiting.pop()
        code = one.__code__
        if getattr(one, "writes_machine_code", False):
            found.update(Path(code.co_filename).read_bytes())
            continue
        constants = {name: one.__globals__.get(name) for name in names(code)}
        plain = {name: value for name, value in constants.items() if isinstance(value, int | float | str | tuple)}
        found.update(repr((one.__module__, one.__qualname__, code.co_code, code.co_names, plain)).encode())
        found.update(repr([value for value in code.co_consts if not isinstance(value, CodeType)]).encode())
        for _, other in called(one):
            if other not in met:
                met.add(other)
                waiting.append(other)
    return found.hexdigest()[:20]


def folder(name: str) -> Path:
    """Where compiled code of this name is kept: in the user's cache, or where that cannot be written, in a temporary one."""
    root = Path(os.environ.get("NUMBA_CACHE_DIR") or cache_home() / "w2vbench")
    try:
        made = not (root / name).is_dir()
        (root / name).mkdir(parents=True, exist_ok=True)
        os.utime(root / name)
    except OSError:
        root, made = (
            Path(tempfile.gettempdir()) / f"w2vbench-compiled-{os.getuid() if hasattr(os, 'getuid') else 0}",
            True,
        )
        (root / name).mkdir(parents=True, exist_ok=True)
    if made:
        forget(root)
    return root / name


def cache_home() -> Path:
    """The user's folder for what can be made again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or tempfile.gettempdir())
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def forget(root: Path) -> None:
    """Take away compiled code that has not been used for long."""
    for old in root.glob("?" * 20):
        try:
            if time.time() - old.stat().st_mtime > KEPT_S:
                shutil.rmtree(old, ignore_errors=True)
        except OSError:  # another process was faster
            continue
