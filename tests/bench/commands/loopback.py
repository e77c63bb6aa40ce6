"""Machines of a cluster as processes on this computer: a Dask scheduler, and workers under addresses of their own on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from w2vbench.reports.file.files import read
from w2vbench.reports.file.schema.result import ResultFile

from tests.processes import PATIENCE_S, ROOT, wait_until

SLICE_S = 0.004
"""For how long a slowed machine is stopped, and for how long it then runs."""


@dataclass
class Loopback:
    """A scheduler, and its workers by the host that each has.

    Attributes
    ----------
    folder
        Where they write.
    ttl
        After this long without a sign of a worker, the scheduler takes it for lost. A busy machine's worker is not.
    address
        The scheduler's.
    """

    folder: Path
    ttl: str = f"{PATIENCE_S}s"
    address: str = ""
    scheduler: subprocess.Popen[bytes] | None = None
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def run(self, *arguments: str, code: Path = ROOT) -> subprocess.Popen[bytes]:
        """Start a program of Dask's, in a process group of its own. code: the folder of the w2vbench that it gets."""
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:], "--no-dashboard"],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(code), "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": self.ttl},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_scheduler(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self.scheduler = self.run("scheduler", "--host", "127.0.0.1", "--port", str(port))

    def start_worker(self, host: str, code: Path = ROOT, *, nanny: bool = False) -> None:
        """Start a worker. nanny: whether it has one, which starts it again."""
        options = ["--host", host, "--nthreads", "1", "--memory-limit", "0", *["--no-nanny"] * (not nanny)]
        self.workers[host] = self.run("worker", self.address, *options, code=code)

    def without_network(self, host: str, seconds: float) -> None:
        """Stop a worker and all that belongs to it for a while: nobody hears of it."""
        found = [psutil.Process(self.workers[host].pid), *self.measuring(host)]
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for one in found:
                with contextlib.suppress(psutil.Error):
                    one.send_signal(number)
            if number == signal.SIGSTOP:
                time.sleep(seconds)

    def kill(self, host: str) -> None:
        """Kill a worker, as a machine that loses its power."""
        end(self.workers.pop(host))

    def measuring(self, host: str) -> list[psutil.Process]:
        """Return the processes in which a worker measures."""
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self.workers[host].pid).children(recursive=True)
        return []

    def busiest(self) -> str:
        """Return the host whose worker measures now: its processes take the most CPU time in a while."""

        def seconds() -> dict[str, float]:
            return {host: sum(map(cpu_seconds, self.measuring(host))) for host in self.workers}

        before = seconds()
        time.sleep(0.3)
        after = seconds()
        return max(after, key=lambda host: after[host] - before.get(host, 0.0))

    @contextmanager
    def at_half_speed(self, host: str) -> Iterator[None]:
        """Let a worker's processes run for half of the time only."""
        over = threading.Event()

        def slow() -> None:
            found: Sequence[psutil.Process] = ()
            looked = 0.0
            while not over.is_set():
                if time.monotonic() > looked + 0.02:
                    found, looked = self.measuring(host), time.monotonic()
                for number in (signal.SIGSTOP, signal.SIGCONT):
                    for one in found:
                        with contextlib.suppress(psutil.Error):
                            one.send_signal(number)
                    time.sleep(SLICE_S)

        thread = threading.Thread(target=slow)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def close(self) -> None:
        for process in (*self.workers.values(), *filter(None, [self.scheduler])):
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE_S)


def cpu_seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        return times.user + times.system
    return 0.0


def another_version(folder: Path) -> Path:
    """Return a copy of the code with a change."""
    for room in ("impls", "bench", "reports", "w2vbench"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "impls" / "lookup.py").open("a") as file:
        file.write("# changed\n")
    return folder


def entries(folder: Path) -> list[dict[str, Any]]:
    """The finished problems in the journal of the only kind of machine, with the machine of each."""
    lines = [line for file in folder.glob("reports/out/*/journal.jsonl") for line in file.read_text().splitlines(True)]
    return [entry for line in lines if line.endswith("\n") and "problem" in (entry := json.loads(line))]


def wait_for(folder: Path, problems: int) -> list[dict[str, Any]]:
    """Return the finished problems, once there are so many."""
    wait_until(lambda: len(entries(folder)) >= problems)
    return entries(folder)


def result_of(folder: Path) -> ResultFile:
    """Return the result of the only kind of machine."""
    (file,) = folder.glob("reports/out/*/result.json")
    return read(file)
