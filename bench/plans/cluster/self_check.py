"""A machine's check of itself: the same code timed against itself, and how long it takes there.

Its figures say whether a machine is steady, and whether it is as fast as others of its kind. No result has them.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.experiment import measure
from w2vbench.impls.interface.case import Size
from w2vbench.reports.findings.steadiness import Checked

SIZE = Size(V=10_000, H=100, B=1_000)
KEY = "lookup/gather"
"""Plain NumPy, which reads 4 MB of a table at places all over it."""
ROUNDS, SAMPLE_S, VARIANT_S = 40, 0.001, 0.05
"""Some 0.1 s: noise that an experiment would suffer from shows, and the experiment itself takes seconds."""


def self_check(context: RunContext, number: int) -> list[Checked]:
    """Check this machine. number: of the check, since each has inputs of its own. Empty if the check itself fails."""
    fields = context.job_fields()
    fields["settings"] = replace(context.settings, rounds=ROUNDS, sample_s=SAMPLE_S, variant_s=VARIANT_S)
    fields["sources"] = {"": protocol.ImplementationSource()}
    pair = tuple(protocol.Variant(name=name, key=KEY) for name in ("a", "a again"))
    job = protocol.Measure(
        **fields,
        kernel=KEY.partition("/")[0],
        size=str(SIZE),
        cases=(pair,),
        options=protocol.MeasureOptions(process=number, reuse=True),
    )
    outcome = measure(job, context.workers, start_next=False)
    return [checked(*outcome.timed.values())] if len(outcome.timed) == 2 else []


def checked(first: protocol.Timed, second: protocol.Timed) -> Checked:
    """Return what the samples of two copies of one implementation say.

    The difference is the median log-ratio in the same round, without its sign. The pace is the mean, which a program that takes
    the CPU from time to time raises as much as a slow clock.
    """
    walls = np.array([first.wall_s, second.wall_s], np.float64)
    both = walls[:, ~np.isnan(walls).any(axis=0)]
    difference = abs(float(np.median(np.log(both[0] / both[1])))) if both.size else math.inf
    return Checked(difference, pace_s=float(np.nanmean(walls)))
