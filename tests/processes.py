"""The commands as a user runs them, for the tests: real processes, real repositories."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 900
"""For so long tests wait for what takes seconds on a quiet machine: none fails because a machine is busy."""
SMALL = [
    "run",
    "--kernel",
    "lookup",
    "--only",
    "*gather@*",
    "--vocab",
    "500",
    "2000",
    "--hidden",
    "8",
    "--batch",
    "10",
    "--processes",
    "2",
]


def w2vbench(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process in a folder, with some more variables in its environment."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "120", **variables}
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def started(folder: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """A run under way, in a process group of its own, with some more variables in its environment."""
    return subprocess.Popen(
        [sys.executable, "-m", "bench", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until(it_is_so: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    """Wait until something is so, while a process, if one is given, is under way."""
    until = time.monotonic() + PATIENCE_S
    while not it_is_so():
        assert process is None or process.poll() is None, "it has ended before"
        assert time.monotonic() < until, "it never was"
        time.sleep(0.01)


def journal(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's journal after the first: machine limits, and problems as they stood after each process."""
    file = folder / "reports/out/journal.jsonl"
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return [json.loads(line) for line in lines[1:] if line.endswith("\n")]


IDENTITY = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}


def git(folder: Path, *arguments: str) -> str:
    """What git prints, far from this machine's settings and from the variables that a test sets."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = {**clean, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    return done.stdout.removesuffix("\n")
