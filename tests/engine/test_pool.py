"""What a worker has loaded before it is measured."""

from __future__ import annotations

import psutil
import pytest

from bench.engine.pool import Worker, Workers
from bench.plans.differences import CaseSelection, differences
from tests.plans.sides import facts


def has_numba(worker: Worker) -> bool:
    """Whether a worker that has started has loaded numba."""
    assert worker.started.wait(60)
    return any("llvmlite" in one.path for one in psutil.Process(worker.process.pid).memory_maps())


@pytest.mark.parametrize(
    ("base", "head"), [({}, {}), ({"requires": ["numba"]}, {}), ({}, {"packages": ["numba", "numpy"]})]
)
def test_numba_is_loaded_before_what_it_may_compile_is_timed_and_otherwise_where_it_is_needed(
    base: dict[str, list[str]], head: dict[str, list[str]]
) -> None:
    pytest.importorskip("numba")
    old, new = facts("lookup/mine", "old", **base), facts("lookup/mine", "new", **head)
    made = differences({old.key: old}, {new.key: new}, CaseSelection())
    with Workers() as workers:
        workers.compiles = any(case.compiles for case in made.compared)
        workers.start_spares(1, timed=False)  # must not be taken for a job that is timed
        assert has_numba(workers.acquire(1)) == bool(base or head)
        assert not has_numba(workers.acquire(1, timed=False))
