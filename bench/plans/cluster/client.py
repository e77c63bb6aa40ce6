"""The client of a run on several machines: it asks each worker what it is, refuses those that would measure other code, and sends work.

Dask carries messages, keeps each to one worker and one at a time there, and says which workers there are. Which machine measures
what is not left to it: that is a rule about measuring (``queue``). What returns goes into a journal for each kind of machine.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import NoneType
from typing import Any, TypeVar

from w2vbench.bench.plans.run.journal import entry_of
from w2vbench.bench.plans.run.problems import ProblemRun
from w2vbench.bench.plans.run.request import Note, PlanError, Say
from w2vbench.bench.plans.run.run import RunRequest
from w2vbench.reports.statistics.units import counted

from .kinds import KindRun
from .machines import MachineReport, differences
from .messages import Check, Join, Leave, Measure, Measured, Messages, Report, Run
from .workers import TaskFailed, Workers

T = TypeVar("T")

REPORT_S = 120.0
"""Longest that a machine may take to report."""
JOIN_S = 30.0
"""How long a client waits for a first machine, and for another one where none is left that may measure what is left."""
REFUSED_S = 5.0
"""How long it waits for one once all that have joined are refused."""
LEAVE_S = 5.0
"""How long machines may take to remove what they keep for a run."""
CHECK_AGAIN_S = 30.0
"""How often a machine checks itself again that gets no work, since its figures were in doubt."""
STEPS = 20
"""A machine is given up if a problem takes as many times the time limit of a step, and one more for each case: all of them may reach
that limit once."""
MOST_FAILURES = 2
"""A machine on which so many tasks fail in a row gets no more: it would be lost with every problem that is left."""
POLL_S = 1.0
"""How often the scheduler is asked which workers there are."""


@dataclass
class Member:
    """A worker that has joined."""

    address: str
    name: str
    # what it has reported; and what is measured on machines like it, while it may get work
    report: MachineReport | None = None
    kind: KindRun | None = None
    refused: bool = False  # whether it gets no work
    hung: bool = False  # whether it has not answered in time
    doubted: bool = False  # whether its figures were last found in doubt
    failures: int = 0  # how many of its problems in a row have failed there
    work: asyncio.Future[str] | None = None  # what it will measure next, once it is idle


class Client:
    """A run on several machines, under way.

    Parameters
    ----------
    request, share_hosts
        What to run, and whether several workers on one computer may measure, one at a time.
    dask
        The workers. ``run`` and ``leave`` are called through ``Workers.sync``, and all else happens in Dask's event loop.
    say, note
        Show a line, and how far the run is.
    ours
        What a machine must be like.
    new_kind
        Begins what is measured on a kind of machine.
    """

    def __init__(
        self,
        request: RunRequest,
        share_hosts: bool,
        dask: Workers,
        say: Say,
        note: Note,
        ours: MachineReport,
        problems: Sequence[ProblemRun],
        new_kind: Callable[[MachineReport], KindRun],
    ) -> None:
        self.request, self.share_hosts, self.dask, self.say, self.note = request, share_hosts, dask, say, note
        self.ours, self.new_kind = ours, new_kind
        self.cases = {problem.problem: len(problem.cases) for problem in problems}
        self.sent = Run(number=uuid.uuid4().hex, request=replace(request, resume=False))
        self.lives: dict[str, asyncio.Task[None]] = {}
        self.members: dict[str, Member] = {}
        self.names: dict[str, str] = {}
        self.kinds: dict[str, KindRun] = {}
        self.stranded_since: dict[str, float] = {}
        self.further: dict[tuple[str, str], tuple[dict[str, Any], int]] = {}
        self.polled = -POLL_S
        self.changed = asyncio.Event()
        self.error: Exception | None = None

    async def run(self) -> None:
        """Let machines measure until nothing is left. Raises SchedulerLost, PlanError, JournalError."""
        began = self.now()
        try:
            while True:
                await self.look_for_workers()
                self.look_for_nobody(began)
                for kind in self.kinds.values():
                    self.look_at_what_is_stranded(kind)
                    self.look_at_what_is_undecided(kind)
                    self.assign(kind)
                if self.error:
                    raise self.error
                if self.kinds and self.finished and not self.getting_ready():
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):  # wait_for may swallow Ctrl-C
                        await self.changed.wait()
                self.changed.clear()
        finally:
            for life in self.lives.values():
                life.cancel()

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    # a worker's life

    async def look_for_workers(self) -> None:
        """Note which workers have left and joined since the scheduler was last asked. Raises SchedulerLost."""
        if self.now() < self.polled + POLL_S:
            return
        self.polled = self.now()
        workers = await self.dask.addresses()
        for address in self.lives.keys() - workers:
            self.lives.pop(address).cancel()
            self.left(address)
        for address in workers - self.lives.keys():
            self.lives[address] = asyncio.create_task(self.live(Member(address, address)))

    def left(self, address: str) -> None:
        """A worker is gone, and what it was doing."""
        member = self.members.pop(address, None)
        if member and not member.refused:
            problem, fate = self.lose(member)
            self.say(f"{member.name} is gone{f' while it measured {problem}{fate}' if problem else ''}")

    def lose(self, member: Member) -> tuple[str | None, str]:
        """Return what a machine that is gone, or does not answer, was measuring, and what becomes of that."""
        problem = member.kind.queue.lose(member.address) if member.kind else None
        return problem, member.kind.queue.fate(problem) if member.kind else ""

    async def live(self, member: Member) -> None:
        """Let a worker report, get ready and measure, until it is gone or refused."""
        try:
            try:
                await self.dask.ask(member.address, Join(), NoneType)
            except TaskFailed:
                self.members[member.address] = member
                raise
            self.members[member.address] = member
            report, kind = await self.report(member)
            found = await self.ask(member, Check(run=self.sent, first=True), Measured, self.limit_s(0))
            reason = kind.doubt(member.name, found.checks, self.kinds.values())
            kind.add_machine(member.name, report, found)
            member.kind = kind
            self.trust(member, kind, reason)
            while True:
                member.work = asyncio.get_running_loop().create_future()
                self.changed.set()
                await asyncio.wait([member.work], timeout=CHECK_AGAIN_S if member.doubted else None)
                work, member.work = member.work, None
                if work.done():
                    await self.measure(member, kind, work.result())
                else:
                    await self.check_again(member, kind)
        except TaskFailed as error:
            member.refused, member.kind = True, None
            missing = isinstance(error.__cause__, ImportError)
            self.say(f"{member.name} is refused: {'w2vbench is not installed there' if missing else error}")
        except Exception as error:  # it ends the run
            self.error = error
        self.changed.set()

    async def report(self, member: Member) -> tuple[MachineReport, KindRun]:
        """Let a machine say what it is. Return that, and what is measured on its kind. Raises TaskFailed, if it is refused too."""
        run = self.request
        asked = Report(corpus=str(run.corpus) if run.corpus else None, files=tuple(map(str, run.files)))
        report = await self.ask(member, asked, MachineReport, REPORT_S)
        others = [(one, one.report) for one in self.members.values() if one.report]
        same_name = self.share_hosts or any(its.name == report.name for _, its in others)
        member.name = f"{report.name} ({member.address.partition('://')[2]})" if same_name else report.name
        self.names[member.address] = member.name
        if differing := differences(report, self.ours):
            raise TaskFailed("; ".join(differing))
        for one, its in others:
            if its.host == report.host and not one.refused and not self.share_hosts:
                raise TaskFailed(
                    f"{one.name} is a worker on the same computer, and two would disturb each other "
                    "(--share-hosts lets them measure in turn)"
                )
        member.report = report
        if report.kind not in self.kinds:
            self.kinds[report.kind] = self.new_kind(report)
        return report, self.kinds[report.kind]

    async def measure(self, member: Member, kind: KindRun, problem: str) -> None:
        """Let a machine measure a problem, or go on with it. Raises TaskFailed if it gets no more."""
        entry, processes = self.further.pop((member.address, problem), (None, 0))
        asked = Measure(run=self.sent, problem=problem, entry=entry, processes=processes)
        queue = kind.queue
        try:
            found = await self.ask(member, asked, Measured, self.limit_s(self.cases[problem]))
        except TaskFailed as error:
            member.failures += 1
            fate = queue.fate(queue.lose(member.address, answers=True))
            self.say(f"{member.name} could not measure {problem}: {error}{fate}")
            if member.failures < MOST_FAILURES:
                return
            queue.forgive(member.address)
            queue.lose(member.address)
            raise TaskFailed(f"{member.failures} of its tasks in a row have failed") from None
        member.failures = 0
        reason = kind.doubt(member.name, found.checks, self.kinds.values())
        alone = len(self.of_kind(kind)) == 1
        if queue.finish(member.address, problem, doubtful=bool(reason), alone=alone):
            kind.add(member.name, found, reason)
        self.trust(member, kind, reason)
        self.show()

    async def check_again(self, member: Member, kind: KindRun) -> None:
        """Let a machine check itself again whose figures were in doubt."""
        try:
            checks = (await self.ask(member, Check(run=self.sent), Measured, self.limit_s(0))).checks
        except TaskFailed:
            checks = ()
        reason = kind.doubt(member.name, checks, self.kinds.values())
        kind.note(member.name, checks)
        self.trust(member, kind, reason if checks else "cannot check itself")

    def trust(self, member: Member, kind: KindRun, reason: str) -> None:
        """Note whether a machine's figures are in doubt, and say so when that changes."""
        if reason and not member.doubted:
            others = len(self.of_kind(kind)) > 1
            self.say(
                f"{member.name} {reason}: "
                + (
                    "another of its kind measures in its place"
                    if others
                    else "it is the only one of its kind, so what it measures is marked"
                )
            )
        elif not reason and member.doubted:
            self.say(f"{member.name} is steady again")
        member.doubted = bool(reason)

    def show(self) -> None:
        """Show how far the run is."""
        on = f"on {counted(sum(one.kind is not None for one in self.members.values()), 'machine')}"
        finished, total = sum(len(kind.queue.done) for kind in self.kinds.values()), len(self.cases) * len(self.kinds)
        if finished < total:
            self.note(f"measuring {on}", finished, total)
        elif not self.finished:
            self.note(f"measuring again, or what is undecided, {on}", 0, 0)

    # what is sent

    def limit_s(self, cases: int) -> float:
        """Return the longest that a problem with so many cases may take; or a check, with none."""
        limit_s = self.request.time_limit_s * (STEPS + cases)
        return limit_s if cases else max(REPORT_S, limit_s)

    async def ask(self, member: Member, message: Messages, kind: type[T], limit_s: float) -> T:
        """Send a message to a machine, and return its answer. One that does not come in time may still come. Raises TaskFailed."""
        answer = asyncio.ensure_future(self.dask.ask(member.address, message, kind))
        try:
            await asyncio.wait([answer], timeout=limit_s)
            if not answer.done():
                member.hung = True
                _, fate = self.lose(member)
                self.say(f"{member.name} has not answered in time, and gets no work until it does{fate}")
                self.changed.set()
            return await answer
        finally:
            answer.cancel()
            member.hung = False

    async def leave(self) -> None:
        """Let machines remove what they keep for this run. What does not answer is left alone: its next run does it."""
        ready = [one for one in self.members.values() if one.report and not one.hung]
        if ready and self.dask.connected:
            asked = [self.dask.ask(one.address, Leave(number=self.sent.number), NoneType) for one in ready]
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_S):
                    await asyncio.gather(*asked, return_exceptions=True)

    # what is measured next

    def of_kind(self, kind: KindRun) -> list[Member]:
        """Return the machines of a kind that are ready."""
        return [one for one in self.members.values() if one.kind is kind]

    def getting_ready(self) -> bool:
        """Whether machines have joined that may still bring work of their own."""
        return any(not (one.kind or one.refused or one.hung) for one in self.members.values())

    @property
    def finished(self) -> bool:
        """Whether every kind that has appeared has measured everything, or given it up."""
        return all(kind.queue.finished for kind in self.kinds.values())

    def assign(self, kind: KindRun) -> None:
        """Give a kind's idle machines work, one at a time on a computer. Those in doubt get what no other can measure."""
        queue = kind.queue
        busy = {
            one.report.host
            for one in self.members.values()
            if one.report and one.kind and one.address in one.kind.queue.under_way
        }
        for doubted in (False, True):
            if not (queue.waiting or queue.again or queue.further) or (queue.under_way and doubted):
                return
            for one in self.of_kind(kind):
                if (
                    not (one.work and one.report)
                    or one.work.done()
                    or one.doubted != doubted
                    or one.report.host in busy
                ):
                    continue
                if problem := queue.take(one.address):
                    busy.add(one.report.host)
                    one.work.set_result(problem)

    def look_at_what_is_undecided(self, kind: KindRun) -> None:
        """Let machines go on with what is undecided, once their kind has measured everything."""
        if not kind.looks or not kind.queue.finished or self.getting_ready():
            return
        machines = {one.name: one.address for one in self.of_kind(kind) if not one.doubted and not one.hung}
        for problem, processes in kind.further(machines):
            address = machines[problem.machine]
            self.further[address, problem.problem] = entry_of(problem), processes
            kind.queue.go_on(address, problem.problem)

    def look_at_what_is_stranded(self, kind: KindRun) -> None:
        """Give up problems that no machine of a kind can measure. Those that have figures need no other one to be waited for."""
        stranded, now = kind.queue.stranded([one.address for one in self.of_kind(kind)]), self.now()
        if not stranded:
            self.stranded_since.pop(kind.kind, None)
            return
        waits_s = 0.0 if {*stranded} <= kind.queue.doubted.keys() else JOIN_S
        if now > self.stranded_since.setdefault(kind.kind, now) + waits_s and (without := kind.queue.give_up(stranded)):
            self.say(f"{kind.kind}: no machine is left that may measure {counted(len(without), 'problem')}")

    def look_for_nobody(self, began: float) -> None:
        """Raise PlanError if there is no machine to measure on."""
        if self.kinds or any(not (one.refused or one.hung) for one in self.members.values()):
            return
        if self.now() > began + (REFUSED_S if self.members else JOIN_S):
            raise PlanError(
                f"no machine can be used: each of {counted(len(self.members), 'worker')} is refused or does not answer"
                if self.members
                else f"no worker has joined within {JOIN_S:.0f} s: start some (dask worker ADDRESS), then run this again"
            )
