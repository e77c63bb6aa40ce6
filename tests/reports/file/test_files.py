"""Files that are written whole or not at all, and runs that are kept beside each other: none is lost."""

from __future__ import annotations

import gc
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import pytest
from w2vbench.reports.file import files
from w2vbench.reports.file.files import ResultError, store, without_collection, write


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


# -- where nothing can be written


def unwritable(path: Path) -> str:
    """What is said where nothing can be written, and that nothing is left there."""
    before = names(path.parent) if path.parent.is_dir() else []
    with pytest.raises(ResultError, match=r"\A.*\Z") as caught:
        write(path, "text\n")
    assert (names(path.parent) if path.parent.is_dir() else []) == before
    return str(caught.value)


def test_what_stands_in_the_place_of_a_file_or_folder_is_said_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    (tmp_path / "result.json").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert unwritable(tmp_path / "out" / "result.json").startswith(f"{tmp_path / 'out' / 'result.json'}: ")
    assert unwritable(tmp_path / "out" / "deeper" / "result.json")
    assert "no ordinary file" in unwritable(tmp_path / "result.json")
    assert "no ordinary file" in unwritable(tmp_path / "pipe")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_leaves_the_old_file_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text("old")
    (tmp_path / f".result.json.{os.getpid()}").symlink_to("/dev/full")
    with pytest.raises(ResultError, match="No space left on device"):
        write(tmp_path / "result.json", "text\n")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"result.json": "old"}


def test_a_read_only_folder_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("this user may write everywhere")
        assert "Permission denied" in unwritable(tmp_path / "result.json")
    finally:
        tmp_path.chmod(0o700)


def test_an_interrupted_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    (tmp_path / "result.json").write_text("old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "result.json", "new")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"result.json": "old"}


def test_what_a_killed_process_left_half_written_is_removed_and_nothing_else(tmp_path: Path) -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    dead, alive = f".result.json.{child.pid}", f".result.json.{os.getppid()}"
    others = [
        ".result.json.0",
        ".result.json.x",
        f".result.json.bak.{'9' * 30}",
        f".other.json.{child.pid}",
        f"result.json.{child.pid}",
    ]
    for name in (dead, alive, *others):
        (tmp_path / name).write_text("half")
    (tmp_path / f".result.json.{2**22 - 1}").mkdir()
    write(tmp_path / "result.json", "whole")
    assert names(tmp_path) == sorted([alive, *others, f".result.json.{2**22 - 1}", "result.json"])


# -- keeping runs


def test_runs_are_numbered_one_after_another_from_the_highest_on_and_past_four_digits(tmp_path: Path) -> None:
    for name in ("quick", "quick", "own"):
        store(tmp_path / "here", name, "{}")
    assert names(tmp_path / "here") == ["0001_quick.json", "0002_quick.json", "0003_own.json"]
    for name in ("0001_a.json", "0041_b.json", "9999_c.json", "1000_d.json", "notes.json", "x_1.json", "77_old.json"):
        (tmp_path / name).write_text("{}")
    assert [store(tmp_path, "run", "{}").name for _ in range(2)] == ["10000_run.json", "10001_run.json"]


@pytest.mark.parametrize("name", ["a/b\\c", "../up", "", "a b\n", "größe", '<"|?*:>', "-rf", "."])
def test_a_weird_name_stays_in_the_folder(tmp_path: Path, name: str) -> None:
    path = store(tmp_path / "in", name, "{}")
    assert path.parent == tmp_path / "in"
    assert re.fullmatch(r"0001_[\w.-]*\.json", path.name)
    assert names(tmp_path / "in") == [path.name]


def test_a_name_too_long_for_the_disk_or_a_file_in_the_folders_place_is_an_error_and_leaves_no_claim(
    tmp_path: Path,
) -> None:
    with pytest.raises(ResultError):
        store(tmp_path, "n" * 300, "{}")
    assert names(tmp_path) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="file"):
        store(tmp_path / "file", "run", "{}")


def test_a_run_that_was_killed_while_it_wrote_blocks_no_later_one(tmp_path: Path) -> None:
    for name in ("0001_a.json", ".0002.claim", ".0002_b.json.123"):
        (tmp_path / name).write_text("")
    assert [store(tmp_path, "c", "{}").name for _ in range(2)] == ["0003_c.json", "0004_c.json"]


def test_a_run_that_ends_while_another_writes_takes_the_next_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[[Path, str], None] = write

    def slow(path: Path, text: str) -> None:
        monkeypatch.setattr(files, "write", real)  # so that the other's writing is not slow too
        store(tmp_path, "run", "other")
        real(path, text)

    monkeypatch.setattr(files, "write", slow)
    store(tmp_path, "run", "mine")
    kept = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert kept == {"0001_run.json": "mine", "0002_run.json": "other"}


def test_processes_that_keep_runs_at_once_lose_none(tmp_path: Path) -> None:
    texts = [f"run {number:02}" for number in range(40)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(store, repeat(tmp_path / "runs"), repeat("run"), texts))
    assert names(tmp_path / "runs") == [f"{number:04}_run.json" for number in range(1, 41)]
    assert sorted(file.read_text() for file in (tmp_path / "runs").iterdir()) == texts


# -- the collector of garbage while files are read


@pytest.fixture
def collector() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.usefixtures("collector")
def test_the_collector_is_paused_and_runs_again_even_after_an_error() -> None:
    paused = []

    @without_collection()
    def read() -> None:
        paused.append(not gc.isenabled())
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        read()
    assert paused == [True]
    assert gc.isenabled()


@pytest.mark.usefixtures("collector")
def test_a_collector_that_was_paused_stays_so() -> None:
    gc.disable()
    with without_collection():
        pass
    assert not gc.isenabled()


@pytest.mark.usefixtures("collector")
def test_what_was_made_meanwhile_is_old_so_that_no_collection_of_new_objects_looks_through_it() -> None:
    with without_collection():
        made: list[list[int]] = [[] for _ in range(5_000)]
    new = {id(one) for one in gc.get_objects(generation=0)}
    assert not any(id(one) in new for one in made)
    assert any(one is made for one in gc.get_objects())


@pytest.mark.usefixtures("collector")
def test_what_a_user_has_frozen_stays_frozen() -> None:
    gc.freeze()
    with without_collection():
        pass
    assert gc.get_freeze_count() > 0
