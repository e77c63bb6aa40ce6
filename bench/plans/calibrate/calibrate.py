"""Measure the false-alarm rate and the detection power of ``compare`` on this machine.

``compare`` itself measures and decides: it compares identical code, and code slowed by known shares.

- Of revisions, one process serves several trials, because it measures more variants: three of the code as it is (two for
  BASE, one for HEAD), one for each slowdown of HEAD, and a second one with the same slowdown as another. Those two stand
  for a slower BASE.
- Of packages, each variant has a process of its own: the same three, and one slowdown of HEAD.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from w2vbench.bench.engine.machine.program import ROOMS
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.protocol import Facts, MeasurementSettings
from w2vbench.bench.plans.compare.differences import (
    CaseSelection,
    ComparedCase,
    Differences,
    by_importance,
    differences,
    list_sides,
)
from w2vbench.bench.plans.compare.jobs import sources_of
from w2vbench.bench.plans.compare.measured import ComparisonRun
from w2vbench.bench.plans.compare.samples import SIDES, Side
from w2vbench.bench.plans.compare.worktrees import Tree
from w2vbench.bench.plans.packages.asked import selected
from w2vbench.bench.plans.packages.environment_workers import facts_in, measuring_in
from w2vbench.bench.plans.packages.environments import environment_for, split_requirements
from w2vbench.bench.plans.packages.packages_run import PACKAGE_SIDES, PackagesRun
from w2vbench.bench.plans.run.keeping import Outputs, keep, locked
from w2vbench.bench.plans.run.request import MeasurementRequest, Note, NothingToKeep, Say
from w2vbench.bench.plans.run.session import Session, memory_limit, stop_on_signals
from w2vbench.reports.compare.stages import HEAD, TRIPLE, Process, Triple, log_ratios
from w2vbench.reports.file import files
from w2vbench.reports.file.schema.calibration import Calibration, Trial
from w2vbench.reports.statistics.log_ratios import LogRatios, Paired
from w2vbench.reports.statistics.verdicts import decide

from .other_rules import apply_rules

SLOWED = {share: Side(f"slower by {share:g}", HEAD, share) for share in (0.02, 0.05, 0.10)}
"""HEAD's code, slowed by a share."""
BASE_SLOWDOWN = 0.05
"""The slowdown of BASE in the trials where HEAD is faster."""
AGAIN = Side(f"slower by {BASE_SLOWDOWN:g}, again", HEAD, BASE_SLOWDOWN)
FINE_THRESHOLD = 0.005
"""The threshold at which a slowdown of 2 % must be found."""
SLOWDOWN_GRID = [step / 200 for step in range(2, 41)]
"""Slowdowns for which the detection rate is calculated: 1 % to 20 %."""


@dataclass(frozen=True, kw_only=True)
class CalibrateRequest(MeasurementRequest):
    """What to calibrate with.

    Attributes
    ----------
    batches
        How many comparisons to make.
    cases
        Cases of a comparison; None for all.
    same_only
        Whether to compare identical code only, and no slowed code.
    threshold
        As in ``compare``.
    seed
        Of the first batch.
    resume
        Whether to add to the trials of an earlier calibration.
    packages
        Requirements of one environment, which is compared with itself in processes of its own, as ``compare --packages``
        does; None for ``compare`` of revisions.
    """

    batches: int
    cases: int | None
    same_only: bool
    threshold: float
    seed: int
    resume: bool
    packages: str | None = None


def calibrate(request: CalibrateRequest, say: Say, progress: AbstractContextManager[Note]) -> Outputs:
    """Make comparisons, and write the trials after each. Raises PlanError, ResultError, CorpusError, or NothingToKeep without any trial."""
    selected(request, 1, "")
    with locked(request.out):  # another one would write its trials in place of these
        return calibrate_in_folder(request, say, progress)


def calibrate_in_folder(request: CalibrateRequest, say: Say, progress: AbstractContextManager[Note]) -> Outputs:
    """Do what ``calibrate`` does, in a folder that is this run's own."""
    session, path = Session(request.command, say), request.out / "calibration.json"
    stop_on_signals()
    text, environment, packages = request.text(), None, {}
    if request.packages is not None:
        environment = environment_for(split_requirements(request.packages), sys.executable, say)
        packages = dict(environment.packages)
    so_far = Calibration(
        threshold=request.threshold,
        comparisons=0,
        apart=environment is not None,
        packages=packages,
        text_and_code=request.digest(text, ("impls", "bench", "reports")),
    )
    if request.resume:
        so_far = read_trials(path, so_far, session)
    settings = MeasurementSettings(memory_limit_bytes=memory_limit(), seed=request.seed)
    with progress as note, session.measuring(settings) as context, ExitStack() as stack:
        text.save(context.corpus)
        with session.until_interrupted():
            design = RevisionDesign(context)
            if environment:
                every = (*PackageDesign.sides, *PackageDesign.slowed_sides)
                workers = measuring_in(context, {side.name: environment for side in every}, ())
                design = PackageDesign(stack.enter_context(workers))
            slowed_sides = () if request.same_only else design.slowed_sides
            selection = CaseSelection(request.kernels, request.globs, everything=True)
            chosen = by_importance(differences(*design.list_sides(), selection).compared)[: request.cases]
            for _ in range(request.batches):
                so_far = with_batch(so_far, design, chosen, note, slowed_sides=slowed_sides, seed=request.seed)
                files.write(path, files.dump(session.result_file("calibrate", noise={}, calibration=so_far)))
    if not so_far.trials and session.interrupted:
        raise NothingToKeep("interrupted before the first batch was finished: nothing to save", 130)
    if not so_far.trials:
        raise NothingToKeep("no case could be measured", 3)
    content = session.result_file("calibrate", noise={}, calibration=so_far)
    return keep(content, path, 130 if session.interrupted else 0)


class RevisionDesign:
    """The design of comparisons as ``compare`` makes them of revisions: all sides in one process."""

    sides = SIDES
    slowed_sides: Sequence[Side] = (*SLOWED.values(), AGAIN)

    def __init__(self, context: RunContext) -> None:
        here = Tree("here", ROOMS, "")
        self.context = replace(context, sources=sources_of(here, here))

    def list_sides(self) -> tuple[dict[str, Facts], dict[str, Facts]]:
        return list_sides(self.context)

    def comparison(
        self, plan: Differences, note: Note, threshold: float, sides: Sequence[Side], seed: int
    ) -> ComparisonRun:
        """Return a comparison that nothing is measured of yet."""
        return ComparisonRun(with_seed(self.context, seed), plan, note, threshold=threshold, sides=sides)


class PackageDesign(RevisionDesign):
    """The design of comparisons as ``compare --packages`` makes them: a process a side, here of the same environment.

    Each slowed side takes a process more, so there is only one.
    """

    sides = PACKAGE_SIDES
    slowed_sides = (SLOWED[BASE_SLOWDOWN],)

    def __init__(self, contexts: dict[str, RunContext]) -> None:
        self.contexts = contexts

    def list_sides(self) -> tuple[dict[str, Facts], dict[str, Facts]]:
        found = facts_in(self.contexts[HEAD], HEAD)
        return found, found

    def comparison(
        self, plan: Differences, note: Note, threshold: float, sides: Sequence[Side], seed: int
    ) -> ComparisonRun:
        contexts = {name: with_seed(one, seed) for name, one in self.contexts.items()}
        return PackagesRun(contexts, plan, note, threshold=threshold, sides=sides)


def with_seed(context: RunContext, seed: int) -> RunContext:
    return replace(context, settings=replace(context.settings, seed=seed))


def with_batch(
    so_far: Calibration,
    design: RevisionDesign,
    cases: Sequence[ComparedCase],
    note: Note,
    *,
    slowed_sides: Sequence[Side],
    seed: int,
) -> Calibration:
    """Make one comparison of all cases and return the trials so far with those that it gives.

    With slowed sides, all cases get all processes, because the trials of a process differ in which cases are undecided.
    """
    began, number, threshold = time.monotonic(), so_far.comparisons, so_far.threshold
    plan = Differences(compared=list(cases))
    comparison = design.comparison(
        plan,
        lambda what, done, of: note(f"{what} (batch {number + 1})", done, of),
        threshold,
        (*design.sides, *slowed_sides),
        seed + number,
    )
    if slowed_sides:
        for stage in range(len(comparison.stages)):
            comparison.measure_stage(stage, plan.remaining)
    else:
        comparison.run()
    complete = {case: mine.processes for case, mine in comparison.samples.items() if case not in plan.excluded}
    identical = list(so_far.identical)
    if slowed_sides:
        identical.append([log_ratios(processes) for processes in complete.values()])
    kinds = trial_kinds(threshold, slowed_sides)
    trials = [trial for kind in kinds for trial in trials_of(complete, *kind, number)]
    trials += [
        Trial(case=case.name, injected=0.0, threshold=threshold, comparison=number, verdict=verdict, why=why)
        for case, (verdict, why) in plan.excluded.items()  # a failure counts, as in compare
    ]
    return so_far.model_copy(
        update={
            "comparisons": number + 1,
            "seconds": so_far.seconds + time.monotonic() - began,
            "trials": [*so_far.trials, *trials],
            "found": detection_rates(identical, threshold),
            "identical": identical,
        }
    )


def trial_kinds(threshold: float, slowed_sides: Sequence[Side]) -> Iterator[tuple[float, float, Triple]]:
    """Yield the trials that can be made of these slowed sides: how much slower HEAD is, the threshold, and the three sides."""
    base, control, head = TRIPLE
    yield 0.0, threshold, TRIPLE
    for side in slowed_sides:
        if side is not AGAIN:
            yield side.slowed, threshold, (base, control, side.name)
    finest = next(iter(SLOWED.values()))
    if threshold != FINE_THRESHOLD and finest in slowed_sides:
        yield finest.slowed, FINE_THRESHOLD, (base, control, finest.name)
    if AGAIN in slowed_sides:
        yield 1 / (1 + BASE_SLOWDOWN) - 1, threshold, (SLOWED[BASE_SLOWDOWN].name, AGAIN.name, head)


def trials_of(
    measured: dict[ComparedCase, list[Process]],
    injected: float,
    threshold: float,
    sides: Triple,
    number: int,
) -> Iterator[Trial]:
    """Yield the verdicts of one kind of trial, each of the look at which ``compare`` would have stopped."""
    cases = {case: log_ratios(processes, sides) for case, processes in measured.items()}
    for case, decision in decide(cases, threshold).items():
        yield Trial(
            case=case.name,
            injected=injected,
            threshold=threshold,
            comparison=number,
            verdict=decision.verdict,
            processes=decision.processes,
            setup=decision.setup,
            rules=apply_rules(measured[case], sides),
        )


def detection_rates(identical: Sequence[Sequence[LogRatios]], threshold: float) -> list[tuple[float, float]]:
    """Return (slowdown, share of cases called slower), by adding each slowdown to the trials of identical code."""
    shares = []
    for slowdown in SLOWDOWN_GRID:
        verdicts = [verdict for batch in identical for verdict in shifted_verdicts(batch, slowdown, threshold)]
        if verdicts:
            shares.append((slowdown, verdicts.count("slower") / len(verdicts)))
    return shares


def shifted_verdicts(batch: Sequence[LogRatios], slowdown: float, threshold: float) -> list[str]:
    """Return the verdicts if the median and the mean of each case were slower by a share."""

    def shifted(pairs: Paired) -> Paired:
        return Paired([ratio + math.log1p(slowdown) for ratio in pairs.ratios], pairs.controls)

    cases = {at: LogRatios(shifted(one.median), shifted(one.mean)) for at, one in enumerate(batch)}
    return [decision.verdict for decision in decide(cases, threshold).values()]


def read_trials(path: Path, wanted: Calibration, session: Session) -> Calibration:
    """Read the trials of a ``calibration.json`` of the same kind. Raises ResultError."""
    file = files.read(path)
    earlier, environment = file.w2vbench.calibration, file.w2vbench.environment
    kinds = [(one.threshold, one.apart, one.packages) for one in (earlier, wanted) if one]
    if earlier is None or kinds[0] != kinds[1]:
        raise files.ResultError(
            f"{path}: no calibration of this kind at this threshold; start a new one without --resume"
        )
    if any(environment.get(name) != value for name, value in session.fixed_facts().items()):
        raise files.ResultError(
            f"{path}: made on another machine or with other packages; start a new one without --resume"
        )
    if earlier.text_and_code != wanted.text_and_code:
        raise files.ResultError(f"{path}: made with another text or version; start a new one without --resume")
    return earlier
