"""The machine's limits, measured in a worker in the same run: bandwidths by working set, and matrix products a second."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import partial
from timeit import repeat, timeit
from typing import Any

import numpy as np

from impls.arrays import resident_zeros
from impls.compiled import ready
from impls.interface import Array
from impls.products import blocks, product

from . import protocol
from .process import blas_threads, pin

SMALLEST, LARGEST = 256 << 10, 256 << 20
"""Working sets in bytes, from half a level-2 cache to many times a level-3 cache, beyond which bandwidth no longer changes."""
SAMPLE_S = 0.001
SAMPLES = 5
PRODUCT = 384


def measure_limits(job: protocol.MeasureLimits, emit: protocol.Emit) -> None:
    """Measure bandwidths, and matrix products a second."""
    pin(job.threads, job.cpu)
    emit(protocol.StepBegins(name="the machine's limits"))
    emit(protocol.Ready())
    emit(measure(job.largest_bytes, job.dtypes))


def measure(largest: int, dtypes: Sequence[str]) -> protocol.MachineLimits:
    """Measure the machine's limits with as many threads as this process may use. Of several ways, the fastest counts.

    Parameters
    ----------
    largest
        Largest working set in bytes.
    dtypes
        ``f32`` or ``f64``, for matrix products.

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
    return protocol.MachineLimits(
        read=[(size, size / least_s(reading(part))) for size, part in parts],
        write=[(size, size / min(map(least_s, writings(part)))) for size, part in parts],
        copy=[(size, max(moved / least_s(copy) for copy, moved in copyings(part))) for size, part in parts],
        matmul={
            name: 2.0
            * PRODUCT**3
            / min(map(least_s, multiplyings(np.dtype(np.float32 if name == "f32" else np.float64))))
            for name in dtypes
        },
        blas_threads=blas_threads(),
    )


def halves(part: Array) -> tuple[Array, Array]:
    half = len(part) // 2
    return part[:half], part[half : 2 * half]


def reading(part: Array) -> Callable[[], object]:
    first, second = halves(part)
    return lambda: np.dot(first, second)


def writings(part: Array) -> tuple[Callable[[], object], ...]:
    """Ways to write: memset, a loop of stores, and memcpy from pages that were never touched, which reads nothing."""
    pointer, size, zeros = part.ctypes.data, part.nbytes, np.zeros_like(part)
    return (lambda: ctypes.memset(pointer, 0, size), lambda: part.fill(0), lambda: np.copyto(part, zeros))


def copyings(part: Array) -> tuple[tuple[Callable[[], object], int], ...]:
    """Ways to read and write the same number of bytes, and how many bytes each moves.

    A pass in place moves twice its working set. Unlike a copy, it never fetches a cache line only to overwrite it.
    """
    first, second = halves(part)
    return (
        (lambda: np.copyto(first, second), part.nbytes),
        (lambda: np.negative(first, out=second), part.nbytes),
        (lambda: np.negative(part, out=part), 2 * part.nbytes),
    )


def multiplyings(dtype: np.dtype[Any]) -> tuple[Callable[[], object], ...]:
    """Ways to multiply matrices: BLAS, and a product in blocks that fills vector registers where BLAS may not."""
    high, wide, columns = blocks(PRODUCT, dtype.itemsize)
    a, b, out = (np.ones((PRODUCT, columns), dtype) for _ in range(3))
    square = a[:, :PRODUCT]
    product_of = (out, square, b, high, wide)
    return (
        lambda: np.matmul(square, b[:, :PRODUCT], out=out[:, :PRODUCT]),
        partial(ready(multiplied, product_of), *product_of),
    )


def multiplied(out: Array, a: Array, b: Array, high: tuple[int, ...], wide: tuple[int, ...]) -> None:
    product(out, a, b, high, wide, False)


def least_s(call: Callable[[], object]) -> float:
    """Return the least seconds a call, of SAMPLES samples of at least SAMPLE_S each, after a warm-up call."""
    call()
    calls = max(1, int(SAMPLE_S / max(timeit(call, number=1), 1e-7)))
    return min(repeat(call, number=calls, repeat=SAMPLES)) / calls
