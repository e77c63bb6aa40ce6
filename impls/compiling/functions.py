"""Compiled implementations: plain Python functions that numba compiles during set-up and caches on disk.

An implementation with ``jit=True`` is an ordinary function, and so are the functions that it calls. Only a process that
needs numba imports it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from functools import cache
from itertools import count
from pathlib import Path
from types import CellType, FunctionType, ModuleType
from typing import Any

from ..identity.bytecode import ATTRIBUTE, steps, with_nested
from ..identity.trees import Tree, without_docstrings
from . import cache as compile_cache

FASTMATH_FLAGS = ("arcp", "contract", "nsz", "reassoc")
"""LLVM may reorder sums and fuse products into them. NaN and infinity keep their meaning."""
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": set(FASTMATH_FLAGS)}
WITHOUT_ENTRIES = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Of a function of this package that only compiled code calls, numba compiles nothing for calls from Python or C, which takes
long. A user's may be a value in compiled code, which is called by such an entry."""
PACKAGE = Path(__file__).parents[1]
ANY_FILE = Tree()
"""Code of any file may be compiled in, except that of packages which are identified by version."""
NUMBERS = count()
FOLLOWED: ContextVar[tuple[Any, ...]] = ContextVar("FOLLOWED", default=())
"""The functions that call each other, the outermost first, while they are prepared to be compiled."""


@cache
def stand_in_identity() -> tuple[Any, ...]:
    """Return what determines how functions are compiled and called: the options, and this file."""
    return OPTIONS, hashlib.sha256(without_docstrings(Path(__file__)).encode()).hexdigest()


def machinery(references: bool) -> tuple[Any, ...]:
    """Return what determines how a function is compiled. references: whether it counts references to arrays."""
    return (*stand_in_identity(), references)


def warm_up() -> None:
    """Have numba load now what the first compilation in a process would load. It takes half a second, outside of any clock."""
    with suppress(ImportError):
        import numba

        numba.njit(lambda: 0).compile(())


def machine_code(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function as a numba intrinsic, which generates machine code: compiled functions may call it."""
    function.writes_machine_code = True  # type: ignore[attr-defined]
    return function


def makes_no_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function that makes no arrays, and calls none that does. numba then counts no references to arrays.

    A call takes about 0.1 µs less for each array, and a loop that calls functions for each word up to a fifth less. The
    function may return an array that it was given, but no part of one: ``ready`` refuses that.
    """
    function.makes_no_arrays = True  # type: ignore[attr-defined]
    return function


def counts_references(function: Any) -> bool:
    """Return whether a function, and what it calls, counts references to arrays."""
    return not getattr(function, "makes_no_arrays", False)


def with_references(options: dict[str, Any], references: bool) -> dict[str, Any]:
    """Return numba's options so that a function counts references to arrays, or not."""
    return options if references else {**options, "_nrt": False}


def ready(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[..., Any]:
    """Compile a function for arguments of these types, and return a function for such arguments.

    Of an array, it checks only the size of an item and the number of axes: with another type of that size, or with other strides,
    results are wrong. It calls the machine code directly, since numba's own call would look the types up every time. Arguments that the
    function does not use are not passed on: unpacking a random generator takes longer than drawing a thousand numbers.
    """
    from numba import typeof

    code = function.__code__
    parameters = code.co_varnames[: code.co_argcount]
    used = variables_read(function)
    types = tuple(typeof(argument if name in used else 0) for name, argument in zip(parameters, arguments, strict=True))
    classes = compile_cache.named_tuples_in(arguments)
    version = compiled(function, classes)
    try:
        machine = version.compile(types)
    except Exception:  # from the code itself, or from reading the cache: numba does not distinguish them
        version = dispatcher(function)
        machine = version.compile(types)
        compile_cache.delete(key_of(function, classes))
    refuse_parts_of_arrays(function, version.overloads[types].signature.return_type)
    return direct_call(machine, parameters, used)


def refuse_parts_of_arrays(function: Callable[..., Any], returned: Any) -> None:
    """Refuse a function that counts no references and returns arrays in something else: numba checks only arrays alone."""
    from numba.core.types import Array

    if not counts_references(function) and "array(" in str(returned) and not isinstance(returned, Array):
        raise TypeError(
            f"{function.__name__}() is marked with makes_no_arrays, but does not return an array alone: it returns {returned}. "
            "Take the mark away"
        )


def variables_read(function: Callable[..., Any]) -> set[str]:
    code = function.__code__
    read = {step.value for step in steps(code) if step.name.startswith("LOAD_FAST") and step.kind == "number"}
    return {name for at, name in enumerate(code.co_varnames) if at in read} | set(code.co_cellvars)


def direct_call(machine: Callable[..., Any], parameters: tuple[str, ...], used: set[str]) -> Callable[..., Any]:
    """Return a function that passes to the machine code only the arguments that it uses, and 0 for the others."""
    if used.issuperset(parameters):
        return machine
    passed = ", ".join(name if name in used else "0" for name in parameters)
    return eval(f"lambda {', '.join(parameters)}: machine({passed})", {"machine": machine})  # type: ignore[no-any-return]


@cache
def compiled(function: Callable[..., Any], classes: tuple[str, ...] = ()) -> Any:
    """Return numba's version of a function.

    It compiles the function at the first call for each combination of argument types. If exactly this code was compiled
    before, it reads the machine code from the cache.

    Parameters
    ----------
    function
        A plain function.
    classes
        Names of the named tuples among its arguments, which numba looks up by name in a cache.
    """
    key = key_of(function, classes)
    folder = compile_cache.cache_folder(key) if key else None
    if folder is None:
        return dispatcher(function)
    return compile_cache.in_folder(folder, lambda: dispatcher(function, folder))


def key_of(function: Callable[..., Any], classes: tuple[str, ...]) -> str | None:
    """Return what a function's machine code is kept under; None if its code cannot be followed."""
    return compile_cache.cache_key(function, machinery(counts_references(function)), classes)


def dispatcher(function: Any, folder: Path | None = None) -> Any:
    """Return numba's version of a function, which includes the functions that it calls. folder: where numba caches it."""
    import numba

    if getattr(function, "writes_machine_code", False):
        return intrinsic(function)
    references = counts_references(function)
    copy = with_callees(function, references)
    if folder is None:
        return numba.njit(**with_references(OPTIONS, references))(copy)
    return numba.njit(**with_references(OPTIONS, references), cache=True)(compile_cache.relocate(copy, folder))


@cache
def intrinsic(function: Any) -> Any:
    from numba.extending import intrinsic

    return intrinsic(function)


@cache
def inlined(function: Any, references: bool) -> Any:
    """Return numba's version of a plain function, to be inlined into its callers.

    references: whether these count references to arrays.
    """
    import numba

    if getattr(function, "writes_machine_code", False):
        return intrinsic(function)
    own = Path(function.__code__.co_filename).is_relative_to(PACKAGE)
    options = {**with_references(OPTIONS, references), "forceinline": True, **(WITHOUT_ENTRIES if own else {})}
    return numba.njit(**options)(with_callees(function, references))


@cache
def rebuild(dispatcher: Any, references: bool) -> Any:
    """Rebuild a user's ``@njit`` function from its Python function and all that this calls, with its options and signatures.

    numba would cache it by the name of its module, which another process may not know.
    """
    import numba

    options = {name: value for name, value in dispatcher.targetoptions.items() if value is not None}
    signatures = None if dispatcher._can_compile else list(dispatcher.nopython_signatures)
    copy = with_callees(dispatcher.py_func, references)
    return numba.jit(signatures, locals=dispatcher.locals, **with_references(options, references))(copy)


def with_callees(function: Any, references: bool) -> FunctionType:
    """Copy a function, with numba's versions of the functions that it calls.

    Raises
    ------
    TypeError
        If the function calls itself: its copy would have to exist before those of its callees.
    """
    if function in FOLLOWED.get():
        raise TypeError(f"{function.__name__}() calls itself, which compiled functions cannot do here: write a loop")
    token = FOLLOWED.set((*FOLLOWED.get(), function))
    try:
        names = {name: callee(value, path, references) for name, path, value in uses(function)}
        cells = tuple(CellType(callee(cell.cell_contents, (), references)) for cell in function.__closure__ or ())
    finally:
        FOLLOWED.reset(token)
    key = compile_cache.cache_key(function, machinery(references))
    return copied(function, {**function.__globals__, **names}, cells, key)


def copied(function: Any, names: dict[str, Any], cells: tuple[CellType, ...], key: str | None) -> FunctionType:
    """Copy a function, with these global names, which become the copy's own, and cells.

    The copy belongs to a module that every process knows. Its name is unique to its code: machine code is linked by name,
    and one process may have two revisions. key: what is unique to the code; None if that is unknown.
    """
    names["__name__"] = "numba"  # numba reads its module's name from them
    copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, cells)
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__qualname__ = f"{function.__qualname__}_{key or f'unknown_{next(NUMBERS)}'}"
    copy.__module__ = "numba"
    return copy


def uses(function: Any) -> list[tuple[str, tuple[str, ...], Any]]:
    """Return the global names that a function uses, and those defined in it, each with the attributes that it takes and the value."""
    paths_of: dict[str, tuple[str, ...]] = {}
    for all_steps in map(steps, with_nested(function.__code__)):
        for at, step in enumerate(all_steps):
            if step.kind == "global" and step.value in function.__globals__:
                path: list[str] = []
                while at + 1 + len(path) < len(all_steps) and all_steps[at + 1 + len(path)].name in ATTRIBUTE:
                    path.append(all_steps[at + 1 + len(path)].value)
                paths_of[step.value] = (*paths_of.get(step.value, ()), ".".join(path))
    return [(name, paths, function.__globals__[name]) for name, paths in paths_of.items()]


def callee(value: Any, paths: tuple[str, ...], references: bool) -> Any:
    """Return what compiled code uses for a value: numba's version of a function, also of one taken from a module."""
    if isinstance(value, FunctionType):
        return inlined(value, references)
    if isinstance(value, dispatcher_type()):
        return rebuild(value, references)
    if isinstance(value, ModuleType):
        return module_with_callees(value, paths, references)
    return value


def module_with_callees(module: ModuleType, paths: tuple[str, ...], references: bool) -> ModuleType:
    """Copy a module, with numba's versions of the functions taken from it. Return the module itself if there are none."""
    changed: dict[str, Any] = {}
    for name in {path.partition(".")[0] for path in paths if path}:
        value = vars(module).get(name)
        own = isinstance(value, FunctionType) and ANY_FILE.has_file(value.__code__.co_filename)
        if own or isinstance(value, (dispatcher_type(), ModuleType)):
            inner = tuple(path.partition(".")[2] for path in paths if path.partition(".")[0] == name)
            made = callee(value, inner, references)
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
