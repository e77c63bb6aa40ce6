"""Presets: the sizes at which each kernel is measured, and how long. ``w2vbench run --preset NAME`` selects one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from w2vbench.bench.engine.protocol import MeasurementSettings
from w2vbench.impls.interface.case import Size
from w2vbench.reports.findings.sizes import USUAL_V, nearest, types


class KernelShape(Protocol):
    """What a preset needs to know of a kernel."""

    @property
    def name(self) -> str: ...
    @property
    def dimensions(self) -> str: ...


class NamedImplementation(Protocol):
    """What a preset needs to know of an implementation."""

    @property
    def kernel(self) -> KernelShape: ...
    @property
    def slug(self) -> str: ...
    @property
    def baseline(self) -> bool: ...
    @property
    def slide(self) -> int | None: ...


NEGATIVES = 5
"""Negatives per target, as in the book, or words of a bag."""

SMALL_BATCH_KERNELS = ("lookup", "output.softmax", "sampling.without-replacement")
"""Kernels with implementations that make a B × V array or scan all V words for every row.

They are measured at (V, B) pairs of their own: the batch is small where V is large, and the same small batch is measured at
smaller V too, to show the growth in V.
"""


FLAT_KERNELS = (
    "lookup.bag",
    "scatter.accumulate",
    "scatter.rows",
    "scatter.bag",
    "output.shared-negatives",
    "output.sampled-softmax",
    "output.nce",
    "output.hierarchical",
)
"""Kernels whose time hardly depends on V: short presets measure them at one or two vocabularies.

Only the textbook's implementation of lookup.bag reads the whole table.
"""

BATCH_KERNELS = ("lookup.bag", "scatter.dense", "scatter.accumulate", "scatter.rows", "scatter.scalar", "scatter.bag")
"""Kernels that are measured at several batches; those of bags, whose batches hold K words a row, at one in short presets."""

TABLE_KERNELS = (
    "scatter.dense",
    "output.negative-sampling",
    "update.sgd",
    "update.adam",
    "update.lazy-adam",
    "update.scatter-sgd",
)
"""Kernels with up to four V × H tables that implementations pass over, and that are filled, checked or restored several times.

They are measured at vocabularies of their own: the largest would cost much time and show nothing new.
"""

WHOLE_TABLE_KERNELS = (*TABLE_KERNELS, "output.softmax")
"""Kernels with implementations that pass over whole tables, several times each: short presets measure a further H at the smallest
of their vocabularies. At a larger one it would take a quarter of a run.
"""

TRAINING_KERNELS = ("training.cbow", "training.skip-gram")
"""Kernels whose B is the length of a text in words, with int32 ids and float32 vectors.

The book's implementations take about a second for a thousand words.
"""


@dataclass(frozen=True)
class Preset:
    """How long a preset measures, and at which sizes.

    Attributes
    ----------
    vocabularies
        V of every kernel that has no list of its own below.
    batches
        B of the ``BATCH_KERNELS`` at V = 1e5, or at the largest vocabulary below that.
    small_batches
        (V, B) of the ``SMALL_BATCH_KERNELS``.
    slow_batches
        (V, B) of those of which every implementation passes over the whole table, or most do; if empty, ``small_batches``.
    flat, tables
        V of the ``FLAT_KERNELS`` and the ``TABLE_KERNELS``; if empty, ``vocabularies``.
    training_sizes
        (V, B) of the ``TRAINING_KERNELS``.
    hidden
        Further H, of each kernel that has one, at the vocabulary and batch that are shown first, but for WHOLE_TABLE_KERNELS.
    optional_kernels
        Kernels that run only on request.
    short
        Whether the preset is to be quick: workers get less memory, and sizes that are not shown first no check of whole results.
    profile_first
        Whether implementations are profiled at the first of their kernel's sizes, and not near the size that is shown first.
    """

    name: str
    settings: MeasurementSettings
    vocabularies: tuple[int, ...]
    batches: tuple[int, ...] = (100,)
    small_batches: tuple[tuple[int, int], ...] = ()
    slow_batches: tuple[tuple[int, int], ...] = ()
    flat: tuple[int, ...] = ()
    tables: tuple[int, ...] = ()
    training_sizes: tuple[tuple[int, int], ...] = ()
    hidden: tuple[int, ...] = ()
    optional_kernels: tuple[str, ...] = ()
    short: bool = False
    profile_first: bool = False

    def layers(self, kernel: str, size: Size) -> tuple[str, ...]:
        """Return the methods of the book's layers that are measured beside a kernel at a size."""
        return DECK_LAYERS.get(kernel, ()) if self.name == "deck" and size.V == LAYERS_V else ()

    def measures(self, implementation: NamedImplementation) -> bool:
        """Whether one of this program's implementations is measured, where the user has not named kernels or cases."""
        one = implementation
        known = self.name != "deck" or one.baseline or one.slide is not None
        return known or one.slug in DECK_BESIDE.get(one.kernel.name, ())

    def sizes(self, kernel: KernelShape) -> list[Size]:
        """Return the sizes at which a kernel is measured, in order."""
        if self.name == "deck":
            return fitted(kernel, DECK.get(kernel.name, ()))
        if kernel.name in TRAINING_KERNELS:
            return fitted(kernel, [Size(V, B=B) for V, B in self.training_sizes])
        own = self.flat if kernel.name in FLAT_KERNELS else self.tables if kernel.name in TABLE_KERNELS else ()
        sizes = [Size(V) for V in own or self.vocabularies]
        if kernel.name in SMALL_BATCH_KERNELS:
            pairs = self.small_batches if kernel.name == "lookup" else self.slow_batches or self.small_batches
            sizes = [Size(V, B=B) for V, B in pairs]
        if kernel.name in BATCH_KERNELS and not (self.short and kernel.name.endswith(".bag")):
            sizes += [Size(V=min(USUAL_V, self.vocabularies[-1]), B=B) for B in self.batches]
        usual = nearest(sizes, lambda size: size, USUAL_V, Size.B, Size.H, types(sizes[0]))
        if self.short and kernel.name in WHOLE_TABLE_KERNELS:
            usual = replace(usual, V=min(size.V for size in sizes))
        return fitted(kernel, [*sizes, *(replace(usual, H=H) for H in self.hidden)])


def fit(kernel: KernelShape, size: Size) -> Size:
    """Return the size with the kernel's own dimensions only: H = 1 or K = 0 where it has none."""
    return replace(
        size,
        H=size.H if "H" in kernel.dimensions else 1,
        K=(size.K or NEGATIVES) if "K" in kernel.dimensions else 0,
        dtype="f32" if kernel.name in TRAINING_KERNELS else size.dtype,
        index="i32" if kernel.name in TRAINING_KERNELS else size.index,
    )


def fitted(kernel: KernelShape, sizes: Iterable[Size]) -> list[Size]:
    """Return sizes with the kernel's own dimensions only, each once."""
    return list(dict.fromkeys(fit(kernel, size) for size in sizes))


DECK = {
    "lookup": tuple(Size(V, B=1, dtype="f64") for V in (10**6, 10**5, 10**4)),
    "scatter.dense": tuple(Size(V, dtype="f64") for V in (10**5, 10**4)),
    "scatter.accumulate": (Size(10**6, B=10_000, dtype="f64"),),
    "scatter.rows": tuple(Size(V, dtype="f64") for V in (10**5, 10**4)),
    "scatter.scalar": (Size(10**6, B=10_000, dtype="f64"),),
    "output.softmax": tuple(Size(V, B=1, dtype="f64") for V in (10**6, 10**5, 10**4)),
    "output.negative-sampling": tuple(Size(V, B=1, dtype="f64") for V in (10**6, 10**5, 10**4)),
    "sampling.without-replacement": tuple(Size(V, B=1, dtype="f64") for V in (10**6, 10**5, 10**4)),
    "update.adam": tuple(Size(V, dtype="f64") for V in (10**5, 10**4)),
    "update.lazy-adam": tuple(Size(V, dtype="f64") for V in (10**5, 10**4)),
    "training.cbow": (Size(10**4, B=100),),
}
"""The sizes of the deck by kernel, the deck's own first, where implementations are profiled.

From slides 6 and 9, 11 to 13, 14, 24, 22; the optimizer and whole steps show what the book's dense gradients cost after that.
"""


DECK_BESIDE = {
    "lookup": ("take", "numba"),
    "scatter.dense": ("numba",),
    "scatter.accumulate": ("sort-reduceat", "csr", "numba"),
    "scatter.rows": ("sort-reduceat", "numba"),
    "scatter.scalar": ("bincount", "numba"),
    "output.softmax": ("numba",),
    "output.negative-sampling": ("einsum-dense", "einsum-rows", "numba"),
    "sampling.without-replacement": ("cdf-redraw", "numba-alias"),
    "update.adam": ("numba",),
    "update.lazy-adam": ("rows", "numba"),
    "training.cbow": ("sparse", "numba"),
}
"""Implementations that the deck measures beside those of its slides and the baselines: what its page shows, and the fastest known.

All others would take most of the time.
"""


LAYERS_V = 100_000
"""V of the layers: at a million, their dense gradients alone would take as long as all else of a process."""
DECK_LAYERS = {
    "lookup": ("MatMul.forward", "Embedding.forward"),
    "output.softmax": ("SoftmaxWithLoss.forward", "MatMul.backward"),
    "output.negative-sampling": ("SigmoidWithLoss.forward", "EmbeddingDot.forward", "EmbeddingDot.backward"),
}
"""Methods of the book's layers that slides show, by the kernel whose inputs they get."""


def requested_sizes(
    kernel: KernelShape,
    preset: Preset,
    vocabularies: Sequence[int],
    batches: Sequence[int],
    threads: Sequence[int],
    changed: Mapping[str, Any],
) -> list[Size]:
    """Return a kernel's sizes: the preset's, or every combination of the user's vocabularies and batches; each on each number of threads.

    changed: fields that are the same in each (hidden size, negatives, dtypes, words).
    """
    sizes = preset.sizes(kernel)
    if vocabularies or batches:
        sizes = [Size(V, B=B) for B in batches or [100] for V in vocabularies or [10_000]]
    return fitted(kernel, [replace(size, **changed, threads=number) for size in sizes for number in threads or [1]])


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "quick",
            MeasurementSettings(processes=4, rounds=5, sample_s=0.001, variant_s=0.0075, profile=False),
            (100_000,),
            short=True,
            tables=(10_000,),
            small_batches=((10_000, 4), (100_000, 4)),
            training_sizes=((1_000, 50),),
            optional_kernels=(
                "lookup.bag",
                "scatter.bag",
                "output.shared-negatives",
                "output.sampled-softmax",
                "output.nce",
                "output.hierarchical",
                "update.adam",
                "update.lazy-adam",
                "update.scatter-sgd",
            ),
        ),
        Preset(
            "default",
            MeasurementSettings(processes=4, rounds=5, sample_s=0.001, variant_s=0.0075),
            (10_000, 100_000, 1_000_000),
            flat=(100_000,),
            tables=(10_000, 100_000),
            batches=(100, 1_000),
            small_batches=((10_000, 8), (100_000, 8), (1_000_000, 8)),
            slow_batches=((10_000, 8), (100_000, 8)),
            training_sizes=((10_000, 100),),
            hidden=(300,),
            short=True,
        ),
        Preset("deck", MeasurementSettings(processes=5, rounds=12), (), profile_first=True),
        Preset(
            "full",
            MeasurementSettings(processes=5, rounds=20, variant_s=0.1),
            (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000),
            flat=(1_000, 10_000, 100_000, 1_000_000),
            tables=(1_000, 10_000, 100_000, 1_000_000),
            batches=(1, 10, 100, 1_000, 10_000),
            small_batches=(
                *((V, 100) for V in (1_000, 3_000, 10_000, 30_000, 100_000, 300_000)),
                *((V, 16) for V in (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)),
            ),
            training_sizes=((1_000, 1_000), (10_000, 1_000)),
            hidden=(64, 300, 768),
        ),
    )
}

GATE = Preset(
    "gate",
    MeasurementSettings(rounds=30, sample_s=0.002, variant_s=0.06),
    (10_000,),
    batches=(100, 1_000),
    flat=(10_000,),
    tables=(10_000,),
    small_batches=((10_000, 8), (100_000, 8)),
    training_sizes=((1_000, 100),),  # a step of chapter 3 then takes as long as a sample of the others
)
"""The sizes at which two revisions are compared: one or two a kernel. ``run`` does not offer it."""
