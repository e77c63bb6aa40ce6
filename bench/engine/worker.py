"""A worker process: it reads jobs, one line each, and answers with events.

It is started as a script, by its path. It reports that it has started, reads jobs from its original standard input, and
writes events to its original standard output. Implementations get /dev/null as all three standard streams.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

if __name__ == "__main__":  # the project's packages, not this folder, come first
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from bench.engine import checking, machine, measuring, memory, protocol, sources
from bench.engine.contract import OUT_OF_MEMORY, OVER_LIMIT, describe
from bench.engine.watch import watched_names
from impls import catalogue
from impls.compiled import warm_up


def main() -> None:
    jobs = os.fdopen(os.dup(0), "rb")
    events = os.fdopen(os.dup(1), "wb", buffering=0)
    devnull = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(devnull, standard)
    memory.end_with_parent()
    list(catalogue.own())
    warm_up()
    watched_names()  # before any user's file is loaded
    events.write(protocol.event_line(protocol.Started()))

    while line := jobs.readline():  # empty once the pipe is closed
        job, token = protocol.read_job(line)
        emit = emitter(events, jobs, token)
        try:
            run_job(job, emit)
        except MemoryError:
            emit(protocol.Failed(status=OUT_OF_MEMORY, reason=OVER_LIMIT))
        except Exception as error:
            emit(protocol.Failed(status="error", reason=describe(error)))


def emitter(events: BinaryIO, jobs: BinaryIO, token: str) -> protocol.Emit:
    """Return a function that writes an event, and after ``Ready`` waits for the main process's reply."""

    def emit(event: protocol.Events) -> None:
        events.write(protocol.event_line(event, token))
        if isinstance(event, protocol.Ready):
            jobs.readline()

    return emit


def run_job(job: protocol.Jobs, emit: protocol.Emit) -> None:
    """Do a job. Imports that few jobs need are made here."""
    match job:
        case protocol.Measure():
            measuring.measure(job, emit)
        case protocol.CheckContract():
            checking.check(job, emit)
        case protocol.MeasureLimits():
            machine.measure_limits(job, emit)
        case protocol.ListSources():
            sources.list_sources(job, emit)
        case protocol.ProfileLines():
            from bench.engine import profiling

            profiling.profile_lines(job, emit)
        case protocol.Train():
            from bench.engine import training

            training.train_once(job, emit)


if __name__ == "__main__":
    main()
