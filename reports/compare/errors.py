"""A simulation of how often a comparison errs, what it finds, and how many processes it takes.

Synthetic processes go through the functions that decide a comparison. Run ``python -m w2vbench.reports.compare.errors``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np
from w2vbench.reports.drawing.markdown import print_table
from w2vbench.reports.statistics.log_ratios import LogRatios, Paired
from w2vbench.reports.statistics.looks import LOOKS, Look, looks_after
from w2vbench.reports.statistics.problems import Floats
from w2vbench.reports.statistics.units import share_of
from w2vbench.reports.statistics.verdicts import Decision, decide

THRESHOLD, CASES, SPREAD = 0.02, 16, 0.009
"""Of a comparison; and the standard deviation of a ratio between processes, as measured on a quiet cloud machine."""
MEANS = 2.0
"""How many times as much means of times differ as their medians."""
SLOWED, LAYOUTS, DRIFT = 0.2, 0.05, 0.1
"""How much longer a slowed process takes; how much arrays at another place in memory cost; and the standard deviation of a step from
process to process, in those between processes."""
POWER_DIVISOR = 10
"""Divisor of the comparisons for what is found, which needs fewer than rare errors do."""

Effects = Callable[[np.random.Generator, tuple[int, ...], float], Floats]
"""Makes the logarithms of the times of identical code, of a shape (cases, processes, variants), with a standard deviation."""


def steady(rng: np.random.Generator, shape: tuple[int, ...], spread: float) -> Floats:
    return rng.normal(0, spread, shape)


KINDS: dict[str, Effects] = {
    "steady": steady,
    f"one in ten is slowed by {SLOWED * 100:g} %": lambda rng, shape, spread: (
        steady(rng, shape, spread) + math.log1p(SLOWED) * (rng.random(shape) < 0.1)
    ),
    f"half are slower by {LAYOUTS * 100:g} %, by their layout in memory": lambda rng, shape, spread: (
        steady(rng, shape, spread / 4) + math.log1p(LAYOUTS) * rng.integers(0, 2, shape)
    ),
    "drifting from one to the next": lambda rng, shape, spread: (
        steady(rng, shape, spread) + np.cumsum(rng.normal(0, DRIFT * spread, shape), axis=1)
    ),
}
FEWER_LOOKS = looks_after([9, 18])
LESS = "(9, 27)"
"""What the cost of LOOKS is compared with."""


@dataclass(frozen=True)
class Comparisons:
    """Comparisons of CASES cases that differ by as much."""

    effects: Effects  # how processes differ
    slower: float  # how much slower HEAD is
    looks: Sequence[Look] = LOOKS  # when decisions are made

    def decisions(self, repetitions: int) -> Iterator[list[Decision]]:
        """Yield the decisions of each comparison; the same processes for each choice of looks."""
        rng = np.random.default_rng(1)
        shape, spread = (CASES, LOOKS[-1].processes, 3), SPREAD / math.sqrt(1.5)
        shift = np.array([0.0, 0.0, math.log1p(self.slower)])
        for _ in range(repetitions):
            medians = self.effects(rng, shape, spread) + shift
            means = medians + rng.normal(0, math.sqrt(MEANS**2 - 1) * spread, shape)
            cases = {at: LogRatios(paired(medians[at]), paired(means[at])) for at in range(CASES)}
            yield list(decide(cases, THRESHOLD, looks=self.looks).values())


def paired(logs: Floats) -> Paired:
    """Return the log-ratios of processes, from the logarithms of the times of base, control and head."""
    base, control, head = logs.T
    return Paired(list(head - (base + control) / 2), list(control - base))


def errors(kind: str, slower: float, repetitions: int) -> list[str]:
    """Return how often any case is wrongly called slower or faster, and a case that is slower by the threshold the same."""
    row = [kind, text_of(slower)]
    for looks in (LOOKS, FEWER_LOOKS):
        calls = list(Comparisons(KINDS[kind], slower, looks).decisions(repetitions))
        alarms = [any(one.verdict in ("slower", "faster") for one in decisions) for decisions in calls]
        same = [one.verdict == "same" for decisions in calls for one in decisions]
        row += [share_of(alarms), share_of(same) if slower else ""]
    return row


def found(kind: str, slower: float, repetitions: int) -> list[str]:
    """Return the shares of verdicts on changed code, and how many processes they took; those with FEWER_LOOKS too."""
    calls = list(Comparisons(KINDS[kind], slower).decisions(repetitions))
    others = list(Comparisons(KINDS[kind], slower, FEWER_LOOKS).decisions(repetitions))
    verdicts = [one.verdict for decisions in calls for one in decisions]
    shares = [f"{verdicts.count(verdict) / len(verdicts):.1%}" for verdict in ("slower", "same", "inconclusive")]
    return [kind, text_of(slower), *shares, *processes(calls), *processes(others)]


def processes(calls: Sequence[Sequence[Decision]]) -> list[str]:
    """Return how many processes a case took, and a comparison, which goes on until its last case is decided."""
    cases = mean(one.processes for decisions in calls for one in decisions)
    return [f"{cases:.1f}", f"{mean(max(one.processes for one in decisions) for decisions in calls):.1f}"]


def text_of(slower: float) -> str:
    return f"{slower * 100:g} % slower" if slower else "the same"


def main(repetitions: int) -> None:
    """Print both tables as Markdown."""
    figures = ("any slower or faster", "a case the same")
    print_table(
        ("processes", "HEAD is", *figures, *(f"{text} {LESS}" for text in figures)),
        (errors(kind, slower, repetitions) for kind in KINDS for slower in (0.0, THRESHOLD)),
    )
    print()
    verdicts, figures = ("called slower", "the same", "inconclusive"), ("of a case", "of a comparison")
    print_table(
        ("processes", "HEAD is", *verdicts, *figures, *(f"{text} {LESS}" for text in figures)),
        (
            found(kind, slower, max(1, repetitions // POWER_DIVISOR))
            for kind in list(KINDS)[:2]
            for slower in (0.0, 0.03, 0.05, 0.1, 0.2, 0.8)
        ),
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
