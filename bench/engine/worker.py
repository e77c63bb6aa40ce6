"""A worker process: it takes jobs, a line each, and answers with events.

Started by its path as a script. It says that it has started, reads jobs from what was its standard input, and writes
events to what was its standard output; implementations may read and print as much as they like, it comes from and goes
nowhere.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

if __name__ == "__main__":  # this folder must not stand before the packages of the project
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from bench.engine import checking, machine, measuring, memory, protocol, sources
from bench.engine.contract import OUT_OF_MEMORY, PAST_LIMIT, describe
from bench.engine.watch import names
from impls import catalogue
from impls.compiled import warm_up


def main() -> None:
    orders = os.fdopen(os.dup(0), "rb")
    events = os.fdopen(os.dup(1), "wb", buffering=0)
    devnull = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(devnull, standard)
    memory.end_with_parent()
    list(catalogue.own())
    warm_up()
    names()  # before any file from outside is loaded
    events.write(protocol.event_line(protocol.Started()))

    while line := orders.readline():  # none if it is not needed after all
        job, token = protocol.read_job(line)
        emit = emitter(events, orders, token)
        try:
            do(job, emit)
        except MemoryError:
            emit(protocol.Failed(status=OUT_OF_MEMORY, reason=PAST_LIMIT))
        except Exception as error:
            emit(protocol.Failed(status="error", reason=describe(error)))


def emitter(events: BinaryIO, orders: BinaryIO, token: str) -> protocol.Emit:
    """What writes an event, and after ``Ready`` waits for the word to go on."""

    def emit(event: protocol.Events) -> None:
        events.write(protocol.event_line(event, token))
        if isinstance(event, protocol.Ready):
            orders.readline()

    return emit


def do(job: protocol.Jobs, emit: protocol.Emit) -> None:
    """Do a job. What only some jobs need is imported by them."""
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
