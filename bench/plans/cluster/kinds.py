"""A kind of machine in a run on several: its journal, its machines, and at the end its result, like any run's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from w2vbench.bench.engine.machine import environment
from w2vbench.bench.engine.worker.checking.contract import skipped_here
from w2vbench.bench.plans.run.journal import NAME, Journal
from w2vbench.bench.plans.run.keeping import Outputs
from w2vbench.bench.plans.run.problems import ProblemRun, admit
from w2vbench.bench.plans.run.request import Say
from w2vbench.bench.plans.run.run import RunRequest, keep_run, run_identity
from w2vbench.bench.plans.run.session import Session
from w2vbench.bench.plans.run.turns import first_and_others, time_left, undecided
from w2vbench.bench.plans.run.under_way import Run
from w2vbench.impls.corpus.words import Corpus
from w2vbench.reports.file.schema.machines import Machine
from w2vbench.reports.findings.steadiness import Checked, doubt
from w2vbench.reports.statistics.units import counted

from .machines import Kind, MachineReport
from .remote import Measured, Prepared
from .self_check import SelfCheck

MOST_CHECKS = 32
"""How many of a machine's latest checks say what is usual for it."""
MOST_NAMED = 3
"""A warning names so many machines."""
LOST = "crashed"
"""The status of cases whose experiment was lost on two machines."""


class KindSession(Session):
    """A command, as if it ran on a machine of a kind. counters: their increases on all of its machines."""

    def __init__(self, command: str, say: Say, report: MachineReport) -> None:
        super().__init__(command, say, report.environment)
        self.information = report.machine_info
        self.increases: Counter[str] = Counter()

    def machine_info(self) -> dict[str, Any]:
        return self.information

    def facts_after(self) -> dict[str, Any]:
        return {name: self.increases[name] for name in environment.counters() if name in self.increases}


@dataclass
class MachineRecord:
    """A machine, and what its checks of itself have found.

    Attributes
    ----------
    name
        What it is called.
    differences, paces
        Of its latest checks.
    """

    name: str
    differences: list[float] = field(default_factory=list)
    paces: list[float] = field(default_factory=list)

    def add(self, checks: Sequence[SelfCheck]) -> None:
        """Add checks. Only the latest are kept."""
        self.differences = [*self.differences, *(check.difference for check in checks)][-MOST_CHECKS:]
        self.paces = [*self.paces, *(check.pace_s for check in checks)][-MOST_CHECKS:]


class KindRun:
    """A run on one kind of machine.

    Parameters
    ----------
    kind, report
        The kind, and what its first machine has reported.
    request
        What to run.
    corpus
        The text.
    folder
        Where the kind's results go.
    say
        Shows a line.
    """

    def __init__(
        self, kind: Kind, report: MachineReport, request: RunRequest, corpus: Corpus, folder: Path, say: Say
    ) -> None:
        self.kind, self.request, self.corpus, self.folder = kind, request, corpus, folder
        self.session = KindSession(request.command, say, report)
        self.first = report.environment
        self.machines: dict[str, MachineRecord] = {}
        self.journal = Journal(folder, {})
        self.done: set[str] = set()
        self.looks = list(pairwise(request.looks))
        self.disturbed: dict[str, list[str]] = {}

    def begin(self, problems: Sequence[ProblemRun]) -> bool:
        """Go on from the kind's journal, or begin one. problems: the plan. Return whether an unfinished run's was put aside."""
        folder_is_new = not self.folder.exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.journal.run = run_identity(self.run_of(problems), self.request)
        if self.request.resume and not folder_is_new and (self.folder / NAME).exists():
            self.journal.read(fresh := self.request.problems())
            self.done = {problem.problem for problem in fresh if problem.processes}
            return False
        return self.journal.begin()

    def record(self, machine: str) -> MachineRecord:
        """Return the record of a machine by its name."""
        return self.machines.setdefault(machine, MachineRecord(machine))

    def prepared(self, machine: str, report: MachineReport, found: Prepared) -> None:
        """Note that a machine is ready, and what may distort its figures."""
        if report.environment is not self.first:  # whose warnings are the result's own
            for sentence in environment.warnings_of(report.environment, threads=max(self.request.threads, default=1)):
                self.disturbed.setdefault(sentence, []).append(machine)
        self.record(machine).add([found.check] if found.check else [])
        for limits in found.limits:
            self.journal.add_limits(limits)

    def doubt(self, machine: str, checks: Sequence[SelfCheck], others: Mapping[str, MachineRecord]) -> str:
        """Return why a machine's figures are in doubt; empty if they are not. others: machines of other kinds too, by name."""
        paces = [median(one.paces) for name, one in self.machines.items() if name != machine and one.paces]
        differences = [median(one.differences) for name, one in others.items() if name != machine and one.differences]
        return doubt([Checked(check.difference, check.pace_s) for check in checks], paces, differences)

    def add(self, machine: str, found: Measured, reason: str) -> None:
        """Write an experiment into the journal. A line replaces an earlier one of the same experiment."""
        self.journal.append({**found.entry, "machine": machine, "doubt": reason})
        self.record(machine).add(found.checks)
        self.session.increases.update({name: value for name, value in found.counters.items() if value is not None})

    def further(self, machines: Container[str]) -> list[tuple[ProblemRun, int]]:
        """Return the problems that get further processes, and how many each then has: what a run on one machine would choose.

        machines: those that may go on with what they have measured. No machine can do that for another one.
        """
        problems = self.measured()[0] if self.looks else []
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

    def keep(self, given_up: Mapping[str, str], *, complete: bool, interrupted: bool) -> Outputs:
        """Write the kind's result file and reports.

        Parameters
        ----------
        given_up
            Experiments that were lost on two machines, with the reason.
        complete
            Whether nothing is left to measure.
        interrupted
            Whether the user has ended the run.
        """
        problems, journal = self.measured()
        for problem in problems:
            if problem.problem in given_up and not problem.processes:
                problem.processes = 1  # it has rows, each with the reason
                absent = {one.implementation.key: skipped_here(one.implementation) for one in problem.cases}
                admit(problem, self.request.settings(), {key: found for key, found in absent.items() if found})
                for case in problem.measured.values():
                    case.exclude(LOST, given_up[problem.problem])
        run = self.run_of(problems)
        run.limits, run.complete, self.session.interrupted = journal.limits, complete, interrupted
        self.session.parts = {"kind": str(self.kind), "machines": self.machine_parts(problems)}
        self.session.warnings = self.warnings(problems)
        return keep_run(run, self.folder, journal)

    def machine_parts(self, problems: Sequence[ProblemRun]) -> list[Machine]:
        """Return what the result file has of each machine."""
        experiments = Counter(problem.machine for problem in problems if problem.machine)
        doubtful = Counter(problem.machine for problem in problems if problem.doubt)
        return [
            Machine(
                name=name,
                experiments=experiments[name],
                in_doubt=doubtful[name],
                difference=median(one.differences) if one.differences else None,
                pace_s=median(one.paces) if one.paces else None,
            )
            for name, one in self.machines.items()
        ]

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
