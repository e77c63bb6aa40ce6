"""Each verdict is given up to the error probability that it may spend, and not beyond: samples whose p-values are known."""

from __future__ import annotations

import math

import pytest
from scipy import stats
from w2vbench.reports.statistics.log_ratios import SETUP_THRESHOLD, LogRatios, Paired, PairedSetups, setup_margin
from w2vbench.reports.statistics.looks import LOOKS, Look
from w2vbench.reports.statistics.problems import trimmed_mean
from w2vbench.reports.statistics.verdicts import (
    BY_MEAN,
    BY_MEDIAN,
    CANDIDATE,
    FALSE_SAME,
    SAME_SETUP,
    SETUPS,
    Decision,
    decided_at,
    same,
    setups,
)

THRESHOLD = 0.02
MARGIN = math.log1p(THRESHOLD)
STEADY = [0.0] * 9
SPREAD = [0.001 * at for at in range(-4, 5)]
"""Of processes around their mean; two of the nine are trimmed."""
JUST = 1e-5
EARLY, LAST = next(look for look in LOOKS if look.processes == 9), LOOKS[-1]


def processes(p: float, margin: float, spread: float = 1.0) -> list[float]:
    """Log-ratios whose one-sided p-value against "at most the margin" is p."""
    error = trimmed_mean(SPREAD).error
    return [margin + spread * (stats.t.isf(p, 6) * error + one) for one in SPREAD]


def mirrored(pairs: Paired) -> Paired:
    """The same change in the other direction."""
    return Paired([-one for one in pairs.ratios], [-one for one in pairs.controls])


def once(p: float) -> Paired:
    """A case whose p-value is this, and whose control does not differ."""
    return Paired(processes(p, MARGIN), STEADY)


def at(look: Look, median: Paired, mean: Paired | None = None, setup: PairedSetups | None = None) -> Decision | None:
    """The verdict of a look on one case, if it gives one."""
    seen = {"a": LogRatios(median, mean or Paired(STEADY, STEADY), setup)}
    return decided_at(look, seen, seen, THRESHOLD).get("a")


def setups_of(ratios: list[float], controls: list[float] = STEADY) -> PairedSetups:
    """Set-up times, after a process that compiles."""
    return PairedSetups([9.0, *ratios], [-9.0, *controls])


def last(median: Paired, mean: Paired | None = None) -> Decision:
    """The verdict of the last look on one case."""
    found = at(LAST, median, mean)
    assert found is not None
    return found


def verdict(decision: Decision | None) -> str | None:
    return decision.verdict if decision else None


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_calls_a_case_slower_or_faster_at_its_share_of_the_error(look: Look) -> None:
    error = look.changed * BY_MEDIAN
    otherwise = "inconclusive" if look.is_last else None
    for p, slower, faster in ((error - JUST, "slower", "faster"), (error + JUST, otherwise, otherwise)):
        assert verdict(at(look, once(p))) == slower
        assert verdict(at(look, mirrored(once(p)))) == faster


def test_a_mean_makes_a_case_slower_at_its_own_error_and_the_reason_has_its_figure() -> None:
    steady = Paired(STEADY, STEADY)
    assert last(steady, once(LAST.changed * BY_MEAN - JUST)).verdict == "slower"
    found = last(steady, Paired([math.log(1.5) + one for one in SPREAD], STEADY))
    assert found.verdict == "slower"
    assert found.why == "in the mean, by 50.0 %: some calls take much longer than the others"
    found = last(steady, once(LAST.changed * BY_MEAN + JUST))
    assert (found.verdict, found.why) == ("same", "")


def test_the_mean_of_a_case_has_a_margin_of_its_own_where_identical_code_differs_in_the_mean() -> None:
    noisy = Paired(processes(LAST.changed * BY_MEAN / 2, MARGIN), [0.5] * 9)
    assert last(Paired(STEADY, STEADY), noisy).verdict == "same"


@pytest.mark.parametrize("sign", [1, -1])
def test_a_case_is_the_same_at_the_error_of_an_equivalence_test(sign: int) -> None:
    error = trimmed_mean(SPREAD).error
    for p, found in ((FALSE_SAME - JUST, True), (FALSE_SAME + JUST, False)):
        ratios = [sign * (MARGIN - stats.t.isf(p, 6) * error + one) for one in SPREAD]
        assert same(Paired(ratios, STEADY), THRESHOLD, FALSE_SAME) is found
    assert not same(Paired(STEADY, [MARGIN + 1e-6] * 9), THRESHOLD, FALSE_SAME)
    assert same(Paired(STEADY, [MARGIN - 1e-6] * 9), THRESHOLD, FALSE_SAME)


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_calls_a_case_the_same_at_its_share_of_that_error(look: Look) -> None:
    error = trimmed_mean(SPREAD).error
    for p, found in ((look.same * FALSE_SAME - JUST, True), (look.same * FALSE_SAME + JUST, False)):
        ratios = [MARGIN - stats.t.isf(p, 6) * error + one for one in SPREAD]
        assert (verdict(at(look, Paired(ratios, STEADY))) == "same") is found


def test_a_case_that_may_be_slower_in_the_mean_or_to_set_up_goes_on_to_the_next_look() -> None:
    steady = Paired(STEADY, STEADY)
    for p, found in ((CANDIDATE - JUST, None), (CANDIDATE + JUST, "same")):
        assert verdict(at(EARLY, steady, once(p))) == found
        setup = setups_of(processes(p, math.log1p(SETUP_THRESHOLD)))
        assert verdict(at(EARLY, steady, steady, setup)) == found
        assert verdict(at(LAST, steady, once(CANDIDATE), setup)) == "same"


def test_what_is_faster_but_may_be_slower_in_the_mean_goes_on_to_the_next_look() -> None:
    faster = mirrored(once(1e-6))
    assert verdict(at(EARLY, faster, faster)) == "faster"
    assert verdict(at(EARLY, faster, once(0.01))) is None
    assert verdict(at(LAST, faster, once(0.01))) == "faster"


def test_a_set_up_that_is_known_to_be_slower_needs_no_further_look() -> None:
    steady, slower = Paired(STEADY, STEADY), setups_of([1.0] * 9)
    found = at(EARLY, steady, steady, slower)
    assert found is not None
    assert (found.verdict, found.setup) == ("same", "slower")


@pytest.mark.parametrize(("change", "verdict"), [(1.0, "slower"), (-1.0, "faster")])
def test_a_look_tells_where_the_difference_of_identical_code_was_the_margin(change: float, verdict: str) -> None:
    drift = Paired([change] * 9, [0.1] * 9)
    found = at(EARLY, drift, drift)
    assert found is not None
    assert (found.verdict, found.why) == (verdict, f"by more than the A/A difference of {math.expm1(0.1):.1%}")
    assert (found.ratio.estimate, found.mean.estimate) == pytest.approx((math.exp(change), math.exp(change)))
    assert found.control.estimate == pytest.approx(math.exp(0.1))


def test_a_control_that_is_only_uncertain_widens_no_margin() -> None:
    """Its mean is none, so that the case is not called too noisy, nor a slower one missed."""
    uncertain = [10 * one for one in SPREAD]
    assert trimmed_mean(uncertain).ends()[1] > MARGIN
    assert last(Paired(processes(LAST.changed * BY_MEDIAN / 4, MARGIN), uncertain)).verdict == "slower"


def test_an_interval_that_includes_one_end_of_the_threshold_alone_includes_it() -> None:
    around = Paired([MARGIN + one for one in SPREAD], STEADY)
    for pairs in (around, mirrored(around)):
        found = last(pairs)
        assert (found.verdict, found.why) == ("inconclusive", "the interval includes the threshold")


# -- set-up


def test_a_change_of_set_up_counts_from_its_own_threshold_the_threshold_or_the_controls_interval() -> None:
    steady = setups_of(STEADY)
    assert setup_margin(steady, THRESHOLD) == pytest.approx(math.log1p(SETUP_THRESHOLD))
    assert setup_margin(steady, 0.3) == pytest.approx(math.log1p(0.3))
    for sign in (1, -1):
        control = [sign * (0.5 + one) for one in SPREAD]
        low, high = trimmed_mean(control).ends()
        assert setup_margin(setups_of(STEADY, control), THRESHOLD) == pytest.approx(max(abs(low), abs(high)))


@pytest.mark.parametrize("look", LOOKS)
def test_set_up_has_an_error_of_its_own_half_in_each_direction(look: Look) -> None:
    margin = math.log1p(SETUP_THRESHOLD)
    for sign, found, error in ((1, "slower", look.changed * SETUPS / 2), (-1, "faster", SETUPS / 2)):
        for p, says in ((error - JUST, found), (error + JUST, "inconclusive")):
            one = setups_of([sign * ratio for ratio in processes(p, margin, 10)])
            assert setups(look, {"a": one}, 1, THRESHOLD) == {"a": says}
    spread = trimmed_mean(SPREAD).error
    for p, found in ((SAME_SETUP - JUST, "same"), (SAME_SETUP + JUST, "inconclusive")):
        near = setups_of([margin - stats.t.isf(p, 6) * spread + one for one in SPREAD])
        assert setups(look, {"a": near}, 1, THRESHOLD) == {"a": found}


def test_several_cases_share_the_error_of_set_up() -> None:
    one = setups_of(processes(LAST.changed * SETUPS / 2 - JUST, math.log1p(SETUP_THRESHOLD)))
    steady = setups_of(STEADY)
    assert setups(LAST, {"a": one, "b": steady}, 2, THRESHOLD) == {"a": "inconclusive", "b": "same"}
    assert setups(LAST, {"a": one}, 2, THRESHOLD) == {"a": "inconclusive"}  # the other one was decided before


def test_only_cases_that_set_up_for_long_have_a_verdict_on_it_and_share_its_error() -> None:
    steady, most = Paired(STEADY, STEADY), LAST.changed * SETUPS / 2 - JUST
    slower = LogRatios(steady, steady, setups_of(processes(most, math.log1p(SETUP_THRESHOLD))))
    seen = {"a": slower, "b": LogRatios(steady, steady), "c": LogRatios(steady, steady)}
    found = decided_at(LAST, seen, seen, THRESHOLD)
    assert {case: one.setup for case, one in found.items()} == {"a": "slower", "b": "unknown", "c": "unknown"}
    assert found["a"].setup_ratio is not None
    assert found["b"].setup_ratio is None


def test_a_case_whose_time_is_inconclusive_has_its_verdict_on_set_up() -> None:
    around = Paired([MARGIN + one for one in SPREAD], STEADY)
    found = at(LAST, around, setup=setups_of([1.0] * 9))
    assert found is not None
    assert (found.verdict, found.setup) == ("inconclusive", "slower")


@pytest.mark.parametrize("processes", [5, 9])
def test_a_disturbed_process_does_not_hide_a_slower_set_up_or_mean_from_the_first_looks(processes: int) -> None:
    """Of five processes the plain mean cannot tell, so that the case goes on; of nine, the trimmed one can."""
    slow, disturbed = [3.0] * (processes - 1), -20.0
    look = next(one for one in LOOKS if one.processes == processes)
    steady = Paired(STEADY[:processes], STEADY[:processes])
    found = at(look, steady, steady, PairedSetups([*slow, disturbed], STEADY[:processes]))
    assert (found and found.setup) == (None if processes == 5 else "slower")
    assert verdict(at(look, steady, Paired([*slow, disturbed], STEADY[:processes]))) == (
        None if processes == 5 else "slower"
    )


def test_a_first_process_that_compiles_leaves_the_set_up_of_few_processes_the_same() -> None:
    compiled = PairedSetups([3.0, 0.001, -0.001, 0.002, 0.0], [0.0] * 5)
    assert setups(LOOKS[0], {"a": compiled}, 1, THRESHOLD) == {"a": "same"}
