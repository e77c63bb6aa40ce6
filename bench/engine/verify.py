"""Timed results, looked at afterwards: a variant is not taken at its word that it works while it is timed."""

from __future__ import annotations

import time
import warnings

import numpy as np

from bench.engine.contract import ERROR, OUT_OF_MEMORY, WRONG, describe, failed

from .lane import Lane, Taken, adapted, same_values
from .watch import Guard

SHARE = 0.05
"""Of the time that a lane's samples took, what verifying them may take beyond the first and a random one."""
NAMED = "a timed call's result: "


class Failed(Exception):
    """A lane that cannot go on: its name, status and reason."""

    def __init__(self, lane: str, status: str, reason: str) -> None:
        super().__init__(lane)
        self.lane, self.status, self.reason = lane, status, reason


def failure(lane: str, error: Exception) -> Failed:
    """A lane's exception as the failure that it is."""
    status = OUT_OF_MEMORY if isinstance(error, MemoryError) else ERROR
    return Failed(lane, status, describe(error))


class Verifier:
    """Looks at some of a lane's timed samples: at those that it is asked for, and at others while that is cheap.

    guard: whom to ask, after every sample, what else the lane has done; None if that is not asked.
    """

    def __init__(self, lane: Lane, rng: np.random.Generator, guard: Guard | None = None) -> None:
        self.lane, self.rng, self.guard = lane, rng, guard
        self.sampled_ns = self.spent_ns = self.looks = 0

    def look(self, taken: Taken, wanted: bool) -> None:
        """Have the kernel verify a sample, if it is wanted or cheap. Raises Failed."""
        lane, kernel = self.lane, self.lane.kernel
        if self.guard and (reason := self.guard.blame(whole=True)):
            raise Failed(lane.name, WRONG, reason)
        self.sampled_ns += taken.wall_ns
        if kernel is None or not lane.problem.size.B or (not wanted and self.spent_ns > SHARE * self.sampled_ns):
            return
        started = time.perf_counter_ns()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                kernel.verify(lane.problem, taken.batches, kernel.result(taken.result), self.rng, lane.kept)
                if lane.adapt:
                    last = taken.batches[-1]
                    same_values(kernel.parameters, last, adapted(lane.adapt, lane.last, last))
        except MemoryError as error:
            raise failure(lane.name, error) from error
        except Exception as error:
            raise Failed(lane.name, WRONG, NAMED + failed(error).reason) from error
        finally:
            self.spent_ns += (
                time.perf_counter_ns() - started if self.looks else 0
            )  # the first makes what it compares with
            self.looks += 1
