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
from bench.plans.journal import Journal
from bench.plans.problems import ProblemRun, new_problem_run
from bench.plans.session import Session
from impls import catalogue, texts
from impls.case import Size

GATHER = [i for i in catalogue.own() if i.key == "lookup/gather"]


def test_the_machines_limits_have_the_same_points_whatever_fails_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems = [new_problem_run(GATHER, Size(V)) for V in (1000, 100_000)]
    settings = replace(MeasurementSettings(), processes=2)
    context = RunContext(workers=Workers(), corpus=tmp_path, settings=settings)
    asked: list[list[int]] = []

    def limits(self: RunContext, sizes: list[Size]) -> MachineLimits:
        asked.append([size.V for size in sizes])
        return MachineLimits(read=[], write=[], copy=[], matmul={})

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
    assert asked == [[1000, 100_000]] * 2
