"""The rules by which a comparison says slower, faster or the same: against scipy, and how often they err, by simulation."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from w2vbench.reports.statistics.holm import adjusted, holm
from w2vbench.reports.statistics.log_ratios import LogRatios, Paired, PairedSetups
from w2vbench.reports.statistics.looks import LOOKS, STAGES, looks_after
from w2vbench.reports.statistics.problems import share_interval, trimmed_mean
from w2vbench.reports.statistics.units import signed
from w2vbench.reports.statistics.verdicts import (
    FALSE_ALARMS,
    FALSE_SAME,
    Decision,
    Twice,
    decide,
    decided,
    decided_at,
    same,
    undecided,
)

THRESHOLD = 0.02
SPREAD = 0.009
"""Standard deviation of a process, as measured on a quiet cloud machine."""
ALL = LOOKS[-1].processes
LAST = LOOKS[-1]
STEADY = [0.0] * ALL


def look(rng: np.random.Generator, shift: float, processes: int, spread: float = SPREAD, drift: float = 0.0) -> Paired:
    """Processes of a case that is slower by shift, on a machine on which identical code drifts."""
    ratios = math.log1p(shift) + spread * rng.standard_normal(processes)
    return Paired(list(ratios), list(math.log1p(drift) + spread * rng.standard_normal(processes)))


def judge(*cases: Paired, threshold: float = THRESHOLD) -> list[Decision]:
    """Verdicts of the last look on cases whose mean moves as their median does."""
    seen = {at: LogRatios(pairs, pairs) for at, pairs in enumerate(cases)}
    return list(decided_at(LAST, seen, seen, threshold).values())


def share(which: Iterable[bool]) -> float:
    return float(np.mean(list(which)))


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


def test_cases_that_were_decided_before_stay_in_the_family_and_are_never_rejected() -> None:
    found = adjusted({"a": 0.01, "b": 0.001}, 4)
    assert found == pytest.approx({"a": 0.03, "b": 0.004})
    assert adjusted({"a": 0.01}, 1) == {"a": 0.01}


# -- the looks


def test_the_looks_spend_the_whole_error_and_no_more() -> None:
    assert sum(look.changed for look in LOOKS) == pytest.approx(1)
    assert sum(look.same for look in LOOKS) == pytest.approx(1)
    assert [look.is_last for look in LOOKS] == [False] * (len(LOOKS) - 1) + [True]
    assert looks_after(STAGES) == list(LOOKS)


def test_a_comparison_that_looked_less_often_spends_at_each_look_what_was_left() -> None:
    nine, last = looks_after([9, 18])
    assert (nine.processes, last.processes) == (9, 27)
    assert nine.changed == pytest.approx(sum(look.changed for look in LOOKS if look.processes <= 9))
    assert nine.changed + last.changed == pytest.approx(1)
    assert nine.same + last.same == pytest.approx(1)
    assert looks_after([]) == []


def test_what_the_first_look_shows_beyond_doubt_is_not_measured_again() -> None:
    rng = np.random.default_rng(7)
    pairs = {shift: look(rng, shift, 5) for shift in (-0.4, 0.03, 0.8)}
    first = {shift: LogRatios(one, one) for shift, one in pairs.items()}
    assert undecided(first, THRESHOLD) == [0.03]
    assert {case: (one.verdict, one.processes) for case, one in decided(first, THRESHOLD).items()} == {
        -0.4: ("faster", 5),
        0.8: ("slower", 5),
    }
    assert undecided({"a": first[0.8]}, THRESHOLD, looks_after([9])) == ["a"]
    often_slow = first | {-0.4: LogRatios(pairs[-0.4], pairs[0.8])}
    assert decide(often_slow, THRESHOLD)[-0.4].verdict == "slower"
    perhaps = Paired([0.03, 0.06, 0.05, 0.04, 0.07], [0.0] * 5)
    assert undecided({"a": LogRatios(pairs[-0.4], perhaps)}, THRESHOLD) == ["a"]


def first(one: LogRatios, processes: int) -> LogRatios:
    """A case of which only the first processes were measured."""
    median, mean = (Paired(pairs.ratios[:processes], pairs.controls[:processes]) for pairs in (one.median, one.mean))
    assert one.setup
    return LogRatios(median, mean, PairedSetups(one.setup.ratios[:processes], one.setup.controls[:processes]))


def test_a_case_that_no_look_decides_has_no_verdict_on_its_set_up_either() -> None:
    few, rng = LOOKS[0].processes - 1, np.random.default_rng(5)
    cases = {"long": stage(rng, few), "short": LogRatios(look(rng, 0.0, few), look(rng, 0.0, few))}
    found = {case: (one.verdict, one.setup) for case, one in decide(cases, THRESHOLD).items()}
    assert found == {"long": ("inconclusive", "inconclusive"), "short": ("inconclusive", "unknown")}


def test_later_processes_do_not_change_what_a_look_has_decided() -> None:
    """So a stored comparison gets the verdicts again that it stopped by."""
    rng = np.random.default_rng(2)
    cases = {shift: stage(rng, ALL, shift) for shift in (0.0, 0.01, 0.02, 0.03, 0.05, 0.8)}
    every = decided(cases, THRESHOLD)
    for processes in (one.processes for one in LOOKS):
        by_then = decided({case: first(one, processes) for case, one in cases.items()}, THRESHOLD)
        assert by_then == {case: one for case, one in every.items() if one.processes <= processes}
    assert {one.processes for one in every.values()} >= {5, ALL}


def test_a_slowed_process_among_few_delays_a_verdict_and_does_not_change_it() -> None:
    ratios = [0.001, 0.3, -0.001, 0.0, 0.002, 0.001, -0.002, 0.0, 0.001]
    found = decide({"a": LogRatios(Paired(ratios, [0.0] * 9), Paired([0.0] * 9, [0.0] * 9))}, THRESHOLD)["a"]
    assert (found.verdict, found.processes) == ("same", 9)


@pytest.mark.parametrize("drift", [0.1, -0.1])
def test_where_identical_code_drifts_nothing_is_called_the_same_and_a_small_change_nothing_at_all(drift: float) -> None:
    rng = np.random.default_rng(8)
    assert not same(look(rng, 0.0, 9, drift=drift), THRESHOLD, FALSE_SAME)
    pairs = look(rng, 0.5 * drift, ALL, drift=drift)
    (call,) = judge(pairs)
    assert call.verdict == "inconclusive"
    column = signed(call.control).partition(" %")[0].lstrip("+-−")
    assert call.why == f"the same code measured twice differed by {column} %: this machine is too noisy now"
    (other,) = decide({"a": LogRatios(pairs, pairs)}, THRESHOLD, Twice.ENVIRONMENT).values()
    assert other.why == call.why.replace("the same code", "the same environment")


@pytest.mark.parametrize(("sign", "verdict"), [(1, "slower"), (-1, "faster")])
def test_what_is_beyond_the_threshold_but_not_certain_enough_beside_others_says_so(sign: int, verdict: str) -> None:
    spread = [0.01 * at for at in range(-4, 5)]
    # p is 0.0060 with six degrees of freedom: enough alone, not among three
    middle = math.log1p(THRESHOLD) + 3.6 * trimmed_mean(spread).error
    one = Paired([sign * (middle + at) for at in spread], STEADY[:9])
    (alone,) = judge(one)
    assert (alone.verdict, alone.why) == (verdict, "")
    calls = judge(one, *[Paired(spread, STEADY[:9])] * 2)
    assert [call.verdict for call in calls] == ["inconclusive"] * 3
    includes = "the interval includes the threshold"
    assert [call.why for call in calls[1:]] == [includes, includes]
    assert calls[0].why == f"not significant, when corrected for 3 cases and {len(LOOKS)} looks"


@given(st.lists(st.floats(-0.5, 0.5), min_size=9, max_size=9), st.floats(0.001, 0.2))
def test_swapping_the_sides_swaps_slower_and_faster(ratios: list[float], threshold: float) -> None:
    sides = Paired(ratios, STEADY[:9]), Paired([-ratio for ratio in ratios], STEADY[:9])
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
        PairedSetups(**vars(look(rng, other.get("setup", 0.0), processes, 5 * SPREAD))),
    )


def compared(seed: int, comparisons: int, cases: int, shift: float = 0.0, **other: float) -> list[list[Decision]]:
    """The decisions on some comparisons from end to end."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(comparisons):
        measured = {case: stage(rng, ALL, shift, **other) for case in range(cases)}
        found.append(list(decide(measured, THRESHOLD).values()))
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


@pytest.mark.parametrize(("ratios", "middle"), [([8.0, 1.0], 4.5), ([8.0, 1.0, 2.0], 1.5)])
def test_the_set_up_of_the_first_process_is_left_out_unless_only_one_would_remain(
    ratios: list[float], middle: float
) -> None:
    found = PairedSetups(ratios, [-one for one in ratios])
    assert (found.ratio.value, found.control.value) == (middle, -middle)


@pytest.mark.parametrize(
    ("setup", "verdicts"), [(0.5, {"slower"}), (-0.5, {"faster"}), (0.03, {"same", "inconclusive"})]
)
def test_set_up_has_its_own_verdict_and_a_small_change_of_it_counts_as_none(setup: float, verdicts: set[str]) -> None:
    for decision in chain.from_iterable(compared(24, 30, 8, setup=setup)):
        assert decision.setup in verdicts
        assert decision.setup_ratio
        assert decision.setup_ratio.estimate == pytest.approx(1 + setup, rel=0.1)
        assert decision.verdict == "same"
