"""Presets: which sizes each kernel is measured at, and how long. ``w2vbench run --preset NAME`` takes one of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from bench.engine.context import Settings
from impls.case import Size


class Kernel(Protocol):
    """What sizes depend on."""

    @property
    def name(self) -> str: ...
    @property
    def dimensions(self) -> str: ...


NEGATIVES = 5
"""The book's number of negatives a target."""

HUNDREDFOLD = ("lookup", "output.softmax", "sampling.without-replacement")
"""Kernels with implementations that make a B × V array or go over V for every row: they have sizes of their own, (V, B), with a
small batch where V is large, and the same small batch at smaller V too, so that growth in V can be seen."""


FLAT = (
    "scatter.accumulate",
    "scatter.rows",
    "output.shared-negatives",
    "output.sampled-softmax",
    "output.nce",
    "output.hierarchical",
)
"""Kernels none of whose implementations grows with V to speak of: where time is short, a vocabulary or two will do."""

TABLES = ("update.sgd", "update.adam", "update.lazy-adam")
"""Kernels that hold up to four V × H tables, and go over them several times to check or to restore them: they have
vocabularies of their own, for the largest take longer than they tell."""

TEXTS = ("training.cbow", "training.skip-gram")
"""Kernels whose B is a piece of text, in words, ids int32 and vectors float32: the book's implementations take a second for a thousand."""


@dataclass(frozen=True)
class Preset:
    """How the problems of a preset are run, and its sizes a kernel."""

    name: str
    settings: Settings
    vocabularies: tuple[int, ...]
    batches: tuple[int, ...] = (100,)
    hundredfold: tuple[tuple[int, int], ...] = ()
    flat: tuple[int, ...] = ()
    tables: tuple[int, ...] = ()
    texts: tuple[tuple[int, int], ...] = ()
    left_out: tuple[str, ...] = ()
    """Kernels that run only when they are asked for."""

    def sizes(self, kernel: Kernel) -> list[Size]:
        """The sizes at which a kernel is measured, in the order they are measured."""
        if self.name == "deck":
            return deck_sizes(kernel)
        if kernel.name in TEXTS:
            sizes = [fit(kernel, Size(V, B=B)) for V, B in self.texts]
        elif kernel.name in HUNDREDFOLD:
            sizes = [fit(kernel, Size(V, B=B)) for V, B in self.hundredfold]
        else:
            own = {**dict.fromkeys(FLAT, self.flat), **dict.fromkeys(TABLES, self.tables)}.get(kernel.name)
            some = own or self.vocabularies
            sizes = [fit(kernel, Size(V)) for V in some]
        if kernel.name.startswith("scatter"):
            sizes += [fit(kernel, Size(V=min(10**5, self.vocabularies[-1]), B=B)) for B in self.batches]
        return list(dict.fromkeys(sizes))


def fit(kernel: Kernel, size: Size) -> Size:
    """The size with the dimensions that the kernel has, and without those that it has not."""
    return replace(
        size,
        H=size.H if "H" in kernel.dimensions else 1,
        K=(size.K or NEGATIVES) if "K" in kernel.dimensions else 0,
        dtype="f32" if kernel.name in TEXTS else size.dtype,
        index="i32" if kernel.name in TEXTS else size.index,
    )


DECK = {
    "lookup": (Size(10**6, B=1, dtype="f64"), Size(10**5, B=1, dtype="f64"), Size(10**4, B=1, dtype="f64")),
    "scatter.scalar": (Size(10**6, B=10_000, dtype="f64"),),
    "scatter.accumulate": (Size(10**6, B=10_000, dtype="f64"),),
    "output.softmax": (Size(10**4, B=1, dtype="f64"), Size(10**5, B=1, dtype="f64"), Size(10**6, B=1, dtype="f64")),
    "output.negative-sampling": (Size(10**6, B=1, dtype="f64"),),
    "sampling.without-replacement": (Size(10**6, B=1),),
}
"""The deck's own sizes, by kernel: slides 6 and 9, 13, 14, 24, 22."""


def deck_sizes(kernel: Kernel) -> list[Size]:
    return [fit(kernel, size) for size in DECK.get(kernel.name, ())]


def own_sizes(kernel: Kernel, vocabularies: Sequence[int], batches: Sequence[int]) -> list[Size]:
    """Every combination of a user's own vocabularies and batches, for a kernel."""
    return list(dict.fromkeys(fit(kernel, Size(V, B=B)) for B in batches for V in vocabularies))


def changed_sizes(sizes: Callable[[Kernel], list[Size]], changed: dict[str, Any], kernel: Kernel) -> list[Size]:
    """A kernel's sizes with some fields changed alike (hidden size, negatives, dtypes, words, threads)."""
    return list(dict.fromkeys(fit(kernel, replace(size, **changed)) for size in sizes(kernel)))


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "quick",
            Settings(processes=5, rounds=5, sample_s=0.001, variant_s=0.0075, profile=False),
            (100_000,),
            tables=(10_000,),
            hundredfold=((10_000, 4), (100_000, 4)),
            texts=((1_000, 50),),
            left_out=(
                "output.shared-negatives",
                "output.sampled-softmax",
                "output.nce",
                "output.hierarchical",
                "update.adam",
                "update.lazy-adam",
            ),
        ),
        Preset(
            "default",
            Settings(processes=5, rounds=5, sample_s=0.002, variant_s=0.015),
            (1_000, 10_000, 100_000, 1_000_000),
            flat=(10_000, 100_000),
            tables=(1_000, 10_000, 100_000),
            batches=(100, 1_000, 10_000),
            hundredfold=((1_000, 100), (10_000, 100), (10_000, 8), (100_000, 8), (1_000_000, 8)),
            texts=((10_000, 300),),
        ),
        Preset(
            "deck",
            Settings(processes=5, rounds=12),
            (),
        ),
        Preset(
            "full",
            Settings(processes=5, rounds=20, variant_s=0.1),
            (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000),
            flat=(1_000, 10_000, 100_000, 1_000_000),
            tables=(1_000, 10_000, 100_000, 1_000_000),
            batches=(1, 10, 100, 1_000, 10_000),
            hundredfold=(
                *((V, 100) for V in (1_000, 3_000, 10_000, 30_000, 100_000, 300_000)),
                *((V, 16) for V in (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)),
            ),
            texts=((1_000, 1_000), (10_000, 1_000)),
        ),
    )
}

GATE = Preset(
    "gate",
    Settings(rounds=30, sample_s=0.002, variant_s=0.06),
    (10_000,),
    batches=(100, 1_000),
    flat=(10_000,),
    tables=(10_000,),
    hundredfold=((10_000, 8), (100_000, 8)),
    texts=((1_000, 1_000),),
)
"""The sizes at which two revisions are compared, one or two a kernel; no preset of a run."""
