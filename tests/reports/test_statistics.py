"""Intervals that hold what they promise: against SciPy, by simulation, and at the edges."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reports.statistics import (
    FEW,
    LEAST,
    LEVEL,
    Floats,
    Interval,
    difference_interval,
    exponent,
    mean_interval,
    over_processes,
    paired_ratio,
    slope,
    t_quantile,
    typical,
    typical_figure,
)

NAN = math.nan


def processes(*rounds: Sequence[float]) -> list[Floats]:
    return [np.array(one, np.float64) for one in rounds]


def ends(interval: Interval | None) -> tuple[float, float, float]:
    """All three figures of an interval that must have them."""
    assert interval is not None
    assert interval.low is not None
    assert interval.high is not None
    return interval.estimate, interval.low, interval.high


def alone(interval: Interval | None) -> float:
    """The estimate of an interval that must have no ends."""
    assert interval is not None
    assert (interval.low, interval.high) == (None, None)
    return interval.estimate


# -- the mean and its interval


@pytest.mark.parametrize("degrees", [1, 2, 4, 8, 17, 1000])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_quantiles_are_students(degrees: int, level: float) -> None:
    assert t_quantile(degrees, level) == pytest.approx(stats.t.ppf(0.5 + level / 2, degrees), rel=1e-12)


@pytest.mark.parametrize(
    "values", [[1.0, 2.0], [0.1, 0.2, 0.4], [-5.0, 3.0, 1.0, 1.0, 8.0], list(np.linspace(2, 3, 40))]
)
@pytest.mark.parametrize("level", [0.8, LEVEL])
def test_an_interval_of_a_mean_is_scipys(values: list[float], level: float) -> None:
    expected = stats.t.interval(level, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    assert ends(mean_interval(values, level)) == pytest.approx((np.mean(values), *expected), rel=1e-12)


def test_ninety_five_percent_is_what_you_get_without_asking() -> None:
    assert mean_interval([1.0, 2.0, 4.0]) == mean_interval([1.0, 2.0, 4.0], 0.95)


def test_processes_that_agree_exactly_leave_no_doubt() -> None:
    assert mean_interval([3.0] * 4) == Interval(3.0, 3.0, 3.0)


def test_one_process_gives_an_estimate_and_no_interval() -> None:
    assert mean_interval([7.0]) == Interval(7.0, None, None)


def test_no_values_have_no_mean() -> None:
    with pytest.raises(ValueError, match="no values"):
        mean_interval([])


def test_an_unknown_interval_rules_nothing_out() -> None:
    assert Interval(2.0).includes(1.0)
    assert Interval(2.0, 1.0, 3.0).includes(1.0)
    assert not Interval(2.0, 1.5, 3.0).includes(1.0)
    assert not Interval(2.0, 1.5, 3.0).includes(3.5)


def test_mapping_an_interval_maps_its_ends_and_invents_none() -> None:
    assert Interval(0.0, -1.0, 1.0).map(math.exp) == Interval(1.0, math.exp(-1), math.e)
    assert Interval(0.0).map(math.exp) == Interval(1.0)


# -- the typical figure


def test_a_typical_figure_is_the_trimmed_geometric_mean_of_processes_medians() -> None:
    # medians 2, 4, 8, 1 and 1,000, of which the least and the largest are left out
    found = typical_figure(processes([1, 2, 9], [4, 4, NAN], [8, 8, 8], [1], [1000, 1000, 1000]))
    assert found.estimate == pytest.approx(4)
    few = typical_figure(processes([1, 2, 9], [4, 4, NAN], [8, 8, 8]))
    assert few.estimate == pytest.approx(4)


def test_rounds_that_were_sat_out_do_not_count() -> None:
    assert typical_figure(processes([NAN, 5, NAN, 7, NAN])).estimate == pytest.approx(6)


@pytest.mark.parametrize("seed", range(5))
def test_a_typical_figure_has_yuens_interval(seed: int) -> None:
    """The standard error from SciPy's two-sample test of the values against their negatives, which have the same one."""
    values = np.random.default_rng(seed).normal(3, 1, 10)
    estimate, low, high = ends(typical(values))
    assert estimate == pytest.approx(stats.trim_mean(values, 0.2))
    error = math.sqrt(2) * estimate / stats.ttest_ind(values, -values, equal_var=False, trim=0.2).statistic
    half = stats.t.ppf(0.975, 5) * error
    assert (low, high) == pytest.approx((estimate - half, estimate + half))


def test_the_centre_lies_in_its_interval_however_processes_fall_into_two_speeds() -> None:
    two_speeds = [2.0] * 5 + [1.0] * 4
    for interval in (over_processes(two_speeds), typical(two_speeds)):
        estimate, low, high = ends(interval)
        assert estimate == pytest.approx((low + high) / 2)


@pytest.mark.parametrize("processes", range(1, LEAST))
@pytest.mark.parametrize("of", [over_processes, typical])
def test_fewer_than_three_processes_have_no_interval(of: Callable[..., Interval], processes: int) -> None:
    values = [1.0, 2.0][:processes]
    assert alone(of(values)) == pytest.approx(np.mean(values))
    assert ends(of([1.0, 2.0, 4.0])) == pytest.approx(ends(mean_interval([1.0, 2.0, 4.0])))


# -- the ratio of two implementations


def test_drift_that_hits_both_implementations_alike_cancels_out() -> None:
    drift = [np.exp(np.sin(np.arange(12) + start)) for start in range(5)]
    assert ends(paired_ratio([3 * d for d in drift], drift)) == pytest.approx((3, 3, 3), rel=1e-12)


def test_a_process_counts_once_however_many_rounds_it_has() -> None:
    long, short = [4.0] * 500, [1.0] * 6
    ratio = paired_ratio(processes(long, short), processes([1.0] * 500, short))
    assert alone(ratio) == pytest.approx(2)  # the geometric mean of 4 and 1


@pytest.mark.parametrize("seed", range(5))
def test_a_difference_has_welchs_interval(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(1, 2, 4), rng.normal(0, 0.3, 9)
    found = difference_interval(first.tolist(), second.tolist(), 0.9)
    want = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.9)
    assert ends(found) == pytest.approx((first.mean() - second.mean(), want.low, want.high), rel=1e-9)


def test_a_difference_of_means_without_scatter_is_exact_and_of_single_values_unknown() -> None:
    assert difference_interval([2.0, 2.0], [1.0, 1.0, 1.0]) == Interval(1.0, 1.0, 1.0)
    assert difference_interval([2.0], [1.0, 1.5]) == Interval(0.75, None, None)
    with pytest.raises(ValueError, match="no values"):
        difference_interval([], [1.0])


def test_the_interval_is_students_over_the_processes_log_ratios() -> None:
    ratios = [1.9, 2.0, 2.2, 2.05]
    logs = np.log(ratios)
    expected = np.exp([logs.mean(), *stats.t.interval(0.95, 3, loc=logs.mean(), scale=stats.sem(logs))])
    measured = paired_ratio(processes(*[[r] * 7 for r in ratios]), processes(*[[1.0] * 7] * 4))
    assert ends(measured) == pytest.approx(tuple(expected), rel=1e-12)


TWICE_EACH_ROUND = [2.0**round for round in range(12)]
"""Each round is twice as slow as the one before it: only figures of the same round give the ratio."""


@pytest.mark.parametrize(
    ("slow", "fast", "ratio"),
    [
        ([10 * figure if at % 2 else NAN for at, figure in enumerate(TWICE_EACH_ROUND)], TWICE_EACH_ROUND, 10),
        ([5 * figure for figure in TWICE_EACH_ROUND[:8]], TWICE_EACH_ROUND, 5),
        ([8.0] * FEW + [NAN] * 6, [1.0] * FEW + [4.0] * 6, 8),
        ([8.0] * (FEW - 1) + [NAN] * FEW, [1.0] * (FEW - 1) + [4.0] * FEW, 2),  # 8 over 4, the medians
        ([6.0, NAN, 6.0, NAN], [NAN, 2.0, NAN, 2.0], 3),
    ],
    ids=["rounds left out", "a process cut short", "enough common rounds", "few common rounds", "no common round"],
)
def test_figures_of_common_rounds_are_compared_and_where_they_are_few_medians(
    slow: list[float], fast: list[float], ratio: float
) -> None:
    found = paired_ratio(processes(slow), processes(fast))
    assert found is not None
    assert found.estimate == pytest.approx(ratio)


def test_a_process_without_figures_of_one_implementation_says_nothing() -> None:
    with_gap = paired_ratio(processes([4.0] * 6, [NAN] * 6), processes([2.0] * 6, [2.0] * 6))
    assert alone(with_gap) == pytest.approx(2)


def test_no_figures_give_no_ratio() -> None:
    assert paired_ratio(processes([NAN] * 6), processes([1.0] * 6)) is None
    assert paired_ratio([], []) is None


def test_one_process_gives_a_ratio_without_an_interval() -> None:
    assert alone(paired_ratio(processes([4.0] * 6), processes([1.0] * 6))) == pytest.approx(4)


def test_processes_of_different_problems_are_not_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        paired_ratio(processes([1.0] * 6), processes([1.0] * 6, [1.0] * 6))


figure = st.floats(1e-9, 1e3)
implementation = st.lists(st.lists(figure | st.just(NAN), min_size=12, max_size=12), min_size=3, max_size=3)


@given(implementation, implementation, st.floats(1e-3, 1e3))
def test_changing_the_unit_of_time_changes_no_ratio(
    one: list[list[float]], other: list[list[float]], factor: float
) -> None:
    before = paired_ratio(processes(*one), processes(*other))
    scaled = paired_ratio([factor * a for a in processes(*one)], [factor * b for b in processes(*other)])
    assert (before is None) == (scaled is None)
    if before is not None and scaled is not None:
        assert scaled.estimate == pytest.approx(before.estimate, rel=1e-9)
        assert (scaled.low is None) == (before.low is None)
        if scaled.low is not None:
            assert ends(scaled) == pytest.approx(ends(before), rel=1e-6)


@given(implementation, implementation, st.floats(1e-3, 1e3))
def test_an_implementation_slowed_by_a_factor_has_its_ratio_times_that_factor(
    one: list[list[float]], other: list[list[float]], factor: float
) -> None:
    before = paired_ratio(processes(*one), processes(*other))
    slowed = paired_ratio([factor * a for a in processes(*one)], processes(*other))
    if before is not None and slowed is not None:
        assert slowed.estimate == pytest.approx(factor * before.estimate, rel=1e-9)


@given(implementation, implementation)
def test_twice_as_fast_is_half_as_slow(one: list[list[float]], other: list[list[float]]) -> None:
    there, back = paired_ratio(processes(*one), processes(*other)), paired_ratio(processes(*other), processes(*one))
    assert (there is None) == (back is None)
    if there is not None and back is not None:
        assert there.estimate * back.estimate == pytest.approx(1)
        assert (there.low is None) == (back.high is None)
        if there.low is not None and back.high is not None:
            assert there.low * back.high == pytest.approx(1)


# -- growth


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 1.7, -1.0])
def test_an_exact_power_is_found_exactly(power: float) -> None:
    sizes = [1e4, 3e4, 1e5, 1e6]
    assert slope(sizes, [2e-6 * size**power for size in sizes]) == pytest.approx(power, abs=1e-7)


@given(
    st.lists(st.tuples(st.floats(10, 1e7), figure), min_size=3, max_size=12, unique_by=lambda point: round(point[0]))
)
def test_a_slope_is_scipys_regression(points: list[tuple[float, float]]) -> None:
    sizes, figures = zip(*points, strict=True)
    assert slope(sizes, figures) == pytest.approx(
        stats.linregress(np.log(sizes), np.log(figures)).slope, rel=1e-6, abs=1e-6
    )


def test_growth_is_the_mean_slope_with_its_t_interval_over_few_processes() -> None:
    sizes, slopes = [1e4, 1e5, 1e6], [0.9, 1.0, 1.3, 1.1]
    found = ends(exponent(sizes, [[size**power for size in sizes] for power in slopes]))
    low, high = stats.t.interval(0.95, 3, np.mean(slopes), stats.sem(slopes))
    assert found == pytest.approx((np.mean(slopes), low, high))


def test_one_process_gives_growth_and_no_interval() -> None:
    assert alone(exponent([10.0, 1000.0], [[1.0, 10.0]])) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("sizes", "figures"),
    [([], []), ([100.0], [1.0]), ([100.0, 100.0, 100.0], [1.0, 2.0, 3.0]), ([100.0, 200.0], [NAN, 1.0])],
)
def test_one_size_shows_no_growth(sizes: list[float], figures: list[float]) -> None:
    assert slope(sizes, figures) is None
    assert exponent(sizes, [figures]) is None


def test_figures_that_are_missing_or_zero_are_left_out_of_the_fit() -> None:
    assert slope([10.0, 100.0, 500.0, 1000.0, 900.0], [1.0, 10.0, NAN, 100.0, 0.0]) == slope(
        [10.0, 100.0, 1000.0], [1.0, 10.0, 100.0]
    )


def test_growth_is_not_dragged_along_by_a_process_that_was_slowed() -> None:
    sizes = [1e4, 1e5]
    steady = [[1.0, 10.0]] * 4
    assert ends(exponent(sizes, [*steady, [1.0, 20.0]]))[0] == pytest.approx(1.0)


def test_a_process_that_was_slowed_as_a_whole_moves_no_ratio_and_no_typical_time() -> None:
    slowed = [1.0, 1.0, 3.0, 1.0, 1.0]
    one, other = (processes(*[[figure * factor] * 7 for factor in slowed]) for figure in (2.0, 1.0))
    assert ends(paired_ratio(one, other)) == pytest.approx((2, 2, 2))
    assert ends(typical_figure(one)) == pytest.approx((2, 2, 2))
