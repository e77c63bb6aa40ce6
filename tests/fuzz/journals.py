"""Changed journals, of which a run goes on and makes its result."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

import msgspec
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.protocol import MachineLimits, MeasurementSettings, SamplePlan
from w2vbench.bench.plans.run import run as running
from w2vbench.bench.plans.run.journal import NAME, Journal, JournalError, figures_of, line_of
from w2vbench.bench.plans.run.problems import ProblemRun, new_problem_run
from w2vbench.bench.plans.run.run_result import Run, content
from w2vbench.bench.plans.run.session import Session
from w2vbench.bench.plans.tune.tune import finished_kernels
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface.case import Size
from w2vbench.reports.file.files import dump
from w2vbench.reports.file.schema.fields import Samples
from w2vbench.reports.file.schema.result import ResultFile

from tests.bench.commands.asking import Began, small_text

from .kinds import Input
from .mutations import bytes_changed, json_changed

PROCESSES = 4
RUN = {"command": "w2vbench run", "problems": ["a", "b"]}
LIMITS = MachineLimits(threads=1, read=[(1e6, 1e10)], write=[(1e6, 1e10)], copy=[(1e6, 1e10)], matmul={"f32": 1e11})


def problems() -> list[ProblemRun]:
    """Two problems, before anything is measured."""
    chosen = [i for i in catalogue.own() if i.key in ("lookup/one-hot-dot", "lookup/gather", "lookup/take")]
    return [new_problem_run(chosen, Size(V, H=8)) for V in (1000, 10_000)]


@cache
def lines() -> list[dict[str, Any]]:
    """Return the lines of a finished run's journal."""
    made: list[dict[str, Any]] = [RUN]
    measured = problems()
    for process in range(PROCESSES):
        for problem in measured:
            for number, case in enumerate(problem.cases):
                if number == 2:
                    case.exclude("timeout", "took long")
                else:
                    case.samples.append(Samples(wall_s=[1e-6 + number, 2e-6], cpu_s=[1e-6, 0.0], setup_s=0.1))
                    case.plan = SamplePlan(calls=3, rounds=2)
            problem.processes, problem.touched = process + 1, 64.5
            problem.machine, problem.doubt = (
                "a (127.0.0.2:1)",
                "its pace varies" * (process == 1),
            )  # of several machines
            problem.seconds.append(1.0)
            problem.limits.setdefault("call", []).append(Samples(wall_s=[1e-7, 1e-7], cpu_s=[1e-7, 1e-7]))
            cases = {case.implementation.key: {"case": str(case.case), **figures_of(case)} for case in problem.cases}
            made.append({"problem": problem.problem, **figures_of(problem), "cases": cases})
        made.append({"machine_limits": msgspec.to_builtins(LIMITS)})
    return json.loads(json.dumps(made))  # type: ignore[no-any-return]


def journal(rng: random.Random) -> Input:
    some = lines()[: rng.randrange(1, len(lines()) + 1)] if rng.random() < 0.3 else lines()
    if rng.random() < 0.5:
        text = "".join(map(line_of, some)).encode()
        return Input(files={NAME: bytes_changed(rng, text)}, direct=gone_on_from)
    made = list(some)
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.randrange(len(made))
        made[at] = json_changed(rng, made[at])
    # as another version might write it
    return Input(files={NAME: "".join(map(line_of, made)).encode("utf-8", "surrogatepass")}, direct=read)


def read(folder: Path) -> None:
    with suppress(JournalError):
        Journal(folder, RUN).read(problems())


def gone_on_from(folder: Path) -> None:
    """A run, and a tuning, goes on from a journal of which any lines may be lost."""
    found, journal = problems(), Journal(folder, RUN)
    with suppress(JournalError):
        journal.read(found)
        settings = MeasurementSettings(processes=PROCESSES)
        session = Session("w2vbench run", Mock())
        run = Run(session=session, preset=None, settings=settings, corpus=small_text(), planned=found)
        context = Mock(spec=RunContext, settings=settings, only_own_code=True, workers=Mock())
        context.workers.seconds = dict[str, float]()
        context.job_fields.side_effect = context.machine_limits.side_effect = Began
        with suppress(Began), patch.object(running, "check_contracts", Mock(side_effect=Began)):
            running.measure_all(context, run, journal, Mock())
        if run.problems:
            ResultFile.model_validate(json.loads(dump(content(run))))
        finished_kernels(found)
