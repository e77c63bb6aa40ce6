"""A plugin of coverage.py: a worker that is to be killed first writes down which lines it ran.

Workers are ended by SIGKILL, which leaves no time for that. ``[tool.coverage]`` in pyproject.toml names this module, so each
process that is measured loads it, and only such processes do.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

PATIENCE_S = 5.0
"""A worker that has not ended by then, such as one in a compiled loop, is killed all the same."""


def coverage_init(registry: object, options: object) -> None:
    """Listen for the signals that this process sends. coverage.py calls this in each process that it measures."""
    sys.addaudithook(on_event)


def on_event(event: str, details: tuple[object, ...]) -> None:
    """Before a worker's group is killed, have coverage.py end the worker (``sigterm`` in its configuration)."""
    if event == "os.killpg" and details[1] == signal.SIGKILL and is_worker(pid := int(str(details[0]))):
        with suppress(ProcessLookupError, ChildProcessError):  # it has ended meanwhile
            os.kill(pid, signal.SIGTERM)
            until = time.monotonic() + PATIENCE_S
            while time.monotonic() < until and not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                time.sleep(0.005)


def is_worker(pid: int) -> bool:
    """Whether a process runs the workers' script."""
    with suppress(OSError):
        return b"bench/worker.py\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False
