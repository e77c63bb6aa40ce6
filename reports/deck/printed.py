"""The source deck's figures: as printed, in the correct unit, and measured here; and those below the code of a screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from w2vbench.reports.file.frame import speedup, wall_s
from w2vbench.reports.file.memory import call_peak, peak, setup_peak
from w2vbench.reports.statistics.problems import Interval
from w2vbench.reports.statistics.units import faster, seconds, times

from .screens import Screen, Side

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
    """A figure that the deck prints."""

    slide: int  # the slide's number
    what: str  # what was timed
    ticks: tuple[int, ...]  # line_profiler's ticks for each line
    case: str  # the case here that corresponds to it
    lines: tuple[str, ...]  # texts that identify the same lines in the case's profile

    @property
    def printed(self) -> str:
        return " + ".join(f"{tick:,}" for tick in self.ticks)

    @property
    def read_s(self) -> float:
        """Seconds, as the ticks must be read."""
        return sum(self.ticks) * PRINTED_UNIT_S


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


MISSING = "not measured"
MUCH_BYTES = 1_000_000
"""Set-up's memory is shown from this size up."""


def deck_table(result: ResultFile) -> list[tuple[str, ...]]:
    """Return cells under HEADER for each figure whose case the file has, then for the deck's two speed-ups."""
    rows = {row.case: row for row in result.benchmarks}
    table: list[tuple[str, ...]] = []
    for one in FIGURES:
        if one.case in rows:
            here = seconds(profiled_s(one, result)), seconds(wall_s(rows[one.case]))
            table.append((str(one.slide), one.what, one.printed, seconds(one.read_s), *here))
    for what, slow, fast in (("W[idx] over dot", *FIGURES[:2]), ("np.add.at over loop", *FIGURES[2:])):
        if fast.case in rows and slow.case in rows:
            (read,) = gained(sum(slow.ticks), sum(fast.ticks))
            (with_hook,) = gained(profiled_s(slow, result), profiled_s(fast, result))
            here = with_hook or "–", times(speedup(rows[fast.case], rows[slow.case]))
            table.append((str(fast.slide), what, f"{sum(slow.ticks):,} / {sum(fast.ticks):,}", read, *here))
    return table


def profiled_s(figure: DeckFigure, result: ResultFile) -> float | None:
    """Seconds per call of the figure's lines, including the cost of line_profiler's hook; None without a profile."""
    profile = result.w2vbench.profiles.get(figure.case)
    if profile is None:
        return None
    same = [line.time_s for line in profile.lines if any(text in line.text for text in figure.lines)]
    spent = [time_s for time_s in same if time_s is not None]
    return sum(spent) / profile.calls if spent else None


def measured_call(screen: Screen, result: ResultFile) -> str:
    """Return of what a screen's figures are: a call; with its V where it is not what the screen says."""
    layer = next((one for side in screen.sides if (one := result.w2vbench.layers.get(side.key))), None)
    return f"one call, V = {layer.size.V:,}" if layer else "one call"


def figure_rows(sides: tuple[Side, ...], result: ResultFile) -> list[tuple[str, ...]]:
    """Return the figures below the code: a line each as printed, as read, as profiled and as timed here, and the memory."""
    if all(side.is_layer for side in sides):
        return layer_rows(sides, result)
    rows = {row.case: row for row in result.benchmarks}
    table: list[tuple[str, ...]] = []
    known = [one for side in sides for one in FIGURES if one.case == side.case]
    if len(known) == len(sides):
        gain = gained(*(sum(one.ticks) for one in known))
        profiled = [profiled_s(one, result) for one in known]
        table = [
            ("as printed, “ns”", *(one.printed for one in known), *gain),
            ("as it must be read", *(seconds(one.read_s) for one in known), *gain),
            ("here, line_profiler", *map(figure, profiled), *gained(*profiled)),
        ]
    measured = [rows.get(side.case) for side in sides]
    table.append(("here, no profiler", *(figure(wall_s(row) if row else None) for row in measured), *ratio(measured)))
    table.append(("memory of a call", *(str((row and call_peak(row.extra_info)) or MISSING) for row in measured), ""))
    kept = [row and setup_peak(row.extra_info) for row in measured]
    if any(one and one.size_bytes >= MUCH_BYTES for one in kept):
        table.append(("set-up keeps", *(str(one or "–") for one in kept), ""))
    compared = any(line[-1] for line in table)
    return table if compared else [line[:-1] for line in table]


def layer_rows(sides: tuple[Side, ...], result: ResultFile) -> list[tuple[str, ...]]:
    """Return the figures of layers: times, with how many times faster the second of two on the same inputs is, and the memory."""
    found = [result.w2vbench.layers.get(side.key) for side in sides]
    if not any(found):
        return []
    walls = [one.samples.wall_median_s if one else None for one in found]
    peaks = [one and peak(one.peak_bytes, one.resident_bytes, misses_some=False) for one in found]
    same = len(found) == 2 and len({one and one.problem for one in found}) == 1
    gain = gained(*walls) if same else ()
    return [
        ("here, no profiler", *map(figure, walls), *gain),
        ("memory of a call", *(str(one or MISSING) for one in peaks), *("" for _ in gain)),
    ]


def figure(value: float | None) -> str:
    return MISSING if value is None else seconds(value)


def gained(*values: float | None) -> tuple[str]:
    """Return how many times faster the second of two figures is; an empty cell if there is one figure only."""
    slow, fast = values if len(values) == 2 else (None, None)
    return (faster(Interval(slow / fast)) if slow and fast else "",)


def ratio(measured: list[Row | None]) -> tuple[str]:
    """Return the same of two measured cases, with its interval, if they are of one problem: others compute different things."""
    slow, fast = measured if len(measured) == 2 else (None, None)
    return (times(speedup(fast, slow)) if slow and fast and slow.group == fast.group else "",)
