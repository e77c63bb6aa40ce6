"""What tests measure with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.pool import Workers
from w2vbench.bench.engine.protocol import ImplementationSource, MeasurementSettings, Verdict
from w2vbench.bench.plans.run import problems
from w2vbench.bench.plans.run.problems import Extras, ProblemRun, admit, measure_next, new_problem_run
from w2vbench.impls.interface import Implementation
from w2vbench.impls.interface.case import Size


def context_of(
    workers: Workers, corpus: Path, files: Sequence[Path] = (), settings: MeasurementSettings | None = None
) -> RunContext:
    """A context with implementations from some files."""
    sources = {"": ImplementationSource(files=tuple(map(str, files)))}
    return RunContext(workers=workers, corpus=corpus, sources=sources, settings=settings or MeasurementSettings())


def measure_problem(
    implementations: Sequence[Implementation],
    size: Size,
    context: RunContext,
    verdicts: Mapping[str, Verdict] | None = None,
) -> ProblemRun:
    """Measure one problem in all its processes, one after another."""
    problem = new_problem_run(implementations, size)
    admit(problem, context.settings, verdicts or {})
    while problem.processes < context.settings.processes:
        first = problem.processes == 0
        measure_next(problem, context, Extras(check=first, memory=first, stages=first))
    return problem


@contextmanager
def workers_without_numba() -> Iterator[Workers]:
    """Workers that start in half the time, for code without numba that costs many processes. Limits are compiled, so none is timed."""
    with pytest.MonkeyPatch.context() as patch, Workers() as workers:
        patch.setattr(problems, "LIMIT_PROCESSES", 0)
        workers.compiles = False
        yield workers
