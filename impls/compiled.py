"""Compiled implementations: plain Python functions that numba compiles when a process prepares them, and keeps on disk.

An implementation with ``jit=True`` is written as an ordinary function and stands beside the others like any other; so do the
functions that it calls. numba is imported only by a process that needs it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path
from types import CellType, FunctionType, ModuleType
from typing import Any

from . import kept
from .bytecode import ATTRIBUTE, steps
from .trees import Tree, without_docstrings

LOOSE = ("arcp", "contract", "nsz", "reassoc")
"""Sums may be taken in any order and products fused into them; NaN and infinity stay what they are."""
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": set(LOOSE)}
WORLD = Tree()
"""Everything that is compiled in, wherever it stands."""
NUMBERS = count()


@cache
def stand_in_identity() -> tuple[Any, ...]:
    """What decides how a function is compiled and called: the options, and this file."""
    return OPTIONS, hashlib.sha256(without_docstrings(Path(__file__)).encode()).hexdigest()


def warm_up() -> None:
    """Have numba load what its first compilation in a process would: half a second, which is better spent before a clock runs."""
    with suppress(ImportError):
        import numba

        numba.njit(lambda: 0).compile(())


def machine_code(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function as one that writes machine code (an ``intrinsic`` of numba): compiled functions may call it."""
    function.writes_machine_code = True  # type: ignore[attr-defined]
    return function


def ready(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[..., Any]:
    """Compile a function for arguments of these types, and give what calls the machine code with such arguments only.

    It is called directly, since numba's own call would look the types up each time; and what the function does not use
    is not handed over, since unpacking a random generator alone takes longer than drawing a thousand numbers.
    """
    from numba import typeof

    code = function.__code__
    parameters = code.co_varnames[: code.co_argcount]
    used = code_uses(function)
    types = tuple(typeof(argument if name in used else 0) for name, argument in zip(parameters, arguments, strict=True))
    classes = kept.classes_of(arguments)
    try:
        machine = compiled(function, classes).compile(types)
    except Exception:  # of the code itself, or of what was kept of it: numba does not tell them apart
        machine = assembled(function).compile(types)
        kept.forget(kept.name_of(function, stand_in_identity(), classes))
    return direct(machine, parameters, used)


def code_uses(function: Callable[..., Any]) -> set[str]:
    """The variables that a function reads."""
    code = function.__code__
    read = {step.value for step in steps(code) if step.name.startswith("LOAD_FAST") and step.kind == "number"}
    return {name for at, name in enumerate(code.co_varnames) if at in read} | set(code.co_cellvars)


def direct(machine: Callable[..., Any], parameters: tuple[str, ...], used: set[str]) -> Callable[..., Any]:
    """Machine code that is handed what it uses."""
    if used.issuperset(parameters):
        return machine
    handed = ", ".join(name if name in used else "0" for name in parameters)
    return eval(f"lambda {', '.join(parameters)}: machine({handed})", {"machine": machine})  # type: ignore[no-any-return]


@cache
def compiled(function: Callable[..., Any], classes: tuple[str, ...] = ()) -> Any:
    """numba's version of a function, which compiles it at its first call for each combination of argument types, or reads it
    from disk, if exactly this code has been compiled before.

    classes: names of the classes among its arguments, which numba looks up again by these names.
    """
    name = kept.name_of(function, stand_in_identity(), classes)
    folder = kept.folder(name) if name else None
    return assembled(function) if folder is None else kept.in_folder(folder, lambda: assembled(function, folder))


def assembled(function: Any, folder: Path | None = None) -> Any:
    """numba's version of a function, and of all functions that it calls, as part of it. folder: where numba keeps it."""
    import numba

    if getattr(function, "writes_machine_code", False):
        return intrinsic(function)
    copy = copied(function)
    if folder is None:
        return numba.njit(**OPTIONS)(copy)
    return numba.njit(**OPTIONS, cache=True)(kept.relocated(copy, folder))


@cache
def intrinsic(function: Any) -> Any:
    from numba.extending import intrinsic

    return intrinsic(function)


@cache
def inlined(function: Any) -> Any:
    """numba's version of a plain function, to be a part of whatever calls it."""
    import numba

    if getattr(function, "writes_machine_code", False):
        return intrinsic(function)
    return numba.njit(**OPTIONS, forceinline=True)(copied(function))


@cache
def again(dispatcher: Any) -> Any:
    """Somebody's own ``@njit`` function with its options and signatures, made anew of its Python function and of all that this calls.

    numba would keep it by the name of its module, which another process may not know.
    """
    import numba

    options = {name: value for name, value in dispatcher.targetoptions.items() if value is not None}
    signatures = None if dispatcher._can_compile else list(dispatcher.nopython_signatures)
    return numba.jit(signatures, locals=dispatcher.locals, **options)(copied(dispatcher.py_func))


def copied(function: Any) -> FunctionType:
    """A function whose callees are numba's versions of them, of a module that every process knows, and under a name that no
    other code has: machine code is linked by names, and two revisions may meet in one process."""
    code = function.__code__
    names = {name: callee(value, path) for name, path, value in uses(function)}
    globals_ = {**function.__globals__, **names, "__name__": "numba"}
    cells = tuple(CellType(callee(cell.cell_contents, ())) for cell in function.__closure__ or ())
    copy = FunctionType(code, globals_, function.__name__, function.__defaults__, cells)
    copy.__kwdefaults__ = function.__kwdefaults__
    name = kept.name_of(function, stand_in_identity()) or f"unknown_{next(NUMBERS)}"
    copy.__qualname__, copy.__module__ = f"{function.__qualname__}_{name}", "numba"
    return copy


def uses(function: Any) -> list[tuple[str, tuple[str, ...], Any]]:
    """The global names that a function uses: each with the attributes that are taken of it, and what it stands for."""
    found: dict[str, tuple[str, ...]] = {}
    every = steps(function.__code__)
    for at, step in enumerate(every):
        if step.kind == "global" and step.value in function.__globals__:
            path: list[str] = []
            while at + 1 + len(path) < len(every) and every[at + 1 + len(path)].name in ATTRIBUTE:
                path.append(every[at + 1 + len(path)].value)
            found[step.value] = (*found.get(step.value, ()), ".".join(path))
    return [(name, paths, function.__globals__[name]) for name, paths in found.items()]


def callee(value: Any, paths: tuple[str, ...]) -> Any:
    """What compiled code gets for something that it uses: numba's version of a function, also of one that is taken of a module."""
    if isinstance(value, FunctionType):
        return inlined(value)
    if isinstance(value, dispatcher_type()):
        return again(value)
    if isinstance(value, ModuleType):
        return with_callees(value, paths)
    return value


def with_callees(module: ModuleType, paths: tuple[str, ...]) -> ModuleType:
    """A module in which the functions that are taken of it are numba's versions; the module itself if there are none of its own."""
    changed: dict[str, Any] = {}
    for name in {path.partition(".")[0] for path in paths if path}:
        value = vars(module).get(name)
        own = isinstance(value, FunctionType) and WORLD.has_file(value.__code__.co_filename)
        if own or isinstance(value, (dispatcher_type(), ModuleType)):
            inner = tuple(path.partition(".")[2] for path in paths if path.partition(".")[0] == name)
            made = callee(value, inner)
            if made is not value:
                changed[name] = made
    if not changed:
        return module
    copy = ModuleType(module.__name__)
    vars(copy).update({**vars(module), **changed})
    return copy


@cache
def dispatcher_type() -> type:
    from numba.core.dispatcher import Dispatcher

    return Dispatcher
