"""Who is the fastest, and who ties: tests against SciPy, and what is said of a problem."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner
from w2vbench.bench.main import app
from w2vbench.bench.plans.run import run as running
from w2vbench.bench.plans.run.problems import ProblemRun
from w2vbench.bench.plans.run.request import PlanError
from w2vbench.reports.file.schema.result import Row
from w2vbench.reports.findings.ranking import ERROR, critical, family, p_values, rank, slower, winner_speedup
from w2vbench.reports.findings.rerun import rerun_command
from w2vbench.reports.statistics.problems import paired_ratio

from tests import saved
from tests.saved import processes, row


def rows(*contents: saved.Content) -> list[Row]:
    return saved.result(*contents).benchmarks


# -- the test


@pytest.mark.parametrize("logs", [[0.1, 0.2, 0.15], [0.1, -0.2, 0.15, 0.3, 0.02], [-0.1, -0.2, -0.15, -0.4]])
def test_a_p_value_is_scipys(logs: list[float]) -> None:
    assert p_values(np.array(logs).reshape(1, -1, 1)) == pytest.approx(stats.ttest_1samp(logs, 0).pvalue)


def test_processes_that_agree_exactly_leave_no_doubt_and_fewer_than_three_tell_nothing() -> None:
    assert p_values(np.array([[[0.1, 0.0]] * 4])).tolist() == [[0.0, 1.0]]
    assert slower([[0.0] * 3, [0.1] * 3, [0.0] * 3]) == [False, True, False]
    assert slower([[0.0] * 2, [0.1, 0.1], []]) == [False] * 3
    assert slower([[0.0] * 3, [0.1] * 3, [0.1] * 2]) == [False, True, False]


@pytest.mark.parametrize("count", [2, 6, 10])
def test_of_as_many_alike_any_is_called_slower_in_one_problem_of_twenty(count: int) -> None:
    rng, called, problems = np.random.default_rng(7), 0, 2_000
    for _ in range(problems):
        logs = rng.normal(0, 0.05, (count, 5))
        called += any(slower((logs - logs[logs.mean(axis=1).argmin()]).tolist()))
    low, high = stats.binom.interval(0.999, problems, ERROR)
    assert low <= called <= high


def test_the_search_ends_at_the_first_that_is_in_doubt() -> None:
    certain, likely, doubtful = [0.5, 0.51, 0.49, 0.5, 0.5], [0.1, 0.2, 0.1, 0.1, 0.25], [-0.2, 0.3, 0.2, -0.1, 0.1]
    assert slower([[0.0] * 5, doubtful, certain]) == [False, False, True]
    assert slower([[0.0] * 5, likely]) == [False, True]
    # what is told of two alone is not told of it among many that might have led
    assert not slower([[0.0] * 5, likely, *[doubtful] * 9])[1]
    # of those that are certainly slower, nobody thought that they lead
    assert slower([[0.0] * 5, likely, *[certain] * 9]) == [False, *[True] * 10]


# -- who is to be used


@pytest.mark.parametrize(
    ("baseline", "fastest"), [("", "take gather numba torch"), ("torch", "torch take gather numba")]
)
def test_of_those_that_tie_the_simplest_is_advised(baseline: str, fastest: str) -> None:
    walls = {"torch": 1.00e-5, "numba": 1.01e-5, "take": 1.02e-5, "gather": 1.02e-5}
    needs = {"torch": ["torch"], "numba": ["numba"]}
    found = rank(
        rows(*[row(slug, s, needs=needs.get(slug, []), baseline=slug == baseline) for slug, s in walls.items()])
    )
    assert " ".join(one.slug for one in found.fastest) == fastest
    assert found.leader.slug == "torch"


def test_the_advertised_speed_up_has_the_interval_of_one_chosen_among_many() -> None:
    rng = np.random.default_rng(0)
    walls = {slug: np.exp(rng.normal(0, 0.02, (5, 6))) for slug in ("a", "b", "c", "d")}
    slow = row("slow", processes(*[50.0] * 5), baseline=True)
    problem = rows(*(row(slug, wall.tolist()) for slug, wall in walls.items()), slow)
    found: Any = winner_speedup(problem[0], problem[-1], problem)
    assert found == paired_ratio([np.full(6, 50.0)] * 5, list(walls["a"]), level=1 - 0.05 / 4)
    alone: Any = paired_ratio([np.full(6, 50.0)] * 5, list(walls["a"]))
    assert found.estimate == alone.estimate
    assert math.log(found.estimate / found.low) > 1.5 * math.log(alone.estimate / alone.low)


UNSETTLED = [0.98, 1.3, 1.2]
"""Times over those of a leader, by process: on average 15.2 % slower, which three processes do not settle."""


@pytest.mark.parametrize(
    ("ratios", "place"),
    [
        ([1.029] * 3, "fastest"),  # certainly slower, but too little to matter
        ([1.031] * 3, "slower"),
        ([0.98, 1.25, 1.2], "fastest"),  # 1.137 on average, and no test calls it slower
        (UNSETTLED, "undecided"),
        ([0.5, 1.0, 2.0], "undecided"),  # as fast on average, but perhaps 5 times as slow, or as fast
        ([2.0] * 3, "slower"),
    ],
)
def test_a_case_ties_by_its_ratio_and_further_off_by_what_the_test_leaves_open(ratios: list[float], place: str) -> None:
    found = rank(rows(row("gather", processes(*[1e-5] * 3)), row("take", processes(*[1e-5 * one for one in ratios]))))
    assert found.leader.slug == "gather"
    assert ("take" in [one.slug for one in found.fastest]) is (place == "fastest")
    assert [one.slug for one in found.undecided] == ["take"] * (place == "undecided")
    assert found.conclusive is (place != "undecided")
    assert found.one_winner is (place == "slower")
    assert (found.processes, found.cases, found.tested) == (3, 2, True)


def test_a_case_is_compared_with_the_leader_in_the_rounds_that_both_took_part_in() -> None:
    """Of one that left out the rounds in which the machine was fast, the typical time alone would say twice as slow."""
    gather = row("gather", [[1e-5] * 6 + [2e-5] * 5] * 3)
    found = rank(rows(gather, row("take", [[None] * 6 + [2.02e-5] * 5] * 3)))
    assert [one.slug for one in found.fastest] == ["gather", "take"]


def test_two_processes_leave_a_large_difference_untested_and_one_case_needs_no_test() -> None:
    two = rank(rows(row("gather", processes(1e-5, 1e-5)), row("take", processes(2e-5, 2e-5))))
    assert (two.tested, two.conclusive, two.undecided) == (False, False, ())
    assert rank(rows(row("gather", processes(1e-5)))).conclusive
    with pytest.raises(ValueError, match="empty"):
        rank([])


def test_without_processes_the_times_themselves_are_compared() -> None:
    """As in a file of pytest-benchmark."""
    gather, take, slow = (
        saved.without_processes(slug, s) for slug, s in (("gather", 1e-5), ("take", 1.02e-5), ("slow", 2e-5))
    )
    found = rank(rows(gather, take, slow))
    assert [one.slug for one in found.fastest] == ["gather", "take"]


def test_where_calls_cover_other_numbers_of_examples_the_time_of_one_counts() -> None:
    half = row("half", processes(*[0.8e-5] * 3), covers={"pairs": 50.0})
    found = rank(rows(half, row("whole", processes(*[1e-5] * 3), covers={"pairs": 100.0})))
    assert [one.slug for one in found.fastest] == ["whole"]
    assert found.one_winner


def test_of_those_that_tie_an_approximate_one_is_not_advised() -> None:
    first = row("table", 1e-5, title="a table of 10⁷ entries (approximate)")
    found = rank(rows(first, row("alias", 1.01e-5), row("torch", 1.01e-5, needs=["torch"])))
    assert [one.slug for one in found.fastest] == ["alias", "torch", "table"]
    assert found.recommended.slug == "alias"
    assert found.tie


def test_what_an_implementation_needs_is_a_compiler_or_a_framework_or_nothing() -> None:
    needs: list[list[str]] = [[], ["numba"], ["torch"], ["numba", "torch"]]
    assert [family(one) for one in rows(*(row(str(at), 1e-5, needs=one) for at, one in enumerate(needs)))] == [
        0,
        1,
        2,
        2,
    ]


@pytest.mark.parametrize("processes", [3, 5, 20])
def test_the_critical_value_of_two_is_that_of_one_test(processes: int) -> None:
    """Of two, one leads and one is tested, in both directions: its p-value is uniform. Of more, the smallest of several is."""
    assert critical(2, processes) == pytest.approx(ERROR, rel=0.25)
    assert critical(10, processes) < critical(4, processes) < critical(2, processes)


# -- the command


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ({}, "--vocab 10000 --batch 100"),
        ({"V": 10**6, "B": 8, "dtype": "f64"}, "--vocab 1000000 --batch 8 --dtype f64"),
        ({"H": 300, "K": 5}, "--vocab 10000 --batch 100 --hidden 300"),
        ({"K": 20}, "--vocab 10000 --batch 100 --negatives 20"),
    ],
)
def test_the_command_asks_for_the_same_size(size: dict[str, Any], options: str) -> None:
    (one,) = rows(row("gather", 1e-5, **size))
    assert rerun_command([], one, saved.result()) == f"w2vbench run --kernel lookup {options} --processes 20"


@pytest.mark.parametrize(
    ("kernel", "slug", "dimensions"),
    [("lookup", "gather", {}), ("sampling.with-replacement", "alias", {"H": 1, "K": 5})],
)
def test_the_command_is_one_that_run_understands(
    kernel: str, slug: str, dimensions: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to its plan, which is not carried out: the one case, the baseline, and their size."""
    planned: list[ProblemRun] = []
    plan = running.plan

    def stop(*arguments: Any) -> Any:
        planned.extend(plan(*arguments))
        raise PlanError("enough")

    monkeypatch.setattr(running, "plan", stop)
    (one,) = rows(row(slug, 1e-5, kernel=kernel, V=20_000, B=7, **dimensions))
    CliRunner().invoke(app, rerun_command([one], one, saved.result()).split()[1:])
    (problem,) = planned
    assert problem.problem == one.group
    assert slug in [case.implementation.slug for case in problem.cases]
    assert len(problem.cases) <= 2
