"""CPUs to measure on: two runs do not share one, and a run leaves its own to its workers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from w2vbench.bench.engine.machine import cpus
from w2vbench.bench.engine.machine.cpus import HeldCpus, hold
from w2vbench.bench.engine.pool.pool import Workers

from tests.processes import PATIENCE_S
from tests.tables import table

ROOT = Path(__file__).parents[3]
MANY = (3, 1, 2, 0)


@pytest.fixture(autouse=True)
def locks_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def other(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the idlest of some CPUs."""
    idlest: tuple[int, ...] = request.param
    process = subprocess.Popen(
        [sys.executable, "-c", table("measured")["holds"], *map(str, idlest)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == f"{idlest[:1]} False"
    yield process
    process.communicate("done\n", timeout=PATIENCE_S)


@pytest.mark.parametrize(("idlest", "threads", "held"), [(MANY, 1, (3,)), (MANY, 16, MANY), ((), 1, ())])
def test_as_many_of_the_idlest_as_there_are_threads_are_held_and_let_go_again(
    idlest: tuple[int, ...], threads: int, held: tuple[int, ...]
) -> None:
    """A system that keeps no process on a CPU names none."""
    for _ in range(2):
        with hold(idlest, threads) as mine:
            assert mine == HeldCpus(held, shared=False)
            assert mine.cpu == (held[0] if held else None)


HELD = [(MANY, 1, (1,), False), (MANY, 3, (1, 2, 0), False), ((3,), 1, (3,), True), ((3, 1), 2, (1, 3), True)]


@pytest.mark.parametrize(("idlest", "threads", "held", "shared"), HELD)
@pytest.mark.parametrize("other", [(3,)], indirect=True)
def test_another_runs_cpu_is_passed_over_and_shared_only_where_none_is_free(
    other: subprocess.Popen[str], idlest: tuple[int, ...], threads: int, held: tuple[int, ...], shared: bool
) -> None:
    with hold(idlest, threads) as mine:
        assert mine == HeldCpus(held, shared=shared)


@pytest.mark.parametrize("other", [MANY], indirect=True)
def test_a_run_that_is_killed_holds_nothing(other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    with hold(MANY) as mine:
        assert mine.cpu == 3


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / f"w2vbench-cpu3-of-{os.getuid()}.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"), hold((3,)):
        pass


# a run leaves its CPU to its workers


def threads_cpus() -> list[set[int]]:
    """Where each thread of this process may run."""
    return [os.sched_getaffinity(int(task)) for task in os.listdir("/proc/self/task")]  # noqa: PTH208


several = pytest.mark.skipif(len(cpus.allowed()) < 2, reason="needs two CPUs")


@several
def test_no_thread_of_a_run_stays_on_its_workers_cpu_and_afterwards_all_may_go_everywhere() -> None:
    everywhere = cpus.allowed()
    own = max(everywhere)
    stop = threading.Event()
    earlier = threading.Thread(target=stop.wait)
    earlier.start()
    try:
        with Workers((own,)) as workers:
            worker = workers.acquire(1, numba=False)
            assert all(own not in mine for mine in threads_cpus())
            assert len(threads_cpus()) >= 3  # this one, the earlier one, and the worker's reader
            assert os.sched_getaffinity(worker.process.pid) == everywhere
        assert all(mine == everywhere for mine in threads_cpus())
    finally:
        stop.set()
        earlier.join()
