"""What a value is and what it holds, judged by its class, its ``__dict__`` and its slots: its ``__getattr__`` may answer anything."""

from __future__ import annotations

import contextlib
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType
from typing import Any

HEAP_TYPE = 1 << 9
"""CPython's flag of a class that is made at run time, as a class statement makes one."""


def is_implementation(value: Any) -> bool:
    """Whether a value is an Implementation of any copy of this package. It looks at the class, not at the value's attributes."""
    return "interface_version" in vars(type(value)).get("__dataclass_fields__", {})


def written_in_python(kind: type) -> bool:
    """Whether a class comes from a class statement, so that its objects have only attributes and slots."""
    return bool(kind.__flags__ & HEAP_TYPE) and "__dict__" in vars(kind)


def closure_values(function: FunctionType) -> Iterable[Any]:
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # empty
            yield cell.cell_contents


def default_factory(value: Any) -> tuple[Any, ...]:
    return (value.default_factory,) if isinstance(value, defaultdict) else ()


def named_ufunc(value: Any) -> bool:
    """Whether a ufunc is one of NumPy's or SciPy's, and not made from a Python function."""
    return any(
        vars(sys.modules[name]).get(value.__name__) is value
        for name in ("numpy", "scipy.special")
        if name in sys.modules
    )


def attributes(value: Any) -> dict[str, Any]:
    """Return an object's ``__dict__``, and not what its ``__getattr__`` would answer (``__getattr__ = dict.get``)."""
    try:
        names = object.__getattribute__(value, "__dict__")
    except (AttributeError, TypeError):
        return {}
    return dict(names) if isinstance(names, dict) else {}


def slots(value: Any) -> dict[str, Any]:
    """Return what an object has in slots."""
    return {name: item for kind in type(value).__mro__ for name, item in slots_of(value, kind)}


def slots_of(value: Any, kind: type) -> Iterator[tuple[str, Any]]:
    declared = vars(kind).get("__slots__", ())
    for name in (declared,) if isinstance(declared, str) else declared:
        descriptor: Callable[..., Any] | None = getattr(vars(kind).get(name), "__get__", None)
        if name not in ("__dict__", "__weakref__") and descriptor:
            with contextlib.suppress(AttributeError):  # empty
                yield name, descriptor(value)
