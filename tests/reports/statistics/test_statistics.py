"""Intervals that hold what they promise: against SciPy, by simulation, and at the edges."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from w2vbench.reports.statistics.problems import (
    FEW,
    LEAST,
    LEVEL,
    TRIM,
    Estimate,
    Floats,
    Interval,
    difference_interval,
    exponent,
    finite_median,
    mean_interval,
    over_processes,
    paired_ratio,
    slope,
    trimmed_mean,
    typical,
    typical_figure,
    typical_median,
    unpaired_ratio,
)
from w2vbench.reports.statistics.units import inverse

NAN = math.nan


def processes(*rounds: Sequence[float]) -> list[Floats]:
    return [np.array(one, np.float64) for one in rounds]


def figures(interval: Interval | None) -> tuple[float, float | None, float | None]:
    """The estimate and the ends, which are None where there are none."""
    assert interval is not None
    return interval.estimate, interval.low, interval.high


@pytest.mark.parametrize("count", [3, 4, 5, 12])
def test_a_ratio_of_unpaired_processes_has_yuens_interval(count: int) -> None:
    """SciPy's, of trimmed logarithms; and none from too few processes."""
    rng = np.random.default_rng(count)
    slow, fast = np.exp(rng.normal(1, 0.2, count)), np.exp(rng.normal(0, 0.05, 5))
    expected = stats.ttest_ind(np.log(slow), np.log(fast), equal_var=False, trim=TRIM).confidence_interval(LEVEL)
    found = unpaired_ratio(slow.tolist(), fast.tolist())
    assert found.estimate == pytest.approx(
        typical_median(slow.tolist()).estimate / typical_median(fast.tolist()).estimate
    )
    assert (found.low, found.high) == pytest.approx((math.exp(expected.low), math.exp(expected.high)))
    few = unpaired_ratio([2.0, 8.0], [2.0] * 5)
    assert few.estimate == pytest.approx(2.0)
    assert few.low is few.high is None


# -- the mean and its interval


@pytest.mark.parametrize(
    "values", [[1.0, 2.0], [0.1, 0.2, 0.4], [-5.0, 3.0, 1.0, 1.0, 8.0], list(np.linspace(2, 3, 40))]
)
@pytest.mark.parametrize("level", [0.5, 0.8, LEVEL, 0.99])
def test_an_interval_of_a_mean_is_scipys_and_one_of_95_percent_if_nothing_is_asked(
    values: list[float], level: float
) -> None:
    expected = stats.t.interval(level, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    assert figures(mean_interval(values, level)) == pytest.approx((np.mean(values), *expected), rel=1e-12)
    assert mean_interval(values) == mean_interval(values, 0.95)


def test_values_that_agree_exactly_leave_no_doubt_and_too_few_leave_all() -> None:
    assert mean_interval([3.0] * 4) == Interval(3.0, 3.0, 3.0)
    assert mean_interval([7.0]) == Interval(7.0, None, None)
    with pytest.raises(ValueError, match="no values"):
        mean_interval([])
    assert difference_interval([2.0, 2.0], [1.0, 1.0, 1.0]) == Interval(1.0, 1.0, 1.0)
    assert mean_interval([3.0] * 2) == Interval(3.0, 3.0, 3.0)
    assert difference_interval([2.0], [1.0, 1.5]) == Interval(0.75, None, None)
    with pytest.raises(ValueError, match="no values"):
        difference_interval([], [1.0])


def test_an_unknown_interval_rules_nothing_out_and_a_function_of_it_invents_none() -> None:
    found = [Interval(2.0, *its).includes(1.0) for its in ((), (1.0, 3.0), (1.5, 3.0), (0.0, 0.5))]
    assert found == [True, True, False, False]
    assert Interval(0.0, -1.0, 1.0).map(math.exp) == Interval(1.0, math.exp(-1), math.e)
    assert Interval(0.0).map(math.exp) == Interval(1.0)


@pytest.mark.parametrize(("one", "other"), [(4, 9), (9, 4), (2, 2), (3, 2), (12, 12)])
def test_a_difference_has_welchs_interval(one: int, other: int) -> None:
    rng = np.random.default_rng(one)
    first, second = rng.normal(1, 2, one), rng.normal(0, 0.3, other)
    found = difference_interval(first.tolist(), second.tolist(), 0.9)
    want = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.9)
    assert figures(found) == pytest.approx((first.mean() - second.mean(), want.low, want.high), rel=1e-9)


# -- an estimate


def test_a_p_value_is_of_beyond_a_bound_and_not_of_reaching_it() -> None:
    certain = Estimate(0.02, 0.0, 8)
    assert (certain.p_above(0.02), certain.p_above(0.019)) == (1.0, 0.0)
    assert (certain.p_below(0.02), certain.p_below(0.021)) == (1.0, 0.0)
    assert (certain.p_within(0.02), certain.p_within(0.021)) == (1.0, 0.0)


@given(st.floats(-1, 1), st.floats(1e-3, 1), st.integers(1, 40), st.floats(0, 1), st.floats(0.5, 0.99))
def test_an_estimate_has_students_p_values_and_interval(
    value: float, error: float, degrees: int, bound: float, level: float
) -> None:
    found, theirs = Estimate(value, error, degrees), stats.t(degrees, value, error)
    above, below = theirs.cdf(bound), theirs.sf(bound)
    assert (found.p_above(bound), found.p_below(bound)) == pytest.approx((above, below), abs=1e-9)
    assert found.p_within(bound) == pytest.approx(max(theirs.cdf(-bound), below), abs=1e-9)
    assert figures(found.interval(level)) == pytest.approx((value, *theirs.interval(level)))
    assert figures(found.ratio()) == pytest.approx(tuple(math.exp(one) for one in (value, *theirs.interval(LEVEL))))


def test_a_missing_figure_counts_as_the_largest() -> None:
    """So that it is left out by trimming, and makes a mean that does not trim unknown."""
    values = [4.0, NAN, 2.0, 3.0, 1.0]
    assert trimmed_mean(values).value == trimmed_mean(np.array(values)).value == 3.0
    assert math.isnan(trimmed_mean(values, 0.0).value)


# -- the typical figure


def test_a_typical_figure_is_the_trimmed_geometric_mean_of_processes_medians_of_the_rounds_they_took_part_in() -> None:
    some = processes([1, 2, 9], [NAN, 3, NAN, 5, NAN], [8, 8, 8])
    assert typical_figure(some).estimate == pytest.approx(4)
    # medians 2, 4, 8, 1 and 1,000, of which the least and the largest are left out
    assert typical_figure([*some, *processes([1], [1000] * 3)]).estimate == pytest.approx(4)


@given(st.integers(5, 40), st.integers(0, 2**32 - 1))
def test_a_typical_figure_is_scipys_trimmed_mean_with_yuens_interval(count: int, seed: int) -> None:
    """The standard error from SciPy's two-sample test of the values and the same ones moved by one."""
    values = np.random.default_rng(seed).standard_t(2, size=count)
    estimate = stats.trim_mean(values, 0.2)
    error = 1 / stats.ttest_ind(values + 1.0, values, equal_var=False, trim=0.2).statistic / math.sqrt(2)
    half = stats.t.ppf(0.975, count - 2 * int(0.2 * count) - 1) * error
    assert figures(typical(values)) == pytest.approx((estimate, estimate - half, estimate + half))


@pytest.mark.parametrize("processes", range(1, LEAST))
@pytest.mark.parametrize("of", [over_processes, typical])
def test_fewer_than_three_processes_have_no_interval(of: Callable[..., Interval], processes: int) -> None:
    values = [1.0, 2.0][:processes]
    assert figures(of(values)) == pytest.approx((np.mean(values), None, None))
    assert figures(of([1.0, 2.0, 4.0])) == pytest.approx(figures(mean_interval([1.0, 2.0, 4.0])))


# -- the ratio of two implementations


def test_drift_that_hits_both_implementations_alike_cancels_out() -> None:
    drift = [np.exp(np.sin(np.arange(12) + start)) for start in range(5)]
    assert figures(paired_ratio([3 * d for d in drift], drift)) == pytest.approx((3, 3, 3), rel=1e-12)


def test_the_interval_is_students_over_the_processes_log_ratios() -> None:
    ratios = [1.9, 2.0, 2.2, 2.05]
    logs = np.log(ratios)
    expected = np.exp([logs.mean(), *stats.t.interval(0.95, 3, loc=logs.mean(), scale=stats.sem(logs))])
    measured = paired_ratio(processes(*[[r] * 7 for r in ratios]), processes(*[[1.0] * 7] * 4))
    assert figures(measured) == pytest.approx(tuple(expected), rel=1e-12)


GROWING = [2.0**round for round in range(12)]
"""Each round is twice as slow as the one before it: only figures of the same round give the ratio."""
RATIOS: dict[str, tuple[list[list[float]], list[list[float]], float]] = {
    "rounds left out": ([[10 * s if at % 2 else NAN for at, s in enumerate(GROWING)]], [GROWING], 10),
    "a process cut short": ([[5 * s for s in GROWING[:8]]], [GROWING], 5),
    "enough common rounds": ([[8.0] * FEW + [NAN] * 6], [[1.0] * FEW + [4.0] * 6], 8),
    "few common rounds, so medians": ([[8.0] * (FEW - 1) + [NAN] * FEW], [[1.0] * (FEW - 1) + [4.0] * FEW], 2),
    "no common round": ([[6.0, NAN, 6.0, NAN]], [[NAN, 2.0, NAN, 2.0]], 3),
    "a process counts once": ([[4.0] * 500, [1.0] * 6], [[1.0] * 500, [1.0] * 6], 2),  # the geometric mean of 4 and 1
    "a process without figures of one of them": ([[4.0] * 6, [NAN] * 6], [[2.0] * 6, [2.0] * 6], 2),
}


@pytest.mark.parametrize("name", RATIOS)
def test_figures_of_common_rounds_are_compared_process_by_process(name: str) -> None:
    slow, fast, ratio = RATIOS[name]
    assert figures(paired_ratio(processes(*slow), processes(*fast))) == pytest.approx((ratio, None, None))


def test_no_figures_give_no_ratio_and_one_that_is_zero_or_endless_is_none() -> None:
    assert paired_ratio(processes([NAN] * 6), processes([1.0] * 6)) is None
    assert paired_ratio(processes([0.0, math.inf] * 6), processes([1.0] * 12)) is None
    assert paired_ratio([], []) is None
    assert figures(paired_ratio(processes([0.5, 0.0, 0.5, math.inf, 0.5]), processes([0.25] * 5)))[0] == pytest.approx(
        2
    )


def test_sides_that_do_not_belong_together_are_an_error() -> None:
    one = processes([1.0] * 6)
    with pytest.raises(ValueError, match="shorter"):
        paired_ratio([*one, *one], one)
    with pytest.raises(ValueError, match="1 sizes, but 2 figures"):
        slope([10.0], [1.0, 2.0])


figure = st.floats(1e-9, 1e3)
implementation = st.lists(st.lists(figure | st.just(NAN), min_size=12, max_size=12), min_size=3, max_size=3)


@given(implementation, implementation, st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_a_ratio_follows_what_slows_either_side_and_has_no_unit_and_twice_as_fast_is_half_as_slow(
    slow: list[list[float]], fast: list[list[float]], factor: float, other: float
) -> None:
    one, two = processes(*slow), processes(*fast)
    before, back = paired_ratio(one, two), paired_ratio(two, one)
    scaled = paired_ratio([factor * a for a in one], [other * b for b in two])
    if before is None:
        assert back is None
        assert scaled is None
    else:
        assert figures(scaled) == pytest.approx(figures(before.map(lambda ratio: ratio * factor / other)))
        assert figures(back) == pytest.approx(figures(inverse(before)))


def test_a_process_that_was_slowed_as_a_whole_moves_no_ratio_and_no_typical_time() -> None:
    slowed = [1.0, 1.0, 3.0, 1.0, 1.0]
    one, other = (processes(*[[figure * factor] * 7 for factor in slowed]) for figure in (2.0, 1.0))
    assert figures(paired_ratio(one, other)) == pytest.approx((2, 2, 2))
    assert figures(typical_figure(one)) == pytest.approx((2, 2, 2))


# -- growth


@given(
    st.lists(st.tuples(st.floats(10, 1e7), figure), min_size=3, max_size=12, unique_by=lambda point: round(point[0]))
)
def test_a_slope_is_scipys_regression_and_leaves_out_figures_that_are_missing_or_zero(
    points: list[tuple[float, float]],
) -> None:
    sizes, figures = zip(*points, strict=True)
    expected = stats.linregress(np.log(sizes), np.log(figures)).slope
    assert slope(sizes, figures) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert slope([*sizes, 500.0, 900.0, 700.0], [*figures, NAN, 0.0, math.inf]) == slope(sizes, figures)
    assert slope([*sizes, 0.0, math.inf, NAN], [*figures, 1.0, 1.0, 1.0]) == slope(sizes, figures)


def test_a_size_of_one_counts() -> None:
    """As a batch of one word does."""
    assert slope([1.0, 10.0], [3.0, 300.0]) == pytest.approx(2.0)


def test_growth_is_the_mean_slope_with_its_t_interval_over_few_processes() -> None:
    sizes, slopes = [1e4, 1e5, 1e6], [0.9, 1.0, 1.3, 1.1]
    found = figures(exponent(sizes, [[size**power for size in sizes] for power in slopes]))
    low, high = stats.t.interval(0.95, 3, np.mean(slopes), stats.sem(slopes))
    assert found == pytest.approx((np.mean(slopes), low, high))


def test_growth_of_one_process_has_no_interval_and_one_that_was_slowed_does_not_drag_it_along() -> None:
    assert figures(exponent([10.0, 1000.0], [[1.0, 10.0]])) == pytest.approx((0.5, None, None))
    assert figures(exponent([1e4, 1e5], [*[[1.0, 10.0]] * 4, [1.0, 20.0]]))[0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("sizes", "figures"),
    [([], []), ([100.0], [1.0]), ([100.0, 100.0, 100.0], [1.0, 2.0, 3.0]), ([100.0, 200.0], [NAN, 1.0])],
)
def test_one_size_shows_no_growth(sizes: list[float], figures: list[float]) -> None:
    assert slope(sizes, figures) is None
    assert exponent(sizes, [figures]) is None


def test_a_median_is_of_finite_figures_and_unknown_without_any() -> None:
    assert finite_median(np.array([3.0, np.nan, 1.0, np.inf])) == 2.0
    assert math.isnan(finite_median(np.array([np.nan, np.inf])))
