"""How many calls find out how long a call takes, without a clock."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
from w2vbench.bench.engine.protocol import MeasurementSettings
from w2vbench.bench.engine.worker.timing.timing import COLD, OVERTIME, calibrate
from w2vbench.bench.engine.worker.variants.variant import TimedCalls

SAMPLE_S, VARIANT_S = 0.001, 0.01
SETTINGS = MeasurementSettings(sample_s=SAMPLE_S, variant_s=VARIANT_S, rounds=5)


def calibrated(first_s: float, warm_s: float) -> tuple[Any, list[int]]:
    """A variant whose first call takes longer than the others, and the numbers of calls that were timed."""
    timed: list[int] = []

    def time_calls(calls: int) -> TimedCalls:
        timed.append(calls)
        wall_ns = int(1e9 * (warm_s * calls if len(timed) > 1 else first_s))
        return TimedCalls(wall_ns, wall_ns, None, [])

    variant = Mock(calls=1, rounds=0, most_calls=1000, kernel=None, time_calls=time_calls, compiles=False)
    calibrate(variant, SETTINGS, Mock())
    return variant, timed


@pytest.mark.parametrize(
    ("first_s", "warm_s", "timed", "rounds"),
    [
        (OVERTIME * COLD * VARIANT_S, 0.5, [1], 1),  # one round whatever a warm call takes
        (0.9 * OVERTIME * COLD * VARIANT_S, 0.4, [1, 1], 1),
        (COLD * SAMPLE_S, 0.002, [1, 1], 5),  # a warm call fills a sample
        (0.9 * COLD * SAMPLE_S, 0.002, [1, 1, 1], 5),  # it may not
    ],
)
def test_slow_calls_are_made_no_more_often_than_needed(
    first_s: float, warm_s: float, timed: list[int], rounds: int
) -> None:
    variant, found = calibrated(first_s, warm_s)
    assert found == timed
    assert (variant.calls, variant.rounds) == (1, rounds)


def test_fast_calls_are_made_until_they_fill_a_sample() -> None:
    variant, found = calibrated(0.0001, 0.00002)
    assert found[:3] == [1, 1, 1]
    assert variant.calls * 0.00002 >= SAMPLE_S
