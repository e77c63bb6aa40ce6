"""Which implementation of a problem is fastest: the leader, those that tie with it, and those that noise leaves undecided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean

import numpy as np
from w2vbench.reports.file.frame import example_s, speedup, work_ratio
from w2vbench.reports.file.schema.result import Row
from w2vbench.reports.statistics.problems import LEAST, LEVEL, Floats, Interval, process_logs

AS_FAST = 1.03
"""Cases within this factor of the leader's time tie with it, whatever the test says: a smaller difference does not matter. See VAGUE."""

MAY_BE_AS_FAST = 1.15
"""Cases within this factor tie too, unless the test calls them slower. Beyond it, what the test leaves open is undecided. See VAGUE."""

VAGUE = 3.0
"""A ratio is hardly known if the ends of its interval differ by this factor. Such a case never ties with the leader."""

ERROR = 0.018
"""Probability that any of several identical implementations is called slower than the one that led by chance, at one look.

A run looks up to three times (``looks``), and stops at the first that leaves nothing undecided. Of all looks together it is
below 5 %, whatever the noise (``python -m w2vbench.reports.others.coverage``).
"""
FURTHER = (1, 1.5, 2)
"""Looks, in multiples of the planned processes."""
SIMULATED, MANY = 10_000, 20
"""Problems simulated to find the critical p-value; and the number of processes beyond which it hardly changes."""


@dataclass(frozen=True)
class Ranking:
    """The result of comparing a problem's cases with the fastest of them."""

    leader: Row  # the case with the least wall time; per example, where calls cover different numbers of examples
    # The leader and the cases that tie with it. The simplest comes first: the baseline, else an exact one, else the one
    # that needs the fewest packages, else the first in the file.
    fastest: tuple[Row, ...]
    # Cases that neither tie nor are called slower by the test. Empty where there is no test.
    undecided: tuple[Row, ...]
    processes: int  # how many processes the test has
    cases: int  # how many cases the problem has

    @property
    def recommended(self) -> Row:
        """The case to use."""
        return self.fastest[0]

    @property
    def tie(self) -> bool:
        """Whether several cases are the fastest."""
        return len(self.fastest) > 1

    @property
    def tested(self) -> bool:
        """Whether there were enough processes for a test, or only one case."""
        return self.processes >= LEAST or self.cases == 1

    @property
    def conclusive(self) -> bool:
        """Whether every case is known to be slower or to tie."""
        return self.tested and not self.undecided

    @property
    def one_winner(self) -> bool:
        """Whether every other case is known to be slower than the leader."""
        return self.conclusive and not self.tie


def looks(processes: int) -> tuple[int, ...]:
    """Return after how many processes a run looks whether a problem is decided. They are fixed beforehand."""
    return tuple(math.ceil(processes * times) for times in FURTHER)


def family(row: Row) -> int:
    """What an implementation needs beside NumPy and SciPy: 0 for nothing, 1 for a compiler, 2 for a framework."""
    needs = set(row.extra_info.needs)
    return 0 if not needs else 1 if needs <= {"numba"} else 2


def approximate(title: str) -> bool:
    """Whether an implementation's title says that its result is not exact: of several that tie, it is not recommended."""
    return "approximate" in title


def rank(problem: Sequence[Row]) -> Ranking:
    """Compare a problem's cases with the fastest of them.

    A case ties with the leader if it is within AS_FAST, or if it is within MAY_BE_AS_FAST and the test (``slower``) does not
    call it slower; but not if its ratio is hardly known. What neither ties nor is called slower is undecided.

    Raises
    ------
    ValueError
        If the problem has no cases.
    """
    leader = min(problem, key=example_s)
    logs = [logs_per_example(row, leader) for row in problem]
    processes = len(leader.extra_info.processes)
    fastest, undecided = [], []
    for row, ratios, is_slower in zip(problem, logs, slower(logs), strict=True):
        ratio = math.exp(fmean(ratios)) if ratios else example_s(row) / example_s(leader)
        close = ratio < AS_FAST or (ratio < MAY_BE_AS_FAST and not is_slower)
        if row is leader or (close and not hardly_known(winner_speedup(leader, row, problem))):
            fastest.append(row)
        elif not is_slower and processes >= LEAST:
            undecided.append(row)
    fastest.sort(key=lambda row: (not row.extra_info.baseline, approximate(row.extra_info.title), family(row)))
    return Ranking(leader, tuple(fastest), tuple(undecided), processes, len(problem))


def logs_per_example(row: Row, leader: Row) -> list[float]:
    """How much longer a case takes than the leader per example, as one logarithm per process."""
    more = math.log(work_ratio(row, leader))
    return [log - more for log in process_logs(row.wall_logs, leader.wall_logs)]


def winner_speedup(row: Row, baseline: Row, problem: Sequence[Row]) -> Interval | None:
    """Return the speed-up of a problem's winner, with an interval that allows for its having been chosen.

    The intervals of all speed-ups of the problem hold simultaneously at LEVEL (Bonferroni), so that of the chosen one does.
    """
    return speedup(row, baseline, 1 - (1 - LEVEL) / max(1, len(problem) - 1))


def hardly_known(ratio: Interval | None) -> bool:
    """Whether a ratio has an interval whose ends differ by the factor VAGUE."""
    if ratio is None or ratio.low is None or ratio.high is None:
        return False
    return ratio.high > VAGUE * max(ratio.low, 1e-12)


def slower(logs: Sequence[Sequence[float]]) -> list[bool]:
    """Return which implementations are slower than the leader of their problem, by paired t-tests that allow for its choice.

    The p-values are taken from the smallest up. Each must be at most the critical value for as many identical
    implementations as are still in doubt (``critical``); the first that is not ends the search. If all are identical, the
    probability that any is called slower is therefore ERROR.

    Parameters
    ----------
    logs
        For each implementation, the leader included, its log-ratio to the leader in each process. Implementations with
        fewer than LEAST processes are never called slower.
    """
    is_slower, p = [False] * len(logs), [1.0] * len(logs)
    for processes in {len(ratios) for ratios in logs if len(ratios) >= LEAST}:
        group = [at for at, ratios in enumerate(logs) if len(ratios) == processes]
        for at, value in zip(group, p_values(np.array([[logs[at] for at in group]]).swapaxes(1, 2))[0], strict=True):
            p[at] = float(value)
    in_doubt = sum(len(ratios) >= LEAST for ratios in logs)
    for at in sorted(range(len(logs)), key=lambda at: p[at]):
        if in_doubt < 2 or p[at] > critical(in_doubt, min(len(logs[at]), MANY)):
            break
        is_slower[at], in_doubt = True, in_doubt - 1
    return is_slower


def p_values(logs: Floats) -> Floats:
    """Return p-values of paired t-tests against "as fast as the leader".

    They are two-sided, since the data chose the leader.

    Parameters
    ----------
    logs
        Log-ratios to the leader: (problems, processes, implementations).

    Returns
    -------
    ndarray
        (problems, implementations).
    """
    from scipy.special import stdtr  # scipy.stats takes milliseconds a call, and much longer to import

    processes = logs.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):  # the leader's own ratios are all zero
        t = logs.mean(axis=1) / (logs.std(axis=1, ddof=1) / math.sqrt(processes))
    return np.where(np.isnan(t), 1.0, 2 * stdtr(processes - 1, -np.abs(t)))


@cache
def critical(implementations: int, processes: int) -> float:
    """Return the critical value for the smallest p-value of a problem of identical implementations.

    Each is tested against the one that led; in ERROR of the problems the smallest p-value is at or below this value. It is
    simulated for normal noise of equal spread. Spikes or unequal spread make the true error rate lower still.
    """
    rng = np.random.default_rng([implementations, processes])
    logs = rng.standard_normal((SIMULATED, processes, implementations))
    leader = logs.mean(axis=1).argmin(axis=1)
    behind = logs - np.take_along_axis(logs, leader[:, None, None], axis=2)
    p = p_values(behind)
    np.put_along_axis(p, leader[:, None], 1.0, axis=1)
    return float(np.quantile(p.min(axis=1), ERROR))
