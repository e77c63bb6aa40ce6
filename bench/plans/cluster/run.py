"""A run on several machines: every kind of machine measures every problem, each whole on one machine.

Each kind's figures are kept like those of any run, in a folder of its own; beside them stands a page of all kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from w2vbench.bench.plans.run.journal import NAME, JournalError
from w2vbench.bench.plans.run.keeping import Outputs, locked
from w2vbench.bench.plans.run.request import Note, NothingToKeep, Say
from w2vbench.bench.plans.run.run import RunRequest
from w2vbench.bench.plans.run.session import stop_on_signals
from w2vbench.reports.others.machines import report_machines

from .client import Client
from .kinds import KindRun
from .machines import MachineReport, report_of
from .workers import SchedulerLost, Workers

Show = Callable[[Outputs, bool], None]
"""Shows what was found on a kind of machine. Whether there are several."""


def run_on_machines(
    request: RunRequest,
    share_hosts: bool,
    dask: Workers,
    say: Say,
    progress: Callable[[], AbstractContextManager[Note]],
    show: Show,
) -> tuple[int, Sequence[Path]]:
    """Measure on workers, and keep what was found: a folder for each kind of machine, and a page of all.

    Parameters
    ----------
    show
        Gets the results of one kind after the other, since those of many would take much memory.

    Returns
    -------
    tuple
        The command's exit code, and the pages of several kinds.

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
        return keep(client, show, interrupted=interrupted, lost=lost)


def keep(client: Client, show: Show, *, interrupted: bool, lost: str) -> tuple[int, Sequence[Path]]:
    """Write each kind's result, and the page of all of them. Raises NothingToKeep."""
    kinds = [kind for kind in client.kinds.values() if kind.queue.done or kind.queue.lost]
    if not kinds:
        for kind in client.kinds.values():
            kind.journal.close()
        if interrupted:
            raise NothingToKeep("interrupted before the first problem was finished: nothing to keep", 130)
        raise NothingToKeep(f"{lost or 'no machine is left'}: no problem was finished, so nothing is kept", 3)
    codes, files, unfinished = [], [], len(kinds) < len(client.kinds)
    for kind in kinds:
        kept = kind.keep(client.names, interrupted=interrupted)
        codes.append(kept.exit_code)
        files += kept.paths[-1:] if kept.result.benchmarks else []
        unfinished = unfinished or bool(kept.unfinished)
        show(kept, len(kinds) > 1)
    code = 130 if interrupted else 3 if lost else 1 if 1 in codes else 3 if unfinished else max(codes)
    return code, report_machines(files, client.request.out) if len(files) > 1 else []
