"""The commands as a user runs them, for the tests: real processes, real repositories."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SMALL = shlex.split("run --kernel lookup --only *gather@* --vocab 500 2000 --hidden 8 --batch 10 --processes 2")


def w2vbench(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process in a folder, with some more variables in its environment."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "120", **variables}
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A run under way, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "bench", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def journal(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's journal after the first: machine limits, and problems as they stood after each process."""
    file = folder / "reports/out/journal.jsonl"
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return [json.loads(line) for line in lines[1:] if line.endswith("\n")]


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@x", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
