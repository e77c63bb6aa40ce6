"""Which machine measures which problem next: pure rules, without clocks, processes or network.

Each kind of machine has a queue. A problem whose machine is lost goes to another of its kind, once. One whose figures are in
doubt is measured again on another machine, once. One that gets further processes gets them on the machine that has measured it,
or not at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

LOSSES = 2
"""A problem that was lost on so many machines is given up: it may be what ends them."""


@dataclass
class Queue:
    """The problems of a kind of machine."""

    waiting: deque[str]  # those that no machine has measured yet
    done: set[str] = field(default_factory=set)  # those that are measured
    # those that are to be measured again
    again: deque[str] = field(default_factory=deque)
    # by machine, those that it has measured and goes on with
    further: dict[str, deque[str]] = field(default_factory=dict)
    # by machine, what it measures now, and whether it goes on with that
    under_way: dict[str, tuple[str, bool]] = field(default_factory=dict)
    losses: dict[str, list[str]] = field(default_factory=dict)  # on which machines a problem was lost
    given_up: set[str] = field(default_factory=set)  # those that never will be measured
    # those that are to be measured again since their figures are in doubt, each with the machine that has measured it
    doubted: dict[str, str] = field(default_factory=dict)
    repeated: set[str] = field(default_factory=set)  # those that were ever in doubt

    @property
    def finished(self) -> bool:
        """Whether nothing is left to measure."""
        return not (self.waiting or self.again or self.under_way or any(self.further.values()))

    @property
    def lost(self) -> set[str]:
        """The problems that were lost on two machines: nothing is left to measure of them."""
        return {one for one in self.given_up if len(self.losses.get(one, ())) >= LOSSES}

    def may(self, machine: str, problem: str) -> bool:
        """Whether a machine may measure what is to be measured again: not if it has lost it, or measured it before."""
        return machine != self.doubted.get(problem) and machine not in self.losses.get(problem, ())

    def take(self, machine: str) -> str | None:
        """Take the next problem for an idle machine; None if there is none for it. Those to be measured again come first."""
        problem, goes_on = next((one for one in self.again if self.may(machine, one)), None), False
        if problem:
            self.again.remove(problem)
        elif self.waiting:
            problem = self.waiting.popleft()
        elif self.further.get(machine):
            problem, goes_on = self.further[machine].popleft(), True
        if problem:
            self.under_way[machine] = problem, goes_on
        return problem

    def go_on(self, machine: str, problem: str) -> None:
        """Let a machine measure more processes of what it has measured. If it cannot, the figures stay as they are."""
        self.further.setdefault(machine, deque()).append(problem)

    def lose(self, machine: str, *, answers: bool = False) -> str | None:
        """Let another machine measure what one measures now, and return that. answers: whether the machine can go on with other work."""
        problem, goes_on = self.under_way.pop(machine, (None, False))
        if not answers:
            self.further.pop(machine, None)
        if problem and not goes_on:
            losses = self.losses.setdefault(problem, [])
            losses.append(machine)
            if len(losses) < LOSSES:
                self.again.append(problem)
            elif problem not in self.done:
                self.given_up.add(problem)
        return problem

    def fate(self, problem: str | None) -> str:
        """Say what becomes of a problem that was just lost; nothing if there is none."""
        if problem is None:
            return ""
        if problem in self.done and problem not in self.again:
            return "; its figures so far are kept"
        return "; it was lost before and is given up" if problem in self.given_up else "; another machine measures that"

    def forgive(self, machine: str) -> None:
        """Count no problem as lost on a machine, since it was the machine's fault. What was given up may be measured again."""
        for problem, losses in self.losses.items():
            if machine in losses:
                losses.remove(machine)
                if problem in self.given_up:
                    self.given_up.remove(problem)
                    self.again.append(problem)

    def finish(self, machine: str, problem: str, *, doubtful: bool = False, alone: bool = False) -> bool:
        """Note that a machine has measured a problem. Return whether its figures count: not if another was faster meanwhile.

        Parameters
        ----------
        doubtful
            Whether the figures are in doubt: they count until another machine has measured the problem too, once. Of what the
            machine has gone on with, the earlier figures stay.
        alone
            Whether there is no other machine.
        """
        if self.under_way.pop(machine, (problem, False))[1]:
            if doubtful:
                self.further.pop(machine, None)
            return not doubtful
        if problem in self.done and self.doubted.get(problem, machine) == machine:
            return False
        if problem in self.again:  # it was lost on this machine, which answers after all
            self.again.remove(problem)
        self.doubted.pop(problem, None)
        self.given_up.discard(problem)
        self.done.add(problem)
        if doubtful and not alone and problem not in self.repeated:
            self.repeated.add(problem)
            self.doubted[problem] = machine
            self.again.append(problem)
        return True

    def stranded(self, machines: Collection[str]) -> list[str]:
        """Return what none of these machines may measure, if nothing else is under way."""
        left = [one for one in self.again if not any(self.may(machine, one) for machine in machines)]
        if self.under_way or (machines and (self.waiting or len(left) < len(self.again))):
            return []
        return [*left, *self.waiting]

    def give_up(self, problems: Collection[str]) -> list[str]:
        """Measure these problems no longer. Return those that have no figures at all."""
        which = {*problems}
        self.waiting = deque(one for one in self.waiting if one not in which)
        self.again = deque(one for one in self.again if one not in which)
        without = [one for one in problems if one not in self.done]
        self.given_up.update(without)
        return without
