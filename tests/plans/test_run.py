"""The order of a run's measurements, without measuring."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from bench.engine.context import RunContext
from bench.engine.pool import Workers
from bench.engine.protocol import MachineLimits, MeasurementSettings
from bench.plans import run as running
from bench.plans import run_result
from bench.plans.journal import Journal
from bench.plans.problems import ProblemRun, new_problem_run
from bench.plans.session import Session
from bench.plans.turns import shown_problems
from impls import catalogue, texts
from impls.case import Size

GATHER = [i for i in catalogue.own() if i.key == "lookup/gather"]


def test_the_machines_limits_have_the_same_points_whatever_fails_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems = [new_problem_run(GATHER, Size(V, threads=threads)) for V in (1000, 100_000) for threads in (1, 2)]
    settings = replace(MeasurementSettings(), processes=2)
    context = RunContext(workers=Workers(), corpus=tmp_path, settings=settings)
    asked: list[tuple[int, list[int]]] = []

    def limits(self: RunContext, sizes: list[Size]) -> MachineLimits:
        (threads,) = {size.threads for size in sizes}
        asked.append((threads, [size.V for size in sizes]))
        return MachineLimits(threads=threads, read=[], write=[], copy=[], matmul={})

    def fails(problem: ProblemRun, *_: Any, **__: Any) -> None:
        if problem.size.V == 100_000:
            for case in problem.cases:
                case.status = "timeout"
        problem.processes += 1

    monkeypatch.setattr(RunContext, "machine_limits", limits)
    monkeypatch.setattr(running, "measure_next", fails)
    session = Session("", print)
    made = running.Run(session=session, preset=None, settings=settings, corpus=texts.builtin(), planned=problems)
    journal = Journal(tmp_path, {})
    running.measure_all(context, made, journal, Mock())
    assert asked == [(threads, [1000, 100_000]) for _ in range(2) for threads in (1, 2)]


def test_each_size_is_a_problem_on_each_number_of_threads_and_the_fewest_are_shown_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def problems(*threads: int) -> list[str]:
        return [one.problem for one in request(vocabularies=[1000, 2000], threads=threads).problems()]

    names = [f"lookup@V={V},H=100,B=100,f32,i64,zipf,t{threads}" for V in ("1e3", "2e3") for threads in (1, 2, 4)]
    assert problems(1, 2, 4) == names
    assert problems() == problems(1) == names[::3]
    planned = request(vocabularies=[1000, 2000], threads=(2, 4)).problems()
    assert [problem.problem for problem in shown_problems(planned).values()] == [names[4]]


def request(**asked: Any) -> running.RunRequest:
    """A run of gathers."""
    fields: dict[str, Any] = {
        "command": "",
        "out": Path("out"),
        "kernels": ["lookup"],
        "globs": ["lookup/gather"],
        "preset": "quick",
        "batches": (),
        "changed": {},
        "processes": None,
        "time_limit_s": 1.0,
        "memory_limit_bytes": None,
        "seed": 0,
        "resume": False,
    }
    return running.RunRequest(**fields | asked)


def test_limits_stand_in_the_file_for_each_number_of_threads_and_as_ever_for_one() -> None:
    def measured(threads: int, *rates: float) -> list[MachineLimits]:
        return [MachineLimits(threads=threads, read=[(1e6, one)], write=[], copy=[], matmul={}) for one in rates]

    found = run_result.limits_by_threads([*measured(2, 5e9, 7e9, 6e9), *measured(1, 3e9)])
    assert found["limits"].read == [(1e6, 3e9)]
    assert {threads: one.read for threads, one in found["limits_by_threads"].items()} == {
        1: [(1e6, 3e9)],
        2: [(1e6, 6e9)],
    }
    alone = run_result.limits_by_threads(measured(2, 5e9))
    assert alone["limits"].read == [(1e6, 5e9)]
    assert alone["limits_by_threads"] == {}
    assert run_result.limits_by_threads([]) == {"limits": None, "limits_by_threads": {}}
