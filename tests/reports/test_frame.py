"""``reports.load``: the documented columns, in the documented units, whatever the file holds."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import reports
from reports.files import read
from reports.frame import COLUMNS, FIGURES, GROWTH_FROM, frame
from reports.result_schema import ResultFile
from tests import saved
from tests.saved import PROBLEM, PYTEST, STATUSES, not_measured, row, without_processes

if TYPE_CHECKING:
    from pathlib import Path


def cases_of(*rows: saved.Content, **suite: Any) -> pd.DataFrame:
    """The table of a file, by ``slug@V``."""
    table = frame(saved.result(*rows, **suite))
    return table.set_index(table.implementation + "@" + table.V.astype(str))


def missing(figure: Any) -> bool:
    return bool(np.isnan(figure))


@pytest.fixture(scope="module")
def problem() -> pd.DataFrame:
    return reports.load(PROBLEM)


# -- columns


@pytest.mark.parametrize("path", [PROBLEM, PYTEST], ids=["problem", "pytest-benchmark"])
def test_the_columns_are_the_documented_ones_in_their_order(path: Path) -> None:
    assert list(reports.load(path).columns) == list(COLUMNS) == list(reports.COLUMNS)


@pytest.mark.parametrize("statuses", [[], ["crashed"]])
def test_a_file_without_figures_is_a_table_all_the_same(statuses: list[str]) -> None:
    table = frame(saved.result(not_measured=[not_measured("add-at", status, "") for status in statuses]))
    assert table.status.to_list() == statuses
    assert list(table.columns) == list(COLUMNS)


def test_figures_are_floats_and_missing_ones_nan_even_if_all_are_missing() -> None:
    table = cases_of(row("gather", 1e-5), not_measured=[not_measured("add-at", "error", "?")])
    assert all(table[name].dtype == np.float64 for name in FIGURES)
    assert table.loc["gather@10000", "wall_s"] == pytest.approx(1e-5)
    for name in ("peak_bytes", "prepare_s", "speedup", "growth_V", "limit_share"):
        assert table[name].isna().all(), name


def test_every_column_says_its_unit_or_what_it_is() -> None:
    assert all(COLUMNS.values())
    for name, meaning in COLUMNS.items():
        if name.endswith("_s"):
            assert "second" in meaning or "time" in meaning, name
        if name.endswith("_bytes"):
            assert "bytes" in meaning, name


# -- a measured row


def test_a_real_file_gives_its_own_numbers(problem: pd.DataFrame) -> None:
    raw = json.loads(PROBLEM.read_bytes())["benchmarks"]
    assert list(problem.case) == [one["name"] for one in raw]
    for (_, case), one in zip(problem.iterrows(), raw, strict=True):
        extra = one["extra_info"]
        processes = [np.nanmedian(np.array(process["wall_s"], float)) for process in extra["processes"]]
        assert case.wall_s == pytest.approx(stats.gmean(processes), rel=1e-12)
        assert case.problem == one["group"]
        assert {name: case[name] for name in extra["size"]} == extra["size"]
        assert case.peak_bytes == extra["peak_bytes"]
        assert case.status == "ok"
        assert case.reason == ""


def test_wall_and_cpu_time_are_kept_apart() -> None:
    made = row("gather", 1e-5)
    for process, cpu in zip(made["extra_info"]["processes"], (3e-5, 4e-5, 8e-5), strict=True):
        process["cpu_s"] = [cpu] * 5 + [None]
    case = cases_of(made).loc["gather@10000"]
    assert (case.wall_s, case.cpu_s) == pytest.approx((1e-5, 5e-5))


def test_a_speedup_is_the_baselines_time_over_the_cases_with_its_interval() -> None:
    slow = [[8.0] * 6, [9.0] * 6, [10.0] * 6]
    table = cases_of(row("one-hot", slow, baseline=True), row("gather", [[2.0] * 6] * 3))
    case, baseline = table.loc["gather@10000"], table.loc["one-hot@10000"]
    assert (baseline.baseline, baseline.speedup, baseline.speedup_low, baseline.speedup_high) == (True, 1, 1, 1)
    logs = np.log([4, 4.5, 5])
    low, high = stats.t.interval(0.95, 2, loc=logs.mean(), scale=stats.sem(logs))
    assert (case.speedup, case.speedup_low, case.speedup_high) == pytest.approx(tuple(np.exp([logs.mean(), low, high])))


def test_one_process_gives_a_speedup_without_an_interval() -> None:
    case = cases_of(row("one-hot", [[1e-3] * 6], baseline=True), row("gather", [[1e-5] * 6])).loc["gather@10000"]
    assert case.speedup == pytest.approx(100)
    assert missing(case.speedup_low)
    assert missing(case.speedup_high)


def test_where_the_baseline_is_missing_there_is_no_ratio_but_at_other_sizes_there_is() -> None:
    table = cases_of(
        row("one-hot", 1e-3, V=10_000, baseline=True),
        row("gather", 1e-5, V=10_000),
        row("gather", 1e-5, V=100_000),
        not_measured=[not_measured("one-hot", "timeout", "too long", V=100_000)],
    )
    assert table.loc["gather@10000", "speedup"] == pytest.approx(100)
    assert missing(table.loc["gather@100000", "speedup"])


def test_ratios_never_cross_from_one_kernel_or_batch_to_another() -> None:
    table = frame(
        saved.result(
            row("one-hot", 1e-3, baseline=True), row("csr", 1e-5, kernel="scatter.dense"), row("gather", 1e-5, B=1)
        )
    )
    assert table.speedup.isna().to_list() == [False, True, True]


def test_a_case_is_set_against_the_limit_that_binds_it() -> None:
    table = frame(ResultFile.model_validate(saved.small())).set_index(["implementation", "V"])
    one_hot: Any = table.loc[("one-hot", 100_000)]
    gather: Any = table.loc[("gather", 100_000)]
    assert (one_hot.limit, one_hot.limit_share) == ("memory", pytest.approx(0.5))
    assert (gather.limit, gather.limit_share) == ("call", pytest.approx(0.1))
    assert gather.limit_share_low == pytest.approx(0.1)
    assert missing(table.loc[("one-hot", 10_000), "limit_share"])


# -- growth


def test_growth_is_fitted_from_ten_thousand_words_up() -> None:
    # below, this implementation takes its time whatever the size: a fit through it all would say less than 1
    times = {100: 1e-4, 1_000: 1e-4, 10_000: 1e-4, 100_000: 1e-3, 1_000_000: 1e-2}
    table = cases_of(*[row("one-hot", wall, V=V) for V, wall in times.items()])
    assert GROWTH_FROM == 10_000
    assert table.growth_V.to_list() == pytest.approx([1.0] * 5)
    assert table.growth_V_low.to_list() == pytest.approx([1.0] * 5)


def test_small_vocabularies_alone_show_no_growth() -> None:
    assert (
        cases_of(row("one-hot", 1e-4, V=1_000), row("one-hot", 1e-3, V=9_999), row("one-hot", 1e-3, V=10_000))
        .growth_V.isna()
        .all()
    )


def test_growth_joins_only_cases_that_differ_in_nothing_but_the_vocabulary() -> None:
    table = cases_of(
        row("one-hot", 1e-4, V=10_000),
        row("one-hot", 1e-3, V=100_000, B=1),
        row("one-hot", 1e-3, V=100_000, K=5),
        row("one-hot", 1e-3, V=100_000, kernel="scatter.dense"),
        row("gather", 1e-3, V=100_000),
    )
    assert table.growth_V.isna().all()


def test_two_vocabularies_are_enough_and_processes_give_the_interval() -> None:
    table = cases_of(
        row("one-hot", [[1e-4], [1e-4], [1e-4]]),
        row("one-hot", [[1e-3], [2e-3], [5e-4]], V=100_000),
        row("gather", 1e-5),
        row("gather", 1e-5, V=100_000),
    )
    slopes = [1.0, 1 + math.log10(2), 1 + math.log10(0.5)]
    low, high = stats.t.interval(0.95, 2, np.mean(slopes), stats.sem(slopes))
    assert table.growth_V.to_list() == pytest.approx([1, 1, 0, 0])
    assert (table.growth_V_low.iloc[0], table.growth_V_high.iloc[0]) == pytest.approx((low, high))


def test_growth_in_a_real_file_is_scipys_regression_process_by_process() -> None:
    result = read(saved.PROBLEM)
    table = frame(result)
    for slug, cases in table[table.V >= 10_000].groupby("implementation"):
        mine = {
            r.extra_info.size.V: r.extra_info.processes
            for r in result.benchmarks
            if r.extra_info.implementation == slug
        }
        vocabularies = sorted(V for V in mine if V >= 10_000)
        slopes = []
        for at in range(3):
            medians = [np.nanmedian(np.array(mine[V][at].wall_s, float)) for V in vocabularies]
            slopes.append(stats.linregress(np.log(vocabularies), np.log(medians)).slope)
        assert cases.growth_V.to_list() == pytest.approx([np.mean(slopes)] * len(cases))


# -- what was not measured


def test_cases_without_figures_stand_there_with_status_and_reason() -> None:
    failed = [not_measured(f"implementation-{at}", status, f"because {at}") for at, status in enumerate(STATUSES)]
    table = frame(saved.result(row("gather", 1e-5), not_measured=failed))
    assert table.status.to_list() == ["ok", *STATUSES]
    assert table.reason.to_list() == ["", *[f"because {at}" for at in range(len(STATUSES))]]
    assert table[FIGURES].iloc[1:].isna().all(axis=None)
    assert table.problem.nunique() == 1
    assert table.baseline.to_list() == [False] * 7


def test_a_case_that_was_not_measured_has_no_growth_even_if_others_like_it_have() -> None:
    table = cases_of(
        row("one-hot", 1e-4),
        row("one-hot", 1e-3, V=100_000),
        not_measured=[not_measured("one-hot", "timeout", "", V=1_000_000)],
    )
    assert table.growth_V.isna().to_list() == [False, False, True]


# -- the other engine


def test_a_file_of_pytest_benchmark_has_the_same_names_and_ratios_of_medians() -> None:
    table = cases_of(
        without_processes("one-hot", 1e-3, baseline=True), without_processes("gather", 2e-5), engine="pytest-benchmark"
    )
    case = table.loc["gather@10000"]
    assert case.case == "lookup/gather@V=1e4,H=100,B=100,f32,i64,zipf,t1"
    assert case.problem == "lookup@V=1e4,H=100,B=100,f32,i64,zipf,t1"
    assert (case.wall_s, case.cpu_s) == (2e-5, 2e-5)
    assert case.speedup == pytest.approx(50)
    assert missing(case.speedup_low)


def test_a_real_file_of_pytest_benchmark_loads() -> None:
    raw = json.loads(PYTEST.read_bytes())["benchmarks"]
    table = reports.load(PYTEST)
    assert list(table.wall_s) == [one["stats"]["median"] for one in raw]
    assert set(table.problem) == {one["group"] for one in raw}
    assert list(table.case) == [one["param"] for one in raw]
