"""What the machine can do, measured in the same run: bandwidths by working set, the rate of matrix products, a call's cost."""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from impls.catalogue import floors
from impls.compiled import ready
from impls.interface import Array, Kernel, Problem, resident_zeros
from impls.vectors import blocks, product

from .loop import sampler
from .variant import PreparedVariant, prepared

FLOOR = "floor:"
"""How the names of variants begin that are no implementation, but what limits one."""
CALL = f"{FLOOR}call"
"""The variant of a function that does nothing: what a call costs, and, from round to round, how fast the machine is."""

SMALLEST, LARGEST = 256 << 10, 256 << 20
"""Working sets in bytes, from half a level-2 cache to many times a level-3 one; beyond it bandwidth changes no more."""
SAMPLE_S = 0.001
SAMPLES = 5
PRODUCT = 384


def nothing(*arguments: Any) -> None:
    pass


COMPILER_BYTES = 1 << 30
"""What a process should be allowed in which code is compiled: LLVM ends one in which it finds no memory."""


def limit_variants(kernel: Kernel, problem: Problem, place: int, limit_bytes: int) -> list[PreparedVariant]:
    """Variants that call nothing, or only move what every implementation of a kernel must move, each in one way.

    Their results are not looked at. limit_bytes: what the process may hold; where that is little, or a buffer finds no
    room, there are fewer.
    """
    loop = sampler(len(kernel.parameters), False)
    variants = [PreparedVariant(CALL, nothing, (), problem, loop, place=place, again=True)]
    for floor in floors(kernel.name) if limit_bytes >= COMPILER_BYTES else ():
        with contextlib.suppress(MemoryError):
            variant = prepared(FLOOR + floor.slug, floor, problem, place=place)
            variant.kernel = None
            variants.append(variant)
    return variants


def measure(largest: int, dtypes: Sequence[str]) -> dict[str, Any]:
    """The machine's limits, of as many threads as this process may use.

    read, write, copy: ``[working set in bytes, bytes a second]`` for working sets up to largest; read by a dot product,
    written by memset, fill or memcpy, whichever is fastest, copied by memcpy (bytes read and written together). matmul:
    floating-point operations a second by dtype, of BLAS or of compiled products, whichever are faster.
    """
    working_sets = [SMALLEST]
    while working_sets[-1] * 4 < min(largest, LARGEST):
        working_sets.append(working_sets[-1] * 4)
    working_sets.append(max(SMALLEST * 2, min(largest, LARGEST)))
    memory = resident_zeros((working_sets[-1] // 4,), np.dtype(np.float32))
    found: dict[str, Any] = {kind: [] for kind in ("read", "write", "copy")}
    for size in working_sets:
        part = memory[: size // 4]
        half = len(part) // 2
        first, second = part[:half], part[half : 2 * half]
        found["read"].append([size, size / least_s(reading(first, second))])
        found["write"].append([size, size / min(map(least_s, writings(part)))])
        found["copy"].append([size, size / least_s(copying(first, second))])
    found["matmul"] = {
        name: 2.0 * PRODUCT**3 / min(map(least_s, multiplyings(np.dtype(np.float32 if name == "f32" else np.float64))))
        for name in dtypes
    }
    return found


def reading(first: Array, second: Array) -> Callable[[], Any]:
    return lambda: np.dot(first, second)


def writings(part: Array) -> tuple[Callable[[], Any], ...]:
    """Ways to write: memset, a loop of stores, and memcpy from pages that were never touched and so read nothing."""
    pointer, size, zeros = part.ctypes.data, part.nbytes, np.zeros_like(part)
    return (lambda: ctypes.memset(pointer, 0, size), lambda: part.fill(0), lambda: np.copyto(part, zeros))


def copying(first: Array, second: Array) -> Callable[[], Any]:
    return lambda: np.copyto(first, second)


def multiplyings(dtype: np.dtype[Any]) -> tuple[Callable[[], Any], ...]:
    """Ways to multiply matrices: BLAS, and a product in blocks, which uses vector registers that BLAS may leave half empty."""
    high, wide, columns = blocks(PRODUCT, dtype.itemsize)
    a, b, out = (np.ones((PRODUCT, columns), dtype) for _ in range(3))
    square = a[:, :PRODUCT]
    product_of = (out, square, b, high, wide)
    return (
        lambda: np.matmul(square, b[:, :PRODUCT], out=out[:, :PRODUCT]),
        partial(ready(multiplied, product_of), *product_of),
    )


def multiplied(out: Any, a: Any, b: Any, high: Any, wide: Any) -> None:
    product(out, a, b, high, wide, False)


def least_s(call: Callable[[], Any]) -> float:
    """Least seconds a call, of SAMPLES samples of at least SAMPLE_S, after one call to warm up."""
    call()
    started = time.perf_counter()
    call()
    calls = max(1, int(SAMPLE_S / max(time.perf_counter() - started, 1e-7)))
    samples = []
    for _ in range(SAMPLES):
        started = time.perf_counter()
        for _ in range(calls):
            call()
        samples.append((time.perf_counter() - started) / calls)
    return min(samples)
