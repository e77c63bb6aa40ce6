"""Each verdict is given up to the error probability that it may spend, and not beyond: samples whose p-values are known."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from reports.statistics import trimmed_mean
from reports.verdicts import (
    BY_MEAN,
    BY_MEDIAN,
    CANDIDATE,
    EARLY,
    FALSE_SAME,
    SETUP_THRESHOLD,
    SETUPS,
    Decision,
    LogRatios,
    Paired,
    beyond_doubt,
    decide,
    same,
    second_stage_decisions,
    setup_margin,
    setups,
    undecided,
)

THRESHOLD = 0.02
MARGIN = math.log1p(THRESHOLD)
STEADY = [0.0] * 9
SPREAD = [0.001 * at for at in range(-4, 5)]
"""Of processes around their mean; two of the nine are trimmed."""
JUST = 1e-4


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


def fresh(median: Paired, mean: Paired | None = None) -> Decision:
    """The verdict on one case of the second stage."""
    return second_stage_decisions({"a": LogRatios(median, mean or Paired(STEADY, STEADY))}, THRESHOLD)["a"]


def test_the_p_values_are_what_they_are_made_to_be() -> None:
    assert trimmed_mean(processes(0.01, MARGIN)).p_above(MARGIN) == pytest.approx(0.01)
    assert trimmed_mean(mirrored(once(0.01)).ratios).p_below(-MARGIN) == pytest.approx(0.01)


def test_the_first_look_spends_its_share_of_the_error() -> None:
    error = EARLY * BY_MEDIAN
    for p, found in ((error - JUST, {"slower"}), (error + JUST, set())):
        one, other = once(p), mirrored(once(p))
        first = {"a": LogRatios(one, one)}
        assert {its.verdict for its in beyond_doubt(first, THRESHOLD).values()} == found
        assert undecided(first, THRESHOLD) == ([] if found else ["a"])
        faster = {its.verdict for its in beyond_doubt({"a": LogRatios(other, other)}, THRESHOLD).values()}
        assert faster == ({"faster"} if found else set())


def test_the_second_look_spends_the_rest_of_it() -> None:
    error = (1 - EARLY) * BY_MEDIAN
    for p, slower, faster in ((error - JUST, "slower", "faster"), (error + JUST, "inconclusive", "inconclusive")):
        assert fresh(once(p)).verdict == slower
        assert fresh(mirrored(once(p))).verdict == faster


def test_a_mean_makes_a_case_slower_at_its_own_error_and_the_reason_has_its_figure() -> None:
    steady = Paired(STEADY, STEADY)
    assert fresh(steady, once(BY_MEAN - JUST)).verdict == "slower"
    found = fresh(steady, Paired([math.log(1.5) + one for one in SPREAD], STEADY))
    assert found.verdict == "slower"
    assert found.why == "in the mean, by 50.0 %: some calls take much longer than the others"
    found = fresh(steady, once(BY_MEAN + JUST))
    assert (found.verdict, found.why) == ("same", "")


def test_the_mean_of_a_case_has_a_margin_of_its_own_where_identical_code_differs_in_the_mean() -> None:
    noisy = Paired(processes(BY_MEAN / 2, MARGIN), [0.5] * 9)
    assert fresh(Paired(STEADY, STEADY), noisy).verdict == "same"


@pytest.mark.parametrize("sign", [1, -1])
def test_a_case_is_the_same_at_the_error_of_an_equivalence_test(sign: int) -> None:
    error = trimmed_mean(SPREAD).error
    for p, found in ((FALSE_SAME - JUST, True), (FALSE_SAME + JUST, False)):
        ratios = [sign * (MARGIN - stats.t.isf(p, 6) * error + one) for one in SPREAD]
        assert same(Paired(ratios, STEADY), THRESHOLD) is found
    assert not same(Paired(STEADY, [MARGIN + 1e-6] * 9), THRESHOLD)
    assert same(Paired(STEADY, [MARGIN - 1e-6] * 9), THRESHOLD)


def test_a_case_that_may_be_slower_in_the_mean_or_to_set_up_is_measured_again() -> None:
    steady = Paired(STEADY, STEADY)
    for p, again in ((CANDIDATE - JUST, ["a"]), (CANDIDATE + JUST, [])):
        assert undecided({"a": LogRatios(steady, once(p))}, THRESHOLD) == again
        setup = Paired(processes(p, math.log1p(SETUP_THRESHOLD)), STEADY)
        assert undecided({"a": LogRatios(steady, steady, setup)}, THRESHOLD) == again


def test_what_is_faster_but_may_be_slower_in_the_mean_is_not_beyond_doubt() -> None:
    faster = mirrored(once(1e-6))
    assert list(beyond_doubt({"a": LogRatios(faster, faster)}, THRESHOLD)) == ["a"]
    assert list(beyond_doubt({"a": LogRatios(faster, once(0.01))}, THRESHOLD)) == []


@pytest.mark.parametrize(("change", "verdict"), [(1.0, "slower"), (-1.0, "faster")])
def test_the_first_look_tells_where_the_difference_of_identical_code_was_the_margin(
    change: float, verdict: str
) -> None:
    drift = Paired([change] * 9, [0.1] * 9)
    (found,) = decide(({"a": LogRatios(drift, drift)}, {}), THRESHOLD).values()
    assert (found.verdict, found.why) == (verdict, f"by more than the A/A difference of {math.expm1(0.1):.1%}")
    assert (found.ratio.estimate, found.mean.estimate) == pytest.approx((math.exp(change), math.exp(change)))
    assert found.control.estimate == pytest.approx(math.exp(0.1))


def test_a_control_that_is_only_uncertain_widens_no_margin() -> None:
    """Its mean is none, so that the case is not called too noisy, nor a slower one missed."""
    uncertain = [10 * one for one in SPREAD]
    assert trimmed_mean(uncertain).ends()[1] > MARGIN
    assert fresh(Paired(processes(BY_MEDIAN / 4, MARGIN), uncertain)).verdict == "slower"


def test_an_interval_that_includes_one_end_of_the_threshold_alone_includes_it() -> None:
    around = Paired([MARGIN + one for one in SPREAD], STEADY)
    for pairs in (around, mirrored(around)):
        found = fresh(pairs)
        assert (found.verdict, found.why) == ("inconclusive", "the interval includes the threshold")


# -- set-up


def test_a_change_of_set_up_counts_from_its_own_threshold_the_threshold_or_the_controls_interval() -> None:
    steady = Paired(STEADY, STEADY)
    assert setup_margin(steady, THRESHOLD) == pytest.approx(math.log1p(SETUP_THRESHOLD))
    assert setup_margin(steady, 0.3) == pytest.approx(math.log1p(0.3))
    for sign in (1, -1):
        control = [sign * (0.5 + one) for one in SPREAD]
        low, high = trimmed_mean(control).ends()
        assert setup_margin(Paired(STEADY, control), THRESHOLD) == pytest.approx(max(abs(low), abs(high)))


def test_set_up_has_an_error_of_its_own_half_in_each_direction() -> None:
    margin = math.log1p(SETUP_THRESHOLD)
    for p, slower, faster in (
        (SETUPS / 2 - JUST, "slower", "faster"),
        (SETUPS / 2 + JUST, "inconclusive", "inconclusive"),
    ):
        one = Paired(processes(p, margin, 10), STEADY)
        assert setups({"a": one}, THRESHOLD)["a"][0] == slower
        assert setups({"a": mirrored(one)}, THRESHOLD)["a"][0] == faster
    error = trimmed_mean(SPREAD).error
    for p, verdict in ((FALSE_SAME - JUST, "same"), (FALSE_SAME + JUST, "inconclusive")):
        near = Paired([margin - stats.t.isf(p, 6) * error + one for one in SPREAD], STEADY)
        assert setups({"a": near}, THRESHOLD)["a"][0] == verdict


def test_several_cases_share_the_error_of_set_up() -> None:
    one = Paired(processes(SETUPS / 2 - JUST, math.log1p(SETUP_THRESHOLD)), STEADY)
    found = setups({"a": one, "b": Paired(STEADY, STEADY)}, THRESHOLD)
    assert {case: verdict for case, (verdict, _) in found.items()} == {"a": "inconclusive", "b": "same"}


def test_the_last_stage_that_a_case_has_decides_on_its_set_up() -> None:
    steady = Paired(STEADY, STEADY)
    slower = LogRatios(steady, steady, Paired([1.0] * 9, STEADY))
    without = LogRatios(steady, steady)
    found = decide(({"a": slower, "b": slower, "c": without}, {"a": LogRatios(steady, steady, steady)}), THRESHOLD)
    assert {case: one.setup for case, one in found.items()} == {"a": "same", "b": "slower", "c": "unknown"}
    assert found["b"].setup_ratio is not None
    assert found["b"].setup_ratio.estimate == pytest.approx(math.e)
    assert found["c"].setup_ratio is None
