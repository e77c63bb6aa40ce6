"""How the machine is described, and which warnings it gets."""

from __future__ import annotations

from typing import Any

import pytest
from w2vbench.bench.engine.machine import environment

QUIET: dict[str, Any] = {
    "busy_before": 0.01,
    "cpus_allowed": 4,
    "cpus_quota": None,
    "governor": "performance",
    "swapped_bytes": 0,
    "throttled": 0,
    "held_back": 0,
}


@pytest.mark.parametrize("facts", [QUIET, dict.fromkeys(QUIET), {}], ids=["quiet", "unknown", "none"])
def test_a_quiet_machine_and_one_that_reports_nothing_get_no_warning(facts: dict[str, Any]) -> None:
    assert environment.warnings_of(facts, 4) == []


@pytest.mark.parametrize(
    ("changed", "options", "words"),
    [
        ({"busy_before": 0.5}, {}, "busy when the run began (50 %"),
        ({"busy_before": 0.5}, {"waiting": 0.5}, "calls waited 50 % of their time"),
        ({"cpus_shared": True}, {}, "other runs of w2vbench were measuring"),
        ({"swapped_bytes": 4096}, {}, "4,096 bytes went to or from swap"),
        ({"throttled": 3}, {}, "throttled 3 times"),
        ({"cpus_quota": 1.5, "held_back": 7}, {}, "quota (1.5 CPUs) ran out 7 times"),
        ({"governor": "powersave"}, {}, "governor is powersave"),
        ({}, {"threads": 8}, "8 threads were asked for, but only 4 CPUs"),
        ({"cpus_quota": 1.5}, {"threads": 2}, "2 threads were asked for, but only 1.5 CPUs"),
        ({}, {"blas_threads": (4, 1)}, "BLAS ran 4 threads, not the 1 asked for"),
    ],
)
def test_what_distorts_figures_gives_one_warning(changed: dict[str, Any], options: dict[str, Any], words: str) -> None:
    found = environment.warnings_of({**QUIET, **changed}, **options)
    assert len(found) == 1
    assert words in found[0]


def test_the_machine_is_described() -> None:
    found = environment.describe(environment.busy_cpus())
    assert found["cpu"]
    assert 1 <= found["cpus_allowed"] <= 4096
    assert found["memory_bytes"] > 1 << 28
    assert found["packages"]["numpy"].count(".") >= 2
    assert found["packages"]["numba"]


def test_counters_that_stood_still_give_zero_and_unknown_ones_nothing() -> None:
    before = environment.counters()
    assert all(value is None or value >= 0 for value in environment.counter_increases(before).values())
    assert environment.counter_increases(dict.fromkeys(before)) == dict.fromkeys(before)
