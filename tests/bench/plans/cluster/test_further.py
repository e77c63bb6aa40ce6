"""What is undecided in a run on several machines gets further processes, on the machine that has measured it."""

from __future__ import annotations

from collections import Counter
from math import exp
from pathlib import Path
from typing import Any

import pytest
from w2vbench.bench.plans.cluster.messages import Measured
from w2vbench.bench.plans.run.turns import turns
from w2vbench.reports.file.schema.result import ResultFile

from tests.bench.plans.cluster.in_process import Machine, Machines, first, measured, request_of, run_on, suite, three
from tests.bench.plans.test_turns import VAGUE

pytest.importorskip("distributed")
pytestmark = pytest.mark.usefixtures("with_a_small_text")

IN_DOUBT, SETTLED_LATER = (2.5, 0.8), tuple(map(exp, VAGUE))
MANY = range(500, 700, 10)
SLOWER = {500: IN_DOUBT, 510: SETTLED_LATER, 600: IN_DOUBT}


def processes_of(result: ResultFile) -> dict[int, int]:
    """In how many processes each vocabulary was measured."""
    return {row.extra_info.size.V: len(row.extra_info.processes) for row in result.benchmarks}


def test_what_is_undecided_gets_as_many_processes_as_on_one_machine_and_on_the_same_one(tmp_path: Path) -> None:
    request = request_of(tmp_path / "out", MANY, processes=None)
    cluster = Machines([*three(), Machine("d:1", kind="CPU B")], request, SLOWER)
    outputs, said = run_on(cluster, request)
    assert (said, outputs.exit_code) == ([], 0)

    local, stored = request.problems(), list(cluster.samples.values())
    for turn in turns(local, 4, request.looks):
        for problem in turn.problems:
            vars(problem).update(vars(first(stored[local.index(problem)], problem.processes + 1)))
    expected = {problem.size.V: problem.processes for problem in local}
    assert Counter(expected.values()) == {4: 17, 6: 2, 8: 1}
    for kind in outputs.kinds:
        assert suite(kind).complete
        assert processes_of(kind.result) == expected
        assert {len(on) for on in measured(kind.result).values()} == {1}
    assert all(cluster.machines[name].measured.count(problem) > 1 for name, problem, _ in cluster.went_on)


def test_nothing_gets_more_processes_than_the_user_asks_for(tmp_path: Path) -> None:
    request = request_of(tmp_path / "out", MANY, processes=4)
    cluster = Machines(three(), request, SLOWER)
    outputs, _ = run_on(cluster, request)
    assert {*processes_of(outputs.kinds[0].result).values()} == {4}
    assert cluster.went_on == []


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ("leaves_at", " is gone while it measured lookup@V=500,"),
        ("hangs_at", " has not answered in time"),
        ("fails_at", " could not measure lookup@V=500,"),
    ],
)
def test_what_is_lost_in_further_processes_keeps_its_figures(
    trouble: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other machine can go on with it."""
    time_limit_s = 0.02 if trouble == "hangs_at" else 1.0
    request = request_of(tmp_path / "out", MANY, processes=None, time_limit_s=time_limit_s)
    cluster = Machines(three(), request, SLOWER)
    measure = cluster.measure

    def troubled(one: Machine, worker: Any, problem: str, processes: int) -> Measured:
        if processes > 4 and "V=500," in problem:
            setattr(one, trouble, len(one.measured))
        return measure(one, worker, problem, processes)

    monkeypatch.setattr(cluster, "measure", troubled)
    outputs, said = run_on(cluster, request)
    assert outputs.exit_code == 0
    assert any(says in line and line.endswith("; its figures so far are kept") for line in said), said
    (kind,) = outputs.kinds
    assert suite(kind).complete
    assert processes_of(kind.result)[500] == 4
    assert len(measured(kind.result)[500]) == 1


def test_further_processes_that_are_in_doubt_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = request_of(tmp_path / "out", MANY, processes=None)
    cluster = Machines([Machine("a:1")], request, SLOWER)
    measure = cluster.measure

    def disturbed(one: Machine, worker: Any, problem: str, processes: int) -> Measured:
        one.difference = 0.2 if processes > 4 else 0.005
        return measure(one, worker, problem, processes)

    monkeypatch.setattr(cluster, "measure", disturbed)
    outputs, said = run_on(cluster, request)
    (kind,) = outputs.kinds
    assert [processes for _, _, processes in cluster.went_on] == [6]
    assert "times identical code 20 % apart" in said[0]
    assert {*processes_of(kind.result).values()} == {4}
    assert not any(row.extra_info.doubt for row in kind.result.benchmarks)


@pytest.mark.parametrize(("name", "processes"), [("a:1", {4, 6, 8}), ("b:1", {4, 6})])
def test_a_client_that_is_killed_among_further_processes_goes_on_where_the_same_machine_is(
    name: str, processes: set[int], tmp_path: Path
) -> None:
    request = request_of(tmp_path / "out", MANY, processes=None)
    cluster = Machines([Machine("a:1")], request, SLOWER)
    cluster.interrupted_after = 22
    outputs, _ = run_on(cluster, request)
    assert outputs.exit_code == 130
    assert not suite(outputs.kinds[0]).complete
    again = Machines([Machine(name)], request, SLOWER)
    outputs, _ = run_on(again, request_of(tmp_path / "out", MANY, processes=None, resume=True))
    assert outputs.exit_code == 0
    assert suite(outputs.kinds[0]).complete
    assert {*processes_of(outputs.kinds[0].result).values()} == processes
    assert again.sent["Measure"] == len(again.went_on)
