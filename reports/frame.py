"""A result file as a tidy table: one row a case, units in the column names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .limits import bound
from .memory import call_peak, setup_peak
from .results import ResultFile, Row, once, read
from .samples import figures, walls
from .statistics import LEVEL, Interval, exponent, middle, paired_ratio, slope, typical, typical_figure

if TYPE_CHECKING:
    import pandas as pd

GROWTH_FROM = 10_000
"""Growth in V is fitted from this vocabulary up; below it, fixed costs and caches bend the line."""

FROM = {"V": GROWTH_FROM, "B": 10}
"""Dimensions in which growth is fitted, and from where on."""

ALIKE = ["kernel", "implementation", "H", "B", "K", "dtype", "index", "words", "threads"]
"""Columns that cases share when they differ in V alone."""

COLUMNS = {
    "case": "the case's name",
    "kernel": "kernel and variant, e.g. scatter.dense",
    "implementation": "slug",
    "title": "the implementation's title",
    "V": "vocabulary",
    "H": "hidden size",
    "B": "batch",
    "K": "negatives a target, 0 where there are none",
    "dtype": "f32 or f64",
    "index": "i32 or i64",
    "words": "zipf, uniform or repeat",
    "threads": "BLAS and OpenMP threads",
    "problem": "kernel and size: cases with the same problem were measured together",
    "baseline": "whether ratios refer to this case",
    "status": "ok, wrong, skipped, timeout, out of memory, crashed or error",
    "reason": "why it has no figures",
    "wall_s": "wall time a call, seconds: trimmed geometric mean over processes of each one's median",
    "wall_low_s": "lower end of wall_s's 95 % interval over processes, seconds",
    "wall_high_s": "upper end of wall_s's 95 % interval over processes, seconds",
    "rounds": "samples a process; slow cases get fewer",
    "cpu_s": "CPU time a call, all threads, seconds: trimmed mean over processes of each one's median",
    "peak_bytes": "peak of traced allocations in a call, bytes",
    "resident_bytes": "growth of the resident set in a call, bytes",
    "memory_bytes": "peak memory of a call as the tables show it: of the two above the one that memory_kind names, bytes",
    "prepare_s": "set-up time, seconds",
    "adapt_s": "median time to convert a batch to the form that the implementation takes, not counted in wall_s, seconds",
    "prepare_bytes": "memory that set-up keeps, traced, bytes",
    "prepare_resident_bytes": "growth of the resident set in set-up, bytes",
    "held_bytes": "memory that set-up keeps as the tables show it: of the two above the one that held_kind names, bytes",
    "touched_rows": "distinct rows that a batch touches, mean",
    "pairs_per_s": "pairs of a word and one of its window's that training learns from, a second",
    "words_per_s": "words of text that training goes through, a second",
    "speedup": "the baseline's wall time over this case's, paired by round: geometric mean over processes; by example where calls cover unlike numbers",
    "speedup_low": "lower end of its 95 % interval",
    "speedup_high": "upper end of its 95 % interval",
    "growth_V": f"trimmed mean of processes' fitted power of V, from V = {GROWTH_FROM:,} up, all else equal",
    "growth_V_low": "lower end of its 95 % interval, over processes",
    "growth_V_high": "upper end of its 95 % interval, over processes",
    "growth_B": f"trimmed mean of processes' fitted power of B, from B = {FROM['B']} up, all else equal",
    "growth_B_low": "lower end of its 95 % interval, over processes",
    "growth_B_high": "upper end of its 95 % interval, over processes",
    "memory_growth_V": "fitted power of V of memory_bytes, from the same cases as growth_V, if all are of one kind",
    "limit_share": "the least time that the case's roofline limit allows, over the case's wall time",
    "limit_share_low": "lower end of its 95 % interval",
    "limit_share_high": "upper end of its 95 % interval",
    "limit": "that limit: memory, cache, arithmetic, call, or interpreter where none says anything",
    "memory_kind": "what memory_bytes is: traced or resident",
    "held_kind": "what held_bytes is: traced or resident",
}
"""The columns of ``reports.load``; figures that could not be had are NaN."""

FIGURES = list(COLUMNS)[list(COLUMNS).index("wall_s") : list(COLUMNS).index("limit")]
"""Columns of floats."""


def load(path: str | Path) -> pd.DataFrame:
    """Read a result file into a tidy DataFrame with COLUMNS. Raises ResultError."""
    return frame(read(Path(path)))


@once
def frame(result: ResultFile) -> pd.DataFrame:
    """The table of a result file, in the file's order: measured cases, then those that were not."""
    import pandas as pd

    baselines = {row.group: row for row in result.benchmarks if row.extra_info.baseline}
    grown, swollen = growths(result.benchmarks), memory_growths(result.benchmarks)
    batched = growths(result.benchmarks, "B")
    records = [
        measured(row, baselines.get(row.group), grown.get(alike(row)), result)
        | {"memory_growth_V": swollen.get(alike(row))}
        | columns("growth_B", batched.get(alike(row, "B")))
        for row in result.benchmarks
    ]
    records += [
        {
            **known(case.case, case.kernel, case.implementation, case.title, case.size.model_dump()),
            "status": case.status,
            "reason": case.reason,
        }
        for case in result.w2vbench.not_measured
    ]
    return pd.DataFrame.from_records(records).reindex(columns=list(COLUMNS)).astype(dict.fromkeys(FIGURES, float))


def known(case: str, kernel: str, implementation: str, title: str, size: dict[str, Any]) -> dict[str, Any]:
    """The columns that every case has."""
    dimensions = {name: size[name] for name in ("V", "H", "B", "K", "dtype", "index", "words", "threads")}
    problem = f"{kernel}@{case.rpartition('@')[2]}"
    return {
        "case": case,
        "kernel": kernel,
        "implementation": implementation,
        "title": title,
        **dimensions,
        "problem": problem,
        "baseline": False,
        "reason": "",
    }


def measured(row: Row, baseline: Row | None, growth: Interval | None, result: ResultFile) -> dict[str, Any]:
    """A row of figures."""
    extra = row.extra_info
    ratio = speedup(row, baseline)
    wall = wall_time(row)
    record = {
        **known(row.case, extra.kernel, extra.implementation, extra.title, extra.size.model_dump()),
        "baseline": extra.baseline,
        "status": "ok",
        "wall_s": wall.estimate,
        "wall_low_s": wall.low,
        "wall_high_s": wall.high,
        "rounds": float(np.median([np.isfinite(one).sum() for one in walls(extra.processes)]))
        if extra.processes
        else row.stats.rounds,
        "cpu_s": typical([middle(figures(process.cpu_s)) for process in extra.processes]).estimate
        if extra.processes
        else extra.cpu_s,
        **columns("speedup", ratio),
        **columns("growth_V", growth),
    }
    record |= {f"{unit}_per_s": number / wall.estimate for unit, number in extra.covers.items()}
    measured_ones = (
        "peak_bytes",
        "resident_bytes",
        "prepare_s",
        "adapt_s",
        "prepare_bytes",
        "prepare_resident_bytes",
        "touched_rows",
    )
    record.update({name: getattr(extra, name) for name in measured_ones})
    for name, found in (("memory", call_peak(extra)), ("held", setup_peak(extra))):
        if found:
            record[f"{name}_bytes"], record[f"{name}_kind"] = found.size_bytes, found.kind
    suite = result.w2vbench
    binding = bound(row, suite, wall)
    if binding:
        record |= {"limit": binding.limit, **columns("limit_share", binding.share)}
    return record


def columns(name: str, interval: Interval | None) -> dict[str, float | None]:
    """An interval as three columns."""
    estimate, low, high = (interval.estimate, interval.low, interval.high) if interval else (None, None, None)
    return {name: estimate, f"{name}_low": low, f"{name}_high": high}


def wall_time(row: Row) -> Interval:
    """A case's typical wall time a call in seconds, with its interval; without processes it is pytest-benchmark's median."""
    return typical_figure(walls(row.extra_info.processes)) if row.extra_info.processes else Interval(row.stats.median)


def wall_s(row: Row) -> float:
    """A case's typical wall time a call, in seconds."""
    return wall_time(row).estimate


def example_s(row: Row) -> float:
    """Wall time an example, in seconds: what cases of a problem are ranked by. That of a call, where calls cover no examples."""
    return wall_s(row) / (examples(row)[1] or 1.0)


def examples(row: Row) -> tuple[str, float]:
    """What a call's examples are called that ratios are by, and how many it covers; no name and 0 where it has none."""
    return next(iter(row.extra_info.covers.items()), ("", 0.0))


def work_ratio(row: Row, other: Row) -> float:
    """How many times the examples of another case of its problem a case covers; 1 where either has none."""
    (unit, mine), (same_unit, theirs) = examples(row), examples(other)
    return mine / theirs if unit == same_unit and mine and theirs else 1.0


def speedup(row: Row, baseline: Row | None, level: float = LEVEL) -> Interval | None:
    """How many times faster a case is than another of its problem: paired where both were measured, else of medians.

    Of equal work: where their calls cover unlike numbers of examples, by the time an example.
    """
    if baseline is None:
        return None
    if row.extra_info.processes and baseline.extra_info.processes:
        ratio = paired_ratio(walls(baseline.extra_info.processes), walls(row.extra_info.processes), level)
    else:
        ratio = Interval(wall_s(baseline) / wall_s(row))
    more = work_ratio(row, baseline)
    return ratio if ratio is None or more == 1.0 else ratio.map(lambda times: times * more)


def alike(row: Row, dimension: str = "V") -> tuple[Any, ...]:
    """What cases share when they differ in one dimension alone."""
    extra, size = row.extra_info, row.extra_info.size
    others = [getattr(size, name) for name in ("V", "B") if name != dimension]
    return extra.kernel, extra.implementation, size.H, *others, size.K, size.dtype, size.index, size.words, size.threads


def alike_from(rows: Sequence[Row], dimension: str = "V") -> dict[tuple[Any, ...], list[Row]]:
    """Series of cases that differ in one dimension alone, by what they share; from where growth is fitted up."""
    series: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if getattr(row.extra_info.size, dimension) >= FROM[dimension]:
            series.setdefault(alike(row, dimension), []).append(row)
    return series


def memory_growths(rows: Sequence[Row]) -> dict[tuple[Any, ...], float]:
    """The power of V of the peak memory of each series of cases that differ in V alone, by what they share.

    Traced allocation and resident growth do not make one series.
    """
    found = {}
    for key, cases in alike_from(rows).items():
        peaks = [(case.extra_info.size.V, peak) for case in cases if (peak := call_peak(case.extra_info))]
        if len({peak.resident for _, peak in peaks}) == 1:
            power = slope([V for V, _ in peaks], [peak.size_bytes for _, peak in peaks])
            if power is not None:
                found[key] = power
    return found


def growths(rows: Sequence[Row], dimension: str = "V") -> dict[tuple[Any, ...], Interval]:
    """The power of a dimension of each series of cases that differ in it alone, by what they share."""
    found = {}
    for key, cases in alike_from(rows, dimension).items():
        # a process's figure at each size; a file without processes counts as one
        processes = zip(
            *([middle(one) for one in walls(case.extra_info.processes)] or [wall_s(case)] for case in cases),
            strict=False,
        )
        growth = exponent([getattr(case.extra_info.size, dimension) for case in cases], list(processes))
        if growth:
            found[key] = growth
    return found
