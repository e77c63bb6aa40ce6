"""How well ``compare`` tells slower from the same on this machine: identical code against itself, and slowed by known shares.

Nothing here decides anything: launches and verdicts are those of ``compare``. A launch has more lanes, so that one
serves several trials: three of the code as it is (two for BASE, one for HEAD), one for each slowdown of HEAD's, and one
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

from bench.engine.race import Track
from reports import results
from reports.statistics import Floats
from reports.verdicts import Decision, Paired, Stage, decide, undecided

from .compare import (
    LANES,
    LOOKS,
    TRIPLE,
    Comparing,
    Contest,
    LaneSpec,
    Measured,
    Note,
    Plan,
    Triple,
    Wanted,
    by_weight,
    listed,
    plan,
    trees_of,
)
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
    """Trials so far. aa: both looks at identical code, batch by batch, for reckoning what slowdown would be found."""

    threshold: float
    trials: list[dict[str, Any]] = field(default_factory=list)
    aa: list[tuple[list[Paired], list[Paired]]] = field(default_factory=list)
    comparisons: int = 0
    seconds: float = 0.0


def cases(track: Track, folder: Path, wanted: Wanted, number: int | None) -> tuple[Track, list[Contest]]:
    """The cases to calibrate with, of the implementations in a folder, and a track whose sides are all that folder.

    number: how many; None: every case of every implementation.
    """
    here = Tree("here", folder, "")
    track = replace(track, trees=trees_of(here, here))
    made = plan(*listed(track), replace(wanted, everything=True))
    return track, by_weight(made.contests)[:number]


def batch(
    track: Track, contests: Sequence[Contest], number: int, so_far: Calibrating, slowed: bool, note: Note
) -> None:
    """One comparison: all cases, with or without slowed lanes. slowed ones are all raced to the end, whatever a first look says."""
    began = time.monotonic()
    seeded = replace(track, settings=replace(track.settings, seed=track.settings.seed + number))
    made = Plan(contests=list(contests))
    if not slowed:
        outcome = Comparing(seeded, made, note, so_far.threshold).run()
        for contest, decision in outcome.calls.items():
            add(so_far, contest, 0.0, so_far.threshold, decision, outcome.measured[contest], TRIPLE)
        for contest, (verdict, why) in made.fallen.items():
            trial = {
                "case": contest.case,
                "injected": 0.0,
                "threshold": so_far.threshold,
                "verdict": verdict,
                "why": why,
            }
            so_far.trials.append({**trial, "comparison": so_far.comparisons})
    else:
        comparing = Comparing(seeded, made, note, so_far.threshold, lanes=(*LANES, *slowed_lanes()))
        for look, launches in enumerate(LOOKS):
            comparing.look(look, launches, lambda: comparing.racing)
        whole = {contest: mine for contest, mine in comparing.measured.items() if contest not in made.fallen}
        for injected, threshold, lanes in kinds(so_far.threshold):
            judge(so_far, whole, injected, threshold, lanes)
        looks = [[measured.stage(look).median for measured in whole.values()] for look in range(len(LOOKS))]
        so_far.aa.append((looks[0], looks[1]))
    so_far.comparisons += 1
    so_far.seconds += time.monotonic() - began


def prefixed(note: Note, before: str, what: str, done: int, of: int) -> None:
    note(before + what, done, of)


def slowed_lanes() -> Iterator[LaneSpec]:
    for share in SLOWDOWNS:
        yield f"slower by {share:g}", "head", share
    yield f"slower by {FASTER:g}, again", "head", FASTER


def kinds(threshold: float) -> Iterator[tuple[float, float, Triple]]:
    """Trials that a launch serves: how much slower HEAD is, the threshold, and the lanes that are compared."""
    yield 0.0, threshold, TRIPLE
    for share in SLOWDOWNS:
        yield share, threshold, (*TRIPLE[:2], f"slower by {share:g}")
    if threshold != FINE:
        yield SLOWDOWNS[0], FINE, (*TRIPLE[:2], f"slower by {SLOWDOWNS[0]:g}")
    slow = (f"slower by {FASTER:g}", f"slower by {FASTER:g}, again")
    yield 1 / (1 + FASTER) - 1, threshold, (*slow, TRIPLE[2])


def judge(
    so_far: Calibrating, measured: dict[Contest, Measured], injected: float, threshold: float, lanes: Triple
) -> None:
    """The verdicts of one comparison, as compare gives them: of the cases that a first stage leaves open, by fresh launches."""
    first = {contest: mine.stage(0, lanes) for contest, mine in measured.items()}
    fresh = {contest: measured[contest].stage(1, lanes) for contest in undecided(first, threshold)}
    for contest, decision in decide((first, fresh), threshold).items():
        add(so_far, contest, injected, threshold, decision, measured[contest], lanes)


def add(
    so_far: Calibrating,
    contest: Contest,
    injected: float,
    threshold: float,
    decision: Decision,
    mine: Measured,
    lanes: Triple,
) -> None:
    base, again = mine.looks[0][0], mine.looks[0][1]
    so_far.trials.append(
        {
            "case": contest.case,
            "injected": injected,
            "threshold": threshold,
            "verdict": decision.verdict,
            "setup": decision.setup,
            "comparison": so_far.comparisons,
            "rules": {name: bool(rule(base[lanes[0]], again[lanes[2]])) for name, rule in RULES.items()},
        }
    )


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
        "looks": [[[vars(look) for look in looks] for looks in both] for both in so_far.aa],
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
    looks = getattr(kept, "looks", [])
    aa = [([Paired(**look) for look in first], [Paired(**look) for look in second]) for first, second in looks]
    return Calibrating(threshold, [dict(trial) for trial in kept.trials], aa, kept.comparisons, kept.seconds)


Rule = Callable[[Floats, Floats], bool]


def mann_whitney(base: Floats, head: Floats) -> bool:
    """One-sided, normal approximation; p < 0.002."""
    from scipy.special import ndtr

    n, m = len(base), len(head)
    wins = float((head[:, None] > base[None, :]).sum() + 0.5 * (head[:, None] == base[None, :]).sum())
    z = (wins - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)
    return bool(ndtr(-z) < 0.002)


def t_test(base: Floats, head: Floats) -> bool:
    """One-sided, Welch; p < 0.05."""
    from scipy.special import stdtr

    b, h = np.exp(base), np.exp(head)
    vb, vh = b.var(ddof=1) / len(b), h.var(ddof=1) / len(h)
    degrees = (vb + vh) ** 2 / (vb**2 / (len(b) - 1) + vh**2 / (len(h) - 1))
    return bool(stdtr(degrees, -(h.mean() - b.mean()) / math.sqrt(vb + vh)) < 0.05)


RULES: dict[str, Rule] = {
    "min + 2.5 %": lambda base, head: head.min() - base.min() > math.log(1.025),
    "median + 2.5 %": lambda base, head: float(np.median(head) - np.median(base)) > math.log(1.025),
    "Mann-Whitney, p < 0.002": mann_whitney,
    "t-test, p < 0.05": t_test,
}
"""What other tools say from logarithms of BASE's samples and of HEAD's, each of one process: whether HEAD is slower."""
