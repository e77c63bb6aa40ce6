"""What a worker has loaded before it is measured."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import psutil
import pytest
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.pool import MOST_SPARES, Workers
from w2vbench.bench.engine.pool.worker_process import Worker
from w2vbench.bench.plans.compare.differences import CaseSelection, differences

from tests.bench.plans.sides import facts
from tests.processes import PATIENCE_S


def has_numba(worker: Worker) -> bool:
    """Whether a worker that has started has loaded numba."""
    assert worker.started.wait(PATIENCE_S)
    return any("llvmlite" in one.path for one in psutil.Process(worker.process.pid).memory_maps())


def test_workers_of_several_numbers_of_threads_wait_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Problems on 1 and on 2 threads take turns: neither's spare ends for the other's."""
    monkeypatch.setattr(Workers, "spawn", lambda self, threads, numba: Mock(threads=threads, numba=numba))
    monkeypatch.setattr(Workers, "end", lambda self, worker: None)
    workers = Workers()
    workers.start_spares(1, 3, numba=False)
    for _ in range(2):
        for threads in (1, 2):
            workers.start_spares(threads, numba=True)
    assert [(one.threads, one.numba) for one in workers.spares] == [(1, True), (2, True)]
    workers.start_spares(2, MOST_SPARES, numba=True)
    assert [one.threads for one in workers.spares] == [1, *[2] * (MOST_SPARES - 1)]


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


def test_a_worker_outlives_the_thread_that_asked_for_it() -> None:
    """Contracts are checked in threads that end, and their workers then measure."""
    with Workers() as workers:
        asked = threading.Thread(target=lambda: workers.start_spares(1, numba=False))
        asked.start()
        asked.join()
        (worker,) = workers.spares
        assert worker.started.wait(PATIENCE_S)
        time.sleep(0.2)
        assert worker.process.poll() is None
