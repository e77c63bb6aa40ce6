"""A run on several machines: every kind of machine measures every problem, each whole on one machine.

Each kind's figures are kept like those of any run, in a folder of its own; beside them stands a page of all kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from w2vbench.bench.plans.run.journal import NAME, JournalError
from w2vbench.bench.plans.run.keeping import Outputs, locked
from w2vbench.bench.plans.run.request import Note, NothingToKeep, Say
from w2vbench.bench.plans.run.run import RunRequest
from w2vbench.bench.plans.run.session import stop_on_signals
from w2vbench.reports.file.files import read
from w2vbench.reports.others.machines_page import report_machines

from .client import Client, SchedulerLost
from .kinds import KindRun
from .machines import MachineReport, report_of


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

    paths: list[Path]
    exit_code: int
    unfinished: str
    stored: Path | None
    measured: bool

    def outputs(self) -> Outputs:
        """Read the results again."""
        text = self.paths[-1].read_text(encoding="utf-8")
        return Outputs(text, read(self.paths[-1]), self.paths, self.exit_code, self.unfinished, self.stored)


@dataclass(frozen=True)
class ClusterOutputs:
    """What a run on several machines leaves: the results of each kind of machine, the command's exit code, and the page of several kinds."""

    kinds: Sequence[KeptKind]
    exit_code: int
    pages: Sequence[Path]


def run_on_machines(
    request: RunRequest,
    share_hosts: bool,
    dask: Any,
    say: Say,
    progress: Callable[[], AbstractContextManager[Note]],
) -> ClusterOutputs:
    """Measure on the workers that a client of Dask's reaches, and keep what was found: a folder for each kind of machine, and a page of all.

    Raises
    ------
    PlanError, CatalogueError, CorpusError, JournalError
        If the request cannot be carried out.
    NothingToKeep
        If it ends before the first problem is finished.
    """
    problems, corpus = request.problems(), request.text()
    stop_on_signals()
    with locked(request.out):
        journals = sorted(request.out.glob(f"*/{NAME}"))
        if request.resume and not journals:
            raise JournalError(f"{request.out}: no unfinished run to go on from; start one without --resume")

        def new_kind(report: MachineReport) -> KindRun:
            return KindRun(report, request, problems, corpus, say)

        interrupted, lost = False, ""
        with progress() as note:
            client = Client(request, share_hosts, dask, say, note, report_of(request), problems, new_kind)
            try:
                dask.sync(client.run)
            except KeyboardInterrupt:
                interrupted = True
            except SchedulerLost as error:
                lost = str(error)
                if any(kind.queue.done for kind in client.kinds.values()):
                    say(f"{lost}: what is finished is kept")
            with suppress(KeyboardInterrupt):
                dask.sync(client.leave)
        for folder in {journal.parent for journal in journals} - {kind.folder for kind in client.kinds.values()}:
            say(f"{folder.name}: none of its machines has joined; {folder / NAME} is kept for --resume")
        return kept_of(client, interrupted=interrupted, lost=lost)


def kept_of(client: Client, *, interrupted: bool, lost: str) -> ClusterOutputs:
    """Write each kind's result, and the page of all of them. Raises NothingToKeep."""
    kept = []
    for kind in client.kinds.values():
        if kind.queue.done or kind.queue.lost:
            found = kind.keep(client.names, interrupted=interrupted)
            measured = bool(found.result.benchmarks)
            kept.append(KeptKind(found.paths, found.exit_code, found.unfinished, found.stored, measured))
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
    return ClusterOutputs(kept, code, report_machines(files, client.request.out) if len(files) > 1 else [])
