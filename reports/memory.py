"""Which figure stands for the memory of a call or of its set-up: decided here, for every table, plot and comparison.

Traced allocation is exact to the byte, but only sees what is allocated through Python, as NumPy's and numba's arrays are.
Growth of the resident set sees everything but memory that the process had already, and is coarse.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .results import Extra
from .units import size_bytes

NOISE_BYTES, NOISE_SHARE = 1 << 20, 0.1
"""Resident growth stands for the peak if it is larger than traced allocation by both."""
RESOLUTION_BYTES = 256 << 10
"""Resident growth cannot tell less: Linux counts pages in batches of 32 or more on each CPU."""
TRACED_PACKAGES = ("numba",)
"""Optional packages that allocate through Python: numba's arrays come from PyMem_RawMalloc, which tracemalloc follows."""
MARK = "resident"
EXPLAINED = (
    f"{MARK}: growth of the process's resident set, shown where it is clearly larger than traced allocation, or where a "
    "library allocates its own memory (torch, gensim), which tracing does not see"
)


@dataclass(frozen=True)
class Peak:
    """Peak memory in bytes; resident: as growth of the resident set, and not as traced allocation."""

    size_bytes: int
    resident: bool = False

    @property
    def kind(self) -> str:
        return MARK if self.resident else "traced"

    def __str__(self) -> str:
        return f"{size_bytes(self.size_bytes)}{' ' + MARK if self.resident else ''}"


def untraced(needs: Iterable[str]) -> bool:
    """Whether an implementation that needs these optional packages may allocate where tracing does not see it."""
    return any(package not in TRACED_PACKAGES for package in needs)


def peak(traced: int | None, resident: int | None, unseen: bool) -> Peak | None:
    """The figure that stands for peak memory, of traced allocation and resident growth; None where neither tells.

    unseen: whether tracing misses what the implementation allocates. Its traced bytes alone would be a false small number,
    and so would be growth that cannot be told from none.
    """
    if unseen:
        if resident is None or max(resident, traced or 0) < RESOLUTION_BYTES:
            return None
        least = 0
    else:
        least = max(NOISE_BYTES, round(NOISE_SHARE * (traced or 0)))
    if resident is not None and (traced is None or resident > traced + least):
        return Peak(resident, resident=True)
    return None if traced is None else Peak(traced)


def call_peak(extra: Extra) -> Peak | None:
    """Peak memory of a case's call."""
    return peak(extra.peak_bytes, extra.resident_bytes, untraced(extra.needs))


def setup_peak(extra: Extra) -> Peak | None:
    """Memory that a case's set-up keeps. What tracing sees all of is exact; growth also has what the allocator keeps."""
    unseen = untraced(extra.needs)
    return peak(extra.prepare_bytes, extra.prepare_resident_bytes if unseen else None, unseen)
