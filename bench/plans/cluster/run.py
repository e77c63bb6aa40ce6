"""A run on several machines: every kind of machine measures every problem, each whole on one machine.

Each kind's figures are kept like those of any run, in a folder of its own; beside them stands a page of all kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from w2vbench.bench.plans.run.journal import NAME, JournalError
from w2vbench.bench.plans.run.keeping import Outputs, locked
from w2vbench.bench.plans.run.request import Note, NothingToKeep, Say
from w2vbench.bench.plans.run.session import stop_on_signals
from w2vbench.reports.file.files import read
from w2vbench.reports.others.machines import report_machines

from .client import Client
from .kinds import KindRun
from .machine_report import report_of
from .machines import Kind, MachineReport
from .members import FleetRequest
from .queue import Queue
from .scheduler import LOSSES
from .transport import SchedulerLost, Transport


@dataclass(frozen=True)
class KeptKind:
    """What a run leaves of a kind of machine. Its results are on disk only, since those of many would take much memory.

    Attributes
    ----------
    paths
        All files that were written, the result file last.
    exit_code, unfinished, stored
        As of any run (``Outputs``).
    measured
        Whether it has any times.
    """

    paths: Sequence[Path]
    exit_code: int
    unfinished: str
    stored: Path | None
    measured: bool

    def outputs(self) -> Outputs:
        """Read the results again."""
        text = self.paths[-1].read_text(encoding="utf-8")
        return Outputs(text, read(self.paths[-1]), list(self.paths), self.exit_code, self.unfinished, self.stored)


@dataclass(frozen=True)
class FleetOutputs:
    """What a run on several machines leaves: the results of each kind of machine, the page of several, and the command's exit code."""

    kinds: Sequence[KeptKind]
    exit_code: int
    pages: Sequence[Path] = ()


def run_fleet(
    request: FleetRequest,
    transport: Transport,
    say: Say,
    progress: Callable[[], AbstractContextManager[Note]],
) -> FleetOutputs:
    """Measure on several machines, and keep what was found: a folder for each kind of machine, and a page of all.

    Raises
    ------
    PlanError, CatalogueError, CorpusError, JournalError
        If the request cannot be carried out.
    NothingToKeep
        If it ends before the first problem is finished.
    """
    run = request.run
    problems, corpus = run.problems(), run.text()
    stop_on_signals()
    with locked(run.out):
        journals = sorted(run.out.glob(f"*/{NAME}"))
        if run.resume and not journals:
            raise JournalError(f"{run.out}: no unfinished run to go on from; start one without --resume")

        def new_kind(kind: Kind, report: MachineReport) -> KindRun:
            made = KindRun(kind, report, run, corpus, run.out / kind.slug, say)
            if made.begin(problems):
                say(f"an unfinished run's journal was put aside in {made.folder} (--resume would have gone on from it)")
            return made

        interrupted, lost = False, ""
        with progress() as note:
            client = Client(request, transport, say, note, report_of(run), problems, new_kind)
            try:
                client.run()
            except KeyboardInterrupt:
                interrupted = True
            except SchedulerLost as error:
                lost = str(error)
                if any(queue.done for queue in client.fleet.queues.values()):
                    say(f"{lost}: what is finished is kept")
            client.leave()
        for folder in {journal.parent for journal in journals} - {kind.folder for kind in client.kinds.values()}:
            say(f"{folder.name}: none of its machines has joined; {folder / NAME} is kept for --resume")
        return kept_of(client, interrupted=interrupted, lost=lost)


def kept_of(client: Client, *, interrupted: bool, lost: str) -> FleetOutputs:
    """Write each kind's result, and the page of all of them. Raises NothingToKeep."""
    kept = [
        kept_kind(client, kind, interrupted=interrupted)
        for kind, queue in client.fleet.queues.items()
        if queue.done or lost_twice(queue)
    ]
    if not kept:
        for kind in client.kinds.values():
            kind.journal.close()
        if interrupted:
            raise NothingToKeep("interrupted before the first problem was finished: nothing to keep", 130)
        raise NothingToKeep(f"{lost or 'no machine is left'}: no problem was finished, so nothing is kept", 3)
    codes = [one.exit_code for one in kept]
    unfinished = len(kept) < len(client.kinds) or any(one.unfinished for one in kept)
    code = 130 if interrupted else 3 if lost else 1 if 1 in codes else 3 if unfinished else max(codes)
    files = [one.paths[-1] for one in kept if one.measured]
    pages = report_machines(files, client.request.run.out) if len(files) > 1 else []
    return FleetOutputs(kept, code, pages)


def kept_kind(client: Client, kind: Kind, *, interrupted: bool) -> KeptKind:
    """Write a kind's result."""
    queue = client.fleet.queues[kind]
    lost = lost_twice(queue)
    kept = client.kinds[kind].keep(
        {one: f"lost on {' and on '.join(client.names[machine] for machine in queue.losses[one])}" for one in lost},
        complete=queue.finished and queue.done >= {*client.fleet.experiments} - lost,
        interrupted=interrupted,
    )
    return KeptKind(kept.paths, kept.exit_code, kept.unfinished, kept.stored, bool(kept.result.benchmarks))


def lost_twice(queue: Queue) -> set[str]:
    """Return the experiments that were lost on two machines: nothing is left to measure of them."""
    return {one for one, machines in queue.losses.items() if len(machines) >= LOSSES and one in queue.given_up}
