"""A kill of two commands, as ``python -m tests.kills`` does with all of them, and whether it would see what is left."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kills import MARK, kills, left_behind, processes


@pytest.mark.parametrize("name", ["train", "tune"])
def test_a_command_that_is_killed_goes_on_and_leaves_nothing(name: str) -> None:
    assert len(list(kills(name, random.Random(1), 1))) <= 1


def test_what_is_left_is_seen(tmp_path: Path) -> None:
    folder, temporary = tmp_path / "here", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()
    (temporary / "w2vbench-cpu0-of-0.lock").touch()
    assert left_behind(folder, temporary, "none") == []
    (temporary / "w2vbench-tree-1-x").mkdir()
    (folder / ".result.json.123").touch()
    assert len(left_behind(folder, temporary, "none")) == 2
    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(
        command, env={**os.environ, MARK: "mine"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        assert [one.pid for one in processes("mine")] == [process.pid]
        process.kill()
    assert processes("mine") == []
