"""The machine's limits, measured in a worker in the same run: bandwidths by working set, and matrix products a second."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from time import perf_counter
from timeit import timeit
from typing import Any

import numpy as np
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.machine.process import blas_threads, pin
from w2vbench.impls.compiling.functions import ready
from w2vbench.impls.compiling.intrinsics.products import blocks, product, product_way
from w2vbench.impls.interface import Array
from w2vbench.impls.interface.arrays import resident_zeros

SMALLEST, LARGEST = 256 << 10, 256 << 20
"""Working sets in bytes, from half a level-2 cache to many times a level-3 cache, beyond which bandwidth no longer changes."""
SAMPLE_S = 0.001
SAMPLES, LONG_SAMPLES, LONG_S = 5, 3, 0.005
"""How many samples are taken; of those that take LONG_S or more, which a pause hardly changes, LONG_SAMPLES."""
PRODUCT = 384


def measure_limits(job: protocol.MeasureLimits, emit: protocol.Emit) -> None:
    """Measure bandwidths, and matrix products a second."""
    pin(job.threads, job.cpu)
    emit(protocol.StepBegins(name="the machine's limits"))
    emit(protocol.Ready())
    emit(measure(job.largest_bytes, job.dtypes, job.threads))


def measure(largest: int, dtypes: Sequence[str], threads: int = 1) -> protocol.MachineLimits:
    """Measure the machine's limits. Of several ways, the fastest counts.

    Parameters
    ----------
    largest
        Largest working set in bytes.
    dtypes
        ``f32`` or ``f64``, for matrix products.
    threads
        How many threads move a working set: each an equal part, or one of them all of it, where that is faster. BLAS has
        as many in this process.

    Returns
    -------
    MachineLimits
        ``read`` (by a dot product), ``write`` (by memset, fill or memcpy) and ``copy`` (by memcpy or a pass in place; bytes
        read and written together) hold ``[working set in bytes, bytes a second]``. ``matmul`` holds floating-point
        operations a second by dtype, of BLAS or of compiled products.
    """
    working_sets = [SMALLEST]
    while working_sets[-1] * 4 < min(largest, LARGEST):
        working_sets.append(working_sets[-1] * 4)
    working_sets.append(max(SMALLEST * 2, min(largest, LARGEST)))
    memory = resident_zeros((working_sets[-1] // 4,), np.dtype(np.float32))
    parts = [(size, memory[: size // 4]) for size in working_sets]
    with ThreadPoolExecutor(threads) as pool:

        def curve(ways: Callable[[Array], Sequence[Way]]) -> list[tuple[float, float]]:
            return [
                (size, fastest(ways(part), [*map(ways, np.array_split(part, threads))], pool)) for size, part in parts
            ]

        return protocol.MachineLimits(
            threads=threads,
            read=curve(readings),
            write=curve(writings),
            copy=curve(copyings),
            matmul={
                name: fastest(multiplyings(DTYPES[name]), [multiplyings(DTYPES[name]) for _ in range(threads)], pool)
                for name in dtypes
            },
            blas_threads=blas_threads(),
        )


DTYPES: dict[str, np.dtype[Any]] = {"f32": np.dtype(np.float32), "f64": np.dtype(np.float64)}
Way = tuple[Callable[[], object], float]
"""A way to do something, and how much a call does: bytes that are moved, or floating-point operations."""


def fastest(alone: Sequence[Way], together: Sequence[Sequence[Way]], pool: ThreadPoolExecutor) -> float:
    """Return how much a second is done in the fastest of several ways.

    Parameters
    ----------
    alone
        The ways of one thread, or of BLAS's own.
    together
        For each thread, the same ways to do its part. A single thread has none.
    pool
        The threads.
    """
    teams: list[Sequence[Way]] = [[way] for way in alone]
    if len(together) > 1:
        teams += zip(*together, strict=True)
    return max(sum(amount for _, amount in its) / least_s([call for call, _ in its], pool) for its in teams)


def halves(part: Array) -> tuple[Array, Array]:
    half = len(part) // 2
    return part[:half], part[half : 2 * half]


def readings(part: Array) -> tuple[Way, ...]:
    """Ways to read: a dot product, of BLAS's threads if it has several."""
    first, second = halves(part)
    return ((lambda: np.dot(first, second), part.nbytes),)


def writings(part: Array) -> tuple[Way, ...]:
    """Ways to write: memset, a loop of stores, and memcpy from pages that were never touched, which reads nothing."""
    pointer, size, zeros = part.ctypes.data, part.nbytes, np.zeros(len(part), part.dtype)
    ways = (lambda: ctypes.memset(pointer, 0, size), lambda: part.fill(0), lambda: np.copyto(part, zeros))
    return tuple((way, size) for way in ways)


def copyings(part: Array) -> tuple[Way, ...]:
    """Ways to read and write the same number of bytes.

    A pass in place moves twice its working set. Unlike a copy, it never fetches a cache line only to overwrite it.
    """
    first, second = halves(part)
    return (
        (lambda: np.copyto(first, second), part.nbytes),
        (lambda: np.negative(first, out=second), part.nbytes),
        (lambda: np.negative(part, out=part), 2 * part.nbytes),
    )


def multiplyings(dtype: np.dtype[Any]) -> tuple[Way, ...]:
    """Ways to multiply matrices: BLAS, and a product in blocks that fills vector registers where BLAS may not."""
    high, wide, columns = blocks(PRODUCT, dtype.itemsize)
    a, b, out = (np.ones((PRODUCT, columns), dtype) for _ in range(3))
    square = a[:, :PRODUCT]
    product_of = (out, square, b, product_way(high, wide, columns))
    ways: tuple[Callable[[], object], ...] = (
        lambda: np.matmul(square, b[:, :PRODUCT], out=out[:, :PRODUCT]),
        partial(ready(multiplied, product_of), *product_of),
    )
    return tuple((way, 2.0 * PRODUCT**3) for way in ways)


def multiplied(out: Array, a: Array, b: Array, way: tuple[Any, ...]) -> None:
    product(out, a, b, way, False, a)


def least_s(calls: Sequence[Callable[[], object]], pool: ThreadPoolExecutor) -> float:
    """Return the least seconds in which each of some threads makes its call, of several samples of at least SAMPLE_S each, after a warm-up call."""
    for call in calls:
        call()
    call_s = max(timeit(call, number=1) for call in calls)
    number = max(1, int(SAMPLE_S / max(call_s, 1e-7)))
    samples = LONG_SAMPLES if call_s >= LONG_S else SAMPLES
    return min(sample_s(calls, number, pool) for _ in range(samples)) / number


def sample_s(calls: Sequence[Callable[[], object]], number: int, pool: ThreadPoolExecutor) -> float:
    """Return the seconds from the start of the first thread to the end of the last, where each makes its call this number of times."""
    if len(calls) == 1:
        return timeit(calls[0], number=number)
    together = Barrier(len(calls))

    def ends(call: Callable[[], object]) -> tuple[float, float]:
        together.wait()
        began = perf_counter()
        timeit(call, number=number)
        return began, perf_counter()

    begun, ended = zip(*pool.map(ends, calls), strict=True)
    return float(max(ended) - min(begun))
