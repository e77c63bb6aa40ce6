"""Two runs' files compared: what differs in one case is found, what differs in all of them or in none is not, and files
that say nothing about the code are refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.comparison import exit_code, memory_cell, notes, sentence
from reports.file_comparison import (
    FEWEST,
    SPREAD,
    UNKNOWN,
    UNSTEADY,
    USUAL,
    between_runs,
    compare_files,
    machine,
    unsteady,
    within,
)
from reports.files import ResultError, read
from reports.results import ComparedRow, Comparison, ResultFile
from reports.statistics import LEAST_BYTES, Estimate, memory_verdict, welch
from tests import saved
from tests.saved import PROBLEM, PYTEST, STATUSES, Content, not_measured, row, without_processes

MANY = 12
LAUNCH = 0.01
"""Standard deviation of a process, as a logarithm."""
HERE: Content = {"cpu": "A", "cpus_allowed": 4, "memory_bytes": 16 * 2**30, "machine": "x86_64"}
TWICE = HERE | {"cpu": "B"}


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


@settings(deadline=None)
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


def test_the_one_case_that_takes_three_times_as_long_is_called_slower_and_no_other() -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        found = compare(run(rng, alike()), run(rng, {**alike(), "c3": 3.0}))
        assert [slug for slug, verdict in verdicts(found).items() if verdict == "slower"] == ["c3"]
        assert "faster" not in verdicts(found).values()
        slow = next(case for case in found.cases if case.implementation == "c3")
        assert slow.ratio is not None
        assert slow.ratio.low is not None
        assert slow.ratio.high is not None
        assert slow.ratio.low <= slow.ratio.estimate <= slow.ratio.high
        assert slow.ratio.estimate == pytest.approx(3.0, rel=0.05)
        assert slow.why.startswith("by more than the ")
        assert exit_code(found) == 1
        assert sentence(found).startswith(f"1 of {MANY} cases got worse")


def test_the_one_case_that_takes_a_third_of_the_time_is_called_faster_and_no_other() -> None:
    rng = np.random.default_rng(3)
    found = compare(run(rng, alike()), run(rng, {**alike(), "c3": 1 / 3}))
    assert [slug for slug, verdict in verdicts(found).items() if verdict == "faster"] == ["c3"]
    assert "slower" not in verdicts(found).values()


def test_a_case_keeps_what_is_known_of_it() -> None:
    (case,) = compare(
        saved.result(row("gather", 1e-5, peak_bytes=4_000)),
        saved.result(
            row("gather", 3e-5, title="W[idx]", peak_bytes=9_000),
            sources={"lookup/gather": {"file": "impls/lookup.py", "line": 7, "code": ""}},
        ),
    ).cases
    assert (case.base_s, case.head_s, case.processes) == pytest.approx((1e-5, 3e-5, 3))
    assert (case.memory, case.base_bytes, case.head_bytes) == ("more", 4_000, 9_000)
    assert (case.file, case.line, case.title, case.kernel) == ("impls/lookup.py", 7, "W[idx]", "lookup")
    assert case.control is None


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
    assert (case.verdict, case.why) == (
        "inconclusive",
        "two runs are not precise enough: compare the revisions instead",
    )


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
        assert f"(here {math.expm1(SPREAD * usual):.1%})" in found.caveats[0]


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
    (slow,) = (case for case in found.cases if case.verdict == "slower")
    assert slow.why == f"by more than the {math.expm1(wide):.1%} that two runs may differ by"


def test_a_slow_machine_does_not_hide_a_case_that_is_slower_by_far() -> None:
    rng = np.random.default_rng(5)
    found = compare(run(rng, alike()), run(rng, {**alike(factor=1.3), "c3": 5.0}))
    assert [slug for slug, verdict in verdicts(found).items() if verdict == "slower"] == ["c3"]


def test_the_margin_that_was_learnt_is_told_and_so_is_a_shift_of_all_cases() -> None:
    base, head = (saved.result(*[row(slug, 1e-5 * factor) for slug in alike()]) for factor in (1.0, 1.1))
    found = compare(base, head)
    assert f"(here {math.exp(SPREAD * USUAL) - 1:.1%})" in found.caveats[0]
    assert "The time of a typical case changed: +10.0 %." in found.caveats[1]
    assert not any("a typical case" in caveat for caveat in compare(base, base).caveats)


@pytest.mark.parametrize("factor", [1.3, 2.0, 10.0, 1 / 1.3, 0.1])
def test_a_run_that_is_slower_as_a_whole_is_neither_called_the_same_nor_slower(factor: float) -> None:
    base, head = (saved.result(*[row(slug, 1e-5 * times) for slug in alike()]) for times in (1.0, factor))
    found = compare(base, head)
    assert set(verdicts(found).values()) == {"inconclusive"}
    assert exit_code(found) == 3


@pytest.mark.parametrize("status", STATUSES)
def test_a_case_that_only_head_could_not_measure_is_its_fault_or_could_not_be_told(status: str) -> None:
    rows = row("gather", 1e-5), row("take", 1e-5)
    failed = not_measured("gather", status, "because", title="W[idx]")
    found = compare(saved.result(*rows), saved.result(rows[1], not_measured=[failed]))
    verdict = {"wrong": "wrong", "error": "wrong", "skipped": "failed"}.get(status, "broken")
    assert verdicts(found) == {"gather": verdict, "take": "same"}
    gone = found.cases[0]
    assert (gone.case, gone.kernel, gone.title) == (rows[0]["name"], "lookup", "W[idx]")
    assert (gone.why, gone.ratio, gone.memory) == (f"HEAD: {status}: because", None, "unknown")
    assert (found.added, found.removed, found.skipped) == ([], [], {})
    assert exit_code(found) == (3 if verdict == "failed" else 1)


@pytest.mark.parametrize("status", STATUSES)
def test_what_neither_run_could_measure_is_no_news(status: str) -> None:
    one = saved.result(row("take", 1e-5), not_measured=[not_measured("gather", status, "because")])
    found = compare(one, one)
    assert verdicts(found) == {"take": "same"}
    assert (found.added, found.removed, found.skipped, exit_code(found)) == ([], [], {}, 0)


def test_a_case_that_broke_is_no_removed_one() -> None:
    found = compare(
        saved.result(row("gather", 1e-5)), saved.result(not_measured=[not_measured("gather", "wrong", "x")])
    )
    assert (found.removed, exit_code(found)) == ([], 1)
    assert [(case.verdict, case.why) for case in found.cases] == [("wrong", "HEAD: wrong: x")]
    back = compare(
        saved.result(not_measured=[not_measured("gather", "timeout", "x")]), saved.result(row("gather", 1e-5))
    )
    assert (back.added, list(back.skipped)) == ([], ["no figures in BASE"])


def test_runs_that_have_nothing_to_tell_of_each_other_do_not_pass() -> None:
    found = compare(saved.result(row("gather", 1e-5)), saved.result(row("take", 1e-5)))
    assert exit_code(found) == 3
    assert sentence(found).startswith("Nothing was compared")
    assert exit_code(compare(saved.result(), saved.result())) == 3


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("other", [{"name": "mine"}, {"name": "sotu", "tokens": 7}, {}])
def test_other_corpora_are_refused(other: Content, across: bool) -> None:
    one, head = (saved.result(row("gather", 1e-5), corpus=it) for it in ({"name": "sotu", "tokens": 8}, other))
    assert verdicts(compare(one, one)) == {"gather": "same"}
    with pytest.raises(ResultError, match="different corpora"):
        compare(one, head, across=across)


def test_what_was_taken_of_a_corpus_does_not_tell_it_apart() -> None:
    base, head = (
        saved.result(row("gather", 1e-5), corpus={"name": "sotu", "streams": {"10000": words}}) for words in ("a", "b")
    )
    assert verdicts(compare(base, head)) == {"gather": "same"}


def test_unsteady_or_interrupted_runs_are_told() -> None:
    one = saved.result(row("gather", 1e-5), environment=HERE)
    other = saved.result(row("gather", 1e-5), complete=False, environment=HERE | {"clock_variation": UNSTEADY + 0.01})
    assert compare(one, other).caveats[1:] == ["HEAD was interrupted.", "The machine's speed varied while HEAD ran."]
    assert compare(other, one).caveats[1:] == ["BASE was interrupted.", "The machine's speed varied while BASE ran."]
    assert len(compare(one, one).caveats) == 1


@pytest.mark.parametrize(("found", "says"), [(None, False), (UNSTEADY, False), (UNSTEADY + 0.01, True), ("9", False)])
def test_a_machine_is_unsteady_where_its_own_speed_varied(found: Any, says: bool) -> None:
    assert unsteady(saved.result(environment={"clock_variation": found})) is says


# -- the figures beneath


def test_what_is_usual_is_not_known_from_few_cases() -> None:
    assert between_runs([Estimate(0.5, 0.1, 2)] * (FEWEST - 1)) == (UNKNOWN, 0.0)
    assert between_runs([Estimate(0.5, 0.1, 2)] * FEWEST) == (USUAL, 0.5)


def test_what_is_usual_is_the_spread_of_cases_and_not_of_the_few_that_changed() -> None:
    middles = np.random.default_rng(1).normal(0, 0.03, 400)
    middles[:40] = 1.1
    assert between_runs([Estimate(float(one), 0.01, 2) for one in middles])[0] == pytest.approx(0.03, rel=0.3)


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


# -- which cases


def test_cases_of_one_file_alone_are_added_or_removed() -> None:
    found = compare(
        saved.result(row("old", 1e-5), row("gather", 1e-5)), saved.result(row("gather", 1e-5), row("new", 1e-5))
    )
    assert verdicts(found) == {"gather": "same"}
    assert [name.partition("@")[0] for name in found.added] == ["lookup/new"]
    assert [name.partition("@")[0] for name in found.removed] == ["lookup/old"]


def test_the_same_implementation_at_another_size_is_another_case() -> None:
    found = compare(saved.result(row("gather", 1e-5)), saved.result(row("gather", 1e-5, V=100_000)))
    assert (len(found.cases), len(found.added), len(found.removed)) == (0, 1, 1)


@pytest.mark.parametrize("counts", [(1, 1), (1, 3), (3, 1)])
def test_one_process_tells_nothing_and_is_left_out_with_the_reason(counts: tuple[int, int]) -> None:
    base, head = (saved.result(row("gather", [[wall] * 6] * n)) for n, wall in zip(counts, (1e-5, 3e-5), strict=True))
    found = compare(base, head)
    assert found.cases == []
    assert {why: len(cases) for why, cases in found.skipped.items()} == {"fewer than two processes": 1}


def test_cases_with_enough_processes_are_compared_though_others_have_too_few() -> None:
    rows = row("gather", 1e-5), row("gather", [[1e-5] * 6], V=100_000)
    found = compare(saved.result(*rows), saved.result(*rows))
    assert (len(found.cases), len(found.skipped["fewer than two processes"])) == (1, 1)


def test_rounds_that_were_sat_out_are_not_counted() -> None:
    base = saved.result(row("gather", [[1e-5, None, 1e-5], [None, 1e-5]]))
    head = saved.result(row("gather", [[None, 3e-5], [3e-5, None, None]]))
    assert verdicts(compare(base, head)) == {"gather": "slower"}


def test_runs_may_have_different_numbers_of_processes() -> None:
    rng = np.random.default_rng(1)
    found = compare(run(rng, alike(), processes=2), run(rng, alike(), processes=6))
    assert {case.processes for case in found.cases} == {6}
    assert "slower" not in verdicts(found).values()


def test_names_and_commits_of_both_sides_are_kept() -> None:
    found = compare(saved.result(row("gather", 1e-5)), saved.result(row("gather", 1e-5)))
    assert (found.base, found.head, found.base_commit, found.head_commit) == (
        "base.json",
        "head.json",
        "0123456",
        "0123456",
    )


def test_empty_files_give_an_empty_comparison() -> None:
    found = compare(saved.result(), saved.result())
    assert (found.cases, found.added, found.removed, found.skipped) == ([], [], [], {})


# -- files that cannot be compared


def test_a_file_of_the_other_engine_is_refused_by_name_on_either_side() -> None:
    other = saved.result(without_processes("gather", 1e-5), engine="pytest-benchmark")
    ours = saved.result(row("gather", 1e-5))
    for base, head, named in ((other, ours, "base.json"), (ours, other, "head.json")):
        with pytest.raises(ResultError, match=rf"^{named}: not a file of w2vbench run"):
            compare(base, head)
    with pytest.raises(ResultError, match=r"^base\.json: "):
        compare(read(PYTEST), read(PYTEST))


@pytest.mark.parametrize("other", [{"cpu": "B"}, {"cpus_allowed": 2}, {"memory_bytes": 2**33}, {"machine": "arm64"}])
def test_runs_of_different_machines_are_refused_and_both_are_named(other: Content) -> None:
    base, head = (saved.result(row("gather", 1e-5), environment=here) for here in (HERE, HERE | other))
    with pytest.raises(ResultError, match=r"different machines \(A, 4 CPUs, 16 GiB; .*--across-machines"):
        compare(base, head)


def test_a_new_hosts_name_and_a_little_less_memory_are_no_other_machine() -> None:
    base, head = (
        saved.result(row("gather", 1e-5), environment=HERE | {"hostname": name, "memory_bytes": 16 * 2**30 - less})
        for name, less in (("a", 0), ("b", 10**7))
    )
    assert machine(base) == machine(head)
    assert verdicts(compare(base, head)) == {"gather": "same"}


def test_a_file_that_knows_nothing_of_its_machine_is_still_described() -> None:
    with pytest.raises(ResultError, match=r"an unknown CPU, \? CPUs, \? GiB"):
        compare(saved.result(environment={}), saved.result(environment=HERE))


def test_other_versions_of_what_was_measured_are_told() -> None:
    before: Content = {"python": "3.11.1", "packages": {"numpy": "2.0.0", "scipy": "1.13", "rich": "1"}}
    after: Content = {"python": "3.12.0", "packages": {"numpy": "2.1.0", "scipy": "1.13", "numba": "0.60", "rich": "2"}}
    base, head = (saved.result(environment=HERE | more) for more in (before, after))
    assert compare(base, head).caveats[1:] == [
        "Python 3.11.1 in BASE, 3.12.0 in HEAD.",
        "numpy 2.0.0 in BASE, 2.1.0 in HEAD.",
        "numba missing in BASE, 0.60 in HEAD.",
    ]
    assert len(compare(base, base).caveats) == 1


# -- across machines


def measured(factor: float, environment: Content, **changed: float) -> ResultFile:
    """A problem of a baseline and others on a machine that takes a factor longer for everything."""
    times = {"one-hot": 1e-3, "gather": 1e-5, "take": 2e-5} | changed
    return saved.result(
        *[row(slug, factor * wall, baseline=slug == "one-hot") for slug, wall in times.items()], environment=environment
    )


def test_across_machines_speed_ups_are_compared_so_that_a_slow_machine_is_no_slower_code() -> None:
    found = compare(measured(1.0, HERE), measured(2.0, TWICE), across=True)
    assert verdicts(found) == {"gather": "same", "take": "same"}
    assert any("Speed-ups over the baseline" in caveat for caveat in found.caveats)


def test_across_machines_a_case_that_lost_its_speed_up_is_slower() -> None:
    found = compare(measured(1.0, HERE), measured(0.1, TWICE, gather=3e-5), across=True)
    assert verdicts(found) == {"gather": "slower", "take": "same"}
    slow = found.cases[0]
    assert slow.ratio is not None
    assert slow.ratio.estimate == pytest.approx(3.0)


def test_across_machines_a_case_is_set_against_its_own_problems_baseline() -> None:
    base, head = (
        saved.result(
            *[
                row(slug, wall * slow, V=V, baseline=slug == "one-hot")
                for V, slow in slowness.items()
                for slug, wall in (("one-hot", 1e-3), ("gather", 1e-5))
            ],
            environment=here,
        )
        for slowness, here in (({10_000: 1.0, 100_000: 10.0}, HERE), ({10_000: 3.0, 100_000: 90.0}, TWICE))
    )
    assert [case.verdict for case in compare(base, head, across=True).cases] == ["same", "same"]


def test_across_machines_a_problem_without_its_baseline_is_left_out() -> None:
    base, head = (saved.result(row("gather", 1e-5), environment=here) for here in (HERE, TWICE))
    found = compare(base, head, across=True)
    assert found.cases == []
    assert [len(cases) for cases in found.skipped.values()] == [1]


@pytest.mark.parametrize("baselines", [("one-hot", "take"), ("one-hot", ""), ("", "one-hot")])
def test_across_machines_problems_of_other_baselines_are_left_out(baselines: tuple[str, str]) -> None:
    base, head = (
        saved.result(
            *[row(slug, wall, baseline=slug == baseline) for slug, wall in {"one-hot": 1e-3, "take": 2e-5}.items()],
            row("gather", 1e-5),
            environment=here,
        )
        for baseline, here in zip(baselines, (HERE, TWICE), strict=True)
    )
    found = compare(base, head, across=True)
    assert found.cases == []
    assert {why: len(cases) for why, cases in found.skipped.items()} == {"its problem has another baseline": 3}
    assert exit_code(found) == 3
