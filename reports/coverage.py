"""How often intervals hold the truth, and how often a fastest is rightly named, by simulation: ``python -m reports.coverage``.

The samples are made up, and go through the functions that a report's figures and words come from.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from .results import Extra, Row, Samples, SizeRecord, Stats
from .standing import advertised, standing
from .statistics import Floats, Interval, over_processes, paired_ratio, share_interval, typical_figure
from .tables import cells

PROCESSES, ROUNDS = 5, 5
"""What the presets quick and default give an implementation of which a call takes a few milliseconds at most."""
IMPLEMENTATIONS = 10
TIMES_FASTER = 1.2
SLOWED = (1.1, 2.0)
"""By how much a process is slower that is slowed as a whole: anything between, alike often."""
SPIKE = (1.1, 3.0)
"""By how much a sample takes longer that something interrupts."""


@dataclass(frozen=True)
class Noise:
    """What disturbs a run; standard deviations are of logarithms.

    round_sd: of a sample. drift_sd: of the machine's speed from round to round, the same for all implementations.
    process_sd: of an implementation in a process, which keeps its memory layout. spikes: share of samples that are
    interrupted. slowed: share of processes that are slowed as a whole.
    """

    round_sd: float = 0.02
    drift_sd: float = 0.05
    process_sd: float = 0.01
    spikes: float = 0.02
    slowed: float = 0.0


USUAL = Noise()
ONE_IN_TEN = replace(USUAL, slowed=0.1)


def run(
    rng: np.random.Generator, noise: Noise, implementations: int, rounds: int, processes: int = PROCESSES
) -> Floats:
    """Seconds a call of implementations that take a second each: (processes, implementations, rounds)."""
    shape = (processes, implementations, rounds)
    logs = rng.normal(0, noise.round_sd, shape) + rng.normal(0, noise.process_sd, (*shape[:2], 1))
    logs += np.cumsum(rng.normal(0, noise.drift_sd, (processes, 1, rounds)), axis=2)
    logs += (rng.random(shape) < noise.spikes) * np.log(rng.uniform(*SPIKE, shape))
    logs += (rng.random((processes, 1, 1)) < noise.slowed) * np.log(rng.uniform(*SLOWED, (processes, 1, 1)))
    return np.exp(logs)


def ratio_held(noise: Noise, rounds: int, repetitions: int, processes: int = PROCESSES) -> int:
    """How many intervals of a speed-up hold the true one."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(repetitions):
        made = run(rng, noise, 2, rounds, processes)
        ratio = paired_ratio(list(made[:, 0]), list(made[:, 1]))
        held += ratio is not None and ratio.includes(1.0)
    return held


def wall_held(noise: Noise, rounds: int, repetitions: int, trimmed: bool = True) -> int:
    """How many intervals of a wall time hold that of a process which nothing slows.

    trimmed: as the suite does it, or by the plain mean of the same processes and its t-interval.
    """
    rng = np.random.default_rng(2)
    still = replace(noise, drift_sd=0.0)  # a drift is the machine's, and no estimate's to know
    truth = undisturbed(rounds, still)
    held = 0
    for _ in range(repetitions):
        processes = list(run(rng, still, 1, rounds)[:, 0])
        wall = typical_figure(processes) if trimmed else plain_mean(processes)
        held += wall.includes(truth)
    return held


def plain_mean(processes: Sequence[Floats]) -> Interval:
    return over_processes([math.log(np.median(samples)) for samples in processes]).map(math.exp)


def undisturbed(rounds: int, noise: Noise) -> float:
    """What the middle one of many processes gives that nothing slows."""
    many = run(np.random.default_rng(3), replace(noise, slowed=0.0), 1, rounds, 100_000)[:, 0]
    return float(np.median(np.median(many, axis=1)))


SIZE = SizeRecord(V=10_000, H=100, B=100, K=0, dtype="f32", index="i64", words="zipf", threads=1)


def problem(made: Floats) -> list[Row]:
    """Rows of a result file from (processes, implementations, rounds) of seconds; the last one is the baseline."""
    rows, middles = [], np.median(made, axis=(0, 2)).tolist()
    for at in range(made.shape[1]):
        processes = [Samples(wall_s=samples.tolist(), cpu_s=samples.tolist()) for samples in made[:, at]]
        extra = Extra(
            kernel="lookup",
            implementation=f"way-{at}",
            title=f"way {at}",
            size=SIZE,
            baseline=at == made.shape[1] - 1,
            processes=processes,
        )
        figures = dict.fromkeys(("min", "max", "mean", "median"), middles[at])
        name = f"lookup/way-{at}@V=1e4,H=100,B=100,f32,i64,zipf,t1"
        stats = Stats(**figures, stddev=0.0, rounds=made.shape[2], iterations=1)
        rows.append(
            Row(
                group="lookup@V=1e4,H=100,B=100,f32,i64,zipf,t1",
                name=name,
                fullname=name,
                extra_info=extra,
                stats=stats,
            )
        )
    return rows


def problems(
    factors: Sequence[float], noise: Noise, rounds: int, repetitions: int, processes: int = PROCESSES
) -> Iterator[list[Row]]:
    """Simulated problems. factors: seconds that each implementation takes, the baseline's last."""
    rng = np.random.default_rng(4)
    for _ in range(repetitions):
        yield problem(run(rng, noise, len(factors), rounds, processes) * np.asarray(factors)[:, None])


def identical(slowest: float = 10.0) -> list[float]:
    """IMPLEMENTATIONS that are as fast as each other, and a baseline that takes that much longer."""
    return [*[1.0] * IMPLEMENTATIONS, slowest]


def one_faster(slowest: float = 10.0) -> list[float]:
    """One of IMPLEMENTATIONS is TIMES_FASTER than the others."""
    return [1 / TIMES_FASTER, *identical(slowest)[1:]]


def ties(noise: Noise, rounds: int, repetitions: int) -> int:
    """How many problems of identical implementations end in a tie of all of them."""
    found = (standing(rows) for rows in problems(identical(), noise, rounds, repetitions))
    return sum(len(how.as_fast) == IMPLEMENTATIONS for how in found)


def none_slower(noise: Noise, rounds: int, repetitions: int) -> int:
    """How many problems call none of identical implementations slower than another: it ties, or is left open."""
    found = (standing(rows) for rows in problems(identical(), noise, rounds, repetitions))
    return sum(len(how.as_fast) + len(how.undecided) >= IMPLEMENTATIONS for how in found)


def named(noise: Noise, rounds: int, repetitions: int) -> int:
    """How many problems find the one that is TIMES_FASTER than all others, and call it the fastest."""
    found = (standing(rows) for rows in problems(one_faster(), noise, rounds, repetitions))
    return sum(how.settled and not how.tie and how.leader.name.startswith("lookup/way-0@") for how in found)


def winner_held(noise: Noise, rounds: int, repetitions: int) -> int:
    """How many of the speed-ups that are advertised, of whichever identical implementation leads, hold the true one."""
    held = 0
    for rows in problems(identical(), noise, rounds, repetitions):
        ratio = advertised(standing(rows).leader, rows[-1], rows)
        held += ratio is not None and ratio.includes(10.0)
    return held


QUESTIONS: tuple[tuple[str, Callable[[Noise, int, int], int], int], ...] = (
    ("the interval of a speed-up holds the true one", ratio_held, 1),
    ("the interval of a wall time holds an undisturbed process's", wall_held, 1),
    ("the same by plain means, which are not used", partial(wall_held, trimmed=False), 1),
    ("the advertised speed-up of the leader of ten alike holds the true one", winner_held, 4),
    ("ten alike end in a tie of all ten", ties, 4),
    ("none of ten alike is called slower", none_slower, 4),
    (f"one {TIMES_FASTER:g} times as fast as nine others is called the fastest", named, 4),
)
"""What is asked, how it is counted, and by what the repetitions are divided, since whole problems take longer."""


def main(repetitions: int) -> None:
    """Print what holds how often, as a table of Markdown."""
    print(cells(("what", "rounds a process", "one process in ten slowed", "share")))
    print(cells(["---"] * 4))
    for what, count, divided in QUESTIONS:
        tries = max(1, repetitions // divided)
        for rounds in (ROUNDS, 3, 1):
            for noise in (USUAL, ONE_IN_TEN):
                share = share_interval(count(noise, rounds, tries), tries)
                ends = f"({share.low:.1%}–{share.high:.1%})"
                slowed = "yes" if noise.slowed else "no"
                print(cells((what, str(rounds), slowed, f"{share.estimate:.1%} {ends}")), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8_000)
