"""What the machine can do, measured in a worker."""

from __future__ import annotations

from . import limits, protocol
from .process import blas_threads, pin


def measure_limits(job: protocol.MeasureLimits, emit: protocol.Emit) -> None:
    """Measure bandwidths, and the rate of matrix products."""
    pin(job.threads, job.cpu)
    emit(protocol.Stage(name="the machine's limits"))
    emit(protocol.Ready())
    found = limits.measure(job.largest_bytes, job.dtypes)
    emit(protocol.MachineLimits(**found, blas_threads=blas_threads()))
    emit(protocol.Done(clean=True))
