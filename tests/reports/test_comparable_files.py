"""Which of two runs' files can be compared, which of their cases, and what is told beside the verdicts."""

from __future__ import annotations

from typing import Any

import pytest

from reports.comparison import exit_code
from reports.file_comparison import UNSTEADY, compare_files, machine, unsteady
from reports.files import ResultError, read
from reports.result_schema import Comparison, ResultFile
from tests import saved
from tests.saved import PYTEST, STATUSES, Content, not_measured, row, without_processes

HERE: Content = {"cpu": "A", "cpus_allowed": 4, "memory_bytes": 16 * 2**30, "machine": "x86_64"}
THERE = HERE | {"cpu": "B"}


def gather(**suite: Any) -> ResultFile:
    """A file of one case."""
    return saved.result(row("gather", 1e-5), **suite)


def compare(base: ResultFile, head: ResultFile, *, threshold: float = 0.02, across: bool = False) -> Comparison:
    return compare_files(base, head, ("base.json", "head.json"), threshold, across)


def verdicts(found: Comparison) -> dict[str, str]:
    return {case.implementation: case.verdict for case in found.cases}


# -- which cases


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


def test_what_head_alone_could_measure_is_not_added() -> None:
    found = compare(saved.result(not_measured=[not_measured("gather", "timeout", "x")]), gather())
    assert (found.added, list(found.skipped)) == ([], ["no figures in BASE"])


@pytest.mark.parametrize("files", [(gather(), saved.result(row("take", 1e-5))), (saved.result(), saved.result())])
def test_runs_that_have_nothing_to_tell_of_each_other_do_not_pass(files: tuple[ResultFile, ResultFile]) -> None:
    found = compare(*files)
    assert (found.cases, exit_code(found)) == ([], 3)


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


def test_a_case_keeps_what_is_known_of_it() -> None:
    source = {"file": "impls/lookup.py", "line": 7, "code": ""}
    head = saved.result(row("gather", 3e-5, title="W[idx]", peak_bytes=9_000), sources={"lookup/gather": source})
    found = compare(saved.result(row("gather", 1e-5, peak_bytes=4_000)), head)
    (case,) = found.cases
    assert (case.base_s, case.head_s, case.processes) == pytest.approx((1e-5, 3e-5, 3))
    assert (case.memory, case.base_bytes, case.head_bytes) == ("more", 4_000, 9_000)
    assert (case.file, case.line, case.title, case.kernel) == ("impls/lookup.py", 7, "W[idx]", "lookup")
    assert case.control is None
    assert (found.base, found.head, found.base_commit, found.head_commit) == (
        "base.json",
        "head.json",
        *["0123456"] * 2,
    )


# -- which files


def test_a_file_of_the_other_engine_is_refused_by_name_on_either_side() -> None:
    other = saved.result(without_processes("gather", 1e-5), engine="pytest-benchmark")
    ours = saved.result(row("gather", 1e-5))
    for base, head, named in ((other, ours, "base.json"), (ours, other, "head.json")):
        with pytest.raises(ResultError, match=rf"^{named}: not a file of w2vbench run"):
            compare(base, head)
    with pytest.raises(ResultError, match=r"^base\.json: "):
        compare(read(PYTEST), read(PYTEST))


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("other", [{"name": "mine"}, {"name": "sotu", "tokens": 7}, {}])
def test_other_corpora_are_refused(other: Content, across: bool) -> None:
    with pytest.raises(ResultError, match="different corpora"):
        compare(gather(corpus={"name": "sotu", "tokens": 8}), gather(corpus=other), across=across)


def test_what_was_taken_of_a_corpus_does_not_tell_it_apart() -> None:
    base, head = (gather(corpus={"name": "sotu", "streams": {"10000": words}}) for words in ("a", "b"))
    assert verdicts(compare(base, head)) == {"gather": "same"}


@pytest.mark.parametrize("other", [{"cpu": "B"}, {"cpus_allowed": 2}, {"memory_bytes": 2**33}, {"machine": "arm64"}])
def test_runs_of_different_machines_are_refused_and_both_are_named(other: Content) -> None:
    with pytest.raises(ResultError, match=r"different machines \(A, 4 CPUs, 16 GiB; .*--across-machines"):
        compare(gather(environment=HERE), gather(environment=HERE | other))


def test_a_new_hosts_name_and_a_little_less_memory_are_no_other_machine() -> None:
    base, head = (
        gather(environment=HERE | {"hostname": name, "memory_bytes": 16 * 2**30 - less})
        for name, less in (("a", 0), ("b", 10**7))
    )
    assert machine(base) == machine(head)
    assert verdicts(compare(base, head)) == {"gather": "same"}


def test_a_file_that_knows_nothing_of_its_machine_is_still_described() -> None:
    with pytest.raises(ResultError, match=r"an unknown CPU, \? CPUs, \? GiB"):
        compare(saved.result(environment={}), saved.result(environment=HERE))


# -- what is told


def test_unsteady_or_interrupted_runs_are_told() -> None:
    one = gather(environment=HERE)
    other = gather(complete=False, environment=HERE | {"clock_variation": UNSTEADY + 0.01})
    for name, files in (("HEAD", (one, other)), ("BASE", (other, one))):
        told = compare(*files).caveats[1:]
        assert len(told) == 2
        assert all(name in caveat for caveat in told)
    assert len(compare(one, one).caveats) == 1


@pytest.mark.parametrize(("found", "says"), [(None, False), (UNSTEADY, False), (UNSTEADY + 0.01, True), ("9", False)])
def test_a_machine_is_unsteady_where_its_own_speed_varied(found: Any, says: bool) -> None:
    assert unsteady(saved.result(environment={"clock_variation": found})) is says


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
    found = compare(measured(1.0, HERE), measured(2.0, THERE), across=True)
    assert verdicts(found) == {"gather": "same", "take": "same"}
    assert any("Speed-ups over the baseline" in caveat for caveat in found.caveats)


def test_across_machines_a_case_that_lost_its_speed_up_is_slower() -> None:
    found = compare(measured(1.0, HERE), measured(0.1, THERE, gather=3e-5), across=True)
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
        for slowness, here in (({10_000: 1.0, 100_000: 10.0}, HERE), ({10_000: 3.0, 100_000: 90.0}, THERE))
    )
    assert [case.verdict for case in compare(base, head, across=True).cases] == ["same", "same"]


@pytest.mark.parametrize("baselines", [("one-hot", "take"), ("one-hot", ""), ("", "one-hot"), ("", "")])
def test_across_machines_problems_without_a_common_baseline_are_left_out(baselines: tuple[str, str]) -> None:
    times = {"one-hot": 1e-3, "take": 2e-5, "gather": 1e-5}
    base, head = (
        saved.result(*(row(slug, wall, baseline=slug == baseline) for slug, wall in times.items()), environment=here)
        for baseline, here in zip(baselines, (HERE, THERE), strict=True)
    )
    found = compare(base, head, across=True)
    assert (found.cases, [len(cases) for cases in found.skipped.values()], exit_code(found)) == ([], [3], 3)
