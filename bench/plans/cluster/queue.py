"""What a kind of machine has still to measure, and what became of the rest."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

TRIED = 16
"""How many experiments are looked at for one that a machine may measure again."""


@dataclass
class Queue:
    """The experiments of a kind.

    Attributes
    ----------
    waiting, again
        Those that no machine has measured yet, and those that are to be measured again.
    further
        By machine, those that it has measured and goes on with.
    done, given_up
        Those that are measured, and those that never will be, with the reason.
    losses
        On which machines an experiment was lost.
    doubted
        Those that are to be measured again since their figures are in doubt, each with the machine that has measured it.
    repeated
        Those that were ever in doubt: each is measured again once.
    under_way
        How many are being measured.
    """

    waiting: deque[str]
    again: deque[str] = field(default_factory=deque)
    further: dict[str, deque[str]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    given_up: dict[str, str] = field(default_factory=dict)
    losses: dict[str, list[str]] = field(default_factory=dict)
    doubted: dict[str, str] = field(default_factory=dict)
    repeated: set[str] = field(default_factory=set)
    under_way: int = 0

    @property
    def finished(self) -> bool:
        """Whether nothing is left to measure."""
        return not (self.waiting or self.again or self.further or self.under_way)

    def may(self, machine: str, experiment: str) -> bool:
        """Whether a machine may measure what is to be measured again: not if it has lost it, or measured it before."""
        return machine != self.doubted.get(experiment) and machine not in self.losses.get(experiment, ())

    def fate(self, experiment: str | None) -> str:
        """Say what becomes of an experiment that was just lost; nothing if there is none."""
        if experiment is None:
            return ""
        if experiment in self.done and experiment not in self.again:
            return "; its figures so far are kept"
        if experiment in self.given_up:
            return "; it was lost before and is given up"
        return "; another machine measures that"

    def take(self, machine: str) -> tuple[str | None, bool]:
        """Take the next experiment for a machine, of those that are to be measured again first; and say whether it goes on with it."""
        for _ in range(min(TRIED, len(self.again))):
            experiment = self.again.popleft()
            if self.may(machine, experiment):
                return experiment, False
            self.again.append(experiment)
        if self.waiting:
            return self.waiting.popleft(), False
        if machine not in self.further:
            return None, False
        experiment = self.further[machine].popleft()
        if not self.further[machine]:
            del self.further[machine]
        return experiment, True
