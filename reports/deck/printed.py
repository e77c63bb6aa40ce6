"""The source deck's figures: as printed, in the correct unit, and measured here, where a file has the deck's cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from w2vbench.reports.file.frame import speedup, wall_s
from w2vbench.reports.statistics.problems import Interval
from w2vbench.reports.statistics.units import faster, seconds, times

if TYPE_CHECKING:
    from w2vbench.reports.file.schema.result import ResultFile, Row

PRINTED_UNIT_S = 1e-6
"""The deck's "ns" are line_profiler's timer unit, a microsecond in 2019: see NOTE."""

ONE_HOT = "lookup/one-hot-dot@V=1e6,H=100,B=1,f64,i64,zipf,t1"
GATHER = "lookup/gather@V=1e6,H=100,B=1,f64,i64,zipf,t1"
LOOP = "scatter.scalar/loop@V=1e6,H=1,B=1e4,f64,i64,zipf,t1"
ADD_AT = "scatter.scalar/add-at@V=1e6,H=1,B=1e4,f64,i64,zipf,t1"


@dataclass(frozen=True)
class DeckFigure:
    """A figure that the deck prints.

    Attributes
    ----------
    slide
        The slide's number.
    what
        What was timed.
    ticks
        line_profiler's ticks for each line.
    case
        The case here that corresponds to it.
    lines
        Texts that identify the same lines in the case's profile.
    """

    slide: int
    what: str
    ticks: tuple[int, ...]
    case: str
    lines: tuple[str, ...]


FIGURES = (
    DeckFigure(6, "one-hot × W, by dot", (84_674,), ONE_HOT, ("np.dot",)),
    DeckFigure(9, "W[idx]", (8,), GATHER, ("W[idx]",)),
    DeckFigure(13, "loop, 10,000 numbers", (8_689, 15_091), LOOP, ("for ", "+=")),
    DeckFigure(13, "np.add.at, the same", (1_694,), ADD_AT, ("np.add.at",)),
)

HEADER = ("slide", "V = 1,000,000", "printed", "read as µs", "here, profiled", "here")
NOTE = (
    "The deck labels its figures “ns”, but they are ticks of line_profiler, which were microseconds in 2019. In nanoseconds, "
    "800 MB would have been read at 9.4 TB/s."
)


def deck_table(result: ResultFile) -> list[tuple[str, ...]]:
    """Return cells under HEADER for each figure whose case the file has, then for the deck's two speed-ups."""
    rows = {row.case: row for row in result.benchmarks}
    table = [line(figure, rows[figure.case], result) for figure in FIGURES if figure.case in rows]
    for what, slow, fast in (("W[idx] over dot", *FIGURES[:2]), ("np.add.at over loop", *FIGURES[2:])):
        if fast.case in rows and slow.case in rows:
            ticks = sum(slow.ticks), sum(fast.ticks)
            profiles = profiled_s(slow, result), profiled_s(fast, result)
            read = faster(Interval(ticks[0] / ticks[1]))
            with_hook = faster(Interval(profiles[0] / profiles[1])) if profiles[0] and profiles[1] else "–"
            here = times(speedup(rows[fast.case], rows[slow.case]))
            table.append((str(fast.slide), what, f"{ticks[0]:,} / {ticks[1]:,}", read, with_hook, here))
    return table


def line(figure: DeckFigure, row: Row, result: ResultFile) -> tuple[str, ...]:
    """One figure's cells."""
    return (
        str(figure.slide),
        figure.what,
        " + ".join(f"{ticks:,}" for ticks in figure.ticks),
        seconds(sum(figure.ticks) * PRINTED_UNIT_S),
        seconds(profiled_s(figure, result)),
        seconds(wall_s(row)),
    )


def profiled_s(figure: DeckFigure, result: ResultFile) -> float | None:
    """Seconds per call of the figure's lines, including the cost of line_profiler's hook; None without a profile."""
    profile = result.w2vbench.profiles.get(figure.case)
    if profile is None:
        return None
    same = [line.time_s for line in profile.lines if any(text in line.text for text in figure.lines)]
    spent = [time_s for time_s in same if time_s is not None]
    return sum(spent) / profile.calls if spent else None
