"""The machine's limits, measured in a worker."""

from __future__ import annotations

from . import limits, protocol
from .process import blas_threads, pin


def measure_limits(job: protocol.MeasureLimits, emit: protocol.Emit) -> None:
    """Measure bandwidths, and matrix products a second."""
    pin(job.threads, job.cpu)
    emit(protocol.Stage(name="the machine's limits"))
    emit(protocol.Ready())
    figures = limits.measure(job.largest_bytes, job.dtypes)
    emit(protocol.MachineLimits(**figures, blas_threads=blas_threads()))
    emit(protocol.Done(clean=True))
