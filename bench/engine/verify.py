"""Timed results, looked at afterwards: a variant is not taken at its word that it works while it is timed."""

from __future__ import annotations

import time
import warnings

import numpy as np

from bench.engine.contract import ERROR, OUT_OF_MEMORY, WRONG, describe, failed

from .variant import PreparedVariant, Taken, adapted, same_values
from .watch import Guard

SHARE = 0.05
"""Of the time that a variant's samples took, what verifying them may take beyond the first and a random one."""
NAMED = "a timed call's result: "


class Fault(Exception):
    """A variant that cannot go on: its name (None: it is not known which), status and reason."""

    def __init__(self, variant: str | None, status: str, reason: str) -> None:
        super().__init__(variant)
        self.variant, self.status, self.reason = variant, status, reason


def fault(variant: str, error: Exception) -> Fault:
    """A variant's exception as the failure that it is."""
    status = OUT_OF_MEMORY if isinstance(error, MemoryError) else ERROR
    return Fault(variant, status, describe(error))


class Verifier:
    """Looks at some of a variant's timed samples: at those that it is asked for, and at others while that is cheap.

    guard: whom to ask, after every sample, what else the variant has done; None if that is not asked.
    """

    def __init__(self, variant: PreparedVariant, rng: np.random.Generator, guard: Guard | None = None) -> None:
        self.variant, self.rng, self.guard = variant, rng, guard
        self.sampled_ns = self.spent_ns = self.looks = 0

    def look(self, taken: Taken, wanted: bool) -> None:
        """Have the kernel verify a sample, if it is wanted or cheap. Raises Fault."""
        variant, kernel = self.variant, self.variant.kernel
        if self.guard and (reason := self.guard.blame(whole=True)):
            raise Fault(variant.name, WRONG, reason)
        self.sampled_ns += taken.wall_ns
        if kernel is None or not variant.problem.size.B or (not wanted and self.spent_ns > SHARE * self.sampled_ns):
            return
        started = time.perf_counter_ns()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                kernel.verify(variant.problem, taken.batches, kernel.result(taken.result), self.rng, variant.kept)
                if variant.adapt:
                    last = taken.batches[-1]
                    same_values(kernel.parameters, last, adapted(variant.adapt, variant.last, last))
        except MemoryError as error:
            raise fault(variant.name, error) from error
        except Exception as error:
            raise Fault(variant.name, WRONG, NAMED + failed(error).reason) from error
        finally:
            self.spent_ns += (
                time.perf_counter_ns() - started if self.looks else 0
            )  # the first makes what it compares with
            self.looks += 1
