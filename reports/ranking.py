"""Who is the fastest of a problem, as far as a test tells: the leader, those that tie with it, and those that noise leaves open."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean

import numpy as np

from .frame import example_s, speedup, work_ratio
from .results import Row
from .samples import walls
from .statistics import LEAST, LEVEL, Floats, Interval, process_logs

AS_FAST = 1.03
"""Cases whose time is within this factor of the fastest count as just as fast: less does not matter."""

MAY_BE_AS_FAST = 1.15
"""So do those within this factor that no test tells from it; beyond it, what no test tells is noise and not a tie."""

ERROR = 0.05
"""Probability that of identical implementations any is called slower than the one that led by chance."""
SIMULATED, MANY = 10_000, 20
"""Problems simulated to hold ERROR, and processes beyond which more change nothing."""


@dataclass(frozen=True)
class Standing:
    """How a problem came out.

    leader: has the least wall time, an example where calls cover unlike numbers of them. as_fast: the leader and those
    that tie with it, as far as can be told, the simplest first: the baseline, else what needs least installed, else what
    stands first in the file. undecided: took longer by so much that it is no tie, and yet no test tells them from the
    leader; empty where there is no test. processes: how many there were to test by. cases: how many there are.
    """

    leader: Row
    as_fast: tuple[Row, ...]
    undecided: tuple[Row, ...]
    processes: int
    cases: int

    @property
    def advised(self) -> Row:
        """The one to use."""
        return self.as_fast[0]

    @property
    def tie(self) -> bool:
        """Whether there is no single fastest."""
        return len(self.as_fast) > 1

    @property
    def tested(self) -> bool:
        """Whether there were processes enough for a test, or nothing to be tested."""
        return self.processes >= LEAST or self.cases == 1

    @property
    def settled(self) -> bool:
        """Whether a test tells, of each case, that it is slower or that it ties."""
        return self.tested and not self.undecided


def family(row: Row) -> int:
    """How much an implementation needs beside NumPy and SciPy: nothing, a compiler, a framework."""
    needs = set(row.extra_info.needs)
    return 0 if not needs else 1 if needs <= {"numba"} else 2


def standing(problem: Sequence[Row]) -> Standing:
    """How a problem came out. Raises ValueError for a problem without cases.

    What differs from the leader by less than AS_FAST ties with it. What the test (``slower``) calls slower does not. Of
    the rest, what is within MAY_BE_AS_FAST ties too.
    """
    leader = min(problem, key=example_s)
    logs = [by_example(row, leader) for row in problem]
    processes = len(leader.extra_info.processes)
    as_fast, undecided = [], []
    for row, ratios, is_slower in zip(problem, logs, slower(logs), strict=True):
        apart = math.exp(fmean(ratios)) if ratios else example_s(row) / example_s(leader)
        if row is leader or apart < AS_FAST or (apart < MAY_BE_AS_FAST and not is_slower):
            as_fast.append(row)
        elif not is_slower and processes >= LEAST:
            undecided.append(row)
    as_fast.sort(key=lambda row: (not row.extra_info.baseline, family(row)))
    return Standing(leader, tuple(as_fast), tuple(undecided), processes, len(problem))


def by_example(row: Row, leader: Row) -> list[float]:
    """How much longer a case takes than the leader, an example, as one logarithm a process."""
    more = math.log(work_ratio(row, leader))
    return [log - more for log in process_logs(walls(row.extra_info.processes), walls(leader.extra_info.processes))]


def advertised(row: Row, baseline: Row, problem: Sequence[Row]) -> Interval | None:
    """The speed-up of a problem's winner with an interval that allows for its having been chosen.

    Its level is such that the intervals of all speed-ups of the problem hold at once with LEVEL (Bonferroni), hence whichever
    is chosen.
    """
    return speedup(row, baseline, 1 - (1 - LEVEL) / max(1, len(problem) - 1))


def slower(logs: Sequence[Sequence[float]]) -> list[bool]:
    """Which implementations are slower than the leader of their problem, by paired t-tests that allow for its choice.

    logs: for each, the leader included, its log-ratio to the leader in each process; of fewer than LEAST nothing is told.
    From the smallest p-value up, each must be at most what ERROR of problems of as many identical implementations as are
    still in doubt stay below (``critical``); the first that is not ends the search. So if all are identical, the
    probability that any is called slower is ERROR.
    """
    found, p = [False] * len(logs), [1.0] * len(logs)
    for processes in {len(ratios) for ratios in logs if len(ratios) >= LEAST}:
        alike = [at for at, ratios in enumerate(logs) if len(ratios) == processes]
        for at, value in zip(alike, p_values(np.array([[logs[at] for at in alike]]).swapaxes(1, 2))[0], strict=True):
            p[at] = float(value)
    in_doubt = sum(len(ratios) >= LEAST for ratios in logs)
    for at in sorted(range(len(logs)), key=lambda at: p[at]):
        if in_doubt < 2 or p[at] > critical(in_doubt, min(len(logs[at]), MANY)):
            break
        found[at], in_doubt = True, in_doubt - 1
    return found


def p_values(logs: Floats) -> Floats:
    """Two-sided p-values of paired t-tests against "as fast as the leader": two-sided, since the data chose who leads.

    logs: (problems, processes, implementations), log-ratios to the leader. Returns (problems, implementations).
    """
    from scipy.special import stdtr

    processes = logs.shape[1]
    error = logs.std(axis=1, ddof=1) / math.sqrt(processes)
    mean = np.abs(logs.mean(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stdtr(processes - 1, -mean / error)
    return np.where(error > 0, p, np.where(mean > 0, 0.0, 1.0))


@cache
def critical(implementations: int, processes: int) -> float:
    """The p-value that the smallest of a problem of identical implementations, each set against the one that led, is at or
    below in ERROR of problems: by simulation (normal, equal scatter; with spikes or unequal scatter it is lower still)."""
    rng = np.random.default_rng([implementations, processes])
    logs = rng.standard_normal((SIMULATED, processes, implementations))
    leader = logs.mean(axis=1).argmin(axis=1)
    behind = logs - np.take_along_axis(logs, leader[:, None, None], axis=2)
    p = p_values(behind)
    np.put_along_axis(p, leader[:, None], 1.0, axis=1)
    return float(np.quantile(p.min(axis=1), ERROR))
