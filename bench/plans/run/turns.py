"""In which order a run measures its problems, and in how many processes each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from w2vbench.bench.engine.protocol import Status
from w2vbench.reports.findings.answers import Answer
from w2vbench.reports.findings.ranking import rank
from w2vbench.reports.findings.sizes import nearest, size_to_show, types

from .problems import ProblemRun
from .rows import row

MORE_TIME = 0.1
"""Share of the planned processes' time that further processes of undecided problems may take."""


@dataclass(frozen=True)
class Turn:
    """Problems that are measured in one process each, one after another."""

    name: str  # what is measured, as a sentence about the run's time names it
    problems: Sequence[ProblemRun]
    # whether a process of an earlier turn must not be used again: it has measured some of these problems
    fresh: bool = True
    further: bool = False  # whether the problems are undecided ones, in processes beyond those that were planned
    more: bool = True  # whether a later turn may need fresh processes


def turns(problems: Sequence[ProblemRun], processes: int, looks: Sequence[int] = ()) -> Iterator[Turn]:
    """Yield what is measured next, until all is finished. Each turn must be measured before the next one is asked for.

    The problems that are shown first come first, so that there soon is something to show. Then every problem is measured in
    a second process, and so on: the processes of a problem are far apart in time, so that one noisy stretch does not affect
    them all, and an interrupted run has fewer processes of each problem, instead of fewer problems.

    Parameters
    ----------
    processes
        Processes of each problem.
    looks
        After how many processes it is looked whether a problem is decided (``w2vbench.reports.findings.ranking.looks``); what is not gets as
        many as the next look needs, or none if they would take too long. Those that are shown first come first. Empty if there
        are no further processes.
    """
    first, others = first_and_others(problems)
    for name, group in (("the sizes that are shown first", first), ("the other sizes", others)):
        if begun := [problem for problem in group if not problem.processes]:
            yield Turn(name, begun, fresh=False, more=processes > 1 or bool(looks))
    for process in range(1, processes):
        if group := [problem for problem in problems if problem.processes == process]:
            yield Turn(f"all sizes, process {process + 1}", group, more=process < processes - 1 or bool(looks))
    for look, following in pairwise(looks):
        chosen = undecided([*first, *others], look=look, following=following, left_s=time_left(problems, processes))
        for process in range(look, following):
            if group := [problem for problem in chosen if problem.processes == process]:
                yield Turn(f"what is undecided, process {process + 1}", group, further=True)


def undecided(problems: Sequence[ProblemRun], look: int, following: int, left_s: float) -> list[ProblemRun]:
    """Return the problems that get further processes: those that a look finds undecided, as far as there is time for them.

    Parameters
    ----------
    problems
        In the order in which they get the time that is left.
    look, following
        After how many processes it is looked now, and how many are needed for the next look.
    left_s
        Seconds that further processes may still take (``time_left``).
    """
    chosen = []
    for problem in problems:
        if not look <= problem.processes < following:
            continue
        needed_s = (following - problem.processes) * problem.seconds[-1]
        begun_before = problem.processes > look  # by a run that this one goes on from, which found it undecided
        if begun_before or (needed_s <= left_s and not is_decided(problem)):
            left_s -= needed_s
            chosen.append(problem)
    return chosen


def time_left(problems: Sequence[ProblemRun], planned: int) -> float:
    """Return the seconds that further processes may still take. planned: the number of processes after which they are further."""
    return MORE_TIME * sum(sum(problem.seconds[:planned]) for problem in problems) - sum(
        sum(problem.seconds[planned:]) for problem in problems
    )


def is_decided(problem: ProblemRun) -> bool:
    """Whether it is known which case of a problem is fastest, and about how much slower each of the others is."""
    rows = [row(case, problem) for case in problem.cases if case.status == Status.OK and case.samples]
    return len(rows) < 2 or Answer(problem.problem, tuple(rows), rank(rows)).decided


def first_and_others(problems: Sequence[ProblemRun]) -> tuple[list[ProblemRun], list[ProblemRun]]:
    """Return the problems that are shown first, and the others."""
    shown = shown_problems(problems)
    return (
        [problem for problem in problems if shown[problem.kernel] is problem],
        [problem for problem in problems if shown[problem.kernel] is not problem],
    )


def shown_problems(problems: Sequence[ProblemRun]) -> dict[str, ProblemRun]:
    """Return the problem of each kernel that is shown first, by the kernel's name."""
    return nearest_to_shown(problems, [(problem.kernel, problem) for problem in problems])


def profiled_problems(problems: Sequence[ProblemRun], *, first: bool = False) -> dict[str, str]:
    """Return the problem at which each implementation is profiled: the one that is shown first, or the nearest that it has.

    first: the first one that it has, instead.
    """
    keys = [(case.implementation.key, problem) for problem in problems for case in problem.measured.values()]
    if first:
        return {key: problem.problem for key, problem in reversed(keys)}
    return {key: problem.problem for key, problem in nearest_to_shown(problems, keys).items()}


def nearest_to_shown(problems: Sequence[ProblemRun], groups: Sequence[tuple[str, ProblemRun]]) -> dict[str, ProblemRun]:
    """Return, of the problems of each group, the one nearest to the size that is shown first."""
    shown = size_to_show([(problem.kernel, problem.size) for problem in problems])
    if shown is None:
        return {}
    size = shown.V, shown.B, shown.H, types(shown)
    members: dict[str, list[ProblemRun]] = {}
    for name, problem in groups:
        members.setdefault(name, []).append(problem)
    return {name: nearest(its, lambda problem: problem.size, *size) for name, its in members.items()}
