"""What a worker has loaded before it is measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.engine import protocol
from bench.engine.context import RunContext
from bench.engine.pool import Workers
from bench.engine.worker_process import Worker
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
    base: dict[str, list[str]], head: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba")
    loaded: list[bool] = []

    def events(worker: Worker, *_: Any) -> Iterator[protocol.Events]:
        loaded.append(has_numba(worker))
        yield protocol.Done()

    monkeypatch.setattr(Worker, "events", events)
    old, new = facts("lookup/mine", "old", **base), facts("lookup/mine", "new", **head)
    made = differences({old.key: old}, {new.key: new}, CaseSelection())
    with Workers() as workers:
        shared = RunContext(workers=workers, corpus=Path("nowhere")).job_fields()
        timing = protocol.Measure(**shared, kernel="", size="", cases=(), options=protocol.MeasureOptions(process=0))
        workers.compiles = any(case.compiles for case in made.compared)
        workers.start_spares(1, numba=False)  # must not be taken for a job that is timed
        for job in (timing, protocol.CheckContract(**shared, key=""), protocol.ListSources(**shared)):
            list(workers.work(job, 1))
    assert loaded == [bool(base or head), False, False]
