"""Which figure is shown as the memory of a call or of its set-up, in every table, plot and comparison.

- Traced allocation is exact to the byte, but includes only what is allocated through Python, as NumPy's and numba's arrays are.
- Growth of the resident set includes all allocations, except in memory that the process had already, and is coarse.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from w2vbench.reports.statistics.units import size_bytes

from .schema.result import Extra

NOISE_BYTES, NOISE_SHARE = 1 << 20, 0.1
"""Resident growth is shown as the peak if it exceeds traced allocation by both."""
RESOLUTION_BYTES = 256 << 10
"""Smaller resident growth cannot be measured: Linux counts pages in batches of 32 or more on each CPU."""
TRACED_PACKAGES = frozenset({"numba"})
"""Optional packages that allocate through Python: numba's arrays come from PyMem_RawMalloc, which tracemalloc follows."""
RESIDENT = "resident"
EXPLANATION = (
    f"Memory marked “{RESIDENT}” is growth of the process's resident set. It is shown where it clearly exceeds traced "
    "allocation, or where a library (torch, gensim) allocates memory that is not traced."
)


@dataclass(frozen=True)
class Peak:
    """Peak memory."""

    size_bytes: int  # its size
    resident: bool = False  # whether it is growth of the resident set; otherwise it is traced allocation

    @property
    def kind(self) -> str:
        return RESIDENT if self.resident else "traced"

    def __str__(self) -> str:
        return f"{size_bytes(self.size_bytes)}{' ' + RESIDENT if self.resident else ''}"


def untraced(needs: Iterable[str]) -> bool:
    """Whether an implementation that needs these optional packages may allocate memory that is not traced."""
    return not TRACED_PACKAGES.issuperset(needs)


def peak(traced: int | None, resident: int | None, misses_some: bool) -> Peak | None:
    """Choose between traced allocation and resident growth as the figure for peak memory.

    Parameters
    ----------
    traced
        Peak of traced allocation, bytes.
    resident
        Growth of the resident set, bytes.
    misses_some
        Whether tracing misses some of what the implementation allocates. Then neither its traced bytes alone nor growth too
        small to be measured is shown, since they would be falsely small.

    Returns
    -------
    Peak or None
        None if neither figure is reliable.
    """
    if misses_some:
        if resident is None or max(resident, traced or 0) < RESOLUTION_BYTES:
            return None
        least = 0
    else:
        least = max(NOISE_BYTES, round(NOISE_SHARE * (traced or 0)))
    if resident is not None and (traced is None or resident > traced + least):
        return Peak(resident, resident=True)
    return None if traced is None else Peak(traced)


def call_peak(extra: Extra) -> Peak | None:
    """Return the peak memory of a case's call."""
    return peak(extra.peak_bytes, extra.resident_bytes, untraced(extra.needs))


def setup_peak(extra: Extra) -> Peak | None:
    """Return the memory that a case's set-up keeps.

    Where all of it is traced, that exact figure is used: growth also includes what the allocator keeps.
    """
    misses_some = untraced(extra.needs)
    return peak(extra.prepare_bytes, extra.prepare_resident_bytes if misses_some else None, misses_some)
