"""Environments in the cache folder: made once, known by what they hold, and safe from other commands."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from w2vbench.bench.plans.packages import environments, installers
from w2vbench.bench.plans.packages.environments import (
    LOCK,
    RECORD,
    cache_folder,
    environment_for,
    kept,
    remove,
    remove_all,
    unfinished,
)
from w2vbench.bench.plans.packages.installers import Installer, interpreter
from w2vbench.bench.plans.run.request import PlanError


class Copies(Installer):
    """An installer of environments whose interpreter is this one. It fails for a package called ``broken``."""

    made: list[Sequence[str]]

    def __init__(self) -> None:
        self.made = []

    def resolve(self, requirements: Sequence[str], python: str) -> dict[str, str]:
        return dict(one.split("==") for one in requirements if "==" in one)

    def make(self, folder: Path, python: str, pinned: Sequence[str]) -> None:
        self.made.append(pinned)
        interpreter(folder).parent.mkdir(parents=True)
        if "broken==1" in pinned:
            raise PlanError("no space is left")
        interpreter(folder).symlink_to(sys.executable)


@pytest.fixture
def installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copies:
    only = Copies()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(environments, "installer", lambda: only)
    monkeypatch.setattr(environments, "held", {})
    return only


def made(*requirements: str) -> environments.PythonEnvironment:
    return environment_for(requirements, sys.executable, lambda line: None)


def forget() -> None:
    """Give the locks back, as the end of a process does."""
    for lock in environments.held.values():
        os.close(lock)
    environments.held.clear()


def test_an_environment_is_made_once_for_each_set_of_versions(installer: Copies) -> None:
    first, again, other = made("a==1", "b==2"), made("b==2", "a==1"), made("a==1", "b==3")
    assert first.name == again.name != other.name
    assert len(installer.made) == 2
    assert {one.name for one in kept()} == {first.name, other.name}
    assert dict(first.packages) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("damage", ["record", "not JSON", "interpreter"])
def test_a_damaged_environment_is_made_again(installer: Copies, damage: str) -> None:
    one = made("a==1")
    if damage == "interpreter":
        interpreter(one.folder).unlink()
    else:
        (one.folder / RECORD).write_text("{}" if damage == "record" else "{")
    forget()
    assert made("a==1").works
    assert len(installer.made) == 2


def test_what_could_not_be_made_leaves_nothing(installer: Copies) -> None:
    with pytest.raises(PlanError, match="no space"):
        made("broken==1")
    assert kept() == []
    assert [file.suffix for file in cache_folder().iterdir()] == [LOCK]


def test_what_a_killed_command_was_making_is_replaced_or_removed(installer: Copies) -> None:
    name = made("a==1").name
    forget()
    remove(name)
    unfinished(name).mkdir()
    (unfinished(name) / "half").write_text("")
    assert made("a==1").works
    assert not unfinished(name).exists()
    forget()
    unfinished(name).mkdir()
    (cache_folder() / "of-an-older-version" / "lib").mkdir(parents=True)
    assert remove_all() == (2, 0)
    assert not unfinished(name).exists()
    assert kept() == []


HOLDS = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_SH); print('held', flush=True); sys.stdin.read()"


def test_an_environment_that_another_command_uses_is_not_removed(installer: Copies) -> None:
    name = made("a==1").name
    forget()
    lock = cache_folder() / f"{name}{LOCK}"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdin
        other.stdout.readline()
        assert not remove(name)
        assert remove_all() == (0, 1)
        assert made("a==1").works  # but two may use it
        forget()
        other.stdin.close()
    assert remove(name)
    assert kept() == []


def test_the_lock_is_shared_once_an_environment_is_ready(installer: Copies) -> None:
    lock = os.open(cache_folder() / f"{made('a==1').name}{LOCK}", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    with pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(lock)


def test_another_interpreter_of_the_same_version_gets_its_own(
    installer: Copies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = made("a==1")

    def elsewhere(command: Sequence[str], text: str | None = None) -> str:
        return json.dumps(json.loads(installers.run(command, text)) | {"base": "/opt/other"})

    monkeypatch.setattr(environments, "run", elsewhere)
    assert made("a==1").name != here.name


def test_a_cache_folder_that_cannot_be_written_is_an_error_of_the_system(
    installer: Copies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match="file"):
        made("a==1")
    shutil.rmtree(tmp_path)
    assert kept() == []
