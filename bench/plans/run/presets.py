"""Presets: the sizes at which each kernel is measured, and how long. ``w2vbench run --preset NAME`` selects one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from w2vbench.bench.engine.protocol import MeasurementSettings
from w2vbench.impls.interface import Deck, Implementation, Kernel, Measured
from w2vbench.impls.interface.case import Size
from w2vbench.reports.findings.sizes import USUAL_V, nearest, types


class KernelShape(Protocol):
    """What a preset needs to know of a kernel."""

    @property
    def dimensions(self) -> str: ...
    @property
    def measured(self) -> Measured: ...
    @property
    def deck(self) -> Deck: ...


NEGATIVES = 5
"""Negatives per target, as in the book, or words of a bag."""


@dataclass(frozen=True)
class Preset:
    """How long a preset measures, and at which sizes."""

    name: str
    settings: MeasurementSettings
    vocabularies: tuple[int, ...]  # v of kernels that are measured at ``all``
    batches: tuple[int, ...] = (100,)  # b of kernels with several, at V = 1e5, or at the largest vocabulary below that
    small_batches: tuple[tuple[int, int], ...] = ()  # (V, B) of kernels that are measured at ``small`` batches
    slow_batches: tuple[tuple[int, int], ...] = ()  # (V, B) of ``slow`` ones; if empty, ``small_batches``
    # v of ``flat`` kernels and of those with ``tables``; if empty, ``vocabularies``
    flat: tuple[int, ...] = ()
    tables: tuple[int, ...] = ()
    training_sizes: tuple[tuple[int, int], ...] = ()  # (V, B) of kernels that get a ``text``
    # Further H, of each kernel that has one, at the vocabulary and batch that are shown first. Short presets measure
    # kernels that pass over whole tables there at the smallest of their vocabularies: a larger one would take a quarter
    # of a run.
    hidden: tuple[int, ...] = ()
    # whether the preset is to be quick: workers get less memory, and sizes that are not shown first no check of whole
    # results
    short: bool = False
    # whether implementations are profiled at the first of their kernel's sizes, and not near the size that is shown
    # first
    profile_first: bool = False

    def layers(self, kernel: Kernel, size: Size) -> tuple[str, ...]:
        """Return the methods of the book's layers that are measured beside a kernel at a size."""
        return kernel.deck.layers if self.name == "deck" and size.V == LAYERS_V else ()

    def measures(self, implementation: Implementation) -> bool:
        """Whether one of this program's implementations is measured, where the user has not named kernels or cases."""
        one = implementation
        if self.name != "deck":
            return True
        return one.baseline or one.slide is not None or one.slug in one.kernel.deck.beside

    def leaves_out(self, kernel: Kernel) -> bool:
        """Whether a kernel is measured on request only."""
        return self.name == "quick" and not kernel.measured.quick

    def sizes(self, kernel: KernelShape) -> list[Size]:
        """Return the sizes at which a kernel is measured, in order."""
        if self.name == "deck":
            return fitted(kernel, kernel.deck.sizes)
        at = kernel.measured.at
        pairs: Mapping[str, tuple[tuple[int, int], ...]] = {
            "small": self.small_batches,
            "slow": self.slow_batches or self.small_batches,
            "text": self.training_sizes,
        }
        own = {"flat": self.flat, "tables": self.tables}.get(at) or self.vocabularies
        sizes = [Size(V, B=B) for V, B in pairs[at]] if at in pairs else [Size(V) for V in own]
        if kernel.measured.batches and not (
            self.short and "K" in kernel.dimensions
        ):  # a bag has K words: one B will do
            sizes += [Size(V=min(USUAL_V, self.vocabularies[-1]), B=B) for B in self.batches]
        if not sizes or at == "text":
            return fitted(kernel, sizes)
        usual = nearest(sizes, lambda size: size, USUAL_V, Size.B, Size.H, types(sizes[0]))
        if self.short and at in ("tables", "slow"):
            usual = replace(usual, V=min(size.V for size in sizes))
        return fitted(kernel, [*sizes, *(replace(usual, H=H) for H in self.hidden)])


def fit(kernel: KernelShape, size: Size) -> Size:
    """Return the size with the kernel's own dimensions only: H = 1 or K = 0 where it has none."""
    return replace(
        size,
        H=size.H if "H" in kernel.dimensions else 1,
        K=(size.K or NEGATIVES) if "K" in kernel.dimensions else 0,
        dtype="f32" if kernel.measured.at == "text" else size.dtype,
        index="i32" if kernel.measured.at == "text" else size.index,
    )


def fitted(kernel: KernelShape, sizes: Iterable[Size]) -> list[Size]:
    """Return sizes with the kernel's own dimensions only, each once."""
    return list(dict.fromkeys(fit(kernel, size) for size in sizes))


LAYERS_V = 100_000
"""V of the layers: at a million, their dense gradients alone would take as long as all else of a process."""


def requested_sizes(
    kernel: Kernel,
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
