"""A kernel's limits, timed beside its implementations: an empty call, and ways to move only the data that must be moved."""

from __future__ import annotations

import contextlib

from w2vbench.bench.engine.protocol import FLOOR
from w2vbench.bench.engine.worker.variants.loop import sampler
from w2vbench.bench.engine.worker.variants.variant import PreparedVariant, prepare_variant
from w2vbench.impls.catalogue.discovery import floors
from w2vbench.impls.interface import Kernel, Problem

CALL = f"{FLOOR}call"
"""The variant that does nothing. It shows what a call costs, and how the machine's own speed varies from round to round."""


def nothing(*arguments: object) -> None:
    pass


COMPILER_BYTES = 1 << 30
"""Memory that a process needs in order to compile: LLVM ends the process if it finds none."""


def limit_variants(kernel: Kernel, problem: Problem, place: int, limit_bytes: int) -> list[PreparedVariant]:
    """Return the variants that show a kernel's limits: an empty call, and ways to move only the data that must be moved.

    Their results are not verified. There are fewer variants where memory is short.

    Parameters
    ----------
    kernel, problem
        What is measured.
    place
        Index of the first batch.
    limit_bytes
        Most memory that the process may allocate.
    """
    loop = sampler(len(kernel.parameters), False)
    variants = [PreparedVariant(CALL, nothing, (), problem, loop, place=place, repeats=True)]
    for floor in floors(kernel.name) if limit_bytes >= COMPILER_BYTES else ():
        with contextlib.suppress(MemoryError):
            variant = prepare_variant(FLOOR + floor.slug, floor, problem, place=place)
            variant.kernel = None
            variants.append(variant)
    return variants
