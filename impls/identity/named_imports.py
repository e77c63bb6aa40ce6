"""Which modules a function imports by a text, as in ``import_module("numpy.linalg")``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from types import CodeType, FunctionType
from typing import Any

from .bytecode import steps, with_nested
from .values import closure_values

IMPORTING = ("import_module", "__import__")


def names_imported_by(function: FunctionType) -> list[str] | None:
    """Return texts by which a function may import modules when it is called, also in functions that are defined in it.

    These are the texts that it gives to ``import_module`` and the like. If it gives any other value, they are all texts that it
    has, and that its global names stand for; None if there are none, so that the module may be any.
    """
    codes = list(with_nested(function.__code__))
    given = [name for code in codes for name in first_arguments(code)]
    if all(isinstance(name, str) for name in given):
        return given
    variables = {name for code in codes for name in code.co_names}
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    values = (*defaults, *closure_values(function), *map(function.__globals__.get, variables))
    texts = texts_in((*values, *(code.co_consts for code in codes)))
    return [text for text in texts if text != function.__doc__] or None


def first_arguments(code: CodeType) -> Iterator[Any]:
    """Yield what is given to each import by a text: the constant, or None for what is computed."""
    for step, after in pairwise(step for step in steps(code) if step.name != "PUSH_NULL"):
        if step.kind in ("global", "name") and step.value in IMPORTING:
            yield after.value if after.kind == "constant" else None


def texts_in(values: Iterable[Any]) -> Iterator[str]:
    """Yield the texts among some values, also in tuples and lists; none that is empty."""
    for value in values:
        if isinstance(value, str) and value:
            yield value
        elif isinstance(value, tuple | list):
            yield from texts_in(value)
