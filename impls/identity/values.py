"""What a value is and what it holds, judged by its class, its ``__dict__`` and its slots: its ``__getattr__`` may answer anything."""

from __future__ import annotations

import contextlib
import struct
import sys
from collections import defaultdict
from collections.abc import Iterable
from types import FunctionType, MemberDescriptorType
from typing import Any

import numpy as np

DESCRIBED = (dict, list, tuple, set, frozenset, str, bytes, int, float, complex, np.ndarray)
"""Classes whose objects' contents can be read, also of classes derived from them."""
POINTER = struct.calcsize("P")


def is_implementation(value: Any) -> bool:
    """Whether a value is an Implementation of any copy of this package. It looks at the class, not at the value's attributes."""
    return "interface_version" in vars(type(value)).get("__dataclass_fields__", {})


def hides_state(kind: type) -> bool:
    """Whether a class written in C gives objects memory of its own, beside attributes, slots and contents: a tensor, a stream.

    A class statement adds a pointer for each slot, and at most two more, for ``__dict__`` and weak references.
    """
    base = next((one for one in DESCRIBED if issubclass(kind, one)), object)
    pointers = 2 + sum(len(declared_slots(one)) for one in kind.__mro__)
    return kind.__basicsize__ - base.__basicsize__ > pointers * POINTER


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
    found = {}
    for kind in type(value).__mro__:
        for name, slot in declared_slots(kind).items():
            with contextlib.suppress(AttributeError):  # empty
                found[name] = slot.__get__(value)
    return found


def declared_slots(kind: type) -> dict[str, MemberDescriptorType]:
    """Return the slots that a class statement declares. Python has another name for a private one than ``__slots__`` says."""
    own = vars(kind) if "__slots__" in vars(kind) else {}
    return {name: item for name, item in own.items() if isinstance(item, MemberDescriptorType)}
