"""What ``best`` and ``dispatch`` offer: which kernels, which of their implementations, at which sizes."""

from __future__ import annotations

import operator
import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..catalogue.discovery import missing, own
from ..interface import Implementation, Kernel
from ..interface.case import DTYPES, INDEX_DTYPES, BadName, Size
from .arguments import NAMES

NEGATIVES = 5
"""Negatives per target, or words of a bag, where a size does not say: as in the book."""


def candidates(kernel: str) -> dict[str, Implementation]:
    """Return the implementations of a kernel that may be chosen here, by slug, the simplest first."""
    its = [i for i in own() if i.kernel.name == kernel and not why_never_chosen(i) and not missing(i)]
    return {i.slug: i for i in sorted(its, key=lambda i: (not i.baseline, bool(i.requires)))}


def why_never_chosen(implementation: Implementation) -> str:
    """Return why an implementation cannot stand in for the others of its kernel; empty if it can."""
    if implementation.wrong:
        return "its result is wrong"
    if implementation.adapt:
        return "its arguments must be converted before each call"
    if implementation.form:
        return f"its result has another form ({implementation.form})"
    if "approximate" in implementation.title:
        return "its result is approximate"
    return "" if implementation.kernel.shapes else "its kernel trains a model"


def kernel_of(name: str) -> Kernel:
    """Return a kernel that can be dispatched. Raises ValueError."""
    kernels = {i.kernel.name: i.kernel for i in own()}
    offered = [one for one, kernel in kernels.items() if kernel.shapes]
    if name not in kernels:
        raise ValueError(f"no kernel {name!r}; there are {', '.join(offered)}")
    if name not in offered:
        raise ValueError(
            f"{name} trains a model, which is not one function that could be chosen; there are {', '.join(offered)}"
        )
    return kernels[name]


def sized(
    *,
    kernel: Kernel,
    V: int,
    H: int,
    B: int,
    K: int | None,
    dtype: DTypeLike = "f32",
    index: DTypeLike = "i64",
    threads: int = 1,
) -> Size:
    """Return a size with the kernel's own dimensions only. Raises ValueError for an invalid one, TypeError for no whole number."""
    K = NEGATIVES if K is None else K
    has = kernel.dimensions
    V, H, B, K, threads = (
        whole(name, value) for name, value in (("V", V), ("H", H), ("B", B), ("K", K), ("threads", threads))
    )
    try:
        return Size(
            V,
            H if "H" in has else 1,
            B,
            K if "K" in has else 0,
            type_name("dtype", dtype, DTYPES),
            type_name("index", index, INDEX_DTYPES),
            threads=threads,
        )
    except BadName as error:  # a class that programs do not know
        raise ValueError(f"no size of {kernel.name}: {error}") from None


def whole(name: str, value: Any) -> int:
    """Return a whole number of any type. Raises TypeError for anything else, 1e5 too."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {reprlib.repr(value)}") from None


def type_name(what: str, given: DTypeLike, known: Mapping[str, DTypeLike]) -> str:
    """Return the name that a dtype has in sizes. Raises ValueError."""
    if isinstance(given, str) and given in known:
        return given
    try:
        name = NAMES.get(np.dtype(given), "")
    except TypeError:
        name = ""
    if name not in known:
        raise ValueError(f"{what} must be one of {', '.join(known)}, not {given!r}")
    return name
