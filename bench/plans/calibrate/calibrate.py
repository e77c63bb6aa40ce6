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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from w2vbench.bench.engine.machine.program import ROOMS
from w2vbench.bench.plans.compare.differences import ComparedCase, Differences, by_importance, differences
from w2vbench.bench.plans.compare.measured import ComparisonRun
from w2vbench.bench.plans.compare.request import ComparisonRequest
from w2vbench.bench.plans.compare.samples import Side, sources_of
from w2vbench.bench.plans.compare.worktrees import Tree
from w2vbench.bench.plans.packages.asked import selected
from w2vbench.bench.plans.packages.environment_workers import measuring_in
from w2vbench.bench.plans.packages.environments import environment_for, split_requirements
from w2vbench.bench.plans.packages.packages_run import PackagesRun
from w2vbench.bench.plans.run.keeping import Outputs, keep, locked
from w2vbench.bench.plans.run.request import MeasurementRequest, Note, NothingToKeep, Say
from w2vbench.bench.plans.run.session import Session, stop_on_signals
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
SLOWED_SIDES: Mapping[type[ComparisonRun], Sequence[Side]] = {
    ComparisonRun: (*SLOWED.values(), AGAIN),
    PackagesRun: (SLOWED[BASE_SLOWDOWN],),
}
"""The slowed sides of each kind of comparison. Of packages, each takes a process more, so there is only one."""
FINE_THRESHOLD = 0.005
"""The threshold at which a slowdown of 2 % must be found."""
SLOWDOWN_GRID = [step / 200 for step in range(2, 41)]
"""Slowdowns for which the detection rate is calculated: 1 % to 20 %."""


@dataclass(frozen=True, kw_only=True)
class CalibrateRequest(ComparisonRequest, MeasurementRequest):
    """What to calibrate with."""

    batches: int  # how many comparisons to make
    cases: int | None  # cases of a comparison; None for all
    same_only: bool  # whether to compare identical code only, and no slowed code
    everything: bool = True
    seed: int  # of the first batch
    resume: bool  # whether to add to the trials of an earlier calibration
    # requirements of one environment, which is compared with itself in processes of its own, as ``compare --packages``
    # does; None for ``compare`` of revisions
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
    text, environment = request.text(), None
    if request.packages is not None:
        environment = environment_for(split_requirements(request.packages), sys.executable, say)
    so_far = Calibration(
        threshold=request.margin,
        comparisons=0,
        apart=environment is not None,
        packages=dict(environment.packages) if environment else {},
        text_and_code=request.digest(text, ("impls", "bench", "reports")),
    )
    if request.resume:
        so_far = read_trials(path, so_far, session)
    settings = replace(request.settings(), seed=request.seed)
    kind = PackagesRun if environment else ComparisonRun
    slowed = () if request.same_only else SLOWED_SIDES[kind]
    with (
        progress as note,
        session.measuring(settings, text=text) as context,
        ExitStack() as stack,
        session.until_interrupted(),
    ):
        if environment:
            sides = {side.name: environment for side in (*kind.sides, *SLOWED_SIDES[kind])}
            contexts = stack.enter_context(measuring_in(context, sides, ()))
        else:
            here = Tree("here", ROOMS, "")
            contexts = {HEAD: replace(context, sources=sources_of(here, here))}
        chosen = by_importance(differences(*kind.listed(contexts), request.selection).compared)[: request.cases]

        def numbered(what: str, done: int, of: int) -> None:
            note(f"{what} (batch {so_far.comparisons + 1})", done, of)

        for _ in range(request.batches):
            settings = replace(settings, seed=request.seed + so_far.comparisons)
            run = kind(
                {name: replace(one, settings=settings) for name, one in contexts.items()},
                Differences(compared=list(chosen)),
                numbered,
                threshold=so_far.threshold,
                slowed=slowed,
            )
            so_far = with_batch(so_far, run, slowed)
            files.write(path, files.dump(session.result_file("calibrate", noise={}, calibration=so_far)))
    if not so_far.trials and session.interrupted:
        raise NothingToKeep("interrupted before the first batch was finished: nothing to save", 130)
    if not so_far.trials:
        raise NothingToKeep("no case could be measured", 3)
    content = session.result_file("calibrate", noise={}, calibration=so_far)
    return keep(content, path, 130 if session.interrupted else 0)


def with_batch(so_far: Calibration, run: ComparisonRun, slowed: Sequence[Side]) -> Calibration:
    """Make one comparison and return the trials so far with those that it gives.

    With slowed sides, all cases get all processes, because the trials of a process differ in which cases are undecided.
    """
    began, number, threshold = time.monotonic(), so_far.comparisons, so_far.threshold
    if slowed:
        for stage in range(len(run.stages)):
            run.measure_stage(stage, run.differences.remaining)
    else:
        run.run()
    excluded = run.differences.excluded
    complete = {case: mine.processes for case, mine in run.samples.items() if case not in excluded}
    identical = list(so_far.identical)
    if slowed:
        identical.append([log_ratios(processes) for processes in complete.values()])
    kinds = trial_kinds(threshold, slowed)
    trials = [trial for kind in kinds for trial in trials_of(complete, *kind, number)]
    trials += [
        Trial(case=case.name, injected=0.0, threshold=threshold, comparison=number, verdict=verdict, why=why)
        for case, (verdict, why) in excluded.items()  # a failure counts, as in compare
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
