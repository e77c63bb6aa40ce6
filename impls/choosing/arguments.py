"""A program's arguments of a kernel: the size that they have, and what is wrong with them."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..interface import Kernel
from ..interface.case import DTYPES, INDEX_DTYPES, Size

NAMES: dict[np.dtype[Any], str] = {np.dtype(kind): name for name, kind in {**DTYPES, **INDEX_DTYPES}.items()}
"""Names of dtypes in sizes."""
FLOATS, IDS = "float32 or float64", "int32 or int64"
NUMBERS: dict[str, tuple[int | float, type, str]] = {
    "real": (1.0, numbers.Real, "a number"),
    "whole": (1, numbers.Integral, "a whole number"),
}
"""Numbers in ``Kernel.shapes``: an example, the class, and what it is called."""


def dimensions(shape: str) -> str:
    """Return the dimensions of an array in ``Kernel.shapes``; empty for what is no array."""
    return "" if shape.startswith("=") or shape in NUMBERS else shape.removeprefix("i").removesuffix("64")


def at_most(rows: int) -> int:
    """Return what is prepared for where the number of rows differs from call to call: the next power of two."""
    return 1 << int((rows - 1).bit_length())


def size_of(kernel: Kernel, arguments: Mapping[str, Any], V: int | None, like: Size) -> Size:
    """Return the size of a call.

    Parameters
    ----------
    kernel, arguments
        The kernel, and its arguments by name.
    V
        The vocabulary, where the kernel's arguments do not tell it.
    like
        Gives what arguments do not tell: words, threads, and the types of a kernel that has none of them.

    Raises
    ------
    TypeError
        If an argument is no array, or has another dtype or number of axes.
    ValueError
        If their shapes do not fit together.
    """
    found: dict[str, tuple[int, str]] = {}
    kinds: dict[str, tuple[str, str]] = {}
    for name, shape in zip(kernel.parameters, kernel.shapes, strict=True):
        value = arguments[name]
        if shape.startswith("="):
            if not isinstance(value, int | np.integer):
                raise TypeError(f"{name} must be a whole number, not {type(value).__name__}")
            add(found, shape[1:], int(value), name)
        elif shape in NUMBERS:
            _, kind, what = NUMBERS[shape]
            if not isinstance(value, kind):
                raise TypeError(f"{name} must be {what}, not {type(value).__name__}")
        elif axes := dimensions(shape):
            check_kind(name, shape, value, kinds)
            for axis, length in zip(axes, value.shape, strict=True):
                add(found, axis, length, name)
    lengths = {axis: length for axis, (length, _) in found.items()}
    if "V" not in lengths:
        lengths["V"] = lengths["N"] + 1 if "N" in lengths else V or 0
        if not lengths["V"]:
            raise TypeError(f"the arguments of {kernel.name} do not tell V: give it, as dispatch({kernel.name!r}, V=…)")
    B = lengths.get("B", 0)
    return Size(
        lengths["V"],
        lengths.get("H", 1),
        at_most(B) if kernel.ragged else B,
        mean_words(lengths["*"], B) if "*" in lengths else lengths.get("K", 0),
        dtype=kinds["float"][0] if "float" in kinds else like.dtype,
        index=kinds["ids"][0] if "ids" in kinds else like.index,
        words=like.words,
        threads=like.threads,
    )


def mean_words(words: int, bags: int) -> int:
    """Return K where the number of words differs from call to call: for all numbers that the guard takes as alike, the same."""
    return at_most(words) // max(1, bags)


def prepared_size(kernel: Kernel, size: Size) -> Size:
    """Return the size that a kernel is prepared for where a call of this size is expected."""
    if "i*" in kernel.shapes:
        return replace(size, K=mean_words(size.B * size.K, size.B))
    return replace(size, B=at_most(size.B)) if kernel.ragged else size


def add(found: dict[str, tuple[int, str]], axis: str, length: int, name: str) -> None:
    """Add a dimension that an argument has. Raises ValueError if another one has it otherwise."""
    known, other = found.setdefault(axis, (length, name))
    if known != length:
        raise ValueError(f"{other} and {name} do not fit together: {axis} is {known} and {length}")


def check_kind(name: str, shape: str, value: Any, kinds: dict[str, tuple[str, str]]) -> None:
    """Raise TypeError unless a value is an array of the right number of axes and dtype, the same as other arguments'."""
    axes = dimensions(shape)
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, not {type(value).__name__}")
    if value.ndim != len(axes):
        raise TypeError(f"{name} must have {len(axes)} {'axis' if len(axes) == 1 else 'axes'}, not {value.ndim}")
    if shape.endswith("64"):
        if value.dtype != np.float64:
            raise TypeError(f"{name} must be float64, not {value.dtype}")
        return
    kind, known = ("ids", INDEX_DTYPES) if shape.startswith("i") else ("float", DTYPES)
    dtype = NAMES.get(value.dtype, "")
    if dtype not in known:
        raise TypeError(f"{name} must be {IDS if kind == 'ids' else FLOATS}, not {value.dtype}")
    before, other = kinds.setdefault(kind, (dtype, name))
    if before != dtype:
        raise TypeError(f"{other} and {name} must have one dtype, not {before} and {dtype}")


def examples(kernel: Kernel, size: Size, constants: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return arguments of the types that a call of this size has, for a compiler that looks at types only.

    Raises
    ------
    TypeError
        If a constant is missing.
    """
    for name in kernel.constants:
        if name not in constants:
            raise TypeError(f"{kernel.name} is prepared for one {name}: give it, as inputs={{{name!r}: …}}")

    def example(name: str, shape: str) -> Any:
        if name in kernel.constants or not shape:
            return constants.get(name)
        if axes := dimensions(shape):
            dtype = (
                np.float64 if shape.endswith("64") else size.index_type if shape.startswith("i") else size.float_type
            )
            return np.empty((1,) * len(axes), dtype)
        return NUMBERS.get(shape, NUMBERS["whole"])[0]

    return tuple(map(example, kernel.parameters, kernel.shapes))
