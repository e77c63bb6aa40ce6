"""Which of two runs' files can be compared, and which of their cases.

What is told beside the verdicts stands in ``tests/golden/comparisons.md``."""

from __future__ import annotations

from typing import Any

import pytest
from w2vbench.reports.compare.files import machine
from w2vbench.reports.compare.tables import exit_code
from w2vbench.reports.file.files import ResultError
from w2vbench.reports.file.schema.comparison import Comparison
from w2vbench.reports.file.schema.result import ResultFile

from tests import saved
from tests.reports.compare.comparisons import two_files, verdicts
from tests.saved import HERE, STATUSES, Content, not_measured, processes, row, without_processes

THERE = HERE | {"cpu": "B"}


def gather(**suite: Any) -> ResultFile:
    """A file of one case."""
    return saved.result(row("gather", 1e-5), **suite)


# -- which cases


@pytest.mark.parametrize("status", STATUSES)
def test_a_case_that_only_head_could_not_measure_is_its_fault_or_could_not_be_told(status: str) -> None:
    rows = row("gather", 1e-5), row("take", 1e-5)
    failed = not_measured("gather", status, "because", title="W[idx]")
    found = two_files(saved.result(*rows), saved.result(rows[1], not_measured=[failed]))
    verdict = {"wrong": "wrong", "error": "wrong", "skipped": "failed"}.get(status, "broken")
    assert verdicts(found) == {"gather": verdict, "take": "same"}
    gone = found.cases[0]
    assert (gone.case, gone.kernel, gone.title) == (rows[0]["name"], "lookup", "W[idx]")
    assert (gone.why, gone.ratio, gone.memory) == (f"HEAD: {status}: because", None, "unknown")
    assert (found.added, found.removed, found.skipped) == ([], [], {})
    assert exit_code(found) == (3 if verdict == "failed" else 1)


def test_what_neither_run_could_measure_is_no_news_and_what_head_alone_could_is_not_added() -> None:
    base = saved.result(
        row("take", 1e-5), not_measured=[not_measured(slug, "timeout", "x") for slug in ("gather", "csr")]
    )
    head = saved.result(row("take", 1e-5), row("csr", 1e-5), not_measured=[not_measured("gather", "timeout", "x")])
    found = two_files(base, head)
    assert verdicts(found) == {"take": "same"}
    assert {why: len(cases) for why, cases in found.skipped.items()} == {"no figures in BASE": 1}
    assert (found.added, found.removed, exit_code(found)) == ([], [], 0)


@pytest.mark.parametrize("files", [(gather(), saved.result(row("take", 1e-5))), (saved.result(), saved.result())])
def test_runs_that_have_nothing_to_tell_of_each_other_do_not_pass(files: tuple[ResultFile, ResultFile]) -> None:
    found = two_files(*files)
    assert (found.cases, exit_code(found)) == ([], 3)


def test_cases_of_one_file_alone_are_added_or_removed_and_another_size_is_another_case() -> None:
    base = saved.result(row("old", 1e-5), row("gather", 1e-5))
    head = saved.result(row("gather", 1e-5), row("gather", 1e-5, V=100_000))
    found = two_files(base, head)
    assert verdicts(found) == {"gather": "same"}
    added, removed = (name.partition(",")[0] for name in found.added + found.removed)
    assert (added, removed) == ("lookup/gather@V=1e5", "lookup/old@V=1e4")


@pytest.mark.parametrize("counts", [(1, 1), (1, 3), (3, 1)])
def test_one_process_tells_nothing_and_is_left_out_with_the_reason(counts: tuple[int, int]) -> None:
    base, head = (
        saved.result(row("take", 1e-5), row("gather", processes(*[wall] * count), V=100_000))
        for count, wall in zip(counts, (1e-5, 3e-5), strict=True)
    )
    found = two_files(base, head)
    assert verdicts(found) == {"take": "same"}
    assert {why: len(cases) for why, cases in found.skipped.items()} == {"fewer than two processes": 1}


def test_a_case_keeps_what_is_known_of_it() -> None:
    source = {"file": "impls/lookup.py", "line": 7, "code": ""}
    head = saved.result(row("gather", 3e-5, title="W[idx]", peak_bytes=9_000), sources={"lookup/gather": source})
    found = two_files(saved.result(row("gather", 1e-5, peak_bytes=4_000)), head)
    (case,) = found.cases
    assert (case.base_s, case.head_s, case.processes) == pytest.approx((1e-5, 3e-5, 3))
    assert (case.memory, case.base_bytes, case.head_bytes, case.control) == ("more", 4_000, 9_000, None)
    assert (case.file, case.line, case.title, case.kernel) == ("impls/lookup.py", 7, "W[idx]", "lookup")
    assert (found.base, found.head) == ("base.json", "head.json")
    assert found.base_commit == found.head_commit == "0123456"


# -- which files


def test_a_file_of_the_other_engine_is_refused_by_name_on_either_side() -> None:
    other = saved.result(without_processes("gather", 1e-5), engine="pytest-benchmark")
    for name, files in (("base", (other, gather())), ("head", (gather(), other))):
        with pytest.raises(ResultError, match=rf"^{name}\.json: not a file of w2vbench run"):
            two_files(*files)


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("other", [{"name": "mine"}, {"name": "sotu", "tokens": 7}, {}])
def test_other_corpora_are_refused(other: Content, across: bool) -> None:
    with pytest.raises(ResultError, match="different corpora"):
        two_files(gather(corpus={"name": "sotu", "tokens": 8}), gather(corpus=other), across=across)


@pytest.mark.parametrize("other", [{"cpu": "B"}, {"cpus_allowed": 2}, {"memory_bytes": 2**33}, {"machine": "arm64"}])
def test_runs_of_different_machines_are_refused_and_both_are_named(other: Content) -> None:
    with pytest.raises(ResultError, match=r"different machines \(A, 4 CPUs, 16 GiB; .*--across-machines"):
        two_files(gather(environment=HERE), gather(environment=HERE | other))
    with pytest.raises(ResultError, match=r"an unknown CPU, \? CPUs, \? GiB"):
        two_files(gather(environment={}), gather(environment=HERE))


def test_a_new_hosts_name_a_little_less_memory_and_other_words_of_the_corpus_tell_no_runs_apart() -> None:
    base, head = (
        gather(
            environment=HERE | {"hostname": name, "memory_bytes": 16 * 2**30 - less},
            corpus={"name": "sotu", "streams": {"10000": name}},
        )
        for name, less in (("a", 0), ("b", 10**7))
    )
    assert machine(base) == machine(head)
    assert verdicts(two_files(base, head)) == {"gather": "same"}


# -- across machines


def across(
    slowness: dict[int, float], baselines: tuple[str, str] = ("one-hot", "one-hot"), **changed: float
) -> Comparison:
    """A run set against one on a machine that takes longer for everything, by a factor for each vocabulary."""
    times = {"one-hot": 1e-3, "gather": 1e-5, "take": 2e-5}

    def run(here: Content, slower: dict[int, float], walls: dict[str, float], baseline: str) -> ResultFile:
        rows = [row(s, slower[V] * wall, V=V, baseline=s == baseline) for V in slower for s, wall in walls.items()]
        return saved.result(*rows, environment=here)

    base = run(HERE, dict.fromkeys(slowness, 1.0), times, baselines[0])
    return two_files(base, run(THERE, slowness, times | changed, baselines[1]), across=True)


def test_across_machines_speed_ups_of_each_problem_are_compared_so_that_a_slow_machine_is_no_slower_code() -> None:
    found = across({10_000: 3.0, 100_000: 90.0})
    assert [case.verdict for case in found.cases] == ["same"] * 4
    assert any("Speed-ups over the baseline" in caveat for caveat in found.caveats)


def test_across_machines_a_case_that_lost_its_speed_up_is_slower() -> None:
    found = across({10_000: 0.1}, gather=3e-5)
    assert verdicts(found) == {"gather": "slower", "take": "same"}
    assert found.cases[0].ratio
    assert found.cases[0].ratio.estimate == pytest.approx(3.0)


@pytest.mark.parametrize("baselines", [("one-hot", "take"), ("one-hot", ""), ("", "one-hot"), ("", "")])
def test_across_machines_problems_without_a_common_baseline_are_left_out(baselines: tuple[str, str]) -> None:
    found = across({10_000: 1.0}, baselines)
    assert (found.cases, [len(cases) for cases in found.skipped.values()], exit_code(found)) == ([], [3], 3)
