"""Machines and folders that are not as a program expects them: it does its work all the same, or says in a line what is wrong."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from bench.commands.progress import step_progress
from bench.engine import cpus, environment
from bench.plans.keeping import keep
from bench.plans.session import temporary_folder
from reports.files import ResultError
from tests import saved
from tests.commands.conftest import Ask
from tests.commands.test_streams import on_a_terminal
from tests.processes import SMALL, git, w2vbench

ASCII = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""A locale of ASCII, in which Python is kept from taking UTF-8 instead, as it would by itself."""
MINE = '''
from impls.lookup import lookup

@lookup.implementation("mine", "mein gäther")
def mine(W, idx):
    """Gäther."""
    return W[idx]
'''
WHERE = "a földer ü 字"


def test_one_cpu_an_ascii_locale_names_of_any_letters_and_nowhere_to_keep_anything(tmp_path: Path) -> None:
    """All at once, since each alone is no different: no home, no folder for compiled code, none for temporary files, a file
    where runs are stored, and one CPU."""
    folder = tmp_path / WHERE
    folder.mkdir()
    (folder / ".benchmarks").write_text("mine")
    (folder / "mein ködé.py").write_text(MINE, encoding="utf-8")
    (folder / "téxt").write_text("the cät sat on the mat and the dög sat\n" * 50, encoding="utf-8")
    nowhere = {"HOME": "/nonexistent", "XDG_CACHE_HOME": "", "NUMBA_CACHE_DIR": "/proc/none", "TMPDIR": "/nonexistent"}
    mine = ["--only", "*mine*", "--impl", "mein ködé.py", "--corpus", "téxt", "--out", "öut put", "--processes", "1"]
    allowed = os.sched_getaffinity(0) if sys.platform == "linux" else None
    try:
        if allowed:
            os.sched_setaffinity(0, {min(allowed)})
        done = w2vbench(*SMALL, *mine, cwd=folder, **ASCII, **nowhere)
    finally:
        if allowed:
            os.sched_setaffinity(0, allowed)
    assert done.returncode == 0, done.stderr
    assert "not stored for w2vbench history: .benchmarks" in done.stderr
    assert (folder / ".benchmarks").read_text() == "mine"
    result = json.loads((folder / "öut put/result.json").read_text())
    assert result["w2vbench"]["complete"]
    assert {row["name"].partition("@")[0] for row in result["benchmarks"]} >= {"lookup/gather", "lookup/mine"}
    assert (folder / "öut put/index.html").exists()
    assert not (folder / "öut put/journal.jsonl").exists()


def test_revisions_of_any_names_are_compared_in_an_ascii_locale(tmp_path: Path) -> None:
    folder = tmp_path / WHERE
    folder.mkdir()
    (folder / "mein ködé.py").write_text(MINE, encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    done = w2vbench("compare", "HEAD", "--impl", "mein ködé.py", "--out", "öut put", cwd=folder, **ASCII)
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "öut put/comparison.json").read_text())["w2vbench"]["comparison"]["cases"] == []


LOOPS = (
    *("run --out loop", "run --out loop/x", "run --impl loop", "run --kernel lookup --vocab 99 --corpus loop/x"),
    *("check --impl loop", "profile lookup/gather --impl loop", "quality --impl loop", "quality --corpus loop"),
    *(
        "compare HEAD --impl loop",
        "compare loop.json loop.json",
        "report loop",
        "report loop/x",
        "history --store loop",
    ),
    *(
        "train --out loop",
        "train --corpus loop",
        "tune --kernel lookup --out loop/x",
        "history --store store --out loop",
    ),
)


@pytest.mark.parametrize("line", LOOPS)
def test_a_link_that_leads_to_itself_is_one_line_and_stays(tmp_path: Path, ask: Ask, line: str) -> None:
    for name in ("loop", "loop.json"):
        (tmp_path / name).symlink_to(name)
    (tmp_path / "store").mkdir()
    code, said = ask(*line.split())
    if "run" in line and "--corpus" in line:
        assert code is None  # it is read while workers start
        return
    assert code == 2, said
    assert said.splitlines()[-1].startswith("w2vbench: ")
    assert (tmp_path / "loop").is_symlink()


def test_forty_columns_break_no_word_and_end_in_no_traceback(tmp_path: Path) -> None:
    """Help is laid out for 50 columns at least, as click has it: below that, the terminal breaks its lines."""
    for command, widest in (("list --kernel scatter.scalar", 40), ("list --kernel lokup", 40), ("run --help", 50)):
        shown = on_a_terminal(command, 40, tmp_path)
        assert "Traceback" not in shown
        assert max(map(len, shown.splitlines())) <= widest


def test_a_store_that_cannot_be_written_costs_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".benchmarks").write_text("")
    kept = keep(saved.result(*saved.small()["benchmarks"]), tmp_path / "out/result.json", 0, store_as="quick")
    assert "Not a directory" in kept.not_stored
    assert kept.stored is None
    assert all(path.exists() for path in kept.paths)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_in_the_output_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / f"out/.result.json.{os.getpid()}").symlink_to("/dev/full")
    with pytest.raises(ResultError, match=r"result\.json: No space left on device"):
        keep(saved.result(*saved.small()["benchmarks"]), tmp_path / "out/result.json", 0)


def test_a_clock_that_steps_back_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the time of day steps; what is timed follows a clock that does not."""
    times = iter(range(10_000, 0, -1))
    monkeypatch.setattr(time, "time", lambda: float(next(times)))
    before = environment.counters()
    assert all(value is None or value >= 0 for value in environment.counter_increases(before).values())
    with step_progress("run") as note:
        for done in range(3):
            note("a step", done, 3)
    with temporary_folder() as folder:
        assert folder.is_dir()


def test_runs_of_a_clock_that_stepped_back_have_numbers_that_rise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stored = []
    for year in (2026, 2020):
        result = saved.result(*saved.small()["benchmarks"])
        result = result.model_copy(update={"datetime": datetime(year, 1, 1).astimezone().isoformat()})
        stored.append(keep(result, tmp_path / "out/result.json", 0, store_as="quick").stored)
    assert [path and path.name[:4] for path in stored] == ["0001", "0002"]


def test_a_containers_memory_limit_is_what_is_available(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = psutil.virtual_memory().available
    monkeypatch.setattr(environment, "CONTAINER", str(tmp_path))
    assert environment.available_bytes() == pytest.approx(free, rel=0.2)
    (tmp_path / "memory.max").write_text(f"{100 << 20}\n")
    (tmp_path / "memory.current").write_text(f"{40 << 20}\n")
    assert environment.available_bytes() == 60 << 20
    for odd in ("max\n", "", "many\n", "-1\n"):
        (tmp_path / "memory.max").write_text(odd)
        assert environment.available_bytes() == pytest.approx(free, rel=0.2)


def test_one_cpu_is_held_and_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    only = {min(cpus.allowed() or {0})}
    monkeypatch.setattr(cpus, "allowed", lambda: only)
    assert environment.idlest_cpus([0.5])
