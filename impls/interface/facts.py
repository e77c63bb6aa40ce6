"""Facts that authors state about kernels and implementations: which values are valid, and what they mean.

A field of a class of facts is annotated with its rule. ``check_facts`` looks at all of them when an object is made, so that an
invalid fact is known by its name then, and not in the middle of a run.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from inspect import getattr_static
from math import inf, prod
from types import CodeType
from typing import Annotated, Any, Literal

from ..messages import one_line, quoted
from .case import Size
from .problem import Problem, Work

ARRAY_PATTERN = re.compile(r"(?:[0-9]{1,9})?[VHBK]{1,8}(?:64)?")
"""An array in ``temporaries``: a factor, dimensions, and 64 for float64."""
SHAPE = re.compile(r"|real|whole|=[VHBK]|i\*|i?[VHBKN]{1,2}|[VHBKN]{1,2}64")
"""A parameter in ``Kernel.shapes``."""


class BadImplementation(ValueError):
    """Invalid facts of a kernel or an implementation. The message is one line: which fact, and which values are valid."""


@dataclass(frozen=True)
class Rule:
    """Which values of a field are valid, and what these are, for the message about another one."""

    allows: Callable[[Any], object]
    wanted: str


def check_facts(owner: str, facts: object) -> None:
    """Raise BadImplementation for the first field whose value its rule does not allow."""
    for kind in reversed(type(facts).__mro__):
        for name, annotation in vars(kind).get("__annotations__", {}).items():
            for rule in getattr(annotation, "__metadata__", ()):
                if not rule.allows(getattr(facts, name)):
                    refuse(owner, facts, name, rule.wanted)


def refuse(owner: str, facts: object, name: str, wanted: str) -> None:
    """Raise BadImplementation for the value of a field."""
    raise BadImplementation(f"{owner}: {name} is {printable(getattr(facts, name))}, not {wanted}")


def is_text(value: object, empty: bool = False) -> bool:
    """Whether a value is a text that a result file can hold."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return empty or bool(value.strip())


def is_arrays(value: object) -> bool:
    return isinstance(value, str) and (not value or all(map(ARRAY_PATTERN.fullmatch, value.split("+"))))


def is_names(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) and name.isidentifier() for name in value)


def is_modules(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) and is_names((*name.split("."),)) for name in value)


def is_function(value: object) -> bool:
    """Whether a value can be called and has code, which is shown, profiled and compared."""
    try:
        return callable(value) and isinstance(value.__code__, CodeType)  # type: ignore[attr-defined]
    except Exception:  # it has no code, or its attributes raise
        return False


def is_covers(covers: Any, sizes: tuple[Size, ...]) -> bool:
    """Whether ``covers`` is None, or returns numbers from 0 up by name at these sizes."""
    try:
        counts = [dict(covers(size)) for size in sizes] if covers is not None else []
        return all(isinstance(name, str) and 0 <= float(number) < inf for one in counts for name, number in one.items())
    except Exception:  # a function from outside may raise anything
        return False


def are_functions(value: object) -> bool:
    return isinstance(value, tuple) and all(map(is_function, value))


Text = Annotated[str, Rule(is_text, "a text that is not empty")]
Note = Annotated[str, Rule(lambda value: is_text(value, empty=True), "a text")]
Flag = Annotated[bool, Rule(lambda value: type(value) is bool, "True or False")]
Arrays = Annotated[str, Rule(is_arrays, "dimensions of arrays joined by +, such as BV+VH, VH64 or 8V")]
Names = Annotated[tuple[str, ...], Rule(is_names, "a tuple of names")]
Modules = Annotated[tuple[str, ...], Rule(is_modules, "a tuple of full module names, such as ('numba',)")]
Dimensions = Annotated[
    str, Rule(lambda value: isinstance(value, str) and {*value} <= {*"VHBK"}, "one of V, H, B and K")
]
Slide = Annotated[int | None, Rule(lambda value: value is None or type(value) is int, "a slide number")]
Positions = Annotated[
    tuple[int, ...],
    Rule(
        lambda value: isinstance(value, tuple) and all(type(at) is int and at >= 0 for at in value),
        "a tuple of positions",
    ),
]
Function = Annotated[Callable[..., Any], Rule(is_function, "a plain function (def): write one that calls it")]
Functions = Annotated[tuple[Callable[..., Any], ...], Rule(are_functions, "a tuple of functions")]
IS_HOOK = Rule(lambda value: value is None or callable(value), "a function")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the author of an implementation may state about it, beside its slug and title."""

    summary: Note = ""
    """What it does, as part of a sentence: "picking the rows by their index"."""
    slide: Slide = None
    """Its slide in the source deck."""
    baseline: Flag = False
    """Whether speed-ups refer to it. A kernel has one baseline, the textbook's first implementation."""
    textbook: Flag = False
    """Whether it too is the textbook's way, though not the baseline."""
    grows_with: Dimensions = ""
    """``"V"`` where its time grows with the vocabulary at a given batch."""
    temporaries: Arrays = ""
    """Dimensions of its large temporary arrays, from which a run estimates memory: ``BV+VH`` in the size's dtype, ``VH64`` in
    float64, ``8V`` with eight rows."""
    shares: Arrays = ""
    """Dimensions of the arrays that it takes from ``Problem.buffer``, written the same way."""
    wrong: Note = ""
    """Why its result is wrong. It is shown and never ranked, and the contract asserts that it is wrong."""
    requires: Modules = ()
    """Optional packages that it imports. numba is added where it is compiled."""
    jit: Flag = False
    """Whether numba compiles it, and what it calls, before the first call. See also ``compiling.functions.makes_no_arrays``."""
    one_thread: Flag = False
    """Whether all of its own code runs on one thread. Whole training runs then use one thread only."""
    prepare: Annotated[Callable[[Problem], Any] | None, IS_HOOK] = None
    """``prepare(problem)`` runs once per process, outside the clock, and sees no batch. Every call gets its result, the workspace,
    as the last argument."""
    adapt: Annotated[Callable[..., tuple[Any, ...]] | None, IS_HOOK] = None
    """``adapt(workspace, *batch)`` returns a batch's arguments in another form (tensors, text), with the same values in the same
    order. It runs on every fresh batch, outside the clock; its time is shown."""
    traffic: Annotated[Callable[[Size], Work] | None, IS_HOOK] = None
    """``traffic(size)`` returns what a call itself reads, writes and computes, where that exceeds the kernel's work."""
    source_functions: Functions = ()
    """Functions that do its work. Their code is shown beside its own, and it is not profiled by line."""
    covers: Callable[[Size], dict[str, float]] | None = None
    """``covers(size)`` returns how many examples a call covers, if not as many as the kernel's, or their mean if the number is
    random. Speed-ups then compare the time per example."""
    differs: Note = ""
    """What else it does differently from others of its kernel, such as its optimizer. Shown beside the ratios."""
    returns: Positions = ()
    """Positions in its workspace of the arrays that a call returns, or returns views of; ``(0,)`` where the workspace is one such
    array. ``w2vbench.best`` puts others there as long as a caller holds them."""
    form: Note = ""
    """The form of its result, where that is not its kernel's usual one: it then cannot stand in for the others."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """At which of a preset's sizes a kernel is measured."""

    at: Literal["all", "flat", "tables", "small", "slow", "text"] = "all"
    """Which of a preset's lists of sizes: ``flat`` where time hardly depends on V; ``tables`` where implementations pass over up to
    four V × H tables, which are filled, checked or restored several times; ``small`` where some make a B × V array, and ``slow``
    where most pass over a whole table for a batch, so that B is small where V is large; ``text`` where B is the length of a text
    in words, with int32 ids and float32 vectors."""
    batches: bool = False
    """Whether it is measured at several B."""
    quick: bool = True
    """Whether the preset ``quick`` has it; otherwise it runs there on request only."""


@dataclass(frozen=True, kw_only=True)
class Deck:
    """What the source deck's page shows of a kernel."""

    sizes: tuple[Size, ...] = ()
    """The deck's own size first, where implementations are profiled."""
    beside: tuple[str, ...] = ()
    """Implementations that are measured there beside those of its slides and the baseline: what the page shows, and the fastest."""
    layers: tuple[str, ...] = ()
    """Methods of the book's layers that slides show, and that get this kernel's inputs."""


def has_attribute(value: object, name: str) -> bool:
    """Whether an object or its type defines an attribute. What ``__getattr__`` answers does not count."""
    return getattr_static(value, name, None) is not None


def printable(value: object) -> str:
    """Return a value from outside as a message shows it, even if its ``repr`` raises."""
    if isinstance(value, str):
        return quoted(value)
    try:
        return one_line(repr(value))[:80]
    except Exception:
        return f"of type {type(value).__name__}"


def array_bytes(arrays: str, size: Size) -> int:
    """Return the bytes of arrays: ``BV+VH`` are two in the size's dtype, ``VH64`` is one in float64, ``8V`` has eight rows of V."""
    total = 0
    for array in filter(None, arrays.split("+")):
        item = 8 if array.endswith("64") else size.float_type.itemsize
        dimensions = array.removesuffix("64").lstrip("0123456789")
        rows = int(array[: array.index(dimensions)] or 1)
        total += rows * prod(getattr(size, dimension) for dimension in dimensions) * item
    return total
