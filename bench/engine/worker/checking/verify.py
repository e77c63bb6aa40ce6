"""Verification of timed results, so that a variant must do its work while it is timed too."""

from __future__ import annotations

import time
import warnings

import numpy as np
from w2vbench.bench.engine.protocol import Status
from w2vbench.bench.engine.worker.variants.variant import PreparedVariant, TimedCalls, adapt_batch, check_same_values
from w2vbench.bench.engine.worker.variants.watch import Guard

from .contract import Fault, fault_of, verdict_of

MOST_SHARE = 0.05
"""Optional verification may take this share of the time that a variant's samples took."""
RESULT = "a timed call's result: "


class Verifier:
    """Verifies some of a variant's samples: those that it must, and others while that is cheap.

    Parameters
    ----------
    variant
        The variant.
    rng
        Chooses the places at which results are compared.
    guard
        Checks after every sample that the variant has changed nothing else; None if nothing is checked then.
    """

    def __init__(self, variant: PreparedVariant, rng: np.random.Generator, guard: Guard | None = None) -> None:
        self.variant, self.rng, self.guard = variant, rng, guard
        self.sampled_ns = self.spent_ns = self.verified = 0

    def verify(self, sample: TimedCalls, required: bool) -> None:
        """Let the kernel verify a sample, if that is required or cheap. Raises Fault."""
        variant, kernel = self.variant, self.variant.kernel
        if self.guard and (reason := self.guard.violation(whole=True)):
            raise Fault(Status.WRONG, reason)
        self.sampled_ns += sample.wall_ns
        if (
            kernel is None
            or not variant.problem.size.B
            or (not required and self.spent_ns > MOST_SHARE * self.sampled_ns)
        ):
            return
        started = time.perf_counter_ns()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                kernel.verify(variant.problem, sample.batches, kernel.result(sample.result), self.rng, variant.history)
                if variant.adapt:
                    last = sample.batches[-1]
                    check_same_values(kernel.parameters, last, adapt_batch(variant.adapt, variant.workspace, last))
        except MemoryError as error:
            raise fault_of(error) from error
        except Exception as error:
            raise Fault(Status.WRONG, RESULT + verdict_of(error).reason) from error
        finally:
            if self.verified:  # the first verification also computes what results are compared with
                self.spent_ns += time.perf_counter_ns() - started
            self.verified += 1
