"""The client of a run on several machines: it asks each for a report, refuses those that would measure other code, and sends work.

Times and events come from a transport, so that tests need neither machines nor Dask. What returns goes into a journal for each
kind of machine.
"""

from __future__ import annotations

import itertools
import pickle
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import msgspec
from w2vbench.bench.engine import protocol
from w2vbench.bench.plans.run.journal import entry_of
from w2vbench.bench.plans.run.problems import ProblemRun
from w2vbench.bench.plans.run.request import Note, PlanError, Say
from w2vbench.reports.statistics.units import counted

from .kinds import KindRun, MachineRecord
from .machines import Kind, MachineReport
from .members import (
    CHECK_AGAIN_S,
    JOIN_S,
    LEAVE_S,
    MARKED,
    MOST_FAILURES,
    REFUSED_S,
    REPORT_S,
    STEPS,
    WAIT_S,
    FleetRequest,
    Member,
    why_not,
)
from .remote import HERE, Further, Measured, Prepared
from .scheduler import Fleet
from .self_check import SelfCheck
from .station import RemoteRun
from .transport import Answered, Event, Failed, Joined, Left, SchedulerLost, Transport


@dataclass
class Client:
    """A run on several machines, under way."""

    request: FleetRequest
    transport: Transport
    say: Say
    note: Note
    ours: MachineReport
    problems: Sequence[ProblemRun]
    new_kind: Callable[[Kind, MachineReport], KindRun]
    members: dict[str, Member] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    kinds: dict[Kind, KindRun] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    stranded_since: dict[Kind, float] = field(default_factory=dict)
    further: dict[tuple[str, str], Further] = field(default_factory=dict)
    finished: int = 0

    def __post_init__(self) -> None:
        self.fleet = Fleet[Kind]([problem.problem for problem in self.problems])
        self.cases = {problem.problem: len(problem.cases) for problem in self.problems}
        self.remote = RemoteRun(uuid.uuid4().hex, replace(self.request.run, resume=False))
        self.began = self.transport.now()

    # what is sent

    def send(self, member: Member, what: str, argument: bytes, limit_s: float) -> None:
        """Send a task to a machine."""
        member.task, member.due = f"{what}#{next(self.numbers)}-{self.remote.number}", self.transport.now() + limit_s
        self.transport.send(member.address, member.task, f"{HERE}:{what.partition(' ')[0]}", argument)

    def experiment_s(self, cases: int) -> float:
        """Return the longest that an experiment may take."""
        return self.request.run.time_limit_s * (STEPS + cases)

    def ask_for_report(self, member: Member) -> None:
        run = self.request.run
        asked = {"corpus": [str(run.corpus)] if run.corpus else [], "files": list(map(str, run.files))}
        self.send(member, "report", protocol.encode(asked), REPORT_S)

    def ask_to_check(self, member: Member, what: str) -> None:
        self.send(member, what, pickle.dumps(self.remote), max(REPORT_S, self.experiment_s(0)))

    def ask_to_measure(self, member: Member, experiment: str) -> None:
        argument = (self.remote, experiment, self.further.pop((member.address, experiment), None))
        self.send(member, f"measure {experiment}", pickle.dumps(argument), self.experiment_s(self.cases[experiment]))

    # what happens

    def run(self) -> None:
        """Let machines measure until nothing is left. Raises SchedulerLost, PlanError."""
        while True:
            for event in self.transport.events(WAIT_S):
                self.happened(event)
            self.look_at_clocks()
            self.look_at_what_is_undecided()
            for address, experiment in self.fleet.assign():
                self.ask_to_measure(self.members[address], experiment)
            if self.kinds and self.fleet.finished and not self.getting_ready():
                return

    def getting_ready(self) -> list[Member]:
        """Return the machines that have joined and may still bring work of their own."""
        return [one for one in self.members.values() if one.task.startswith(("report", "prepare")) and not one.hung]

    def happened(self, event: Event) -> None:
        """Take note of an event."""
        if isinstance(event, Joined):
            self.members[event.address] = Member(event.address, name=event.address)
            self.ask_for_report(self.members[event.address])
            return
        member = self.members.get(event.address)
        if member is None:
            return
        if isinstance(event, Left):
            self.left(member)
            return
        if member.refused:
            return
        what, _, experiment = event.task.partition("#")[0].partition(" ")
        if event.task == member.task:
            member.task, member.hung = "", False
        try:
            if isinstance(event, Failed):
                self.failed(member, what, event)
            elif what == "report":
                self.reported(member, protocol.decode(event.answer, MachineReport))
            elif what == "prepare":
                self.prepared(member, protocol.decode(event.answer, Prepared))
            elif what == "check":
                self.checked(member, msgspec.json.decode(event.answer, type=SelfCheck | None))
            elif what == "measure":
                self.measured(member, experiment, event)
        except msgspec.MsgspecError:
            self.failed(member, what, Failed(event.address, event.task, "its answer cannot be read"))

    def left(self, member: Member) -> None:
        """A machine is gone, and what it was doing."""
        del self.members[member.address]
        experiment = self.fleet.remove(member.address)
        if not member.refused:
            lost = f" while it measured {experiment}{self.fate(member, experiment)}" if experiment else ""
            self.say(f"{member.name} is gone{lost}")

    def fate(self, member: Member, experiment: str | None) -> str:
        """Say what becomes of an experiment that was lost on a machine."""
        return self.fleet.queues[member.kind].fate(experiment)

    def failed(self, member: Member, what: str, event: Failed) -> None:
        """A task has raised an error."""
        if what == "measure":
            experiment, member.failures = self.fleet.lose(member.address, idle=True), member.failures + 1
            self.say(f"{member.name} could not measure {experiment}: {event.reason}{self.fate(member, experiment)}")
            if member.failures >= MOST_FAILURES:
                self.fleet.forgive(member.address)
                self.fleet.remove(member.address)
                self.refuse(member, f"{member.failures} of its tasks in a row have failed")
        elif what == "check":
            self.checked(member, None)
        else:
            self.refuse(member, "w2vbench is not installed there" if event.missing else event.reason)

    def refuse(self, member: Member, reason: str) -> None:
        member.refused, member.task = True, ""  # what it was asked may never be answered
        self.say(f"{member.name} is refused: {reason}")

    def reported(self, member: Member, report: MachineReport) -> None:
        """A machine has said what it is."""
        others = [one for one in self.members.values() if one.report]
        same_name = self.request.share_hosts or any(one.report.name == report.name for one in others if one.report)
        member.name = f"{report.name} ({member.address.partition('://')[2]})" if same_name else report.name
        self.names[member.address] = member.name
        if reason := why_not(report, self.ours, () if self.request.share_hosts else others):
            self.refuse(member, reason)
            return
        member.report = report
        if member.kind not in self.kinds:
            kind = self.kinds[member.kind] = self.new_kind(member.kind, report)
            self.fleet.add_kind(member.kind, kind.done)
            self.finished += len(kind.done)
        self.ask_to_check(member, "prepare")

    def prepared(self, member: Member, found: Prepared) -> None:
        """A machine is ready for work."""
        kind = self.kinds[member.kind]
        checks = [found.check] if found.check else []
        reason = kind.doubt(member.name, checks, self.records())
        assert member.report is not None
        kind.prepared(member.name, member.report, found)
        self.fleet.add(member.address, member.kind, member.report.host)
        self.trust(member, reason)

    def checked(self, member: Member, check: SelfCheck | None) -> None:
        """A machine whose figures were in doubt has checked itself again."""
        reason = self.kinds[member.kind].doubt(member.name, [check] if check else [], self.records())
        if check:
            self.kinds[member.kind].record(member.name).add([check])
        self.fleet.resume(member.address)
        self.trust(member, reason if check else "cannot check itself")

    def trust(self, member: Member, reason: str) -> None:
        """Note whether a machine's figures are in doubt, and say so when that changes."""
        if reason and member.doubted is None:
            instead = (
                "another of its kind measures in its place" if len(self.fleet.of_kind(member.kind)) > 1 else MARKED
            )
            self.say(f"{member.name} {reason}: {instead}")
        elif not reason and member.doubted is not None:
            self.say(f"{member.name} is steady again")
        member.doubted = self.transport.now() if reason else None
        if member.address in self.fleet.machines:
            self.fleet.machines[member.address].steady = not reason

    def measured(self, member: Member, experiment: str, event: Answered) -> None:
        """A machine has measured an experiment."""
        found, member.failures = protocol.decode(event.answer, Measured), 0
        kind = self.kinds[member.kind]
        reason = kind.doubt(member.name, found.checks, self.records())
        was_done = experiment in self.fleet.queues[member.kind].done
        if self.fleet.finish(member.address, experiment, doubtful=bool(reason)):
            kind.add(member.name, found, reason)
            self.finished += not was_done
        self.trust(member, reason)
        on = f"on {counted(len(self.fleet.machines), 'machine')}"
        if self.finished < self.total:
            self.note(f"measuring {on}", self.finished, self.total)
        elif not self.fleet.finished:
            self.note(f"measuring again, or what is undecided, {on}", 0, 0)

    @property
    def total(self) -> int:
        return len(self.problems) * max(1, len(self.kinds))

    def records(self) -> dict[str, MachineRecord]:
        """Return the records of all machines, by name."""
        return {name: record for kind in self.kinds.values() for name, record in kind.machines.items()}

    # what does not happen

    def look_at_clocks(self) -> None:
        """Give up machines that do not answer and experiments that none can measure, and let doubtful machines check themselves."""
        now = self.transport.now()
        for member in self.members.values():
            if member.task and now > member.due and not member.hung:
                self.hangs(member)
            elif member.doubted is not None and not member.task and now > member.doubted + CHECK_AGAIN_S:
                self.fleet.pause(member.address)
                self.ask_to_check(member, "check")
        usable = [one for one in self.members.values() if not one.refused and not one.hung]
        if not self.kinds and not usable and now > self.began + (REFUSED_S if self.members else JOIN_S):
            raise PlanError(self.nobody())
        stranded = self.fleet.stranded()
        for kind in self.stranded_since.keys() - stranded.keys():
            del self.stranded_since[kind]
        for kind, experiments in stranded.items():
            doubted = {*self.fleet.queues[kind].doubted} & {*experiments}
            if now > self.stranded_since.setdefault(kind, now) + (0 if doubted == {*experiments} else JOIN_S):
                without = self.fleet.give_up(kind, experiments, "no machine of its kind was left")
                if without:
                    self.say(f"{kind}: no machine is left that may measure {counted(len(without), 'problem')}")

    def look_at_what_is_undecided(self) -> None:
        """Let machines go on with what is undecided, once their kind has measured everything."""
        if self.getting_ready():
            return
        for kind, run in self.kinds.items():
            if not (run.looks and self.fleet.queues[kind].finished):
                continue
            machines = {
                self.members[one].name: one
                for one in self.fleet.of_kind(kind)
                if self.fleet.machines[one].steady and not self.members[one].hung
            }
            for problem, processes in run.further(machines):
                address = machines[problem.machine]
                self.further[address, problem.problem] = Further(entry_of(problem), processes)
                self.fleet.go_on(address, problem.problem)

    def nobody(self) -> str:
        """Say that there is no machine to measure on."""
        if self.members:
            return (
                f"no machine can be used: each of {counted(len(self.members), 'worker')} is refused or does not answer"
            )
        return f"no worker has joined within {JOIN_S:.0f} s: start some (dask worker ADDRESS), then run this again"

    def hangs(self, member: Member) -> None:
        """A machine has not answered in time. It may get work again once it does."""
        member.hung = True
        experiment = self.fleet.lose(member.address) if member.address in self.fleet.machines else None
        self.say(
            f"{member.name} has not answered in time, and gets no work until it does"
            + (self.fate(member, experiment) if experiment else "")
        )

    def leave(self) -> None:
        """Let machines remove what they keep for this run. What does not answer is left alone: its next run does it."""
        waiting = {one.address for one in self.members.values() if one.report and not one.hung}
        end = self.transport.now() + LEAVE_S
        try:
            for address in waiting:
                self.transport.send(
                    address, f"leave#{self.remote.number}", f"{HERE}:leave", self.remote.number.encode()
                )
            while waiting and self.transport.now() < end:
                for event in self.transport.events(min(WAIT_S, LEAVE_S)):
                    if isinstance(event, Left) or (isinstance(event, Answered | Failed) and event.task[:6] == "leave#"):
                        waiting.discard(event.address)
        except (SchedulerLost, KeyboardInterrupt):
            return
