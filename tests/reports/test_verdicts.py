"""The rules by which a comparison says slower, faster or the same: against scipy, and how often they err, by simulation."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reports.statistics import Floats, share_interval, trimmed_mean
from reports.units import signed
from reports.verdicts import (
    BY_MEDIAN,
    EARLY,
    FALSE_ALARMS,
    SAME_ENVIRONMENT,
    Decision,
    LogRatios,
    Paired,
    beyond_doubt,
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
STEADY = [0.0] * 9


def look(rng: np.random.Generator, shift: float, processes: int, spread: float = SPREAD, drift: float = 0.0) -> Paired:
    """Processes of a case that is slower by shift, on a machine on which identical code drifts."""
    ratios = math.log1p(shift) + spread * rng.standard_normal(processes)
    return Paired(list(ratios), list(math.log1p(drift) + spread * rng.standard_normal(processes)))


def judge(*cases: Paired, threshold: float = THRESHOLD) -> list[Decision]:
    """Verdicts on undecided cases whose mean moves as their median does."""
    stages = {at: LogRatios(pairs, pairs) for at, pairs in enumerate(cases)}
    return list(second_stage_decisions(stages, threshold).values())


def heavy(rng: np.random.Generator, processes: int, spread: float = SPREAD) -> Floats:
    """Processes of which one in ten is slowed or sped up a lot."""
    spikes = rng.random(processes) < 0.1
    return np.asarray(spread * rng.standard_normal(processes) + spikes * rng.choice([-1, 1], processes) * 0.2)


def share(which: Iterable[bool]) -> float:
    return float(np.mean(list(which)))


@pytest.mark.parametrize("count", [FIRST, FRESH])
def test_an_interval_holds_the_middle_as_often_as_it_says(count: int) -> None:
    rng = np.random.default_rng(12)
    for sample in (lambda: heavy(rng, count), lambda: look(rng, 0.0, count).ratios):
        ends = [trimmed_mean(sample()).ends() for _ in range(2000)]
        assert share(low <= 0 <= high for low, high in ends) >= 0.95 - 0.02


def test_without_anything_to_trim_it_is_students_t_test() -> None:
    values = [0.01, 0.03, 0.02, 0.05]
    found, theirs = trimmed_mean(values), stats.ttest_1samp
    assert found.p_above(0.01) == pytest.approx(theirs(values, 0.01, alternative="greater").pvalue)
    assert found.p_below(0.03) == pytest.approx(theirs(values, 0.03, alternative="less").pvalue)


def test_processes_that_agree_exactly_leave_no_doubt_and_one_cannot_be_judged() -> None:
    assert [trimmed_mean([value] * 9).p_above(0.02) for value in (0.1, 0.01)] == [0.0, 1.0]
    assert trimmed_mean(STEADY).p_within(0.02) == 0.0
    with pytest.raises(ValueError, match="fewer than two"):
        trimmed_mean([0.1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holms_adjustment_is_that_of_the_paper_never_lowers_a_p_value_and_keeps_their_order(p: list[float]) -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    adjusted = np.array(holm(p))
    assert np.all((p <= adjusted) & (adjusted <= 1))
    assert np.all(np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0)


# -- the two stages


@pytest.mark.parametrize("number", [1, 16])
@pytest.mark.parametrize("shift", [0.0, THRESHOLD])
def test_a_change_up_to_the_threshold_raises_the_alarm_in_fewer_than_one_comparison_in_twenty(
    number: int, shift: float
) -> None:
    rng = np.random.default_rng(number)
    comparisons = [judge(*(look(rng, shift, FRESH) for _ in range(number))) for _ in range(400)]
    alarms = share(any(call.verdict == "slower" for call in calls) for calls in comparisons)
    assert alarms <= (FALSE_ALARMS / 2 if shift else 0) + 0.02


def test_processes_with_outliers_raise_no_more_alarms() -> None:
    rng = np.random.default_rng(5)
    cases = [Paired(list(heavy(rng, FRESH) + math.log1p(THRESHOLD)), list(heavy(rng, FRESH))) for _ in range(1000)]
    assert share(judge(one)[0].verdict == "slower" for one in cases) <= FALSE_ALARMS / 2 + 0.01


@pytest.mark.parametrize("spread", [SPREAD, 3 * SPREAD])
@pytest.mark.parametrize("heavily", [False, True])
def test_the_first_look_alone_is_wrong_as_rarely_as_its_share_of_the_error_says(heavily: bool, spread: float) -> None:
    """Sixteen cases that are slower by the threshold: any of them called slower is an alarm."""
    rng = np.random.default_rng(6)

    def one() -> LogRatios:
        found = look(rng, THRESHOLD, FIRST, spread)
        if heavily:
            found = Paired(list(math.log1p(THRESHOLD) + heavy(rng, FIRST, spread)), list(heavy(rng, FIRST, spread)))
        return LogRatios(found, found)

    alarms = share(bool(beyond_doubt({case: one() for case in range(16)}, THRESHOLD)) for _ in range(400))
    assert alarms <= EARLY * BY_MEDIAN + 0.01


def test_what_the_first_look_shows_beyond_doubt_is_not_measured_again() -> None:
    rng = np.random.default_rng(7)
    pairs = {shift: look(rng, shift, FIRST) for shift in (-0.4, 0.03, 0.8)}
    first = {shift: LogRatios(one, one) for shift, one in pairs.items()}
    assert undecided(first, THRESHOLD) == [0.03]
    assert {case: one.verdict for case, one in beyond_doubt(first, THRESHOLD).items()} == {
        -0.4: "faster",
        0.8: "slower",
    }
    often_slow = first | {-0.4: LogRatios(pairs[-0.4], pairs[0.8])}
    assert undecided(often_slow, THRESHOLD) == [-0.4, 0.03]


def test_identical_code_is_mostly_settled_by_the_first_look_and_a_change_beyond_the_threshold_hardly_ever() -> None:
    rng = np.random.default_rng(3)
    assert share(same(look(rng, 0.0, FIRST), THRESHOLD) for _ in range(1000)) >= 0.95
    assert share(same(look(rng, THRESHOLD, FIRST), THRESHOLD) for _ in range(2000)) <= 0.025 + 0.01


@pytest.mark.parametrize("drift", [0.1, -0.1])
def test_where_identical_code_drifts_nothing_is_called_the_same_and_a_small_change_nothing_at_all(drift: float) -> None:
    rng = np.random.default_rng(8)
    assert not same(look(rng, 0.0, FIRST, drift=drift), THRESHOLD)
    pairs = look(rng, 0.5 * drift, FRESH, drift=drift)
    (call,) = judge(pairs)
    assert call.verdict == "inconclusive"
    column = signed(call.control).partition(" %")[0].lstrip("+-−")
    assert call.why == f"the same code measured twice differed by {column} %: this machine is too noisy now"
    (other,) = second_stage_decisions({"a": LogRatios(pairs, pairs)}, THRESHOLD, SAME_ENVIRONMENT).values()
    assert other.why == call.why.replace("the same code", "the same environment")


@pytest.mark.parametrize(("drift", "says"), [(0.1, r"by more than the A/A difference of 1\d\.\d%"), (0.0, "")])
@pytest.mark.parametrize(("shift", "verdict"), [(5.0, "slower"), (-0.8, "faster")])
def test_a_change_far_beyond_the_drift_is_still_called_and_the_drift_told(
    shift: float, verdict: str, drift: float, says: str
) -> None:
    (call,) = judge(look(np.random.default_rng(9), shift, FRESH, drift=drift))
    assert call.verdict == verdict
    assert call.ratio.estimate == pytest.approx(1 + shift, rel=0.02)
    assert re.fullmatch(says, call.why)


@pytest.mark.parametrize(("sign", "verdict"), [(1, "slower"), (-1, "faster")])
def test_what_is_beyond_the_threshold_but_not_certain_enough_beside_others_says_so(sign: int, verdict: str) -> None:
    spread = [0.01 * at for at in range(-4, 5)]
    # p is 0.0120 with six degrees of freedom: enough alone, not among three
    middle = math.log1p(THRESHOLD) + 3.0 * trimmed_mean(spread).error
    one = Paired([sign * (middle + at) for at in spread], STEADY)
    (alone,) = judge(one)
    assert (alone.verdict, alone.why) == (verdict, "")
    calls = judge(one, *[Paired(spread, STEADY)] * 2)
    assert [call.verdict for call in calls] == ["inconclusive"] * 3
    includes = "the interval includes the threshold"
    assert [call.why for call in calls[1:]] == [includes, includes]
    assert calls[0].why == "not significant, when corrected for all 3 undecided cases"


def test_a_first_look_that_settles_a_case_gives_its_ratio_and_its_control_and_no_verdict_on_set_up() -> None:
    pairs = Paired(STEADY, [math.log(1.001)] * 9)
    (call,) = decide(({"a": LogRatios(pairs, pairs)}, {}), THRESHOLD).values()
    assert (call.verdict, call.ratio.estimate, call.why) == ("same", 1.0, "")
    assert call.control.estimate == pytest.approx(1.001)
    assert (call.setup, call.setup_ratio) == ("unknown", None)


@given(st.lists(st.floats(-0.5, 0.5), min_size=9, max_size=9), st.floats(0.001, 0.2))
def test_swapping_the_sides_swaps_slower_and_faster(ratios: list[float], threshold: float) -> None:
    sides = Paired(ratios, STEADY), Paired([-ratio for ratio in ratios], STEADY)
    (call,), (swapped,) = (judge(side, threshold=threshold) for side in sides)
    assert {"slower": "faster", "faster": "slower"}.get(call.verdict, call.verdict) == swapped.verdict


@pytest.mark.parametrize(("successes", "trials"), [(0, 1000), (7, 300), (300, 300), (1, 1)])
def test_an_exact_share_is_scipys(successes: int, trials: int) -> None:
    expected = stats.binomtest(successes, trials).proportion_ci(0.95, "exact")
    found = share_interval(successes, trials)
    assert found.estimate == successes / trials
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    with pytest.raises(ValueError, match="no trials"):
        share_interval(0, 0)


# -- the mean, set-up, and a whole comparison


def stage(rng: np.random.Generator, processes: int, shift: float = 0.0, **other: float) -> LogRatios:
    """A case whose median, mean and set-up are slower by so much; a mean is noisier, and set-up more so."""
    return LogRatios(
        look(rng, shift, processes),
        look(rng, other.get("mean", shift), processes, 3 * SPREAD),
        look(rng, other.get("setup", 0.0), processes, 5 * SPREAD),
    )


def compared(seed: int, comparisons: int, cases: int, shift: float = 0.0, **other: float) -> list[list[Decision]]:
    """The decisions on some comparisons from end to end."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(comparisons):
        first = {case: stage(rng, FIRST, shift, **other) for case in range(cases)}
        fresh = {case: stage(rng, FRESH, shift, **other) for case in undecided(first, THRESHOLD)}
        found.append(list(decide((first, fresh), THRESHOLD).values()))
    return found


def test_identical_code_raises_no_alarm_of_any_kind() -> None:
    comparisons = compared(21, 200, 16)
    alarms = share(any({d.verdict, d.setup} & {"slower", "faster"} for d in decisions) for decisions in comparisons)
    assert alarms <= FALSE_ALARMS + 0.01
    assert share(d.verdict == "same" for decisions in comparisons for d in decisions) >= 0.98


@pytest.mark.parametrize(
    ("shift", "verdict", "found"), [(0.03, "slower", 0.75), (0.05, "slower", 0.99), (-0.05, "faster", 0.99)]
)
def test_a_change_is_found_from_end_to_end(shift: float, verdict: str, found: float) -> None:
    assert share(d.verdict == verdict for decisions in compared(22, 30, 16, shift) for d in decisions) >= found


def test_calls_that_are_slow_now_and_then_leave_the_median_and_are_found_by_the_mean() -> None:
    for decision in chain.from_iterable(compared(23, 30, 4, mean=0.5)):
        assert decision.verdict == "slower"
        assert "in the mean, by" in decision.why
        assert not decision.mean.includes(1.0)
        assert decision.mean.estimate == pytest.approx(1.5, rel=0.1)


@pytest.mark.parametrize(
    ("setup", "verdicts"), [(0.5, {"slower"}), (-0.5, {"faster"}), (0.03, {"same", "inconclusive"})]
)
def test_set_up_has_its_own_verdict_and_a_small_change_of_it_counts_as_none(setup: float, verdicts: set[str]) -> None:
    for decision in chain.from_iterable(compared(24, 30, 8, setup=setup)):
        assert decision.setup in verdicts
        assert decision.setup_ratio
        assert decision.setup_ratio.estimate == pytest.approx(1 + setup, rel=0.1)
        assert decision.verdict == "same"
