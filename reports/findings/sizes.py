"""Which of several measured sizes to show first, and which is nearest to a size that somebody asks for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

USUAL_V = 100_000
"""A usual vocabulary of word2vec: what is shown first is measured near it."""


class AnySize(Protocol):
    """A problem's size, in a result file or in a plan."""

    @property
    def V(self) -> int: ...
    @property
    def H(self) -> int: ...
    @property
    def B(self) -> int: ...
    @property
    def dtype(self) -> str: ...
    @property
    def index(self) -> str: ...
    @property
    def words(self) -> str: ...
    @property
    def threads(self) -> int: ...


S = TypeVar("S", bound=AnySize)
T = TypeVar("T")


def types(size: AnySize) -> str:
    """Return what a size has beside V, B, H and the kernel's own K: dtype, index type, words and threads."""
    return f"{size.dtype},{size.index},{size.words},t{size.threads}"


def types_differ(sizes: Iterable[tuple[str, AnySize]]) -> bool:
    """Whether some kernel has several dtypes, index types, words or threads; else nobody needs to read them."""
    by_kernel: dict[str, set[str]] = {}
    for kernel, size in sizes:
        by_kernel.setdefault(kernel, set()).add(types(size))
    return any(len(its) > 1 for its in by_kernel.values())


def size_to_show(sizes: Sequence[tuple[str, S]]) -> S | None:
    """Return the size to show first, of the sizes of several kernels; None if there are none.

    It is on the fewest threads. Of the vocabularies that half of the kernels have, it is the nearest to USUAL_V. There, of several
    sizes, it is the one that most kernels have, then the one with the largest batch.
    """
    fewest = min((size.threads for _, size in sizes), default=1)
    sizes = [(kernel, size) for kernel, size in sizes if size.threads == fewest]
    if not sizes:
        return None
    kernels: dict[int, set[str]] = {}
    for kernel, size in sizes:
        kernels.setdefault(size.V, set()).add(kernel)
    half = len({kernel for kernel, _ in sizes}) / 2
    common = [V for V in kernels if len(kernels[V]) >= half] or [max(kernels)]
    V = min(common, key=lambda V: (abs(math.log(V / USUAL_V)), -V))
    there = [size for _, size in sizes if size.V == V]
    often = Counter((size.B, types(size)) for size in there)
    hidden = Counter(size.H for size in there)
    # kernels of one number a word have H = 1
    return max(there, key=lambda size: (often[size.B, types(size)], size.B, size.H > 1, hidden[size.H], -size.H))


def nearest(items: Sequence[T], size_of: Callable[[T], AnySize], V: int, B: int, H: int, wanted: str) -> T:
    """Return the item whose size is nearest: of the wanted types first, then by the logarithms of V, counted twice, B and H."""

    def distance(item: T) -> tuple[float, ...]:
        size = size_of(item)
        far = sum(
            weight * abs(math.log(max(1, mine) / max(1, its)))
            for weight, mine, its in ((2, size.V, V), (1, size.B, B), (1, size.H, H))
        )
        return types(size) != wanted, round(far, 9), -size.B, -size.H

    return min(items, key=distance)
