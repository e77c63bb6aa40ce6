"""The source deck's figures: as printed, as they must be read, and here, where a file has the deck's cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .frame import speedup, wall_s
from .units import seconds, three, times

if TYPE_CHECKING:
    from .results import ResultFile, Row

PRINTED_UNIT_S = 1e-6
"""What the deck calls "ns": line_profiler's timer unit, a microsecond in 2019. In nanoseconds, 800 MB would have been read
in 84,674 ns, at 9.4 TB/s."""

ONE_HOT = "lookup/one-hot-dot@V=1e6,H=100,B=1,f64,i64,zipf,t1"
GATHER = "lookup/gather@V=1e6,H=100,B=1,f64,i64,zipf,t1"
LOOP = "scatter.scalar/loop@V=1e6,H=1,B=1e4,f64,i64,zipf,t1"
ADD_AT = "scatter.scalar/add-at@V=1e6,H=1,B=1e4,f64,i64,zipf,t1"


@dataclass(frozen=True)
class Measured:
    """A figure that the deck prints, ticks of line_profiler for some lines of a case."""

    slide: int
    what: str
    ticks: tuple[int, ...]
    case: str
    lines: tuple[str, ...]


FIGURES = (
    Measured(6, "one-hot × W by dot, V = 10^6, H = 100", (84_674,), ONE_HOT, ("np.dot",)),
    Measured(9, "the same row by index", (8,), GATHER, ("W[idx]",)),
    Measured(13, "10,000 numbers added in a Python loop, its two lines", (8_689, 15_091), LOOP, ("for ", "+=")),
    Measured(13, "the same by np.add.at", (1_694,), ADD_AT, ("np.add.at",)),
)

HEADER = ("slide", "what", "as printed", "as it must be read", "here, under line_profiler", "here, bare")


def deck_table(result: ResultFile) -> list[tuple[str, ...]]:
    """Rows of HEADER for each figure whose case the file has, then the deck's two speed-ups."""
    rows = {row.case: row for row in result.benchmarks}
    found = [line(figure, rows[figure.case], result) for figure in FIGURES if figure.case in rows]
    for slide, what, fast, slow in (
        (9, "index against dot", GATHER, ONE_HOT),
        (13, "np.add.at against the loop", ADD_AT, LOOP),
    ):
        if fast in rows and slow in rows:
            ticks = {figure.case: sum(figure.ticks) for figure in FIGURES}
            printed = f"{ticks[slow]:,} / {ticks[fast]:,}"
            profiles = [profiled_s(next(f for f in FIGURES if f.case == case), result) for case in (slow, fast)]
            hooked = f"{three(profiles[0] / profiles[1])}×" if profiles[0] and profiles[1] else "–"
            found.append(
                (
                    str(slide),
                    what,
                    printed,
                    f"{three(ticks[slow] / ticks[fast])}×",
                    hooked,
                    times(speedup(rows[fast], rows[slow])),
                )
            )
    return found


def line(figure: Measured, row: Row, result: ResultFile) -> tuple[str, ...]:
    """One figure's row, with the arithmetic of its unit."""
    printed = " + ".join(f"{ticks:,}" for ticks in figure.ticks)
    read_s = sum(figure.ticks) * PRINTED_UNIT_S
    each = f", {seconds(read_s / 10_000)} a number" if figure.case == LOOP else ""
    return (
        str(figure.slide),
        figure.what,
        f'{printed} "ns"',
        f"{'(' if len(figure.ticks) > 1 else ''}{printed}{')' if len(figure.ticks) > 1 else ''} × 1 µs = {seconds(read_s)}{each}",
        seconds(profiled_s(figure, result)),
        seconds(wall_s(row)),
    )


def profiled_s(figure: Measured, result: ResultFile) -> float | None:
    """Seconds a call of the figure's lines under line_profiler, its hook's own cost included; None without a profile."""
    profile = result.w2vbench.profiles.get(figure.case)
    if profile is None:
        return None
    spent = [
        line.time_s
        for line in profile.lines
        if line.time_s is not None and any(text in line.text for text in figure.lines)
    ]
    return sum(spent) / profile.calls if spent else None
