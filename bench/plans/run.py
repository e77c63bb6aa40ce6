"""A run: which problems it has, and in which order they are measured."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.engine import environment, protocol
from bench.engine.context import RunContext
from bench.engine.contract import OK, Verdict
from bench.engine.contracts import check_contracts
from bench.engine.leftovers import abandoned_folders
from bench.engine.protocol import MeasurementSettings
from impls import catalogue, words
from impls.case import Size
from impls.interface import Implementation, Kernel
from reports.sizes import nearest, size_to_show, types

from .journal import Journal
from .problems import CaseRun, ProblemRun, measure_next, new_problem_run
from .selection import Selection

BROKEN = ("wrong", "error", "crashed")
LIMIT_MEASUREMENTS = 3
"""How often a run measures the machine's limits. The median is used, so that one noisy stretch does not matter."""


class PlanError(ValueError):
    """A request that cannot be carried out. The message is one line and says what to do."""


@dataclass(frozen=True)
class PlannedProblem:
    """A kernel at a size, and the implementations that are measured there together."""

    kernel: Kernel
    size: Size
    implementations: tuple[Implementation, ...]

    @property
    def name(self) -> str:
        return f"{self.kernel.name}@{self.size}"


@dataclass(kw_only=True)
class Run:
    """A run under way: its request, and what is finished.

    Attributes
    ----------
    preset
        The preset's name; None for the user's own sizes.
    verdicts
        The contract's verdicts, by the implementations' keys.
    problem_runs
        All problems of the run, once the first process begins.
    counters
        The system's counters at the start.
    limits
        Measurements of the machine's limits.
    complete
        Whether every process of every problem is finished.
    """

    command: str
    preset: str | None
    settings: MeasurementSettings
    corpus: words.Corpus
    environment: dict[str, Any]
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    problem_runs: list[ProblemRun] = field(default_factory=list)
    counters: dict[str, int | None] = field(default_factory=lambda: environment.counters())
    limits: list[protocol.MachineLimits] = field(default_factory=list)
    complete: bool = False

    @property
    def problems(self) -> list[ProblemRun]:
        """The problems of which at least one process is finished."""
        return [problem for problem in self.problem_runs if problem.processes]

    @property
    def measured(self) -> bool:
        """Whether any case was measured."""
        return any(case.status == OK for problem in self.problems for case in problem.cases)

    @property
    def broken(self) -> list[CaseRun]:
        """Cases that gave a wrong result, failed or crashed, except those marked as wrong."""
        return [
            case
            for problem in self.problems
            for case in problem.cases
            if case.status in BROKEN and not case.implementation.wrong
        ]


def plan(
    implementations: Sequence[Implementation], sizes: Callable[[Kernel], list[Size]], selection: Selection
) -> list[PlannedProblem]:
    """Return the problems of a run: every kernel's implementations at its sizes.

    Parameters
    ----------
    sizes
        A function from a kernel to its sizes.
    selection
        Its globs select implementations. The baseline always stays, because ratios refer to it.

    Raises
    ------
    PlanError
        If nothing is left to measure.
    """
    problems = []
    for kernel in catalogue.kernels(implementations):
        mine = [i for i in implementations if i.kernel.name == kernel.name]
        for size in sizes(kernel):
            chosen = [i for i in mine if selection.has_case(str(i.case(size)))]
            if chosen:
                problems.append(PlannedProblem(kernel, size, tuple(i for i in mine if i in chosen or i.baseline)))
    if not problems:
        raise PlanError(
            f"nothing matches --only {' '.join(map(repr, selection.globs))}; w2vbench list shows the names"
            if selection.globs
            else "these kernels have no sizes in this preset: choose another --preset, or give --vocab"
        )
    return problems


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a temporary folder, and remove those that killed runs left behind."""
    for folder in abandoned_folders("w2vbench"):
        shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"w2vbench-{os.getpid()}-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def saved_corpus(corpus: words.Corpus) -> Iterator[Path]:
    """Save the corpus in a temporary folder for the workers."""
    with temporary_folder() as folder:
        corpus.save(folder)
        yield folder


def check(problems: Sequence[PlannedProblem], context: RunContext, run: Run, note: Callable[[str], None]) -> None:
    """Check each implementation of the problems against its kernel's contract."""
    keys = dict.fromkeys(i.key for problem in problems for i in problem.implementations)
    run.verdicts.update(check_contracts(list(keys), context, note))


def measure_all(
    problems: Sequence[PlannedProblem],
    context: RunContext,
    run: Run,
    journal: Journal,
    note: Callable[[int, int], None],
    first: Callable[[ProblemRun], None] = lambda problem: None,
) -> None:
    """Measure every problem in a first process, then every problem in a second, and so on.

    The processes of a problem are far apart in time, so that one noisy stretch does not affect them all. An interrupted run
    has fewer processes of each problem, instead of fewer problems.

    Parameters
    ----------
    journal
        Each process is written to it at once. It has the problems that an earlier run has already measured in part.
    note
        Called with the numbers of the problem and the process that begin.
    first
        Called after the first process of the problem that is shown first of each kernel.
    """
    run.limits = journal.limits
    for process in range(context.settings.processes):
        context.workers.retire()
        if process == 0:
            run.problem_runs += [
                journal.problems.get(problem.name)
                or new_problem_run(problem.implementations, problem.size, context.settings, run.verdicts)
                for problem in problems
            ]
            profiled_at = profiled_problems(run.problem_runs)
            shown = shown_problems(run.problem_runs)
        if len(run.limits) <= process < LIMIT_MEASUREMENTS and any(problem.measured for problem in run.problem_runs):
            # of all sizes, whatever has failed since, so that the curves of all measurements have the same points
            limits = context.machine_limits([problem.size for problem in problems])
            if limits:
                run.limits.append(limits)
                journal.add_limits(limits)
        for number, problem in enumerate(run.problem_runs):
            if problem.processes > process:
                continue
            note(number, process)
            to_profile = [
                slug
                for slug, case in problem.measured.items()
                if profiled_at[case.implementation.key] == problem.problem
            ]
            measure_next(problem, context, profiled=to_profile if context.settings.profile else ())
            journal.add(problem)
            if process == 0 and problem.problem == shown.get(problem.kernel):
                first(problem)
    run.complete = True


def shown_problems(problem_runs: Sequence[ProblemRun]) -> dict[str, str]:
    """Return the problem of each kernel that is shown first."""
    return nearest_to_shown(problem_runs, [(problem.kernel, problem) for problem in problem_runs])


def profiled_problems(problem_runs: Sequence[ProblemRun]) -> dict[str, str]:
    """Return the problem at which each implementation is profiled: the one that is shown first, or the nearest that it has."""
    keys = [(case.implementation.key, problem) for problem in problem_runs for case in problem.measured.values()]
    return nearest_to_shown(problem_runs, keys)


def nearest_to_shown(problem_runs: Sequence[ProblemRun], groups: Sequence[tuple[str, ProblemRun]]) -> dict[str, str]:
    """Return, of the problems of each group, the one nearest to the size that is shown first."""
    shown = size_to_show([(problem.kernel, problem.size) for problem in problem_runs])
    if shown is None:
        return {}
    size = shown.V, shown.B, shown.H, types(shown)
    members: dict[str, list[ProblemRun]] = {}
    for name, problem in groups:
        members.setdefault(name, []).append(problem)
    return {name: nearest(its, lambda problem: problem.size, *size).problem for name, its in members.items()}


MACHINE_FACTS = ("cpu", "cpus_allowed", "python", "packages", "blas")
"""Facts of the environment that must be the same for a run to be resumed."""


def corpus_and_code(corpus: words.Corpus, files: Sequence[Path]) -> str:
    """Return a digest of a text, of the implementations and of the engine."""
    package = Path(__file__).resolve().parents[2]
    folders = ("impls", "bench/engine")
    digest = hashlib.sha256()
    for part in (corpus.ids, corpus.starts, corpus.counts):
        digest.update(part.tobytes())
    digest.update("\0".join(corpus.vocabulary).encode())
    for file in [*(file for folder in folders for file in sorted((package / folder).rglob("*.py"))), *files]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def run_identity(run: Run, problems: Sequence[PlannedProblem], files: Sequence[Path]) -> dict[str, Any]:
    """Return what must be the same for a run to be resumed: problems, code, corpus, machine and settings."""
    settings = asdict(run.settings)
    del settings["memory_limit_bytes"]  # what is free changes from hour to hour
    return {
        "command": run.command.replace(" --resume", ""),
        "problems": [problem.name for problem in problems],
        "implementations": [i.key for problem in problems for i in problem.implementations],
        "machine": {name: run.environment.get(name) for name in MACHINE_FACTS},
        "corpus_and_code": corpus_and_code(run.corpus, files),
        "settings": settings,
    }
