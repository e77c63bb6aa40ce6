"""A tuning's times, joined with those of an earlier table: size by size, so that tuning a kernel again keeps its other sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from w2vbench.impls.choosing.dispatch_table import KernelTimes
from w2vbench.impls.interface.case import Size


@dataclass(frozen=True)
class Merged:
    """Times of two tunings."""

    kernels: Mapping[str, KernelTimes]  # the times, by kernel
    measured: Mapping[str, int]  # how many sizes have times that were measured now, by kernel
    kept: Mapping[str, int]  # how many have times of before
    replaced: Mapping[str, int]  # how many sizes of before are lost, since other implementations were measured there


def merge(
    earlier: Mapping[str, KernelTimes], new: Mapping[str, KernelTimes], unfinished: Collection[tuple[str, Size]] = ()
) -> Merged:
    """Join the times of an earlier table, which hold here, with new ones, which win at the same size.

    Times of different implementations are not joined: one that was not measured at a size would count as slow there.

    Parameters
    ----------
    earlier, new
        Times by kernel.
    unfinished
        Kernels and sizes that were measured in fewer processes than asked for. There, earlier times win.
    """
    kernels, replaced = {**earlier}, {}
    for kernel, now in new.items():
        before = earlier.get(kernel)
        early = {size for name, size in unfinished if name == kernel}
        if before and {*before.simplest_first} != {*now.simplest_first}:
            if early:
                continue
            replaced[kernel], before = len(before.times_s), None
        times = {**now.times_s, **before.times_s} if before else {**now.times_s}
        times |= {size: seconds for size, seconds in now.times_s.items() if size not in early}
        kernels[kernel] = KernelTimes(now.simplest_first, {size: times[size] for size in sorted(times)})
    measured, kept = Counter[str](), Counter[str]()
    for kernel, its in kernels.items():
        for size, seconds in its.times_s.items():
            is_new = kernel in new and new[kernel].times_s.get(size) is seconds
            (measured if is_new else kept)[kernel] += 1
    return Merged(kernels=kernels, measured=measured, kept=kept, replaced=replaced)


def sizes_of(counts: Mapping[str, int]) -> str:
    """Write how many sizes of each kernel: "6 sizes of lookup, 1 size of scatter.dense"."""
    return ", ".join(f"{count} size{'s' * (count != 1)} of {kernel}" for kernel, count in counts.items())
