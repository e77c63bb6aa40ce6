"""What a job leaves running, and what is loaded before a clock runs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.machine.process import are_idle, pin, tasks
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.pool import Workers
from w2vbench.impls.corpus.words import Corpus

from tests.processes import wait_until


@contextmanager
def thread_of(work: Callable[[threading.Event], object]) -> Iterator[set[int]]:
    """The tasks that a thread adds, while it works."""
    before, ended = tasks(), threading.Event()
    thread = threading.Thread(target=work, args=(ended,), daemon=True)
    thread.start()
    yield tasks() - before
    ended.set()
    thread.join()


def computes(ended: threading.Event) -> None:
    digits = 1
    while not ended.is_set():
        digits = pow(3, 200_000 + digits % 2)


def test_a_thread_that_waits_is_idle_and_one_that_works_or_a_child_is_not() -> None:
    with thread_of(threading.Event.wait) as waiting:
        assert len(waiting) == 1
        wait_until(lambda: are_idle(waiting))
    with thread_of(computes) as working:
        wait_until(lambda: not are_idle(working))
    before = tasks()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert tasks() - before == {child.pid}
        assert not are_idle({child.pid})


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not tell the CPUs of a thread")
def test_threads_that_wait_get_the_cpu_of_the_one_that_measures() -> None:
    allowed = os.sched_getaffinity(0)
    with thread_of(threading.Event.wait) as waiting:
        wait_until(lambda: are_idle(waiting))
        try:
            pin(1, min(allowed))
            assert all(os.sched_getaffinity(task) == {min(allowed)} for task in (0, *waiting))
        finally:
            for task in (0, *waiting):
                os.sched_setaffinity(task, allowed)


def test_a_process_goes_on_after_jax_whose_threads_wait(corpus: Corpus, tmp_path: Path) -> None:
    """With a fresh process for each problem, each imported JAX and torch again: quick took five minutes instead of one."""
    pytest.importorskip("jax")
    corpus.save(tmp_path)
    started = []
    with Workers() as workers:
        context = RunContext(workers=workers, corpus=tmp_path)
        for key in ("lookup/jax", "output.softmax/jax"):
            checked = [event for event in context.check(key) if isinstance(event, protocol.ContractChecked)]
            assert [event.status for event in checked] == ["ok"]
            started.append([worker.process.pid for worker in workers.idle])
    assert started[0] == started[1] != []


LIMITED = """
import mmap, sys
from w2vbench.bench.engine.machine.process import limit_memory

limit_memory(1 << 30)
with open(sys.argv[1], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
    print(len(mapped))
try:
    bytearray(2 << 30)
except MemoryError:
    print("MemoryError")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other limits")
def test_a_memory_limit_counts_data_and_no_libraries(tmp_path: Path) -> None:
    """Those of a torch for GPUs take more room in a process than a worker may allocate."""
    with (tmp_path / "library").open("wb") as file:
        file.truncate(3 << 30)  # without data, so that it takes no disk
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "library")], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(3 << 30), "MemoryError"]
