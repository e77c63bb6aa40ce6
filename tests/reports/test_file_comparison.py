"""Two runs' files compared: what differs in one case is found, and what differs in all of them or in none is not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.comparison import exit_code, memory_cell, notes
from reports.file_comparison import (
    FEWEST,
    SPREAD,
    UNKNOWN,
    USUAL,
    compare_files,
    within,
)
from reports.files import read
from reports.result_schema import ComparedRow, Comparison, ResultFile
from reports.statistics import LEAST_BYTES, memory_verdict, welch
from tests import saved
from tests.saved import PROBLEM, row

MANY = 12
LAUNCH = 0.01
"""Standard deviation of a process, as a logarithm."""


def compare(base: ResultFile, head: ResultFile, *, threshold: float = 0.02, across: bool = False) -> Comparison:
    return compare_files(base, head, ("base.json", "head.json"), threshold, across)


def verdicts(found: Comparison) -> dict[str, str]:
    return {case.implementation: case.verdict for case in found.cases}


def margins(found: Comparison) -> float:
    """The margin that all steady cases have."""
    (margin,) = {round(case.margin, 12) for case in found.cases if case.margin is not None}
    assert all(case.margin is not None for case in found.cases)
    return margin


def run(
    rng: np.random.Generator,
    factors: dict[str, float],
    *,
    process: float = LAUNCH,
    of_run: float = 0.0,
    processes: int = 3,
    baseline: str = "",
    **suite: Any,
) -> ResultFile:
    """A run in which each case takes 10 µs times a factor. process, of_run: noise of each process and of a case in a run."""
    rows = []
    for slug, factor in factors.items():
        level = math.log(1e-5 * factor) + of_run * rng.standard_normal()
        seconds = np.exp(level + process * rng.standard_normal(processes))
        rows.append(row(slug, [[float(one)] * 3 for one in seconds], baseline=slug == baseline))
    return saved.result(*rows, **suite)


def alike(count: int = MANY, factor: float = 1.0) -> dict[str, float]:
    return {f"c{number}": factor for number in range(count)}


# -- the same code


@pytest.mark.parametrize("count", [1, FEWEST - 1, FEWEST, MANY])
def test_a_run_compared_with_itself_is_the_same_in_every_case(count: int) -> None:
    steady = saved.result(*[row(f"c{n}", 1e-5 * (n + 1)) for n in range(count)])
    found = compare(steady, steady)
    assert set(verdicts(found).values()) == {"same"}
    assert exit_code(found) == 0
    assert not found.interleaved


@given(st.integers(0, 2**32), st.floats(0, 0.1), st.integers(1, 10), st.integers(2, 5), st.floats(0, 0.1))
def test_a_run_is_never_slower_or_faster_than_itself(
    seed: int, process: float, count: int, processes: int, threshold: float
) -> None:
    one = run(np.random.default_rng(seed), alike(count), process=process, processes=processes)
    assert set(verdicts(compare(one, one, threshold=threshold)).values()) <= {"same", "inconclusive"}


def test_a_real_run_is_never_slower_than_itself() -> None:
    found = compare(read(PROBLEM), read(PROBLEM))
    assert len(found.cases) == len(read(PROBLEM).benchmarks)
    assert not {"slower", "faster"} & set(verdicts(found).values())
    assert {case.memory for case in found.cases} <= {"same", "unknown"}


@pytest.mark.parametrize(("process", "of_run"), [(0.02, 0.02), (0.04, 0.04), (0.01, 0.03), (0.02, 0.04), (0.03, 0.0)])
@pytest.mark.parametrize("drift", [0.0, 0.15])
def test_of_runs_that_differ_by_noise_alone_few_have_a_false_alarm(process: float, of_run: float, drift: float) -> None:
    rng = np.random.default_rng(20)
    alarms = 0
    for _ in range(60):
        base, head = (
            run(rng, alike(MANY, math.exp(drift * at)), process=process, of_run=of_run)
            for at in (0, rng.choice([-1, 1]))
        )
        alarms += "slower" in verdicts(compare(base, head)).values()
    assert alarms / 60 <= 0.05


# -- what changed


@pytest.mark.parametrize(("factor", "verdict"), [(3.0, "slower"), (1 / 3, "faster")])
def test_the_one_case_that_changed_is_called_slower_or_faster_and_no_other(factor: float, verdict: str) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        found = compare(run(rng, alike()), run(rng, {**alike(), "c3": factor}))
        assert {slug: said for slug, said in verdicts(found).items() if said in ("slower", "faster")} == {"c3": verdict}
        ratio = next(case.ratio for case in found.cases if case.implementation == "c3")
        assert ratio is not None
        assert ratio.low is not None
        assert ratio.high is not None
        assert ratio.low <= ratio.estimate <= ratio.high
        assert ratio.estimate == pytest.approx(factor, rel=0.05)
        assert (exit_code(found) == 1) == (verdict == "slower")


def test_a_threshold_above_the_change_lets_it_pass() -> None:
    base, head = saved.result(row("gather", 1e-5)), saved.result(row("gather", 1.5e-5))
    assert verdicts(compare(base, head, threshold=0.4)) == {"gather": "slower"}
    assert verdicts(compare(base, head, threshold=0.6)) == {"gather": "same"}


@pytest.mark.parametrize("factor", [1.3, 1 / 1.3])
def test_a_machine_that_was_slower_or_faster_as_a_whole_changes_no_verdict(factor: float) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        found = compare(run(rng, alike()), run(rng, alike(factor=factor)))
        assert not {"slower", "faster"} & set(verdicts(found).values())
        assert exit_code(found) != 1


def around(middle: float, spread: float, processes: int) -> ResultFile:
    """A file of a case whose processes lie to both sides of a middle, in logarithms, and of steady ones beside it."""
    logs = [middle + spread * (-1) ** number for number in range(processes)]
    return saved.result(
        row("gather", [[1e-5 * math.exp(log)] * 6 for log in logs]),
        *[row(slug, [[1e-5] * 6] * processes) for slug in alike()],
    )


def of_gather(base: ResultFile, head: ResultFile) -> ComparedRow:
    found = compare(base, head)
    assert {verdict for slug, verdict in verdicts(found).items() if slug != "gather"} == {"same"}
    return next(case for case in found.cases if case.implementation == "gather")


def test_a_difference_within_what_processes_of_one_run_differ_by_is_no_change_however_well_it_is_known() -> None:
    assert of_gather(around(0.0, 0.035, 40), around(0.08, 0.035, 40)).verdict == "same"
    assert of_gather(around(0.0, 0.01, 40), around(0.08, 0.01, 40)).verdict == "slower"


@pytest.mark.parametrize("sign", [1, -1])
def test_a_difference_beyond_the_margin_that_may_be_chance_is_inconclusive_with_a_reason(sign: int) -> None:
    case = of_gather(around(0.0, 0.01, 2), around(sign * 0.09, 0.01, 2))
    assert case.verdict == "inconclusive"
    assert case.why


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("count", "usual"), [(1, UNKNOWN), (FEWEST - 1, UNKNOWN), (FEWEST, USUAL), (MANY, USUAL)])
def test_the_margin_is_that_of_what_is_usual_and_wide_where_few_cases_tell_it(
    count: int, usual: float, sign: int
) -> None:
    for beyond, verdict in ((-0.01, "same"), (0.01, {1: "slower", -1: "faster"}[sign])):
        factor = math.exp(sign * (SPREAD * usual + beyond))
        base, head = (
            saved.result(*[row(slug, 1e-5 * times) for slug, times in {**alike(count), "c0": last}.items()])
            for last in (1.0, factor)
        )
        found = compare(base, head)
        assert found.cases[0].verdict == verdict
        assert margins(found) == pytest.approx(math.expm1(SPREAD * usual))


def test_a_threshold_beyond_what_is_usual_is_the_margin() -> None:
    one = saved.result(*[row(slug, 1e-5) for slug in alike()])
    assert margins(compare(one, one, threshold=0.5)) == pytest.approx(0.5)


@pytest.mark.parametrize("shift", [math.log(1.3), -math.log(1.3)])
def test_a_shift_of_all_cases_widens_the_margin_to_both_sides_but_not_for_the_same(shift: float) -> None:
    wide = SPREAD * USUAL + abs(shift)
    logs = {**alike(MANY, shift), "slow": wide + 0.01, "fast": -wide - 0.01, "unsure": wide - 0.01, "kept": 0.0}
    base, head = (saved.result(*[row(slug, 1e-5 * math.exp(at * log)) for slug, log in logs.items()]) for at in (0, 1))
    found = compare(base, head)
    assert verdicts(found) == {
        **dict.fromkeys(alike(), "inconclusive"),
        "slow": "slower",
        "fast": "faster",
        "unsure": "inconclusive",
        "kept": "same",
    }
    assert margins(found) == pytest.approx(math.expm1(wide))


def test_a_slow_machine_does_not_hide_a_case_that_is_slower_by_far() -> None:
    rng = np.random.default_rng(5)
    found = compare(run(rng, alike()), run(rng, {**alike(factor=1.3), "c3": 5.0}))
    assert [slug for slug, verdict in verdicts(found).items() if verdict == "slower"] == ["c3"]


@pytest.mark.parametrize("factor", [1.3, 2.0, 10.0, 1 / 1.3, 0.1])
def test_a_run_that_is_slower_as_a_whole_is_neither_called_the_same_nor_slower(factor: float) -> None:
    base, head = (saved.result(*[row(slug, 1e-5 * times) for slug in alike()]) for times in (1.0, factor))
    found = compare(base, head)
    assert set(verdicts(found).values()) == {"inconclusive"}
    assert exit_code(found) == 3


# -- the figures beneath


def test_the_margin_is_the_spread_of_cases_and_not_of_the_few_that_changed() -> None:
    logs = np.random.default_rng(1).normal(0, 0.03, 400)
    logs[:40] = 1.1
    base, head = (
        saved.result(*[row(f"c{n}", 1e-5 * math.exp(side * log)) for n, log in enumerate(logs)]) for side in (0, 1)
    )
    assert margins(compare(base, head)) == pytest.approx(math.expm1(SPREAD * 0.03), rel=0.3)


def test_a_shift_of_all_cases_is_told() -> None:
    base, head = (saved.result(*[row(slug, 1e-5 * factor) for slug in alike()]) for factor in (1.0, 1.1))
    assert len(compare(base, head).caveats) == len(compare(base, base).caveats) + 1


def test_the_difference_is_welchs() -> None:
    from scipy import stats

    before, after = np.array([0.01, 0.03, 0.02]), np.array([0.2, 0.31, 0.22, 0.29])
    found = welch(after, before)
    theirs = stats.ttest_ind(after, before, equal_var=False)
    assert found.value / found.error == pytest.approx(theirs.statistic)
    assert found.degrees == pytest.approx(theirs.df)
    assert within(before, after) == pytest.approx(math.sqrt((before.var(ddof=1) + after.var(ddof=1)) / 2))


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (None, 5, "unknown"),
        (5, None, "unknown"),
        (1_000, 1_000 + LEAST_BYTES, "same"),
        (1_000 + LEAST_BYTES, 1_000, "same"),
        (1_000, 1_001 + LEAST_BYTES, "more"),
        (1_001 + LEAST_BYTES, 1_000, "less"),
        (10**9, 10**9 + 5 * 10**7, "same"),
        (10**9, 10**9 + 5 * 10**7 + 1, "more"),
        (10**9, 10**9 - 5 * 10**7, "same"),
        (10**9, 10**9 - 5 * 10**7 - 1, "less"),
        (0, LEAST_BYTES + 1, "more"),
    ],
)
def test_memory_differs_beyond_the_threshold_and_what_small_objects_take(
    before: int | None, after: int | None, says: str
) -> None:
    assert memory_verdict(before, after, 0.05) == says


@pytest.mark.parametrize(("threshold", "says"), [(0.0001, "more"), (0.0009, "more"), (0.0011, "same"), (0.5, "same")])
def test_memory_of_two_files_is_compared_by_the_threshold_that_is_asked_for(threshold: float, says: str) -> None:
    base, head = (saved.result(row("gather", 1e-5, peak_bytes=peak)) for peak in (10**8, 10**8 + 10**5))
    (case,) = compare_files(base, head, ("a", "b"), threshold, across=False).cases
    assert case.memory == says


def test_resident_growth_is_shown_and_never_judged() -> None:
    """Of torch's 50 MB tracing sees 785 bytes: neither a false "same: 785 B", nor a gate that fails on whole pages."""
    base, head = (
        saved.result(row("torch", 1e-5, peak_bytes=785, resident_bytes=resident, needs=["torch"]))
        for resident in (10_000_000, 50_000_000)
    )
    found = compare(base, head)
    (case,) = found.cases
    assert case.memory == "unknown"
    assert memory_cell(case) == "10.0 MB resident → 50.0 MB resident"
    assert exit_code(found) == 0
    assert any("has no verdict" in note for note in notes(found))


def test_memory_that_only_moved_into_tracings_sight_fails_no_gate() -> None:
    base = saved.result(row("mine", 1e-5, peak_bytes=785, resident_bytes=16_000_000, needs=["torch"]))
    head = saved.result(row("mine", 1e-5, peak_bytes=16_000_000, resident_bytes=16_000_000))
    for one, other in ((base, head), (head, base)):
        found = compare(one, other)
        assert (found.cases[0].memory, exit_code(found)) == ("unknown", 0)
        assert sorted(memory_cell(found.cases[0]).split(" → ")) == ["16.0 MB", "16.0 MB resident"]


def test_memory_that_neither_tracing_nor_the_system_tells_is_a_dash() -> None:
    found = compare(*(saved.result(row("torch", 1e-5, peak_bytes=785, needs=["torch"])) for _ in range(2)))
    assert memory_cell(found.cases[0]) == "–"
    assert not any("resident" in note for note in notes(found))


def test_more_memory_alone_fails_the_gate() -> None:
    base, head = (saved.result(row("gather", 1e-5, peak_bytes=peak)) for peak in (4_000, 40_000))
    assert exit_code(compare(base, head)) == 1
    assert exit_code(compare(head, base)) == 0


def test_rounds_that_were_sat_out_are_not_counted() -> None:
    base = saved.result(row("gather", [[1e-5, None, 1e-5], [None, 1e-5]]))
    head = saved.result(row("gather", [[None, 3e-5], [3e-5, None, None]]))
    assert verdicts(compare(base, head)) == {"gather": "slower"}


def test_runs_may_have_different_numbers_of_processes() -> None:
    rng = np.random.default_rng(1)
    found = compare(run(rng, alike(), processes=2), run(rng, alike(), processes=6))
    assert {case.processes for case in found.cases} == {6}
    assert "slower" not in verdicts(found).values()
