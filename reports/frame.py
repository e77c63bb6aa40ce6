"""A result file as a tidy table: one row per case, with units in the column names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from .files import read
from .limits import roofline_limit
from .memory import call_peak, setup_peak
from .result_schema import Extra, NotMeasured, ResultFile, Row
from .statistics import LEVEL, Interval, exponent, ratio_of_logs, slope, typical, typical_median

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
"""The columns of ``reports.load``; figures that were not measured are NaN."""

FIGURES = list(COLUMNS)[list(COLUMNS).index("wall_s") : list(COLUMNS).index("limit")]
"""Columns of floats."""


def load(path: str | Path) -> pd.DataFrame:
    """Read a result file into a tidy DataFrame with COLUMNS.

    Raises
    ------
    ResultError
        If the file is not a result file.
    """
    return frame(read(Path(path)))


@lru_cache(maxsize=1)
def frame(result: ResultFile) -> pd.DataFrame:
    """Return the table of a result file: measured cases in the file's order, then those that were not measured."""
    import pandas as pd

    baselines = result.baselines
    growth_V, growth_B = growths(result.benchmarks), growths(result.benchmarks, "B")
    growth_memory = memory_growths(result.benchmarks)
    records = [
        measured_columns(row, baselines.get(row.group), result)
        | interval_columns("growth_V", growth_V.get(series_key(row)))
        | {"memory_growth_V": growth_memory.get(series_key(row))}
        | interval_columns("growth_B", growth_B.get(series_key(row, "B")))
        for row in result.benchmarks
    ]
    records += [case_columns(case.case, case) for case in result.w2vbench.not_measured]
    return pd.DataFrame.from_records(records).reindex(columns=list(COLUMNS)).astype(dict.fromkeys(FIGURES, float))


def case_columns(case: str, of: Extra | NotMeasured) -> dict[str, Any]:
    """The columns that every case has, and those that stand in the file under the same name."""
    return {
        "case": case,
        "problem": f"{of.kernel}@{case.rpartition('@')[2]}",
        "baseline": False,
        "reason": "",
        **{name: getattr(of.size, name) for name in DIMENSIONS},
        **{name: getattr(of, name) for name in stored_columns(type(of))},
    }


@cache
def stored_columns(kind: type[Extra | NotMeasured]) -> list[str]:
    """Return the columns that stand in a result file under the same name."""
    return [name for name in COLUMNS if name in kind.model_fields]


def measured_columns(row: Row, baseline: Row | None, result: ResultFile) -> dict[str, Any]:
    """The columns of a measured case, except growth."""
    extra = row.extra_info
    wall = wall_time(row)
    record = {
        **case_columns(row.case, extra),
        "status": "ok",
        "wall_s": wall.estimate,
        "wall_low_s": wall.low,
        "wall_high_s": wall.high,
        "rounds": row.stats.rounds,
        **interval_columns("speedup", speedup(row, baseline)),
        **{f"{unit}_per_s": number / wall.estimate for unit, number in extra.covers.items()},
    }
    if extra.processes:
        record["rounds"] = float(median([len(one.wall_s) - one.wall_s.count(None) for one in extra.processes]))
        record["cpu_s"] = typical([one.cpu_median_s for one in extra.processes]).estimate
    for name, peak in (("memory", call_peak(extra)), ("held", setup_peak(extra))):
        if peak:
            record[f"{name}_bytes"], record[f"{name}_kind"] = peak.size_bytes, peak.kind
    limit = roofline_limit(row, result.w2vbench, wall)
    if limit:
        record |= {"limit": limit.name, **interval_columns("limit_share", limit.share)}
    return record


def interval_columns(name: str, interval: Interval | None) -> dict[str, float | None]:
    """An interval as three columns."""
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high} if interval else {}


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


def series_key(row: Row, dimension: str = "V") -> tuple[Any, ...]:
    """Return what cases have in common that differ only in one dimension."""
    size = row.extra_info.size
    return row.extra_info.kernel, row.slug, *(getattr(size, name) for name in DIMENSIONS if name != dimension)


def series_of(rows: Sequence[Row], dimension: str = "V") -> dict[tuple[Any, ...], list[Row]]:
    """Cases that differ only in one dimension, by their ``series_key``; without sizes too small for a fit."""
    series: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if getattr(row.extra_info.size, dimension) >= FITTED_FROM[dimension]:
            series.setdefault(series_key(row, dimension), []).append(row)
    return series


def memory_growths(rows: Sequence[Row]) -> dict[tuple[Any, ...], float]:
    """Return the power of V of peak memory, by ``series_key``.

    A series that mixes traced allocation and resident growth has none.
    """
    powers = {}
    for key, cases in series_of(rows).items():
        peaks = [(case.extra_info.size.V, peak) for case in cases if (peak := call_peak(case.extra_info))]
        if len({peak.resident for _, peak in peaks}) == 1:
            power = slope([V for V, _ in peaks], [peak.size_bytes for _, peak in peaks])
            if power is not None:
                powers[key] = power
    return powers


def growths(rows: Sequence[Row], dimension: str = "V") -> dict[tuple[Any, ...], Interval]:
    """Return the power of a dimension that each series of cases grows with, by ``series_key``."""
    powers = {}
    for key, cases in series_of(rows, dimension).items():
        # each process's figure at each size; a file without processes counts as one process
        processes = zip(
            *(case.medians_s or [wall_s(case)] for case in cases),
            strict=False,
        )
        growth = exponent([getattr(case.extra_info.size, dimension) for case in cases], list(processes))
        if growth:
            powers[key] = growth
    return powers


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
