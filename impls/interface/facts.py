"""Facts that authors state about kernels and implementations: which values are valid, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from inspect import getattr_static
from math import inf, prod
from types import CodeType
from typing import Any

from .case import Size
from .messages import one_line, quoted

ARRAY_PATTERN = re.compile(r"(?:[0-9]{1,9})?[VHBK]{1,8}(?:64)?")
"""An array in ``temporaries``: a factor, dimensions, and 64 for float64."""
SHAPE = re.compile(r"|real|whole|=[VHBK]|i\*|i?[VHBKN]{1,2}|[VHBKN]{1,2}64")
"""A parameter in ``Kernel.shapes``."""
ARRAYS_HINT = "dimensions of arrays joined by +, such as BV+VH, VH64 or 8V"


class BadImplementation(ValueError):
    """Invalid facts of a kernel or an implementation. The message is one line: which fact, and which values are valid."""


def check_facts(owner: str, value: object, *facts: tuple[str, object, str]) -> None:
    """Raise BadImplementation for the first fact that is invalid. Each has a field, whether it is valid, and what is wanted."""
    for field, ok, wanted in facts:
        if not ok:
            raise BadImplementation(f"{owner}: {field} is {printable(getattr(value, field))}, not {wanted}")


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


def is_shapes(value: object, parameters: Sequence[str]) -> bool:
    """Whether a value has a shape for each parameter, or for none."""
    shapes = isinstance(value, tuple) and all(isinstance(one, str) and SHAPE.fullmatch(one) for one in value)
    return shapes and len(value) in (0, len(parameters))  # type: ignore[arg-type]


def is_covers(covers: Any, sizes: Sequence[Size]) -> bool:
    """Whether ``covers`` is None, or returns numbers from 0 up by name at these sizes."""
    try:
        counts = [dict(covers(size)) for size in sizes] if covers is not None else []
        return all(isinstance(name, str) and 0 <= float(number) < inf for one in counts for name, number in one.items())
    except Exception:  # a function from outside may raise anything
        return False


def is_modules(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) and is_names((*name.split("."),)) for name in value)


def is_function(value: object) -> bool:
    """Whether a value can be called and has code, which is shown, profiled and compared."""
    try:
        return callable(value) and isinstance(value.__code__, CodeType)  # type: ignore[attr-defined]
    except Exception:  # it has no code, or its attributes raise
        return False


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
