"""Kill commands at random moments again and again, and lose nothing: ``python -m tests.kills 200`` (some ten minutes).

Each time, ``run``, ``compare``, ``quality``, ``train`` or ``tune`` is started, or gone on with; after a random time it gets
SIGKILL, alone or with its process group. Whatever was finished before must be there afterwards, files must be whole or
absent, and once the next command ran to its end, no process, worktree or temporary file of any of them is left.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer

from tests.killable import SCENARIOS, Scenario
from tests.processes import PATIENCE_S, started

LONGEST_S = {"run": 6.0, "compare": 12.0, "quality": 8.0, "train": 4.0, "tune": 8.0}
"""Within so many seconds a command is killed at first; then within the time that it took from its beginning to its end."""
MOST_KILLS = 6
"""After so many kills a command is let go on to its end."""
MARK = "W2VBENCH_KILLS"
"""Variable in the environment of all processes that a folder's commands start."""
FINE = (0, 1, 3)
"""Exit codes of a command that ran to its end: a comparison may find something slower, or be inconclusive."""


def whole(scenario: Scenario, folder: Path) -> None:
    """Assert that every file is whole."""
    for file in scenario.outputs(folder):
        if file.suffix == ".json":
            json.loads(file.read_text())
        else:
            assert file.read_text().rstrip().endswith("</html>"), file


def processes(mark: str) -> list[psutil.Process]:
    """Return the processes that have a mark, or whose parents had it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def left_behind(folder: Path, temporary: Path, mark: str) -> list[str]:
    """Return what is left of commands of which none is under way: processes and temporary files. Locks stay, and are empty."""
    until = time.monotonic() + PATIENCE_S
    while (alive := processes(mark)) and time.monotonic() < until:
        time.sleep(0.05)
    files = [path for path in temporary.rglob("*") if path.suffix != ".lock"]
    beside = [path for path in folder.rglob("*") if path.name.startswith((".writable", "tmp")) or is_partial(path)]
    return [*map(str, alive), *map(str, files), *map(str, beside)]


def is_partial(path: Path) -> bool:
    """Whether this is a file that is written beside its place, before it is renamed."""
    return path.name.startswith(".") and path.suffix[1:].isdigit()


def killed(scenario: Scenario, folder: Path, mark: str, temporary: Path, after_s: float | None, group: bool) -> bool:
    """Start a command, or go on with it, and kill it after some seconds, if at all. Returns whether it was killed."""
    variables = {MARK: mark, "TMPDIR": str(temporary), "GIT_CONFIG_GLOBAL": os.devnull}
    with started(folder, *scenario.next_line(folder), **variables) as process:
        try:
            _, err = process.communicate(timeout=after_s)
        except subprocess.TimeoutExpired:
            (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
            process.communicate()
            return True
    assert process.returncode in FINE, (process.returncode, err)
    return False


def kills(name: str, rng: random.Random, most: int) -> Iterator[int]:
    """Kill a command up to so many times, and let it go on to its end. Yields how many things are finished after each kill."""
    scenario = SCENARIOS[name]()
    with tempfile.TemporaryDirectory() as above:
        folder, temporary, mark = Path(above) / "here", Path(above) / "temporary", uuid.uuid4().hex
        folder.mkdir()
        temporary.mkdir()
        scenario.prepare(folder)
        held, done = list[Any](), 0
        while done < most:
            began = time.monotonic()
            if not killed(scenario, folder, mark, temporary, rng.uniform(0.1, LONGEST_S[name]), rng.random() < 0.5):
                break
            done += 1
            until = time.monotonic() + PATIENCE_S
            while processes(mark) and time.monotonic() < until:  # workers end by themselves
                time.sleep(0.05)
            whole(scenario, folder)
            now = scenario.held(folder)
            if not now and held:  # it was killed after its result was kept
                break
            assert [*now[: len(held)]] == held or len(now) == 1, (name, held, now)
            held = now
            yield len(held)
        else:
            began = time.monotonic()
            assert not killed(scenario, folder, mark, temporary, None, group=True)
        if not scenario.unfinished:
            LONGEST_S[name] = time.monotonic() - began
        whole(scenario, folder)
        scenario.check(folder, held)
        left = left_behind(folder, temporary, mark)
        assert not left, (name, left)


def main(
    number: Annotated[int, typer.Argument(min=1, metavar="KILLS", help="How often a command is killed, in all.")] = 200,
    only: Annotated[list[str] | None, typer.Option(help="run, compare, quality, train or tune (default: all).")] = None,
    seed: Annotated[int, typer.Option(help="Another seed gives other moments.")] = 0,
) -> None:
    rng, done, finished = random.Random(seed), 0, 0
    names = only or list(SCENARIOS)
    while done < number:
        name = names[finished % len(names)]
        for held in kills(name, rng, min(MOST_KILLS, number - done)):
            done += 1
            print(f"{done} kills, {finished} commands finished; {name}: {held} finished parts held", flush=True)
        finished += 1
    print(f"{done} kills, {finished} commands finished: nothing was lost, and nothing is left")


if __name__ == "__main__":
    typer.run(main)
