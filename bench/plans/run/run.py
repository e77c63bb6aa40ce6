"""A run: which problems it has, and in which order they are measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.contracts import check_contracts, families
from w2vbench.bench.engine.pool.pool import MOST_SPARES
from w2vbench.bench.engine.protocol import MeasurementSettings, Status, Verdict
from w2vbench.bench.engine.worker.checking.contract import adapted_to, skipped_here
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface import Implementation, Kernel
from w2vbench.impls.interface.case import Size
from w2vbench.reports.file.files import WRITTEN
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.findings.ranking import looks

from . import run_result
from .journal import Entry, Journal, identity_of
from .keeping import Outputs, keep, locked, replaced
from .passed import PassedChecks
from .presets import PRESETS, Preset, requested_sizes
from .problems import Extras, ProblemRun, admit, measure_next, new_problem_run, unanswered
from .request import MeasurementRequest, NothingToKeep, PlanError, Say
from .run_result import Run
from .selection import Selection
from .session import Session, memory_limit
from .turns import profiled_problems, shown_problems, turns

MOST_MEMORY = 3 << 30
"""Memory of a worker in the short presets, where more is free."""
LIMIT_MEASUREMENTS = 3
"""How often a run measures the machine's limits. The median is used, so that one noisy stretch does not matter."""


@dataclass(frozen=True, kw_only=True)
class RunRequest(MeasurementRequest):
    """What to run."""

    preset: str
    # the user's own V and B; if empty, the preset's
    vocabularies: Sequence[int]
    batches: Sequence[int]
    # numbers of threads, the fewest first, on each of which every size is measured; if empty, one thread
    threads: Sequence[int]
    changed: Mapping[str, Any]  # fields that are the same in every size (hidden size, negatives, dtypes, words)
    processes: int | None  # fresh processes a problem; None for as many as the preset has
    time_limit_s: float
    memory_limit_bytes: int | None  # of a worker; None for what is free
    seed: int
    resume: bool  # whether to go on from the journal of the same command

    @property
    def own_sizes(self) -> bool:
        """Whether the user chose sizes, so that the preset only says how long to measure."""
        return bool(self.vocabularies or self.batches or self.threads or self.changed)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The kernels that this preset measures on request only."""
        asked = self.kernels or self.globs or self.files or self.vocabularies or self.batches
        preset = PRESETS[self.preset]
        return () if asked else tuple(one.name for one in catalogue.kernels(catalogue.own()) if preset.leaves_out(one))

    @property
    def looks(self) -> tuple[int, ...]:
        """After how many processes it is looked whether a problem is decided; empty where the user has chosen their number."""
        return () if self.processes else looks(PRESETS[self.preset].settings.processes)

    def settings(self) -> MeasurementSettings:
        """Return how experiments are measured. Raises PlanError if a worker would not have enough memory."""
        short = PRESETS[self.preset].short and not self.own_sizes
        usual = PRESETS[self.preset].settings
        return replace(
            usual,
            seed=self.seed,
            time_limit_s=self.time_limit_s,
            memory_limit_bytes=memory_limit(self.memory_limit_bytes, MOST_MEMORY if short else None),
            processes=self.processes or usual.processes,
        )

    def takes(self, implementation: Implementation) -> bool:
        """Whether an implementation is measured: what the user has named or brought, and what the preset has."""
        if self.own_sizes or self.kernels or self.globs or PRESETS[self.preset].measures(implementation):
            return True
        return implementation.key not in {i.key for i in catalogue.own()}

    def problems(self) -> list[ProblemRun]:
        """Return the problems to measure. Raises PlanError if there are none."""
        chosen = [i for i in self.implementations() if i.kernel.name not in self.left_out and self.takes(i)]
        sizes = partial(
            requested_sizes,
            preset=PRESETS[self.preset],
            vocabularies=self.vocabularies,
            batches=self.batches,
            threads=self.threads,
            changed=self.changed,
        )
        return plan(chosen, sizes, Selection(globs=self.globs))


class Progress(Protocol):
    """Shows how far a run is: what is checked, which problem begins its next process, and what one process of each kernel says."""

    def checking(self, key: str) -> None: ...
    def measuring(self, problem: ProblemRun, further: bool = False) -> None: ...
    def first(self, result: ResultFile) -> None: ...


def run(
    request: RunRequest,
    say: Say,
    progress: Callable[[Sequence[ProblemRun], int], AbstractContextManager[Progress]],
) -> Outputs:
    """Check and measure implementations, and keep what was found.

    Parameters
    ----------
    progress
        Given the problems and the number of processes, shows how far the run is.

    Raises
    ------
    PlanError, CatalogueError, CorpusError, JournalError
        If the request cannot be carried out.
    NothingToKeep
        If it is interrupted before the first process is finished.
    """
    settings, problems = request.settings(), request.problems()
    selected = {catalogue.source(case.implementation).rpartition(":")[0] for one in problems for case in one.cases}
    for file in request.files:
        if str(file) not in selected:
            say(f"{file}: none of its implementations is among those that are measured (see --kernel and --only)")
    with locked(request.out):
        session = Session(request.command, say)
        with session.measuring(settings, request.threads or [1], request.files) as context:
            # while the text is read: for the checks on all CPUs, and for the first turns
            together = len(context.workers.cpus)
            if context.only_own_code:  # whose checks leave their processes for the first turns
                together = min(
                    together, len(families({case.implementation.key for one in problems for case in one.cases}))
                )
            needed = min(MOST_SPARES, max(settings.processes, together))
            context.workers.start_spares(min(request.threads, default=1), needed, numba=True)
            preset = None if request.own_sizes else request.preset
            with session.phase("reading the text", context.workers):
                corpus = request.text()
                corpus.save(context.corpus)
            under_way = Run(
                session=session,
                preset=preset,
                settings=settings,
                corpus=corpus,
                planned=problems,
                looks=request.looks,
            )
            identity = run_identity(under_way, request)
            if context.only_own_code:
                under_way.passed = PassedChecks([identity["machine"], identity["corpus_and_code"]])
            journal = Journal(request.out, identity)
            if request.resume:
                journal.read(problems)
            elif journal.begin():
                say(f"an unfinished run's journal was put aside in {request.out} (--resume would have gone on from it)")
            with progress(problems, settings.processes) as bar, session.until_interrupted():
                measure_all(context, under_way, journal=journal, progress=bar)
        if not under_way.problems:
            journal.close()
            raise NothingToKeep("interrupted before the first process was finished: nothing to keep", 130)
        return keep_run(under_way, request.out, journal)


def keep_run(run: Run, out: Path, journal: Journal) -> Outputs:
    """Write a run's result file and reports. Only a complete run with at least one measured case is stored for ``history``."""
    content, complete = run_result.content(run), run.complete
    finished, planned = sum(one.processes for one in run.problems), len(run.planned) * run.settings.processes
    unfinished = f"{min(finished, planned)} of {planned} process{'es' * (planned != 1)}"
    store_as = (run.preset or "own") if complete and content.benchmarks else ""
    if earlier := replaced(out / WRITTEN, content):
        run.session.say(earlier)
    kept = keep(content, out / WRITTEN, run.exit_code, unfinished="" if complete else unfinished, store_as=store_as)
    if kept.not_stored:
        run.session.say(f"this run is not stored for w2vbench history: {kept.not_stored}")
    if complete:
        journal.close()
    return kept


def plan(
    among: Sequence[Implementation], sizes: Callable[[Kernel], list[Size]], selection: Selection
) -> list[ProblemRun]:
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
    for kernel in catalogue.kernels(among):
        mine = [i for i in among if i.kernel.name == kernel.name]
        for size in sizes(kernel):
            chosen = [i for i in mine if selection.has_case(str(i.case(size)))]
            if chosen:
                problems.append(new_problem_run([i for i in mine if i in chosen or i.baseline], size))
    if not problems:
        raise PlanError(
            f"nothing matches --only {' '.join(map(repr, selection.globs))}; w2vbench list shows the names"
            if selection.globs
            else "these kernels have no sizes in this preset: choose another --preset, or give --vocab"
        )
    return problems


def measure_all(context: RunContext, run: Run, journal: Journal, progress: Progress) -> None:
    """Measure every problem, process by process. Each process is written to the journal at once."""
    run.limits = journal.limits
    shown = shown_problems(run.planned)
    preset = PRESETS[run.preset] if run.preset else None
    profile_first = bool(preset and preset.profile_first)
    for number, turn in enumerate(turns(run.planned, context.settings.processes, run.looks)):
        if begun := [problem for problem in turn.problems if not problem.processes]:
            with run.session.phase(f"checking the implementations for {turn.name}", context.workers):
                before = check_and_admit(begun, context, passed=run.passed, progress=progress)
            if number == 0 and before:
                run.session.say(
                    f"{before} implementations have passed their checks before, with this code, text, machine and packages"
                    " (w2vbench check repeats them)"
                )
        profiled_at = profiled_problems(run.planned, first=profile_first)  # of what is not excluded
        with run.session.phase(turn.name, context.workers):
            if turn.fresh:
                context.workers.retire()
            for problem in turn.problems:
                progress.measuring(problem, further=turn.further)
                extras = extras_of(
                    problem, shown=shown[problem.kernel], profiled_at=profiled_at, context=context, preset=preset
                )
                extras = replace(extras, unanswered=unanswered(run.planned))
                whole_results = [f"whole results of {case.case}" for case in problem.measured.values()]
                if run.passed.includes(whole_results):
                    extras = replace(extras, check=False)
                measure_next(problem, context, extras, start_next=turn.more or not context.only_own_code)
                if extras.check and len(problem.measured) == len(whole_results):
                    run.passed.add(whole_results)
                journal.add(problem)
            measure_limits(context, run, journal=journal, process=number)
        if number == 0 and begun and len(run.planned) > 1:
            progress.first(run_result.content(run))
    run.complete = True


def extras_of(
    problem: ProblemRun,
    shown: ProblemRun,
    profiled_at: Mapping[str, str],
    context: RunContext,
    preset: Preset | None,
) -> Extras:
    """Return what the next process of a problem does beside timing.

    Parameters
    ----------
    shown
        The problem of its kernel that is shown first. Its own times come first, and what else is measured in its second process.
    profiled_at
        By key, the problem at which an implementation is profiled.
    preset
        None for the user's own sizes. In a short one, only the problem that is shown first is checked as a whole, and memory is
        measured only there and at other vocabularies. The contract was checked with the types and hidden sizes of all, and
        timed results are verified everywhere.
    """
    short = bool(preset and preset.short)
    is_shown = problem is shown
    same_but_V = replace(problem.size, V=shown.size.V) == shown.size
    last = problem.processes == (1 if is_shown and context.settings.processes > 1 else 0)
    profiled = [
        slug for slug, case in problem.measured.items() if profiled_at[case.implementation.key] == problem.problem
    ]
    return Extras(
        check=problem.processes == 0 and (is_shown or not short or not context.only_own_code),
        memory=last and (same_but_V or not short),
        stages=last,
        profiled=profiled if last and context.settings.profile else (),
        layers=preset.layers(problem.cases[0].implementation.kernel, problem.size)
        if preset and last and context.settings.profile
        else (),
    )


def check_and_admit(
    problems: Sequence[ProblemRun], context: RunContext, passed: PassedChecks, progress: Progress
) -> int:
    """Check the implementations of problems that have not begun, and exclude the cases of those that fail.

    Returns how many had passed before.
    """
    sizes: dict[Implementation, list[Size]] = {}
    for case in (case for problem in problems for case in problem.cases):
        sizes.setdefault(case.implementation, []).append(case.case.size)
    names = {
        implementation.key: f"{implementation.key} at {', '.join(map(str, adapted_to(its, implementation.kernel.sizes)))}"
        for implementation, its in sizes.items()
    }
    known = {one.key: verdict for one in sizes if (verdict := skipped_here(one))}
    known |= {key: Verdict(Status.WRONG, reason) for key, name in names.items() if (reason := passed.failed(name))}
    passed_before = [key for key, name in names.items() if passed.includes([name])]
    left = {one.key: its for one, its in sizes.items() if one.key not in {*known, *passed_before}}
    verdicts = check_contracts(left, context, progress.checking, sizes=left)
    passed.add(names[key] for key, verdict in verdicts.items() if verdict.status == Status.OK)
    for one in sizes:
        verdict = verdicts.get(one.key)
        if (
            one.wrong and verdict and verdict.status == Status.WRONG and verdict.reason
        ):  # without a reason it would count as passed
            passed.add([names[one.key]], verdict.reason)
    for problem in problems:
        admit(problem, context.settings, known | verdicts)
    return len(passed_before)


def measure_limits(context: RunContext, run: Run, journal: Journal, process: int) -> None:
    """Measure the machine's limits on each number of threads, in the first LIMIT_MEASUREMENTS processes.

    They are those of all sizes, whatever has failed since, so that the curves of all measurements have the same points.
    """
    if process >= LIMIT_MEASUREMENTS or not any(problem.measured for problem in run.planned):
        return
    sizes: dict[int, list[Size]] = {}
    for problem in run.planned:
        sizes.setdefault(problem.size.threads, []).append(problem.size)
    for threads, its in sizes.items():
        measured = sum(limits.threads == threads for limits in run.limits)
        if measured <= process and (limits := context.machine_limits(its)):
            run.limits.append(limits)
            journal.add_limits(limits)


def run_identity(run: Run, request: RunRequest) -> Entry:
    """Return what must be the same for a run to be resumed: problems, code, corpus, machine and settings."""
    return identity_of(run.session, run.planned, run.settings, digest=request.digest(run.corpus))
