"""``w2vbench.load``: the documented columns, in the documented units, whatever the file holds."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from w2vbench.reports.file.files import read
from w2vbench.reports.file.frame import COLUMNS, FIGURES, GROWTH_FROM, frame, speedup, wall_time
from w2vbench.reports.statistics.problems import Interval

import w2vbench
from tests import saved
from tests.saved import PROBLEM, PYTEST, STATUSES, not_measured, processes, row, without_processes


def cases_of(*rows: saved.Content, **suite: Any) -> pd.DataFrame:
    """The table of a file, by ``slug@V``."""
    table = frame(saved.result(*rows, **suite))
    return table.set_index(table.implementation + "@" + table.V.astype(str))


# -- columns


@pytest.mark.parametrize("path", [PROBLEM, PYTEST], ids=["run", "pytest-benchmark"])
def test_the_columns_are_the_documented_ones_in_their_order_and_have_units(path: Any) -> None:
    assert list(w2vbench.load(path).columns) == list(COLUMNS) == list(w2vbench.COLUMNS)
    for name, meaning in COLUMNS.items():
        assert re.search({"s": "second|time", "bytes": "bytes"}.get(name.rpartition("_")[2], "."), meaning), name


@pytest.mark.parametrize("statuses", [(), STATUSES])
def test_cases_without_figures_stand_there_with_status_and_reason(statuses: tuple[str, ...]) -> None:
    failed = [not_measured(f"way-{at}", status, f"because {at}") for at, status in enumerate(statuses)]
    alone, table = (frame(saved.result(*rows, not_measured=failed)) for rows in ([], [row("gather", 1e-5)]))
    assert list(alone.columns) == list(COLUMNS)
    assert table.status.to_list() == ["ok", *alone.status] == ["ok", *statuses]
    assert table.reason.to_list() == ["", *[f"because {at}" for at in range(len(statuses))]]
    assert table.problem.nunique() == 1
    assert not table.baseline.any()
    assert table[FIGURES].iloc[1:].isna().all(axis=None)
    assert (table[FIGURES].dtypes == np.float64).all()
    assert table[["peak_bytes", "prepare_s", "speedup", "growth_V", "limit_share"]].isna().all(axis=None)


# -- a measured row


def test_a_real_file_gives_its_own_numbers() -> None:
    table, rows = w2vbench.load(PROBLEM), read(PROBLEM).benchmarks
    for (_, case), one in zip(table.iterrows(), rows, strict=True):
        extra = one.extra_info
        assert case.wall_s == pytest.approx(stats.gmean([np.nanmedian(walls) for walls in one.walls]), rel=1e-12)
        assert {name: case[name] for name in vars(extra.size)} == vars(extra.size)
        known = (one.name, one.group, extra.peak_bytes, "ok", "")
        assert (case.case, case.problem, case.peak_bytes, case.status, case.reason) == known


def test_a_real_file_of_pytest_benchmark_gives_its_medians() -> None:
    table, rows = w2vbench.load(PYTEST), read(PYTEST).benchmarks
    assert list(table.wall_s) == [one.stats.median for one in rows]
    assert list(table.problem) == [one.group for one in rows]
    assert list(table.case) == [one.param for one in rows]


def test_figures_of_many_cases_are_those_of_each_alone_whatever_processes_and_rounds_they_have() -> None:
    rng, made = np.random.default_rng(0), []
    for V, (number, rounds) in enumerate(
        [(1, 6), (2, 7), (3, 6), (3, 4), (5, 12), (9, 6), (9, 1), (0, 0)], start=1_000
    ):
        for slug, fewer in (("one-hot", 0), ("take", 1), ("gather", 2)):
            walls: list[list[float | None]] = rng.lognormal(-9, 0.3, (number, max(rounds - fewer, 1))).tolist()
            for process in walls:
                process[1:-1:4] = [None] * len(process[1:-1:4])
            baseline, covers = slug == "one-hot", {"pairs": 100.0 - 7 * fewer}
            every: Any = {"V": V, "baseline": baseline, "covers": covers}
            made.append(row(slug, walls, **every) if number else without_processes(slug, 1e-5, **every))
    result = saved.result(*made)
    baselines, table = result.baselines, list[Any](frame(result).itertuples())
    for case, one in zip(table, result.benchmarks, strict=True):
        ratio, wall = speedup(one, baselines[one.group]) or Interval(math.nan), wall_time(one)
        found = [case.speedup, case.speedup_low, case.speedup_high, case.wall_s, case.wall_low_s, case.wall_high_s]
        alone = [ratio.estimate, ratio.low, ratio.high, wall.estimate, wall.low, wall.high]
        np.testing.assert_allclose(found, np.array(alone, np.float64), rtol=1e-12)
        cpu = [np.median([cpu for cpu in process.cpu_s if cpu is not None]) for process in one.extra_info.processes]
        present = [np.isfinite(walls).sum() for walls in one.walls]
        assert case.cpu_s == pytest.approx(stats.trim_mean(cpu, 0.2) if cpu else one.extra_info.cpu_s, rel=1e-12)
        assert case.rounds == (np.median(present) if present else one.stats.rounds)


def test_wall_and_cpu_time_are_kept_apart() -> None:
    made = row("gather", 1e-5)
    for process, cpu in zip(made["extra_info"]["processes"], (3e-5, 4e-5, 8e-5), strict=True):
        process["cpu_s"] = [cpu] * 5 + [None]
    case = cases_of(made).loc["gather@10000"]
    assert (case.wall_s, case.cpu_s) == pytest.approx((1e-5, 5e-5))


def test_a_speedup_is_the_baselines_time_over_the_cases_with_its_interval() -> None:
    table = cases_of(row("one-hot", processes(8.0, 9.0, 10.0), baseline=True), row("gather", processes(2.0, 2.0, 2.0)))
    logs = np.log([4, 4.5, 5])
    expected = np.exp([logs.mean(), *stats.t.interval(0.95, 2, loc=logs.mean(), scale=stats.sem(logs))])
    np.testing.assert_allclose(table[["speedup", "speedup_low", "speedup_high"]], np.array([[1, 1, 1], expected]))
    assert table.baseline.to_list() == [True, False]


@pytest.mark.parametrize("make", [without_processes, lambda slug, wall, **its: row(slug, processes(wall), **its)])
def test_without_processes_or_with_one_a_speedup_has_no_interval(make: Any) -> None:
    case = cases_of(make("one-hot", 1e-3, baseline=True), make("gather", 2e-5)).loc["gather@10000"]
    assert case.case == f"lookup/gather@{case.problem.partition('@')[2]}"
    assert (case.wall_s, case.cpu_s, case.speedup) == pytest.approx((2e-5, 2e-5, 50))
    assert case[["speedup_low", "speedup_high"]].isna().all()


def test_ratios_never_cross_from_one_kernel_batch_or_vocabulary_to_another() -> None:
    others = row("csr", 1e-5, kernel="scatter.dense"), row("gather", 1e-5, B=1), row("gather", 1e-5, V=100_000)
    missing = not_measured("one-hot", "timeout", "too long", V=100_000)
    alike = row("one-hot", 1e-3, baseline=True), row("gather", 1e-5)
    table = frame(saved.result(*alike, *others, not_measured=[missing]))
    assert table.speedup.to_list() == pytest.approx([1, 100, *[math.nan] * 4], nan_ok=True)


# -- growth


def test_growth_is_fitted_from_ten_thousand_words_up() -> None:
    # below, this implementation takes its time whatever the size: a fit through it all would say less than 1
    times = {100: 1e-4, 1_000: 1e-4, GROWTH_FROM: 1e-4, 100_000: 1e-3, 1_000_000: 1e-2}
    table = cases_of(
        *[row("one-hot", wall, V=V) for V, wall in times.items()],
        *[row("few", 1e-4 * V, V=V) for V in (1_000, GROWTH_FROM - 1, GROWTH_FROM)],
        not_measured=[not_measured("one-hot", "timeout", "", V=10_000_000)],
    )
    for column in (table.growth_V, table.growth_V_low):
        assert column.to_list() == pytest.approx([1.0] * 5 + [math.nan] * 4, nan_ok=True)


def test_growth_joins_only_cases_that_differ_in_nothing_but_the_vocabulary() -> None:
    larger: Any = {"V": 100_000}
    others: list[dict[str, Any]] = [{"B": 1}, {"K": 5}, {"kernel": "scatter.dense"}, {"dtype": "f64"}]
    rows = [row("one-hot", 1e-3, **larger, **other) for other in others]
    assert cases_of(row("one-hot", 1e-4), *rows, row("gather", 1e-3, **larger)).growth_V.isna().all()


def test_growth_in_a_real_file_is_scipys_regression_process_by_process_with_its_interval() -> None:
    rows, table = read(PROBLEM).benchmarks, w2vbench.load(PROBLEM)
    for slug, cases in table[table.V >= GROWTH_FROM].groupby("implementation"):
        walls = {one.extra_info.size.V: one.walls for one in rows if one.slug == slug}
        medians = np.array([[np.nanmedian(one) for one in walls[V]] for V in cases.V])
        slopes = [stats.linregress(np.log(cases.V), np.log(process)).slope for process in medians.T]
        expected = np.mean(slopes), *stats.t.interval(0.95, 2, np.mean(slopes), stats.sem(slopes))
        np.testing.assert_allclose(cases[["growth_V", "growth_V_low", "growth_V_high"]], [expected] * len(cases))
