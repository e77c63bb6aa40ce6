"""A simulation of how often intervals include the true value, and how often the fastest is named correctly.

Synthetic samples go through the same functions as a report's figures and sentences. Run ``python -m w2vbench.reports.others.coverage``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from w2vbench.reports.drawing.markdown import cells
from w2vbench.reports.file.schema.fields import Samples
from w2vbench.reports.file.schema.result import Extra, Row, SizeRecord, Stats
from w2vbench.reports.findings.answers import Answer
from w2vbench.reports.findings.ranking import Ranking, looks, rank, winner_speedup
from w2vbench.reports.statistics.problems import Floats, paired_ratio, share_interval, typical_figure
from w2vbench.reports.statistics.units import share_text

PROCESSES, ROUNDS = 4, 5
"""Planned processes and rounds in the presets quick and default, for calls of a few milliseconds at most."""
IMPLEMENTATIONS = 10
TIMES_FASTER, TIMES_SLOWER = 1.2, 10.0
ALIKE, SPREADS = (2, 6, 10), (0.01, 0.05, 0.2, 0.35, 0.5)
"""Numbers of identical implementations, and standard deviations between processes, for which looks are simulated."""
SLOWED = (1.1, 2.0)
"""Range of factors of a process that is slowed as a whole; uniform."""
SPIKE = (1.1, 3.0)
"""Range of factors of a sample that is interrupted; uniform."""


@dataclass(frozen=True)
class Disturbances:
    """Disturbances of a run; standard deviations are of logarithms."""

    round_sd: float = 0.02  # standard deviation of a sample
    # standard deviation of the change of the machine's speed between rounds, common to all implementations
    drift_sd: float = 0.05
    # standard deviation of an implementation in a process, since its memory layout stays the same
    process_sd: float = 0.01
    spikes: float = 0.02  # share of samples that are interrupted
    slowed: float = 0.0  # share of processes that are slowed as a whole


USUAL = Disturbances()
ONE_IN_TEN = replace(USUAL, slowed=0.1)


def run(
    rng: np.random.Generator, noise: Disturbances, implementations: int, rounds: int, processes: int = PROCESSES
) -> Floats:
    """Simulate seconds per call of implementations that take one second each: (processes, implementations, rounds)."""
    shape = (processes, implementations, rounds)
    logs = rng.normal(0, noise.round_sd, shape) + rng.normal(0, noise.process_sd, (*shape[:2], 1))
    logs += np.cumsum(rng.normal(0, noise.drift_sd, (processes, 1, rounds)), axis=2)
    logs += (rng.random(shape) < noise.spikes) * np.log(rng.uniform(*SPIKE, shape))
    logs += (rng.random((processes, 1, 1)) < noise.slowed) * np.log(rng.uniform(*SLOWED, (processes, 1, 1)))
    return np.exp(logs)


def ratio_coverage(noise: Disturbances, rounds: int, repetitions: int, processes: int = PROCESSES) -> int:
    """Count the intervals of a speed-up that include the true one."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(repetitions):
        samples = run(rng, noise, 2, rounds, processes)
        ratio = paired_ratio(list(samples[:, 0]), list(samples[:, 1]))
        covered += ratio is not None and ratio.includes(1.0)
    return covered


def wall_coverage(noise: Disturbances, rounds: int, repetitions: int) -> int:
    """Count the intervals of a wall time that include the time of an undisturbed process."""
    rng = np.random.default_rng(2)
    without_drift = replace(noise, drift_sd=0.0)  # no estimate can remove a drift of the whole machine
    many = run(np.random.default_rng(3), replace(without_drift, slowed=0.0), 1, rounds, 100_000)[:, 0]
    truth = float(np.median(np.median(many, axis=1)))
    runs = (list(run(rng, without_drift, 1, rounds)[:, 0]) for _ in range(repetitions))
    return sum(typical_figure(processes).includes(truth) for processes in runs)


SIZE = SizeRecord(V=10_000, H=100, B=100, K=0, dtype="f32", index="i64", words="zipf", threads=1)
SIZE_NAME = "V=1e4,H=100,B=100,f32,i64,zipf,t1"


def problem(wall_s: Floats) -> list[Row]:
    """Rows of a result file from seconds: (processes, implementations, rounds). The last implementation is the baseline."""
    rows = []
    for at in range(wall_s.shape[1]):
        processes = [Samples(wall_s=samples.tolist(), cpu_s=samples.tolist()) for samples in wall_s[:, at]]
        extra = Extra(
            kernel="lookup",
            implementation=f"way-{at}",
            title=f"way {at}",
            size=SIZE,
            baseline=at == wall_s.shape[1] - 1,
            processes=processes,
        )
        figures = dict.fromkeys(("min", "max", "mean", "median"), float(np.median(wall_s[:, at])))
        stats = Stats(**figures, stddev=0.0, rounds=wall_s.shape[2], iterations=1)
        name = f"lookup/way-{at}@{SIZE_NAME}"
        rows.append(Row(group=f"lookup@{SIZE_NAME}", name=name, fullname=name, extra_info=extra, stats=stats))
    return rows


def problems(factors: Sequence[float], noise: Disturbances, rounds: int, repetitions: int) -> Iterator[list[Row]]:
    """Simulate problems whose implementations take ``factors`` seconds; the last is the baseline."""
    rng = np.random.default_rng(4)
    for _ in range(repetitions):
        yield problem(run(rng, noise, len(factors), rounds) * np.asarray(factors)[:, None])


IDENTICAL = [*[1.0] * IMPLEMENTATIONS, TIMES_SLOWER]
"""Times of IMPLEMENTATIONS that are equally fast, and of a slower baseline."""
ONE_FASTER = [1 / TIMES_FASTER, *IDENTICAL[1:]]
"""The same times, but the first implementation is TIMES_FASTER."""


def ties(noise: Disturbances, rounds: int, repetitions: int) -> int:
    """Count the problems of identical implementations that end in a tie of all of them."""
    simulated = problems(IDENTICAL, noise, rounds, repetitions)
    return sum(len(rank(rows).fastest) == IMPLEMENTATIONS for rows in simulated)


def none_slower(noise: Disturbances, rounds: int, repetitions: int) -> int:
    """Count the problems in which no identical implementation is called slower: each ties or is undecided."""
    rankings = map(rank, problems(IDENTICAL, noise, rounds, repetitions))
    return sum(len(ranking.fastest) + len(ranking.undecided) >= IMPLEMENTATIONS for ranking in rankings)


def fastest_named(noise: Disturbances, rounds: int, repetitions: int) -> int:
    """Count the problems in which the implementation that is TIMES_FASTER is named as the only fastest."""
    rankings = map(rank, problems(ONE_FASTER, noise, rounds, repetitions))
    return sum(one.one_winner and one.leader.slug == "way-0" for one in rankings)


def winner_coverage(noise: Disturbances, rounds: int, repetitions: int) -> int:
    """Count the intervals of the speed-up of whichever identical implementation leads that include the true one."""
    covered = 0
    for rows in problems(IDENTICAL, noise, rounds, repetitions):
        ratio = winner_speedup(rank(rows).leader, rows[-1], rows)
        covered += ratio is not None and ratio.includes(TIMES_SLOWER)
    return covered


def stopped(factors: Sequence[float], spread: float, repetitions: int) -> Iterator[tuple[list[Row], Ranking]]:
    """Simulate problems that get further processes until a look finds them decided, and rank each as it stands then.

    Parameters
    ----------
    factors
        Seconds that the implementations take; the last is the baseline.
    spread
        Standard deviation of an implementation's logarithm between processes.
    repetitions
        Problems to simulate.
    """
    rng, noise, processes = np.random.default_rng(5), replace(USUAL, process_sd=spread), looks(PROCESSES)
    for _ in range(repetitions):
        wall_s = run(rng, noise, len(factors), ROUNDS, processes[-1]) * np.asarray(factors)[:, None]
        for look in processes:
            rows = problem(wall_s[:look])
            ranking = rank(rows)
            if look == processes[-1] or Answer("", tuple(rows), ranking).decided:
                yield rows, ranking
                break


def any_slower(alike: int, spread: float, repetitions: int) -> int:
    """Count the problems of identical implementations in which any is called slower, at whichever look the run stops."""
    rankings = (ranking for _, ranking in stopped([1.0] * alike, spread, repetitions))
    return sum(len(ranking.fastest) + len(ranking.undecided) < alike for ranking in rankings)


def winner_coverage_of_looks(alike: int, spread: float, repetitions: int) -> int:
    """Count the intervals of the winner's speed-up that include the true one, at whichever look the run stops."""
    found = stopped([*[1.0] * alike, TIMES_SLOWER], spread, repetitions)
    ratios = (winner_speedup(ranking.leader, rows[-1], rows) for rows, ranking in found)
    return sum(ratio is not None and ratio.includes(TIMES_SLOWER) for ratio in ratios)


QUESTIONS: tuple[tuple[str, Callable[[Disturbances, int, int], int], int], ...] = (
    ("the interval of a speed-up includes the true one", ratio_coverage, 1),
    ("the interval of a wall time includes that of an undisturbed process", wall_coverage, 1),
    (
        "the speed-up's interval of the leader of ten identical implementations includes the true one",
        winner_coverage,
        4,
    ),
    ("ten identical implementations tie", ties, 4),
    ("none of ten identical implementations is called slower", none_slower, 4),
    (f"an implementation {TIMES_FASTER:g} times as fast as nine others is named as the fastest", fastest_named, 4),
)
"""What is simulated, the function that counts it, and the divisor of the repetitions, since whole problems take longer."""


AT_ANY_LOOK: tuple[tuple[str, Callable[[int, float, int], int]], ...] = (
    ("any of identical implementations is called slower, at whichever look the run stops", any_slower),
    ("the winner's interval includes the true one, at whichever look the run stops", winner_coverage_of_looks),
)
"""What is simulated of runs that look several times, and the function that counts it."""
LOOKS_DIVISOR = 4
"""Divisor of the repetitions of AT_ANY_LOOK, since each problem may be ranked three times."""


def main(repetitions: int) -> None:
    """Print the share of each of QUESTIONS, and of AT_ANY_LOOK, as Markdown tables."""
    print(cells(("what", "rounds per process", "one process in ten slowed", "share")))
    print(cells(["---"] * 4))
    for what, count, divisor in QUESTIONS:
        tries = max(1, repetitions // divisor)
        for rounds in (ROUNDS, 3, 1):
            for noise in (USUAL, ONE_IN_TEN):
                share = share_text(share_interval(count(noise, rounds, tries), tries))
                print(cells((what, str(rounds), "yes" if noise.slowed else "no", share)), flush=True)
    tries = max(1, repetitions // LOOKS_DIVISOR)
    print(f"\nAfter {', '.join(map(str, looks(PROCESSES)))} processes:\n")
    print(cells(("what", "identical implementations", "spread between processes", "share")))
    print(cells(["---"] * 4))
    for what, count_at in AT_ANY_LOOK:
        for alike in ALIKE:
            for spread in SPREADS:
                share = share_text(share_interval(count_at(alike, spread, tries), tries))
                print(cells((what, str(alike), f"{spread * 100:g} %", share)), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8_000)
