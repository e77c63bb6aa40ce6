"""A line profile as text: the cells beside each source line, on the terminal and on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from w2vbench.reports.file.schema.result import LineProfile, ProfiledLine
from w2vbench.reports.statistics.units import seconds, size_bytes

LEAST_TRACED, LEAST_GROWTH = 1_000, 64_000
"""Fewer bytes than this are not shown: they are mostly Python's own small objects, or the profiler's own pages."""

HEADER = ("hits", "time", "per hit", "share", "allocated", "resident")


@dataclass(frozen=True)
class Cells:
    """What is shown beside a line."""

    text: tuple[str, ...]  # the cells under HEADER
    time_share: float  # the line's share of the total time
    memory_share: float  # the line's allocation over the largest of any line


def cells(profile: LineProfile) -> list[Cells]:
    """Return the cells of each line; they are empty where no code runs."""
    total = total_s(profile) or 1.0
    most = max((peak_bytes(line) for line in profile.lines), default=0) or 1
    return [
        Cells(
            ("",) * len(HEADER)
            if not line.hits or line.time_s is None
            else (
                f"{line.hits:,}",
                seconds(line.time_s),
                seconds(line.time_s / line.hits),
                f"{line.time_s / total:.1%}",
                allocation(line, profile.calls),
                resident_growth(line),
            ),
            (line.time_s or 0) / total,
            peak_bytes(line) / most,
        )
        for line in profile.lines
    ]


def total_s(profile: LineProfile) -> float:
    return sum(line.time_s or 0 for line in profile.lines)


def peak_bytes(line: ProfiledLine) -> int:
    """The peak of what a line allocated in one hit, or what it left allocated over all hits if that is more."""
    return max(line.traced_peak_bytes or 0, line.traced_bytes or 0)


HOOK_BYTES = 100
"""The hook that traces lines keeps about this much a hit itself: what a line adds over all its hits is known no better."""


def allocation(line: ProfiledLine, calls: int = 1) -> str:
    """Return what a line allocated: ``8.00 MB``; added / peak where they differ, ``0 B / 8.00 MB``; empty if it is tiny.

    calls: to which the line's hits belong; its bytes are of one call.
    """
    if line.traced_bytes is None or line.traced_peak_bytes is None:
        return ""
    least = max(LEAST_TRACED, HOOK_BYTES * (line.hits or 0) / max(1, calls))
    added = size_bytes(line.traced_bytes) if abs(line.traced_bytes) >= least else "0 B"
    peak = size_bytes(line.traced_peak_bytes) if line.traced_peak_bytes >= LEAST_TRACED else "0 B"
    if added == peak:
        return "" if added == "0 B" else added
    return f"{added} / {peak}"


def resident_growth(line: ProfiledLine) -> str:
    """Return by how much a line raised the resident set; empty if it is tiny."""
    growth = line.memory_bytes
    return size_bytes(growth) if growth is not None and abs(growth) >= LEAST_GROWTH else ""


def note(profile: LineProfile) -> str:
    """Return how much was timed, and what could not be profiled."""
    timed = (
        f"Time of {profile.calls:,} call{'s'[: profile.calls != 1]}, {seconds(total_s(profile) / profile.calls)} a call. "
        f"It includes about {seconds(profile.hook_s)} a hit for the profiler itself (timer unit {profile.unit_s:g} s)."
    )
    return " ".join([timed, *(f"Not profiled: {why}." for why in profile.left_out)])


EXPLANATION = (
    "Time: measured by line_profiler. Allocated: bytes that the line of one call allocated through Python, as NumPy's arrays "
    "are (tracemalloc): left over from all hits, less what they freed / the highest in one hit, where the two differ; "
    f"from {size_bytes(LEAST_TRACED)} up.",
    "Resident: by how much the line raised the memory that the process has in use (memory_profiler, in another call), from "
    f"{size_bytes(LEAST_GROWTH)} up. An array of np.zeros is not in use until it is written to, and reusing memory that the "
    "process already had raises nothing. Memory that torch allocates appears only here.",
)
"""What the columns are."""


def decorator_lines(source: Sequence[str]) -> int:
    """How many lines stand before a function's ``def``; none, where there is none."""
    return next((at for at, line in enumerate(source) if line.lstrip().startswith("def ")), 0)
