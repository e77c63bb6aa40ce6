"""The worker's part: load a reader's file, and check its classes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.machine.process import limit_memory
from w2vbench.bench.engine.protocol import Status
from w2vbench.bench.engine.worker.checking.contract import Fault
from w2vbench.bench.plans.book.reader.loading import load_classes
from w2vbench.impls.catalogue.discovery import CatalogueError

from .checking import built_on, check_class, weights_of

LOADING = "loading the file"


def check(job: protocol.CheckBook, emit: protocol.Emit) -> None:
    """Check the classes of a reader's file that no earlier process has checked. Raises Fault if it cannot be loaded."""
    limit_memory(job.settings.memory_limit_bytes)
    emit(protocol.StepBegins(name=LOADING))
    try:
        classes = load_classes(Path(job.file))
    except CatalogueError as error:
        raise Fault(Status.ERROR, str(error)) from error
    emit(protocol.BookLoaded(classes=tuple(classes)))
    wrong = set(job.wrong)
    weights = weights_of(
        {name: kind for name, kind in classes.items() if name not in wrong},
        lambda name: begin(emit, name, f"{name}.__init__"),
    )
    emit(protocol.BookWeights(dtype=dtype_name(weights.dtype)))
    for name, kind in classes.items():
        if name in job.done:
            continue
        emit(protocol.StepBegins(name=name, variant=name))
        if below := wrong & built_on(kind):
            checked = protocol.BookChecked(name=name, built_on=tuple(sorted(below)))
        else:
            checked = protocol.BookChecked(
                name=name, faults=check_class(name, kind, weights, partial(begin, emit, name))
            )
        wrong.update({name} if checked.wrong else ())
        emit(checked)


def begin(emit: protocol.Emit, name: str, step: str) -> None:
    """Say which method of a class is called next, so that one that hangs is known."""
    emit(protocol.StepBegins(name=step, variant=name))


def dtype_name(dtype: np.dtype[np.floating]) -> str:
    """Return a dtype as sizes name it: ``f32``."""
    return f"{dtype.kind}{8 * dtype.itemsize}"
