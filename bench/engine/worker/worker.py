"""A worker process: it reads jobs, one line each, and answers with events.

``bench/worker.py`` is its script. It reports that it has started, reads jobs from its original standard input, and
writes events to its original standard output. Implementations get /dev/null as all three standard streams.

With the argument ``--without-numba``, it does not load numba before a job's code does.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import BinaryIO

from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.machine.process import are_idle, end_with_parent, tasks
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.compiling.functions import warm_up

from . import measuring, training_loop
from .checking import contract
from .checking.contract import Fault, fault_of
from .profiling import lines
from .timing import bandwidth
from .variants import sources
from .variants.extensions import JOBS
from .variants.watch import watched_names

JOBS |= {
    protocol.CheckContract: contract.check,
    protocol.ListSources: sources.list_sources,
    protocol.MeasureLimits: bandwidth.measure_limits,
    protocol.Measure: measuring.measure,
    protocol.ProfileLines: lines.profile_lines,
    protocol.Train: training_loop.train_once,
}


def main() -> None:
    jobs = os.fdopen(os.dup(0), "rb")
    events = os.fdopen(os.dup(1), "wb")  # it writes on where a signal interrupts, as when a container is frozen
    devnull = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(devnull, standard)
    end_with_parent()
    list(catalogue.own())
    if protocol.WITHOUT_NUMBA not in sys.argv:
        warm_up()
    watched_names()  # before any user's file is loaded
    events.write(protocol.line_of(protocol.Started()))
    events.flush()

    while line := jobs.readline():  # empty once the pipe is closed
        job, token = protocol.read_job(line)
        emit = partial(send, events, jobs, token)
        tasks_before = tasks()
        try:
            JOBS[type(job)](job, emit)
            left = tasks() - tasks_before
            own = not any(
                source.files or source.book for source in job.sources.values()
            )  # a user's threads may only seem to wait
            emit(protocol.Done(clean=not left or (own and are_idle(left))))
        except Exception as error:
            fault = error if isinstance(error, Fault) else fault_of(error)
            emit(protocol.Failed(status=fault.status, reason=fault.reason))


def send(events: BinaryIO, jobs: BinaryIO, token: str, event: protocol.Events) -> None:
    """Write an event, and after ``Ready`` or ``RoundBegins`` wait for the main process's reply."""
    events.write(protocol.line_of(event, token))
    events.flush()
    if isinstance(event, protocol.Ready | protocol.RoundBegins):
        jobs.readline()
