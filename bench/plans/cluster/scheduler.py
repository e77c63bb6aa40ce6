"""Which machine measures which experiment next: a pure scheduler, without clocks, processes or network.

Every kind of machine measures every experiment, whole, on one machine. An experiment whose machine is lost goes to another of
the same kind, once. One whose figures are in doubt is measured again on another machine, once. One that gets further processes
gets them on the machine that has measured it, or not at all. Each step takes a time that does not depend on the number of
experiments.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .queue import Queue

K = TypeVar("K")
"""What stands for a kind of machine."""
LOSSES = 2
"""An experiment that was lost on so many machines is given up: it may be what ends them."""


@dataclass
class Host(Generic[K]):
    """A machine that may get work.

    Attributes
    ----------
    kind, computer
        Its kind, and the computer that it is on.
    experiment
        What it measures now.
    goes_on
        Whether it goes on with an experiment that it has measured.
    steady
        Whether its figures are not in doubt. An unsteady machine gets work only where no steady one of its kind can do it.
    """

    kind: K
    computer: str
    experiment: str | None = None
    goes_on: bool = False
    steady: bool = True


class Fleet(Generic[K]):
    """Machines, and what each kind of them has still to measure.

    Parameters
    ----------
    experiments
        What every kind measures, in this order.
    """

    def __init__(self, experiments: Sequence[str]) -> None:
        self.experiments = tuple(experiments)
        self.queues: dict[K, Queue] = {}
        self.machines: dict[str, Host[K]] = {}
        self.idle: dict[K, dict[str, None]] = {}
        self.busy_computers: set[str] = set()

    @property
    def finished(self) -> bool:
        """Whether every kind that has appeared has measured everything, or given it up."""
        return all(queue.finished for queue in self.queues.values())

    def add_kind(self, kind: K, done: Collection[str] = ()) -> None:
        """Add a kind of machine. done: what an earlier client has measured on it."""
        self.queues[kind] = Queue(deque(one for one in self.experiments if one not in done), done={*done})
        self.idle[kind] = {}

    def add(self, machine: str, kind: K, computer: str) -> None:
        """Add a machine that is ready for work, of a kind that was added."""
        self.machines[machine] = Host(kind, computer)
        self.idle[kind][machine] = None

    def go_on(self, machine: str, experiment: str) -> None:
        """Let a machine measure more processes of an experiment that it has measured. If it cannot, the figures stay as they are.

        Its kind must have finished, and what it has measured must not be in doubt.
        """
        self.queues[self.machines[machine].kind].further.setdefault(machine, deque()).append(experiment)

    def remove(self, machine: str) -> str | None:
        """Remove a machine that is lost. Return the experiment that was lost with it."""
        if machine not in self.machines:
            return None
        experiment = self.lose(machine)
        self.idle[self.machines.pop(machine).kind].pop(machine, None)
        return experiment

    def forgive(self, machine: str) -> None:
        """Count no experiment as lost on a machine, since it was the machine's fault. What was given up may be measured again."""
        queue = self.queues[self.machines[machine].kind]
        for experiment, losses in queue.losses.items():
            if machine in losses:
                losses.remove(machine)
                if queue.given_up.pop(experiment, None):
                    queue.again.append(experiment)

    def pause(self, machine: str) -> None:
        """Give an idle machine no work until it is resumed."""
        self.idle[self.machines[machine].kind].pop(machine, None)

    def resume(self, machine: str) -> None:
        """Let a machine have work again."""
        if machine in self.machines and self.machines[machine].experiment is None:
            self.idle[self.machines[machine].kind][machine] = None

    def lose(self, machine: str, *, idle: bool = False) -> str | None:
        """Let another machine measure what one has not finished in time, and return that.

        idle: whether the machine may get other work at once. If not, it first has to answer after all (``finish``).
        """
        host = self.machines[machine]
        queue = self.queues[host.kind]
        experiment, host.experiment = host.experiment, None
        if idle:
            self.idle[host.kind][machine] = None
        else:
            queue.further.pop(machine, None)
        if experiment is None:
            return None
        self.busy_computers.discard(host.computer)
        queue.under_way -= 1
        if host.goes_on:
            return experiment
        losses = queue.losses.setdefault(experiment, [])
        losses.append(machine)
        if len(losses) < LOSSES:
            queue.again.append(experiment)
        elif experiment not in queue.done:
            queue.given_up[experiment] = f"lost on {' and on '.join(losses)}"
        return experiment

    def assign(self) -> Iterator[tuple[str, str]]:
        """Yield each idle machine that can get work, and its experiment: one at a time on a computer."""
        for kind, queue in self.queues.items():
            for steady in (True, False):
                left = queue.waiting or queue.again or queue.further
                if not left or (queue.under_way and not steady):
                    break
                for machine in [one for one in self.idle[kind] if self.machines[one].steady == steady]:
                    host = self.machines[machine]
                    if host.computer in self.busy_computers:
                        continue
                    experiment, host.goes_on = queue.take(machine)
                    if experiment is None:
                        continue
                    del self.idle[kind][machine]
                    self.busy_computers.add(host.computer)
                    host.experiment, queue.under_way = experiment, queue.under_way + 1
                    yield machine, experiment

    def finish(self, machine: str, experiment: str, *, doubtful: bool = False) -> bool:
        """Note that a machine has answered, and is idle again. Return whether its figures count.

        They do not if the experiment was measured elsewhere meanwhile.

        Parameters
        ----------
        doubtful
            Whether the figures are in doubt: another machine then measures the experiment too, if there is one and none has done
            so before. Its figures replace these. Of an experiment that the machine has gone on with, the earlier figures stay.
        """
        host = self.machines[machine]
        queue = self.queues[host.kind]
        went_on = host.goes_on and host.experiment == experiment
        if host.experiment == experiment:
            host.experiment, queue.under_way = None, queue.under_way - 1
            self.busy_computers.discard(host.computer)
        if host.experiment is None:
            self.idle[host.kind][machine] = None
        if went_on:
            if doubtful:
                queue.further.pop(machine, None)
            return not doubtful
        if experiment in queue.done and queue.doubted.get(experiment, machine) == machine:
            return False
        if experiment in queue.again:  # it was lost on this machine, which answers after all
            queue.again.remove(experiment)
        queue.doubted.pop(experiment, None)
        queue.given_up.pop(experiment, None)
        queue.done.add(experiment)
        if doubtful and experiment not in queue.repeated and len(self.of_kind(host.kind)) > 1:
            queue.repeated.add(experiment)
            queue.doubted[experiment] = machine
            queue.again.append(experiment)
        return True

    def of_kind(self, kind: K) -> list[str]:
        """Return the machines of a kind that there are now."""
        return [name for name, host in self.machines.items() if host.kind == kind]

    def stranded(self) -> dict[K, list[str]]:
        """Return by kind what none of its machines that there are now may measure, where nothing else of the kind is under way."""
        found: dict[K, list[str]] = {}
        for kind, queue in self.queues.items():
            if queue.under_way or not (queue.waiting or queue.again):
                continue
            machines = self.of_kind(kind)
            left = [one for one in queue.again if not any(queue.may(machine, one) for machine in machines)]
            if not machines or (left and len(left) == len(queue.again) and not queue.waiting):
                found[kind] = [*left, *queue.waiting]
        return found

    def give_up(self, kind: K, experiments: Collection[str], reason: str) -> list[str]:
        """Measure these experiments of a kind no longer. Return those that have no figures at all."""
        queue, which = self.queues[kind], {*experiments}
        queue.waiting = deque(one for one in queue.waiting if one not in which)
        queue.again = deque(one for one in queue.again if one not in which)
        without = [one for one in experiments if one not in queue.done]
        queue.given_up |= dict.fromkeys(without, reason)
        return without
