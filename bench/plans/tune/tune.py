"""Tuning: measure the functions that ``w2vbench.best`` gives, over a grid of sizes, and keep their times as a dispatch table.

Every implementation is measured in a first short process. Those that are DROPPED times slower than the fastest are then left out,
and where several remain, further processes measure these.
"""

from __future__ import annotations

import math
import shutil
import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.contracts import check_contracts
from w2vbench.bench.engine.pool.experiment import measure
from w2vbench.bench.engine.protocol import Measure, MeasurementSettings, MeasureOptions, Status, Variant, Verdict
from w2vbench.bench.plans.run.journal import Journal, identity_of
from w2vbench.bench.plans.run.keeping import locked
from w2vbench.bench.plans.run.problems import ProblemRun, add_outcome, admit, new_problem_run
from w2vbench.bench.plans.run.request import MeasurementRequest, NothingToKeep, PlanError, Say
from w2vbench.bench.plans.run.run import Progress
from w2vbench.bench.plans.run.selection import Selection
from w2vbench.bench.plans.run.session import Session, memory_limit
from w2vbench.impls.choosing.choice import DROPPED
from w2vbench.impls.choosing.dispatch_table import DispatchTable, KernelTimes, TableError, read, write
from w2vbench.impls.choosing.fingerprint import differences, fingerprint
from w2vbench.impls.interface.case import Size

from . import callables
from .callables import BEST, CALLABLES, DISPATCHED
from .grid import Grid, hopeless
from .merge import Merged, merge, sizes_of

SETTINGS = MeasurementSettings(processes=3, rounds=5, sample_s=0.0005, variant_s=0.004, profile=False)
FILE = Path(callables.__file__)
"""The file from which workers load what is measured."""

Show = Callable[[Sequence[ProblemRun], int], AbstractContextManager[Progress]]


@dataclass(frozen=True, kw_only=True)
class TuneRequest(MeasurementRequest):
    """What to tune. ``out`` is the table's file."""

    grid: Grid = field(default_factory=Grid)  # the sizes
    processes: int = SETTINGS.processes  # processes of a size at which several implementations are about as fast
    time_limit_s: float = SETTINGS.time_limit_s
    memory_limit_bytes: int | None = None
    seed: int = 0
    resume: bool = False

    def settings(self) -> MeasurementSettings:
        """Return how sizes are measured. Raises PlanError if a worker would not have enough memory."""
        return replace(
            SETTINGS,
            processes=self.processes,
            time_limit_s=self.time_limit_s,
            memory_limit_bytes=memory_limit(self.memory_limit_bytes, SETTINGS.memory_limit_bytes),
            seed=self.seed,
        )

    def problems(self) -> list[ProblemRun]:
        """Return the sizes of all selected kernels. Raises PlanError if there are none."""
        self.implementations()  # whose names may not exist
        selected = [
            i for i in CALLABLES if Selection(self.kernels).has_kernel(i.kernel.name) and i.slug.startswith(BEST)
        ]
        if not selected:
            raise PlanError("training is not one function that could be chosen: give other kernels with --kernel")
        problems = [
            new_problem_run([i for i in selected if i.kernel is kernel], size)
            for kernel in {i.kernel.name: i.kernel for i in selected}.values()
            for size in self.grid.sizes(kernel)
        ]
        if not problems:
            raise PlanError("these sizes are too large for every kernel: give smaller --vocab, --hidden or --batch")
        return problems


@dataclass(frozen=True)
class Tuned:
    """A finished tuning."""

    table: DispatchTable  # the table as it was written
    file: Path  # where
    kernels: Sequence[str]  # the kernels that were measured now
    kept: Mapping[str, int]  # how many sizes of each kernel have earlier times in the table
    problems: Sequence[ProblemRun]  # the sizes that were measured now
    exit_code: int  # the command's


def tune(request: TuneRequest, say: Say, progress: Show) -> Tuned:
    """Check and measure the functions of ``w2vbench.best``, and write the table.

    Kernels and sizes that were not measured keep their times of an earlier table of the same machine and versions. An interrupted
    tuning adds the kernels of which every size was measured at least once, and replaces no time by one of fewer processes.

    Raises
    ------
    PlanError, CatalogueError, CorpusError, JournalError
        If the request cannot be carried out.
    NothingToKeep
        If it is interrupted before a kernel is finished, or nothing could be measured.
    """
    settings, problems = request.settings(), request.problems()
    if request.out.is_dir():
        raise PlanError(f"{request.out}: a folder, not a file: name the table's file with --out")
    folder = request.out.parent / f"{request.out.name}.unfinished"
    with locked(folder):
        session = Session(request.command, say)
        with session.measuring(settings, [request.grid.threads], [FILE]) as context:
            # only our own code, and what numba compiles of that requires it
            context.workers.compiles = any(
                "numba" in case.implementation.requires for one in problems for case in one.cases
            )
            corpus = request.text()
            corpus.save(context.corpus)
            journal = Journal(folder, identity_of(session, problems, settings, digest=request.digest(corpus)))
            if request.resume:
                journal.read(problems)
            elif journal.begin():
                say(f"an unfinished tuning's journal was put aside in {folder} (--resume would have gone on from it)")
            with progress(problems, settings.processes) as bar, session.until_interrupted():
                verdicts = check_contracts(
                    list(dict.fromkeys(case.implementation.key for one in problems for case in one.cases)),
                    context,
                    bar.checking,
                )
                measure_all(problems, context, verdicts=verdicts, journal=journal, progress=bar)
        finished = finished_kernels(problems)
        if not finished:
            raise nothing_new(request.out, session.interrupted)
        unfinished = [(one.kernel, one.size) for one in problems if one.processes < settings.processes]
        merged = merge(earlier_table(request.out, say), finished, unfinished)
        if merged.replaced:
            say(f"replaces {sizes_of(merged.replaced)}, measured with other implementations")
        table = DispatchTable(
            merged.kernels, fingerprint(), f"{request.command}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        )
        write(table, request.out)
    if session.interrupted:
        say(interruption(merged, dict.fromkeys(problem.kernel for problem in problems)))
    else:
        shutil.rmtree(folder, ignore_errors=True)
    session.say_warnings(request.grid.threads)
    statuses = [case.status for one in problems for case in one.cases if case.status not in ("dropped", "skipped")]
    return Tuned(
        table=table,
        file=request.out,
        kernels=list(finished),
        kept=merged.kept,
        problems=problems,
        exit_code=session.exit_code(statuses),
    )


def nothing_new(file: Path, interrupted: bool) -> NothingToKeep:
    """Return the end of a tuning that leaves the table as it was."""
    kept = f"; {file} is as it was" * file.exists()
    if interrupted:
        return NothingToKeep(
            f"interrupted: no kernel was finished: nothing to add{kept} (--resume goes on from here)", 130
        )
    return NothingToKeep(f"nothing could be measured{kept}: w2vbench check says why", 3)


def interruption(merged: Merged, kernels: Collection[str]) -> str:
    """Say what the table has of the kernels that were to be tuned: new times, earlier ones, or none."""
    kept = {kernel: merged.kept[kernel] for kernel in kernels if kernel in merged.kept}
    parts = (
        ("new times at", sizes_of(merged.measured)),
        ("earlier times at", sizes_of(kept)),
        ("no times of", ", ".join(kernel for kernel in kernels if kernel not in merged.kernels)),
    )
    has = "; ".join(f"{what} {which}" for what, which in parts if which)
    return f"interrupted: the table has {has} (--resume goes on from here)"


def measure_all(
    problems: Sequence[ProblemRun],
    context: RunContext,
    verdicts: Mapping[str, Verdict],
    journal: Journal,
    progress: Progress,
) -> None:
    """Measure all sizes in a first process, then those with several contenders in further ones, each far apart in time."""
    for process in range(context.settings.processes):
        context.workers.retire()
        for number, problem in enumerate(problems):
            if problem.processes > process:
                continue
            if process == 0:
                admit(problem, context.settings, verdicts)
                drop_hopeless(problem, problems[:number])
            progress.measuring(problem)
            if process == 0 or len(problem.measured) > 1:
                measure_size(problem, context)
                drop_slow(problem)
            else:
                problem.processes += 1
            journal.add(problem)


def measure_size(problem: ProblemRun, context: RunContext) -> None:
    """Measure a size in its next process."""
    cases = tuple((Variant(name=slug, key=case.implementation.key),) for slug, case in problem.measured.items())
    options = MeasureOptions(process=problem.processes, reuse=True)
    job = Measure(**context.job_fields(), kernel=problem.kernel, size=str(problem.size), cases=cases, options=options)
    if cases:
        add_outcome(measure(job, context.workers), problem, options)
    problem.processes += 1


def drop_hopeless(problem: ProblemRun, before: Sequence[ProblemRun]) -> None:
    """Leave out the implementations that smaller sizes of the same kernel show to be slow."""
    times = {one.size: times_s(one) for one in before if one.kernel == problem.kernel}
    growing = {case.implementation.slug for case in problem.cases if "V" in case.implementation.grows_with}
    for slug, case in problem.measured.items():
        if hopeless(slug, problem.size, times=times, growing=growing):
            case.exclude("dropped", "slow at smaller sizes")


def drop_slow(problem: ProblemRun) -> None:
    """Leave out what takes DROPPED times as long as the fastest function of ``best``, by its fastest sample: noise only adds."""
    times = times_s(problem, min)
    fastest = min((seconds for slug, seconds in times.items() if slug.startswith(BEST)), default=math.inf)
    for slug, case in problem.measured.items():
        if slug != DISPATCHED and times.get(slug, 0.0) > DROPPED * fastest:
            case.exclude("dropped", f"{times[slug] / fastest:.0f} times slower than the fastest")


def medians(problem: ProblemRun, of: Callable[[Sequence[float]], float] = statistics.median) -> dict[str, list[float]]:
    """Return the median seconds a call in each process, or what ``of`` returns, by slug."""
    found = {
        case.implementation.slug: [
            of(walls) for process in case.samples if (walls := [one for one in process.wall_s if one is not None])
        ]
        for case in problem.cases
    }
    return {slug: each for slug, each in found.items() if each}


def times_s(problem: ProblemRun, of: Callable[[Sequence[float]], float] = statistics.median) -> dict[str, float]:
    """Return the seconds a call by slug: medians over processes of each one's median sample, or of what ``of`` returns."""
    kept = {case.implementation.slug for case in problem.cases if case.status in (Status.OK, "dropped")}
    return {slug: statistics.median(each) for slug, each in medians(problem, of).items() if slug in kept}


def finished_kernels(problems: Sequence[ProblemRun]) -> dict[str, KernelTimes]:
    """Return the times of the kernels whose every size was measured, by kernel."""
    found: dict[str, KernelTimes] = {}
    for kernel in dict.fromkeys(problem.kernel for problem in problems):
        its = [problem for problem in problems if problem.kernel == kernel]
        if all(problem.processes for problem in its):
            times: dict[Size, dict[str, float]] = {}
            for problem in its:
                if seconds := times_s(problem):
                    times[problem.size] = {slug.removeprefix(BEST): one for slug, one in seconds.items()}
            slugs = [case.implementation.slug.removeprefix(BEST) for case in its[0].cases]
            if times:
                found[kernel] = KernelTimes(tuple(slugs), times)
    return found


def earlier_table(file: Path, say: Say) -> dict[str, KernelTimes]:
    """Return the times of an earlier table that hold here; none, with the reason, if they do not."""
    if not file.exists():
        return {}
    try:
        table = read(file)
    except TableError as error:
        say(f"the earlier table is replaced: {error}")
        return {}
    if differing := differences(table.machine, fingerprint()):
        say(f"the earlier table in {file} is replaced, since here {'; '.join(differing)}")
        return {}
    return dict(table.kernels)
