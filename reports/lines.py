"""A line profile as text: what stands beside each source line, on the terminal and on the page."""

from __future__ import annotations

from dataclasses import dataclass

from .results import Profile, ProfiledLine
from .units import seconds, size_bytes

LEAST_TRACED, LEAST_GROWTH = 1_000, 64_000
"""Bytes of a line below which Python's own small objects, and the profiler's own pages, are most of it: not shown."""

HEADER = ("hits", "time", "per hit", "share", "allocated", "resident")


@dataclass(frozen=True)
class Cells:
    """A line's cells under HEADER. shares: by which share of the largest its time and its allocation are."""

    text: tuple[str, ...]
    time_share: float
    memory_share: float


def cells(profile: Profile) -> list[Cells]:
    """The cells of each line; blank where no code runs."""
    total = total_s(profile) or 1.0
    most = max((highest(line) for line in profile.lines), default=0) or 1
    return [
        Cells(
            ("",) * len(HEADER)
            if not line.hits or line.time_s is None
            else (
                f"{line.hits:,}",
                seconds(line.time_s),
                seconds(line.time_s / line.hits),
                f"{line.time_s / total:.1%}",
                allocated(line),
                grown(line),
            ),
            (line.time_s or 0) / total,
            highest(line) / most,
        )
        for line in profile.lines
    ]


def total_s(profile: Profile) -> float:
    return sum(line.time_s or 0 for line in profile.lines)


def highest(line: ProfiledLine) -> int:
    """The most that a line allocated, or left allocated over its hits."""
    return max(line.traced_peak_bytes or 0, line.traced_bytes or 0)


def allocated(line: ProfiledLine) -> str:
    """What a line allocated: ``8.00 MB``, or added / peak where they differ, ``0 B / 8.00 MB``; nothing where it is tiny."""
    if line.traced_bytes is None or line.traced_peak_bytes is None:
        return ""
    added, peak = (
        size_bytes(figure) if abs(figure) >= LEAST_TRACED else "0 B"
        for figure in (line.traced_bytes, line.traced_peak_bytes)
    )
    if added == peak:
        return "" if added == "0 B" else added
    return f"{added} / {peak}"


def grown(line: ProfiledLine) -> str:
    """How far a line raised the resident set; nothing where it is tiny."""
    found = line.memory_bytes
    return size_bytes(found) if found is not None and abs(found) >= LEAST_GROWTH else ""


def note(profile: Profile) -> str:
    """How much was timed, and what could not be profiled."""
    timed = (
        f"Time of {profile.calls:,} call{'s'[: profile.calls != 1]}, {seconds(total_s(profile) / profile.calls)} a call; "
        f"the profiler's hook adds about {seconds(profile.hook_s)} to each hit, which is included (timer unit {profile.unit_s:g} s)."
    )
    return " ".join([timed, *(f"Not profiled: {why}." for why in profile.left_out)])


EXPLAINED = (
    "Time is line_profiler's. Allocated: bytes that the line of one call allocated through Python, as NumPy's arrays are "
    "(tracemalloc, exact): added over all hits / the highest above what was there when a hit began, where the two differ; from "
    f"{size_bytes(LEAST_TRACED)} up.",
    "Resident: how far it raised the memory that the process has in use (memory_profiler, another call), from "
    f"{size_bytes(LEAST_GROWTH)} up. An array of np.zeros is not in use until it is written to, and memory that the process had "
    "already raises nothing; what torch allocates is seen only here.",
)
"""What the columns are."""
