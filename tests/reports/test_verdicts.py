"""The rules by which a comparison says slower, faster or the same: against scipy, and how often they err, by simulation."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reports.statistics import Estimate, Floats, share_interval, trimmed_mean
from reports.verdicts import (
    FALSE_ALARMS,
    Decision,
    LogRatios,
    Paired,
    decide,
    holm,
    same,
    second_stage_decisions,
    undecided,
)

THRESHOLD = 0.02
SPREAD = 0.009
"""Standard deviation of a process, as measured on a quiet cloud machine."""
FIRST, FRESH = 9, 18


def look(rng: np.random.Generator, shift: float, processes: int, spread: float = SPREAD, drift: float = 0.0) -> Paired:
    """Processes of a case that is slower by shift, on a machine on which identical code drifts."""
    ratios = math.log1p(shift) + spread * rng.standard_normal(processes)
    return Paired(list(ratios), list(math.log1p(drift) + spread * rng.standard_normal(processes)))


def judge(cases: list[Paired], threshold: float) -> list[Decision]:
    """Verdicts on undecided cases whose mean moves as their median does."""
    return list(
        second_stage_decisions({at: LogRatios(pairs, pairs) for at, pairs in enumerate(cases)}, threshold).values()
    )


def heavy(rng: np.random.Generator, processes: int) -> Floats:
    """Processes of which one in ten is slowed or sped up a lot."""
    spikes = rng.random(processes) < 0.1
    return np.asarray(SPREAD * rng.standard_normal(processes) + spikes * rng.choice([-1, 1], processes) * 0.2)


def test_the_middle_is_scipys_trimmed_mean() -> None:
    values = np.random.default_rng(1).exponential(size=18)
    assert trimmed_mean(values).value == pytest.approx(stats.trim_mean(values, 0.2))
    assert trimmed_mean(values).degrees == 18 - 2 * 3 - 1


@given(st.integers(5, 40), st.integers(0, 2**32 - 1))
def test_the_middles_error_is_yuens_as_scipy_has_it_for_two_samples(count: int, seed: int) -> None:
    values = np.random.default_rng(seed).standard_t(2, size=count)
    theirs = stats.ttest_ind(values + 1.0, values, equal_var=False, trim=0.2)
    assert trimmed_mean(values).error * math.sqrt(2) == pytest.approx(1.0 / theirs.statistic)


def test_an_interval_holds_the_middle_as_often_as_it_says() -> None:
    rng = np.random.default_rng(12)
    for count in (FIRST, FRESH):
        for tailed in (False, True):
            ends = [
                trimmed_mean(heavy(rng, count) if tailed else look(rng, 0.0, count).ratios).ends() for _ in range(2000)
            ]
            assert sum(low <= 0 <= high for low, high in ends) / len(ends) >= 0.95 - 0.02


def test_without_anything_to_trim_it_is_students_t_test() -> None:
    values = [0.01, 0.03, 0.02, 0.05]
    assert trimmed_mean(values).p_above(0.01) == pytest.approx(
        stats.ttest_1samp(values, 0.01, alternative="greater").pvalue
    )
    assert trimmed_mean(values).p_below(0.03) == pytest.approx(
        stats.ttest_1samp(values, 0.03, alternative="less").pvalue
    )
    assert trimmed_mean(values).ends() == pytest.approx(stats.ttest_1samp(values, 0.0).confidence_interval())


def test_one_wild_process_of_nine_moves_the_middle_little() -> None:
    values = [0.001 * i for i in range(9)]
    assert trimmed_mean([*values[:-1], 5.0]).value == pytest.approx(trimmed_mean(values).value, abs=1e-3)


def test_processes_that_agree_exactly_leave_no_doubt() -> None:
    assert trimmed_mean([0.1] * 9).p_above(0.02) == 0.0
    assert trimmed_mean([0.01] * 9).p_above(0.02) == 1.0
    assert trimmed_mean([0.0] * 9).p_within(0.02) == 0.0


def test_one_process_cannot_be_judged() -> None:
    with pytest.raises(ValueError, match="fewer than two"):
        trimmed_mean([0.1])


def test_holms_adjustment_is_that_of_the_paper() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))
    assert np.all(np.diff(np.array(adjusted)[np.argsort(p_values, kind="stable")]) >= 0)


@pytest.mark.parametrize("number", [1, 16])
@pytest.mark.parametrize("shift", [0.0, THRESHOLD])
def test_a_change_up_to_the_threshold_raises_the_alarm_in_fewer_than_one_comparison_in_twenty(
    number: int, shift: float
) -> None:
    rng = np.random.default_rng(number)
    alarms = sum(
        any(call.verdict == "slower" for call in judge([look(rng, shift, FRESH) for _ in range(number)], THRESHOLD))
        for _ in range(400)
    )
    assert alarms / 400 <= (FALSE_ALARMS / 2 if shift else 0) + 0.02


def test_processes_with_outliers_raise_no_more_alarms() -> None:
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(1000):
        ratios = heavy(rng, FRESH) + math.log1p(THRESHOLD)
        (call,) = judge([Paired(list(ratios), list(heavy(rng, FRESH)))], THRESHOLD)
        wrong += call.verdict == "slower"
    assert wrong / 1000 <= FALSE_ALARMS / 2 + 0.01


@pytest.mark.parametrize(("shift", "verdict"), [(0.05, "slower"), (-0.05, "faster")])
def test_five_percent_are_found_by_the_fresh_processes_of_sixteen_suspects(shift: float, verdict: str) -> None:
    rng = np.random.default_rng(7)
    calls = [call for _ in range(30) for call in judge([look(rng, shift, FRESH) for _ in range(16)], THRESHOLD)]
    assert sum(call.verdict == verdict for call in calls) / len(calls) >= 0.99


def test_identical_code_is_mostly_settled_by_the_first_look() -> None:
    rng = np.random.default_rng(3)
    settled = [same(look(rng, 0.0, FIRST), THRESHOLD) for _ in range(1000)]
    assert sum(settled) / len(settled) >= 0.95


def test_a_slowdown_just_beyond_the_threshold_is_called_the_same_in_fewer_than_one_case_in_forty() -> None:
    rng = np.random.default_rng(4)
    passed = [same(look(rng, THRESHOLD, FIRST), THRESHOLD) for _ in range(2000)]
    assert sum(passed) / len(passed) <= 0.025 + 0.01


def test_where_identical_code_drifts_nothing_is_called_the_same_and_a_small_change_nothing_at_all() -> None:
    rng = np.random.default_rng(8)
    assert not same(look(rng, 0.0, FIRST, drift=0.1), THRESHOLD)
    (call,) = judge([look(rng, 0.05, FRESH, drift=0.1)], THRESHOLD)
    assert call.verdict == "inconclusive"
    assert "too noisy" in call.why


def test_a_slowdown_far_beyond_the_drift_is_still_called_slower() -> None:
    (call,) = judge([look(np.random.default_rng(9), 5.0, FRESH, drift=0.1)], THRESHOLD)
    assert call.verdict == "slower"
    assert call.ratio.estimate == pytest.approx(6.0, rel=0.02)


@pytest.mark.parametrize(("shift", "verdict"), [(5.0, "slower"), (-0.8, "faster")])
def test_beyond_a_drift_it_is_said_how_far_the_drift_went_and_without_one_nothing(shift: float, verdict: str) -> None:
    for drift, says in ((0.1, r"by more than the A/A difference of 1\d\.\d%"), (0.0, "")):
        (call,) = judge([look(np.random.default_rng(9), shift, FRESH, drift=drift)], THRESHOLD)
        assert call.verdict == verdict
        assert re.fullmatch(says, call.why)


@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_beyond_the_threshold_but_not_certain_enough_beside_others_says_so(sign: int) -> None:
    steady = [0.0] * 9
    spread = [0.01 * at for at in (-4, -3, -2, -1, 0, 1, 2, 3, 4)]
    error = trimmed_mean(spread).error
    middle = (
        math.log1p(THRESHOLD) + 3.0 * error  # p is 0.0120 with six degrees of freedom: enough alone, not among three
    )
    one = Paired([sign * (middle + at) for at in spread], steady)
    (alone,) = judge([one], THRESHOLD)
    assert (alone.verdict, alone.why) == ("slower" if sign > 0 else "faster", "")
    calls = judge([one, *[Paired(spread, steady)] * 2], THRESHOLD)
    assert [call.verdict for call in calls] == ["inconclusive"] * 3
    assert calls[0].why == "not significant, when corrected for all 3 undecided cases"
    assert {call.why for call in calls[1:]} == {"the interval includes the threshold"}


def test_a_ratio_on_the_threshold_is_neither_slower_nor_the_same() -> None:
    (call,) = judge([look(np.random.default_rng(11), THRESHOLD, FRESH)], THRESHOLD)
    assert call.verdict == "inconclusive"
    assert "includes the threshold" in call.why


def test_a_first_look_that_settles_a_case_gives_its_ratio_and_its_control() -> None:
    pairs = Paired([0.0] * 9, [math.log(1.001)] * 9)
    (call,) = decide(({"a": LogRatios(pairs, pairs)}, {}), THRESHOLD).values()
    assert (call.verdict, call.ratio.estimate, call.why) == ("same", 1.0, "")
    assert call.control.estimate == pytest.approx(1.001)


@given(st.lists(st.floats(-0.5, 0.5), min_size=9, max_size=9), st.floats(0.001, 0.2))
def test_swapping_the_sides_swaps_slower_and_faster(ratios: list[float], threshold: float) -> None:
    one, other = Paired(ratios, [0.0] * 9), Paired([-ratio for ratio in ratios], [0.0] * 9)
    (call,), (swapped,) = judge([one], threshold), judge([other], threshold)
    assert {"slower": "faster", "faster": "slower"}.get(call.verdict, call.verdict) == swapped.verdict


def test_an_exact_share_is_scipys() -> None:
    for successes, trials in ((0, 1000), (7, 300), (300, 300), (1, 1)):
        expected = stats.binomtest(successes, trials).proportion_ci(0.95, "exact")
        found = share_interval(successes, trials)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    with pytest.raises(ValueError, match="no trials"):
        share_interval(0, 0)


def test_p_values_at_a_bound_add_up_to_one() -> None:
    found = Estimate(0.03, 0.01, 8)
    assert found.p_above(0.02) + found.p_below(0.02) == pytest.approx(1.0)


# the mean, set-up, and a whole comparison


def stage(rng: np.random.Generator, processes: int, shift: float = 0.0, **other: float) -> LogRatios:
    """A case whose median, mean and set-up are slower by so much; a mean is noisier, and set-up more so."""
    return LogRatios(
        look(rng, shift, processes),
        look(rng, other.get("mean", shift), processes, 3 * SPREAD),
        look(rng, other.get("setup", 0.0), processes, 5 * SPREAD),
    )


def compared(rng: np.random.Generator, cases: int, shift: float = 0.0, **other: float) -> list[Decision]:
    """The decisions on a comparison from end to end."""
    first = {case: stage(rng, FIRST, shift, **other) for case in range(cases)}
    fresh = {case: stage(rng, FRESH, shift, **other) for case in undecided(first, THRESHOLD)}
    return list(decide((first, fresh), THRESHOLD).values())


def test_identical_code_raises_no_alarm_of_any_kind() -> None:
    rng = np.random.default_rng(21)
    comparisons = [compared(rng, 16) for _ in range(200)]
    alarms = [any({d.verdict, d.setup} & {"slower", "faster"} for d in decisions) for decisions in comparisons]
    assert sum(alarms) / len(alarms) <= FALSE_ALARMS + 0.01
    every = [d for decisions in comparisons for d in decisions]
    assert sum(d.verdict == "same" for d in every) / len(every) >= 0.98


@pytest.mark.parametrize(("shift", "found"), [(0.03, 0.75), (0.05, 0.99)])
def test_a_slowdown_is_found_from_end_to_end(shift: float, found: float) -> None:
    rng = np.random.default_rng(22)
    every = [d for _ in range(30) for d in compared(rng, 16, shift)]
    assert sum(d.verdict == "slower" for d in every) / len(every) >= found


def test_calls_that_are_slow_now_and_then_leave_the_median_and_are_found_by_the_mean() -> None:
    rng = np.random.default_rng(23)
    every = [d for _ in range(30) for d in compared(rng, 4, mean=0.5)]
    assert all(d.verdict == "slower" for d in every)
    assert all("in the mean, by" in d.why and not d.mean.includes(1.0) for d in every)
    assert all(d.mean.estimate == pytest.approx(1.5, rel=0.1) for d in every)


def test_slower_set_up_has_its_own_verdict() -> None:
    rng = np.random.default_rng(24)
    every = [d for _ in range(30) for d in compared(rng, 8, setup=0.5)]
    assert all((d.verdict, d.setup) == ("same", "slower") for d in every)
    assert all(d.setup_ratio and d.setup_ratio.estimate == pytest.approx(1.5, rel=0.1) for d in every)
    faster = [d for _ in range(10) for d in compared(rng, 8, setup=-0.5)]
    assert all((d.verdict, d.setup) == ("same", "faster") for d in faster if d.setup != "inconclusive")


def test_set_up_that_is_not_measured_has_no_verdict() -> None:
    pairs = Paired([0.0] * 9, [0.001] * 9)
    (decision,) = decide(({"a": LogRatios(pairs, pairs)}, {}), THRESHOLD).values()
    assert (decision.setup, decision.setup_ratio) == ("unknown", None)


def test_a_small_change_of_set_up_counts_as_none() -> None:
    rng = np.random.default_rng(25)
    every = [d for _ in range(30) for d in compared(rng, 8, setup=0.03)]
    assert not any(d.setup in ("slower", "faster") for d in every)
