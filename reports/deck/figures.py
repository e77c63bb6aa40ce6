"""The figures below the code of a screen of the deck's page: as printed, as read, and as this machine has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2vbench.reports.file.frame import speedup, wall_s
from w2vbench.reports.file.memory import call_peak, peak, setup_peak
from w2vbench.reports.statistics.problems import Interval
from w2vbench.reports.statistics.units import faster, seconds, times

from . import printed as deck
from .screens import Screen, Side

if TYPE_CHECKING:
    from w2vbench.reports.file.schema.result import ResultFile, Row

MISSING = "not measured"


def measured_call(screen: Screen, result: ResultFile) -> str:
    """Of what the figures are: a call; with its V where it is not what the screen says."""
    layer = next((one for side in screen.sides if (one := result.w2vbench.layers.get(side.key))), None)
    return f"one call, V = {layer.size.V:,}" if layer else "one call"


def figure_rows(sides: tuple[Side, ...], result: ResultFile) -> list[tuple[str, ...]]:
    """Return the figures below the code: a line each as printed, as read, as profiled and as timed here, and the memory."""
    if all(side.is_layer for side in sides):
        return layer_rows(sides, result)
    rows = {row.case: row for row in result.benchmarks}
    printed = [next((one for one in deck.FIGURES if one.case == side.case), None) for side in sides]
    table: list[tuple[str, ...]] = []
    if all(printed):
        known = [one for one in printed if one]
        ticks = [sum(one.ticks) for one in known]
        gain = gained(*(float(tick) for tick in ticks))
        table.append(("as printed, “ns”", *(" + ".join(f"{tick:,}" for tick in one.ticks) for one in known), *gain))
        table.append(("as it must be read", *(seconds(tick * deck.PRINTED_UNIT_S) for tick in ticks), *gain))
        profiled = [deck.profiled_s(one, result) for one in known]
        table.append(("here, line_profiler", *map(figure, profiled), *gained(*profiled)))
    measured = [rows.get(side.case) for side in sides]
    table.append(("here, no profiler", *(figure(wall_s(row) if row else None) for row in measured), *ratio(measured)))
    peaks = [call_peak(row.extra_info) if row else None for row in measured]
    table.append(("memory of a call", *(str(one) if one else MISSING for one in peaks), ""))
    kept = [setup_peak(row.extra_info) if row else None for row in measured]
    if any(one and one.size_bytes >= MUCH_BYTES for one in kept):
        table.append(("set-up keeps", *(str(one) if one else "–" for one in kept), ""))
    compared = any(line[-1] for line in table)
    return table if compared else [line[:-1] for line in table]


def layer_rows(sides: tuple[Side, ...], result: ResultFile) -> list[tuple[str, ...]]:
    """Return the figures of layers: times, with how many times faster the second of two on the same inputs is, and the memory."""
    found = [result.w2vbench.layers.get(side.key) for side in sides]
    if not any(found):
        return []
    walls = [one.samples.wall_median_s if one else None for one in found]
    peaks = [peak(one.peak_bytes, one.resident_bytes, misses_some=False) if one else None for one in found]
    same = len(found) == 2 and len({one.problem if one else "" for one in found}) == 1
    gain = gained(*walls) if same else ()
    return [
        ("here, no profiler", *map(figure, walls), *gain),
        ("memory of a call", *(str(one) if one else MISSING for one in peaks), *("" for _ in gain)),
    ]


MUCH_BYTES = 1_000_000
"""Set-up's memory is shown from this size up."""


def figure(value: float | None) -> str:
    return MISSING if value is None else seconds(value)


def gained(*values: float | None) -> tuple[str, ...]:
    """How many times faster the second of two figures is; an empty cell if there is one figure only."""
    if len(values) < 2:
        return ("",)
    slow, fast = values
    return (faster(Interval(slow / fast)) if slow and fast else "",)


def ratio(measured: list[Row | None]) -> tuple[str, ...]:
    """The same of two measured cases, with its interval, if they are of one problem: others compute different things."""
    if len(measured) < 2:
        return ("",)
    slow, fast = measured
    return (times(speedup(fast, slow)) if slow and fast and slow.group == fast.group else "",)
