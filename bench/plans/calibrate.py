"""How well ``compare`` tells slower from the same on this machine: identical code against itself, and slowed by known shares.

Nothing here decides anything: processes and verdicts are those of ``compare``. A process measures more variants, so that one
serves several trials: three of the code as it is (two for BASE, one for HEAD), one for each slowdown of HEAD, and one
more that is slowed as much as another, so that the two can stand for a slower BASE.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.engine.context import RunContext
from reports import results
from reports.stages import HEAD, TRIPLE, Process, Triple, stage_of, wall_times
from reports.statistics import Floats
from reports.verdicts import Paired, Stage, decide, undecided

from .compare import SIDES, STAGES, CaseSamples, Comparing, Note, Side, sources_of
from .differences import Chosen, ComparedCase, Differences, by_importance, differences, list_sides
from .revision_comparison import frame_of
from .revisions import Tree

SLOWDOWNS = (0.02, 0.05, 0.10)
FASTER = 0.05
FINE = 0.005
"""The threshold at which a slowdown of 2 % must be found."""
GRID = [step / 200 for step in range(2, 41)]
"""Slowdowns for which the share found is reckoned: 1 % to 20 %."""


@dataclass
class Calibrating:
    """Trials so far. aa: both stages of identical code, batch by batch, for reckoning what slowdown would be found."""

    threshold: float
    trials: list[dict[str, Any]] = field(default_factory=list)
    aa: list[tuple[list[Paired], list[Paired]]] = field(default_factory=list)
    comparisons: int = 0
    seconds: float = 0.0


def cases(
    context: RunContext, folder: Path, chosen: Chosen, number: int | None
) -> tuple[RunContext, list[ComparedCase]]:
    """The cases to calibrate with, of the implementations in a folder, and a context whose sides are all that folder.

    number: how many; None: every case of every implementation.
    """
    here = Tree("here", folder, "")
    context = replace(context, sources=sources_of(here, here))
    found = differences(*list_sides(context), replace(chosen, everything=True))
    return context, by_importance(found.compared)[:number]


def batch(
    context: RunContext, cases: Sequence[ComparedCase], number: int, so_far: Calibrating, *, slowed: bool, note: Note
) -> None:
    """One comparison: all cases, with or without slowed variants. slowed ones are all measured to the end, whatever a first
    stage says."""
    began = time.monotonic()
    settings = replace(context.settings, seed=context.settings.seed + number)
    seeded = replace(context, settings=settings)
    made = Differences(compared=list(cases))
    if not slowed:
        found = Comparing(seeded, made, note, threshold=so_far.threshold).run()
        for row in found.rows(Path(), so_far.threshold):
            trial = {"case": row.case, "injected": 0.0, "threshold": so_far.threshold, "comparison": so_far.comparisons}
            known = {"why": row.why} if row.excluded else {"setup": row.setup, "rules": rules(row.stages[0])}
            so_far.trials.append({**trial, "verdict": row.verdict, **known})
    else:
        comparing = Comparing(seeded, made, note, threshold=so_far.threshold, sides=(*SIDES, *slowed_sides()))
        for stage in range(len(STAGES)):
            comparing.measure_stage(stage, lambda: made.standing)
        whole = {case: mine for case, mine in comparing.samples.items() if case not in made.excluded}
        for injected, threshold, sides in kinds(so_far.threshold):
            judge(so_far, whole, injected, threshold, sides)
        first, second = ([stage_of(one.stages[at]).median for one in whole.values()] for at in range(len(STAGES)))
        so_far.aa.append((first, second))
    so_far.comparisons += 1
    so_far.seconds += time.monotonic() - began


def of_batch(note: Note, number: int, what: str, done: int, of: int) -> None:
    """Say what a batch is doing."""
    note(f"{what} (batch {number})", done, of)


def slowed_sides() -> Iterator[Side]:
    for share in SLOWDOWNS:
        yield Side(f"slower by {share:g}", HEAD, share)
    yield Side(f"slower by {FASTER:g}, again", HEAD, FASTER)


def kinds(threshold: float) -> Iterator[tuple[float, float, Triple]]:
    """Trials that a process serves: how much slower HEAD is, the threshold, and the sides that are compared."""
    yield 0.0, threshold, TRIPLE
    for share in SLOWDOWNS:
        yield share, threshold, (*TRIPLE[:2], f"slower by {share:g}")
    if threshold != FINE:
        yield SLOWDOWNS[0], FINE, (*TRIPLE[:2], f"slower by {SLOWDOWNS[0]:g}")
    slow = (f"slower by {FASTER:g}", f"slower by {FASTER:g}, again")
    yield 1 / (1 + FASTER) - 1, threshold, (*slow, TRIPLE[2])


def judge(
    so_far: Calibrating, measured: dict[ComparedCase, CaseSamples], injected: float, threshold: float, sides: Triple
) -> None:
    """The verdicts of one comparison, as compare gives them: of the cases that a first stage leaves open, by fresh processes."""
    first = {case: stage_of(mine.stages[0], sides) for case, mine in measured.items()}
    fresh = {case: stage_of(measured[case].stages[1], sides) for case in undecided(first, threshold)}
    for case, decision in decide((first, fresh), threshold).items():
        so_far.trials.append(
            {
                "case": case.name,
                "injected": injected,
                "threshold": threshold,
                "verdict": decision.verdict,
                "setup": decision.setup,
                "comparison": so_far.comparisons,
                "rules": rules(measured[case].stages[0], sides),
            }
        )


def rules(processes: Sequence[Process], sides: Triple = TRIPLE) -> dict[str, bool]:
    """What other tools' rules say of BASE in one process and HEAD in the next."""
    base, head = np.log(wall_times(processes[0][sides[0]])), np.log(wall_times(processes[1][sides[2]]))
    return {name: bool(rule(base, head)) for name, rule in RULES.items()}


def found(aa: Sequence[tuple[list[Paired], list[Paired]]], threshold: float) -> list[tuple[float, float]]:
    """By slowdown, the share of cases that would be called slower: the trials of identical code, moved by that much."""
    shares = []
    for slowdown in GRID:
        verdicts = [verdict for first, second in aa for verdict in moved(first, second, slowdown, threshold)]
        if verdicts:
            shares.append((slowdown, verdicts.count("slower") / len(verdicts)))
    return shares


def moved(first: Sequence[Paired], second: Sequence[Paired], slowdown: float, threshold: float) -> list[str]:
    """Verdicts of a comparison if each case were slower by so much: its median and its mean alike."""

    def slowed(pairs: Paired) -> Stage:
        moved = Paired([ratio + math.log1p(slowdown) for ratio in pairs.ratios], pairs.controls)
        return Stage(moved, moved)

    stages = dict(enumerate(map(slowed, first)))
    fresh = {at: slowed(second[at]) for at in undecided(stages, threshold)}
    return [decision.verdict for decision in decide((stages, fresh), threshold).values()]


def write(
    so_far: Calibrating, folder: Path, command: str, machine: dict[str, Any], warnings: Sequence[str] = ()
) -> None:
    """Keep the trials so far as ``calibration.json``. warnings: of what may have spoilt them. Raises ResultError."""
    content = frame_of("calibrate", command, machine, warnings)
    content["w2vbench"]["calibration"] = {
        "threshold": so_far.threshold,
        "comparisons": so_far.comparisons,
        "seconds": so_far.seconds,
        "trials": so_far.trials,
        "found": found(so_far.aa, so_far.threshold),
        "stages": [[[vars(one) for one in stage] for stage in both] for both in so_far.aa],
    }
    results.write(folder / "calibration.json", results.dump(content))


def resumed(folder: Path, threshold: float, machine: dict[str, Any]) -> Calibrating:
    """The trials that a folder's ``calibration.json`` has. Raises ResultError."""
    path = folder / "calibration.json"
    file = results.read(path)
    kept, then = file.w2vbench.calibration, file.w2vbench.environment
    if kept is None or kept.threshold != threshold:
        raise results.ResultError(f"{path}: no calibration at this threshold; without --add it is made anew")
    if any(then.get(name) != machine.get(name) for name in ("cpu", "cpus_allowed", "python", "packages")):
        raise results.ResultError(f"{path}: of another machine or other packages; without --add it is made anew")
    stages = getattr(kept, "stages", [])
    aa = [([Paired(**one) for one in first], [Paired(**one) for one in second]) for first, second in stages]
    return Calibrating(threshold, [dict(trial) for trial in kept.trials], aa, kept.comparisons, kept.seconds)


Rule = Callable[[Floats, Floats], bool]


def mann_whitney(base: Floats, head: Floats) -> bool:
    from scipy.stats import mannwhitneyu

    return bool(mannwhitneyu(head, base, alternative="greater").pvalue < 0.002)


def t_test(base: Floats, head: Floats) -> bool:
    """Welch's; of one sample a side it says nothing."""
    from scipy.stats import ttest_ind

    if min(len(base), len(head)) < 2:
        return False
    return bool(ttest_ind(np.exp(head), np.exp(base), equal_var=False, alternative="greater").pvalue < 0.05)


RULES: dict[str, Rule] = {
    "min + 2.5 %": lambda base, head: head.min() - base.min() > math.log(1.025),
    "median + 2.5 %": lambda base, head: float(np.median(head) - np.median(base)) > math.log(1.025),
    "Mann-Whitney, p < 0.002": mann_whitney,
    "t-test, p < 0.05": t_test,
}
"""What other tools say from logarithms of BASE's samples and of HEAD's, each of one process: whether HEAD is slower. Tests are one-sided."""
