"""A kind of machine in a run on several: its journal, its machines, and at the end its result, like any run's."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from w2vbench.bench.engine.machine import environment
from w2vbench.bench.engine.protocol import Status
from w2vbench.bench.engine.worker.checking.contract import skipped_here
from w2vbench.bench.plans.run.journal import NAME, Journal
from w2vbench.bench.plans.run.keeping import Outputs
from w2vbench.bench.plans.run.problems import ProblemRun, admit
from w2vbench.bench.plans.run.request import Say
from w2vbench.bench.plans.run.run import RunRequest, keep_run, run_identity
from w2vbench.bench.plans.run.run_result import Run
from w2vbench.bench.plans.run.session import Session
from w2vbench.bench.plans.run.turns import first_and_others, time_left, undecided
from w2vbench.impls.corpus.words import Corpus
from w2vbench.reports.file.schema.machines import Machine
from w2vbench.reports.findings.steadiness import Checked, doubt
from w2vbench.reports.statistics.units import counted

from .machines import MachineReport
from .messages import Measured
from .queue import Queue

MOST_CHECKS = 32
"""How many of a machine's latest checks say what is usual for it."""
MOST_NAMED = 3
"""A warning names so many machines."""
LOST = Status.CRASHED
"""The status of cases whose problem was lost on two machines."""


class KindSession(Session):
    """A command, as if it ran on a machine of a kind. increases: of counters, on all of its machines."""

    def __init__(self, command: str, say: Say, report: MachineReport) -> None:
        super().__init__(command, say, report.environment)
        self.information = report.machine_info
        self.increases: Counter[str] = Counter()

    def machine_info(self) -> dict[str, Any]:
        return self.information

    def facts_after(self) -> dict[str, Any]:
        return {name: self.increases[name] for name in environment.counters() if name in self.increases}


class KindRun:
    """A run on one kind of machine. It goes on from the kind's journal, or begins one.

    Parameters
    ----------
    report
        What its first machine has reported.
    request, problems, corpus
        What to run, the plan, and the text.
    say
        Shows a line.
    """

    def __init__(
        self, report: MachineReport, request: RunRequest, problems: Sequence[ProblemRun], corpus: Corpus, say: Say
    ) -> None:
        self.kind, self.request, self.corpus, self.first = report.kind, request, corpus, report.environment
        self.folder = request.out / report.slug
        self.session = KindSession(request.command, say, report)
        self.checks: dict[str, deque[Checked]] = {}
        self.disturbed: dict[str, list[str]] = {}
        self.looks = list(pairwise(request.looks))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(self.folder, run_identity(self.run_of(problems), request))
        done: set[str] = set()
        if request.resume and (self.folder / NAME).exists():
            done = {problem.problem for problem in self.measured()[0] if problem.processes}
        elif self.journal.begin():
            say(f"an unfinished run's journal was put aside in {self.folder} (--resume would have gone on from it)")
        self.queue = Queue(deque(one.problem for one in problems if one.problem not in done), done)

    def note(self, machine: str, checks: Iterable[Checked]) -> None:
        """Note what a machine's checks of itself have found."""
        self.checks.setdefault(machine, deque(maxlen=MOST_CHECKS)).extend(checks)

    def add_machine(self, machine: str, report: MachineReport, found: Measured) -> None:
        """Note that a machine is ready, and what may distort its figures."""
        if report.environment is not self.first:  # whose warnings are the result's own
            for sentence in environment.warnings_of(report.environment, threads=max(self.request.threads, default=1)):
                self.disturbed.setdefault(sentence, []).append(machine)
        self.note(machine, found.checks)
        for limits in found.limits:
            self.journal.add_limits(limits)

    def doubt(self, machine: str, checks: Sequence[Checked], kinds: Iterable[KindRun]) -> str:
        """Return why a machine's figures are in doubt; empty if they are not. kinds: all, whose machines it is set against."""
        every = {name: found for kind in kinds for name, found in kind.checks.items()}
        return doubt(
            checks,
            [median(one.pace_s for one in found) for name, found in self.checks.items() if name != machine and found],
            [median(one.difference for one in found) for name, found in every.items() if name != machine and found],
        )

    def add(self, machine: str, found: Measured, reason: str) -> None:
        """Write a problem into the journal. A line replaces an earlier one of the same problem."""
        self.journal.append({**found.entry, "machine": machine, "doubt": reason})
        self.note(machine, found.checks)
        self.session.increases.update({name: value for name, value in found.counters.items() if value is not None})

    def further(self, machines: Container[str]) -> list[tuple[ProblemRun, int]]:
        """Return the problems that get further processes, and how many each then has: what a run on one machine would choose.

        machines: those that may go on with what they have measured. No machine can do that for another one.
        """
        problems = self.measured()[0]
        first, others = first_and_others(problems)
        among = [one for one in (*first, *others) if one.machine in machines and not one.doubt]
        left_s = time_left(problems, self.request.settings().processes)
        while self.looks:
            look, following = self.looks.pop(0)
            if chosen := undecided(among, look, following, left_s):
                return [(problem, following) for problem in chosen]
        return []

    def measured(self) -> tuple[list[ProblemRun], Journal]:
        """Return all problems with the figures that the journal has of them, and the journal as it was read."""
        problems, journal = self.request.problems(), Journal(self.folder, self.journal.run)
        journal.read(problems)
        return problems, journal

    def run_of(self, problems: Sequence[ProblemRun]) -> Run:
        preset = None if self.request.own_sizes else self.request.preset
        settings = self.request.settings()
        return Run(session=self.session, preset=preset, settings=settings, corpus=self.corpus, planned=problems)

    def keep(self, names: Mapping[str, str], *, interrupted: bool) -> Outputs:
        """Write the kind's result file and reports.

        Parameters
        ----------
        names
            Of machines, by address.
        interrupted
            Whether the user has ended the run.
        """
        problems, journal = self.measured()
        queue, settings = self.queue, self.request.settings()
        for problem in problems:
            if problem.problem in queue.lost and not problem.processes:
                problem.processes = 1  # it has rows, each with the reason
                absent = {one.implementation.key: skipped_here(one.implementation) for one in problem.cases}
                admit(problem, settings, {key: found for key, found in absent.items() if found})
                machines = " and on ".join(names[machine] for machine in queue.losses[problem.problem])
                for case in problem.measured.values():
                    case.exclude(LOST, f"lost on {machines}")
        run = self.run_of(problems)
        run.limits, self.session.interrupted = journal.limits, interrupted
        run.complete = queue.finished and {one.problem for one in problems} <= queue.done | queue.lost
        doubts = {name: [one.doubt for one in problems if one.machine == name and one.doubt] for name in self.checks}
        self.session.parts = {
            "kind": self.kind,
            "machines": [
                Machine(
                    name=name,
                    experiments=sum(one.machine == name for one in problems),
                    in_doubt=len(doubts[name]),
                    difference=median(one.difference for one in found) if found else None,
                    pace_s=median(one.pace_s for one in found) if found else None,
                )
                for name, found in self.checks.items()
            ],
        }
        self.session.warnings = self.warnings(problems)
        return keep_run(run, self.folder, journal)

    def warnings(self, problems: Sequence[ProblemRun]) -> list[str]:
        """Return what may distort figures of some machines, and whose are in doubt and could not be replaced."""
        reasons: dict[str, list[str]] = {}
        for problem in problems:
            if problem.doubt:
                reasons.setdefault(problem.machine, []).append(problem.doubt)
        disturbed = [f"{shortened(names)}: {sentence}" for sentence, names in self.disturbed.items()]
        return disturbed + [
            f"{machine} {Counter(why).most_common(1)[0][0]}: {counted(len(why), 'problem')} measured there "
            f"{'is' if len(why) == 1 else 'are'} in doubt, since no steadier machine of its kind could repeat "
            f"{'it' if len(why) == 1 else 'them'}"
            for machine, why in reasons.items()
        ]


def shortened(names: Sequence[str]) -> str:
    """Return the first machines, and how many more there are."""
    more = f" and {counted(len(names) - MOST_NAMED, 'more machine')}" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"
