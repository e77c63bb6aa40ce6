"""A result file as a tidy table: one row per case, with units in the column names."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from w2vbench.reports.statistics.problems import LEVEL, Floats, Interval, exponent, ratio_of_logs, slope, typical_median
from w2vbench.reports.statistics.units import rate, two

from .case_statistics import Intervals, Times, times
from .files import read, without_collection
from .limits import roofline_limit
from .memory import Peak, call_peak, setup_peak
from .schema.result import Extra, NotMeasured, ResultFile, Row

if TYPE_CHECKING:
    import pandas as pd

GROWTH_FROM = 10_000
"""Growth in V is fitted from this vocabulary up; below it, fixed costs and caches bend the line."""

FITTED_FROM = {"V": GROWTH_FROM, "B": 10}
"""Dimensions in which growth is fitted, and the smallest size that is used."""

DIMENSIONS = ("V", "H", "B", "K", "dtype", "index", "words", "threads")
"""The parts of a size."""

SERIES_COLUMNS = ["kernel", "implementation", *(name for name in DIMENSIONS if name != "V")]
"""Columns with equal values in cases that differ only in V."""

COLUMNS = {
    "case": "the case's name",
    "kernel": "kernel and variant, e.g. scatter.dense",
    "implementation": "slug",
    "title": "the implementation's title",
    "V": "vocabulary",
    "H": "hidden size",
    "B": "batch",
    "K": "negatives a target, or mean words of a bag; 0 where there are neither",
    "dtype": "f32 or f64",
    "index": "i32 or i64",
    "words": "zipf, uniform or repeat",
    "threads": "BLAS and OpenMP threads",
    "problem": "kernel and size: cases with the same problem were measured together",
    "baseline": "whether speed-ups refer to this case",
    "status": "ok, wrong, skipped, timeout, out of memory, crashed or error",
    "reason": "why it has no figures",
    "wall_s": "wall time per call, seconds: trimmed geometric mean over processes of each process's median",
    "wall_low_s": "lower end of wall_s's 95 % interval over processes, seconds",
    "wall_high_s": "upper end of wall_s's 95 % interval over processes, seconds",
    "rounds": "samples per process; slow cases get fewer",
    "cpu_s": "CPU time per call, all threads, seconds: trimmed mean over processes of each process's median",
    "peak_bytes": "peak of traced allocations in a call, bytes",
    "resident_bytes": "growth of the resident set in a call, bytes",
    "memory_bytes": "peak memory of a call as the tables show it, bytes: peak_bytes or resident_bytes (see memory_kind)",
    "prepare_s": "set-up time, seconds",
    "adapt_s": "median time to convert a batch to the form that the implementation takes, not counted in wall_s, seconds",
    "prepare_bytes": "memory that set-up keeps, traced, bytes",
    "prepare_resident_bytes": "growth of the resident set in set-up, bytes",
    "held_bytes": "memory that set-up keeps as the tables show it, bytes: prepare_bytes or prepare_resident_bytes (see held_kind)",
    "touched_rows": "distinct rows that a batch touches, mean",
    "pairs_per_s": "pairs of a word and a word in its window that training learns from, per second",
    "words_per_s": "words of text that training processes per second",
    "speedup": "the baseline's wall time over this case's, paired by round: geometric mean over processes; per example where calls cover different numbers",
    "speedup_low": "lower end of its 95 % interval",
    "speedup_high": "upper end of its 95 % interval",
    "growth_V": f"trimmed mean of processes' fitted power of V, from V = {GROWTH_FROM:,} up, all else equal",
    "growth_V_low": "lower end of its 95 % interval, over processes",
    "growth_V_high": "upper end of its 95 % interval, over processes",
    "growth_B": f"trimmed mean of processes' fitted power of B, from B = {FITTED_FROM['B']} up, all else equal",
    "growth_B_low": "lower end of its 95 % interval, over processes",
    "growth_B_high": "upper end of its 95 % interval, over processes",
    "memory_growth_V": "fitted power of V of memory_bytes, from the same cases as growth_V, if all are of one kind",
    "limit_share": "the least time that the case's roofline limit allows, over the case's wall time",
    "limit_share_low": "lower end of its 95 % interval",
    "limit_share_high": "upper end of its 95 % interval",
    "limit": "that limit: memory, cache, arithmetic or call; interpreter where no limit applies",
    "memory_kind": "what memory_bytes is: traced or resident",
    "held_kind": "what held_bytes is: traced or resident",
}
"""The columns of ``w2vbench.load``; figures that were not measured are NaN."""


@dataclass(frozen=True)
class Shown:
    """How the tables of a report show a figure of COLUMNS as it is."""

    # the column's heading: on the terminal and in Markdown, and on the page
    heading: str
    title: str
    # a figure as text, there and on the page
    text: Callable[[float], str]
    page_text: Callable[[float], str]


SHOWN = {"words_per_s": Shown("words a second", "Words per second", rate, two)}
"""Columns that a report's tables have wherever a case has a figure. What else they show is in ``reports.run.case_table``."""

FIGURES = list(COLUMNS)[list(COLUMNS).index("wall_s") : list(COLUMNS).index("limit")]
"""Columns of floats."""

Column = Sequence[Any] | Floats
"""The cells of a column, case by case."""


@without_collection()
def load(path: str | Path) -> pd.DataFrame:
    """Read a result file, or that in the folder of a run, into a tidy DataFrame with COLUMNS.

    Raises
    ------
    ResultError
        If there is no result file.
    """
    return frame(read(Path(path)))


@lru_cache(maxsize=1)
@without_collection()
def frame(result: ResultFile) -> pd.DataFrame:
    """Return the table of a result file: measured cases in the file's order, then those that were not measured."""
    import pandas as pd

    rows, others = result.benchmarks, result.w2vbench.not_measured
    measured, unmeasured = measured_columns(result), case_columns(NotMeasured, [case.case for case in others], others)
    empty, no_figure = np.full(len(rows), np.nan), np.full(len(others), np.nan)

    def whole(name: str) -> Column:
        both = measured.get(name, empty), unmeasured.get(name, no_figure)
        return (
            np.concatenate([np.asarray(its, np.float64) for its in both]) if name in FIGURES else [*both[0], *both[1]]
        )

    return pd.DataFrame({name: whole(name) for name in COLUMNS})


def case_columns(
    kind: type[Extra | NotMeasured], names: Sequence[str], cases: Sequence[Extra | NotMeasured]
) -> dict[str, Column]:
    """The columns that every case has, and those that stand in the file under the same name."""
    sizes = [case.size for case in cases]
    return {
        "case": names,
        "problem": [f"{case.kernel}@{name.rpartition('@')[2]}" for name, case in zip(names, cases, strict=True)],
        "baseline": [False] * len(names),
        "reason": [""] * len(names),
        **{name: list(map(attrgetter(name), sizes)) for name in DIMENSIONS},
        **{name: list(map(attrgetter(name), cases)) for name in COLUMNS if name in kind.model_fields},
    }


def measured_columns(result: ResultFile) -> dict[str, Column]:
    """The columns of the measured cases."""
    rows, extras = result.benchmarks, [row.extra_info for row in result.benchmarks]
    cases = case_columns(Extra, [row.case for row in rows], extras)
    first = {row.group: at for at, row in enumerate(rows) if row.extra_info.baseline}
    baselines = {at: first[row.group] for at, row in enumerate(rows) if row.group in first}
    found = times(rows, baselines)
    limits = [roofline_limit(row, result.w2vbench, wall) for row, wall in zip(rows, found.wall.each(), strict=True)]
    calls, held = list(map(call_peak, extras)), list(map(setup_peak, extras))
    covers = [extra.covers for extra in extras]
    return {
        **cases,
        "status": ["ok"] * len(rows),
        **dict(zip(("wall_s", "wall_low_s", "wall_high_s"), found.wall, strict=True)),
        "rounds": found.rounds,
        "cpu_s": found.cpu,
        **dict(zip(ends("speedup"), speedups(rows, baselines, found), strict=True)),
        **growth_columns(cases, found.medians, calls),
        "memory_bytes": [peak.size_bytes if peak else math.nan for peak in calls],
        "memory_kind": [peak.kind if peak else math.nan for peak in calls],
        "held_bytes": [peak.size_bytes if peak else math.nan for peak in held],
        "held_kind": [peak.kind if peak else math.nan for peak in held],
        "limit": [limit.name if limit else math.nan for limit in limits],
        **interval_columns("limit_share", [limit.share if limit else None for limit in limits]),
        **{
            f"{unit}_per_s": np.array([its.get(unit, math.nan) for its in covers]) / found.wall.estimate
            for unit in ("pairs", "words")
        },
    }


def ends(name: str) -> tuple[str, str, str]:
    """The names of an interval's columns."""
    return name, f"{name}_low", f"{name}_high"


def parts(interval: Interval | None) -> tuple[float | None, float | None, float | None]:
    """An interval's figures, without names."""
    return (interval.estimate, interval.low, interval.high) if interval else (None, None, None)


def interval_columns(name: str, intervals: Sequence[Interval | None]) -> dict[str, list[float | None]]:
    """Intervals as three columns."""
    every = list(map(parts, intervals))
    return {column: [its[at] for its in every] for at, column in enumerate(ends(name))}


def wall_time(row: Row) -> Interval:
    """Return a case's typical wall time per call in seconds; without processes, pytest-benchmark's median."""
    return typical_median(row.medians_s) if row.extra_info.processes else Interval(row.stats.median)


def wall_s(row: Row) -> float:
    """Return a case's typical wall time per call, in seconds."""
    return wall_time(row).estimate


def example_s(row: Row) -> float:
    """Return the wall time per example in seconds, by which cases are ranked; per call, where calls cover no examples."""
    return wall_s(row) / (examples(row)[1] or 1.0)


def examples(row: Row) -> tuple[str, float]:
    """Return the name of a case's examples, such as pairs, and how many a call covers; no name and 0 where it has none."""
    return next(iter(row.extra_info.covers.items()), ("", 0.0))


def work_ratio(row: Row, other: Row) -> float:
    """Return a case's number of examples per call over another case's; 1 where either has none."""
    (unit, mine), (same_unit, theirs) = examples(row), examples(other)
    return mine / theirs if unit == same_unit and mine and theirs else 1.0


def speedup(row: Row, baseline: Row | None, level: float = LEVEL) -> Interval | None:
    """Return how many times faster a case is than another of its problem, for equal work.

    The ratio is paired by round where both have samples, else it is one of medians. Where calls cover different numbers of
    examples, it compares the time per example.
    """
    if baseline is None:
        return None
    if row.extra_info.processes and baseline.extra_info.processes:
        ratio = ratio_of_logs(baseline.wall_logs, row.wall_logs, level)
    else:
        ratio = Interval(wall_s(baseline) / wall_s(row))
    more = work_ratio(row, baseline)
    return ratio if ratio is None or more == 1.0 else ratio.map(lambda times: times * more)


def speedups(rows: Sequence[Row], baselines: Mapping[int, int], found: Times) -> Intervals:
    """Return ``speedup`` of each case over its problem's baseline; NaN where the problem has none."""
    at, theirs, wall_s = list(baselines), list(baselines.values()), found.wall.estimate
    estimate = found.speedup.estimate.copy()
    estimate[at] = np.where(np.isnan(estimate[at]), wall_s[theirs] / wall_s[at], estimate[at])
    more = np.ones(len(rows))
    for one, base in baselines.items():
        if rows[one].extra_info.covers:
            more[one] = work_ratio(rows[one], rows[base])
    return Intervals(estimate * more, found.speedup.low * more, found.speedup.high * more)


def growth_columns(
    cases: Mapping[str, Column], medians: Sequence[Sequence[float]], peaks: Sequence[Peak | None]
) -> dict[str, list[float | None]]:
    """The columns on growth of time and memory. Cases that differ only in one dimension have the same.

    Parameters
    ----------
    cases
        The columns that every case has.
    medians
        For each case, the median wall time of each process; a file without processes counts as one process.
    peaks
        The peak memory of each case's call.
    """
    names = (*ends("growth_V"), *ends("growth_B"), "memory_growth_V")
    columns: dict[str, list[float | None]] = {name: [None] * len(medians) for name in names}
    for dimension, smallest in FITTED_FROM.items():
        sizes = cases[dimension]
        if len(set(sizes)) < 2:
            continue
        for series in series_of(cases, dimension):
            fitted = [at for at in series if sizes[at] >= smallest]
            if len(fitted) < 2:
                continue
            processes = list(zip(*(medians[at] for at in fitted), strict=False))
            power = exponent([sizes[at] for at in fitted], processes)
            found = dict(zip(ends(f"growth_{dimension}"), parts(power), strict=True))
            if dimension == "V":
                found["memory_growth_V"] = memory_growth([(sizes[at], peaks[at]) for at in fitted])
            for name, figure in found.items():
                for at in series:
                    columns[name][at] = figure
    return columns


def series_of(cases: Mapping[str, Column], dimension: str) -> Iterable[list[int]]:
    """Return which cases differ only in one dimension."""
    same = (cases[name] for name in ("kernel", "implementation", *DIMENSIONS) if name != dimension)
    series: dict[tuple[Any, ...], list[int]] = {}
    for at, key in enumerate(zip(*same, strict=True)):
        series.setdefault(key, []).append(at)
    return series.values()


def memory_growth(peaks: Sequence[tuple[int, Peak | None]]) -> float | None:
    """Return the power of V that peak memory grows with; None where traced allocation and resident growth are mixed."""
    known = [(V, peak) for V, peak in peaks if peak]
    if len({peak.resident for _, peak in known}) != 1:
        return None
    return slope([V for V, _ in known], [peak.size_bytes for _, peak in known])


def grouped(cases: Iterable[Any], column: str) -> dict[str, list[Any]]:
    """Return cases, as named tuples of the table, by a column: groups and their cases in the table's order."""
    groups: dict[str, list[Any]] = {}
    for case in cases:
        groups.setdefault(str(getattr(case, column)), []).append(case)
    return groups


def interval(case: Any, column: str) -> Interval | None:
    """An estimate and its ends from three columns; None where there is none."""
    estimate, low, high = (float_of(getattr(case, name)) for name in (column, f"{column}_low", f"{column}_high"))
    return None if estimate is None else Interval(estimate, low, high)


def float_of(value: Any) -> float | None:
    """A float, or None for a missing figure."""
    return None if value is None or value != value else float(value)


FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv(cases: pd.DataFrame) -> str:
    """Return all cases as CSV. Text that a spreadsheet would take for a formula gets a quote before it."""

    def safe(value: Any) -> Any:
        return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value

    texts = cases.select_dtypes(exclude="number").columns
    checked = cases.assign(**{column: cases[column].map(safe) for column in texts})
    return str(checked.to_csv(index=False, lineterminator="\n", float_format="%.15g"))
