"""The sizes that a dispatch table is measured at, and which implementations are worth measuring at each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from w2vbench.bench.plans.run.presets import fit
from w2vbench.impls.choosing.choice import DROPPED
from w2vbench.impls.interface import Kernel
from w2vbench.impls.interface.case import Size
from w2vbench.impls.interface.facts import array_bytes

LONGEST_CALL_S = 0.05
"""Sizes are left out at which the least work of a call takes longer than this, at BYTES_PER_S and FLOPS_PER_S."""
BYTES_PER_S, FLOPS_PER_S = 5e9, 2e10
MOST_BYTES = 512 << 20
"""Sizes are left out whose inputs take more memory."""
SLOW_CALL_S = 0.2
"""An implementation that was dropped is not tried at a larger batch if a call would take longer than this."""


@dataclass(frozen=True)
class Grid:
    """Every combination of vocabularies, hidden sizes and batches."""

    # the values on each axis
    V: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000)
    H: Sequence[int] = (50, 300)
    B: Sequence[int] = (1, 10, 100, 1_000, 10_000)
    # the same at every size
    K: int = 5
    dtype: str = "f32"
    index: str = "i64"
    threads: int = 1

    def sizes(self, kernel: Kernel) -> list[Size]:
        """Return a kernel's sizes, small ones first, as far as calls are short and inputs fit into memory."""
        every = dict.fromkeys(fit(kernel, size) for size in self.combinations())
        return [size for size in every if is_measurable(kernel, size)]

    def combinations(self) -> Iterator[Size]:
        for V in sorted(set(self.V)):
            for H in sorted(set(self.H)):
                for B in sorted(set(self.B)):
                    yield Size(V, H, B, K=self.K, dtype=self.dtype, index=self.index, threads=self.threads)


def is_measurable(kernel: Kernel, size: Size) -> bool:
    """Whether a kernel can be measured at a size in a short time and little memory."""
    work = kernel.work(size)
    least_s = max((work.read_bytes + work.written_bytes) / BYTES_PER_S, work.flops / FLOPS_PER_S)
    # a number a word too: laws and workspaces have that where inputs have not
    small = max(array_bytes(kernel.inputs, size), 8 * size.V, array_bytes(kernel.checks, size) // 2) <= MOST_BYTES
    return small and least_s <= LONGEST_CALL_S and kernel.min_batch <= size.B and size.K < size.V


def hopeless(slug: str, size: Size, times: Mapping[Size, Mapping[str, float]], growing: Collection[str]) -> bool:
    """Whether smaller sizes show that an implementation is not worth measuring at a size.

    It is not if it was DROPPED times slower at a smaller vocabulary, with which it grows while the fastest does not, and at a
    batch no larger; or at a smaller batch, and a call would now take longer than SLOW_CALL_S.

    Parameters
    ----------
    slug, size
        The implementation and the size.
    times
        Seconds a call of the kernel's implementations, by size and slug.
    growing
        Slugs of those that grow with the vocabulary.
    """
    for smaller, here in times.items():
        fastest = min(here, key=lambda one: here[one], default="")
        if slug not in here or here[slug] <= DROPPED * here[fastest] or smaller.H != size.H:
            continue
        if smaller.V < size.V and smaller.B <= size.B and slug in growing and fastest not in growing:
            return True
        if smaller.V <= size.V and smaller.B < size.B and here[slug] * size.B / max(1, smaller.B) > SLOW_CALL_S:
            return True
    return False
