"""Machines and folders that are not as a program expects them: it does its work all the same, or says in a line what is wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import psutil
import pytest
from w2vbench.bench.engine.machine import environment
from w2vbench.bench.plans.run.keeping import keep, locked
from w2vbench.reports.file.files import ResultError

from tests import saved
from tests.bench.commands.conftest import Ask
from tests.bench.engine.book import changed, written
from tests.processes import SMALL, git, w2vbench

ASCII = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""A locale of ASCII, in which Python is kept from taking UTF-8 instead, as it would by itself."""
MINE = '''
from w2vbench.impls.lookup import lookup

@lookup.implementation("mine", "mein gäther")
def mine(W, idx):
    """Gäther."""
    return W[idx]
'''
WHERE = "a földer ü 字"


NOWHERE = {"HOME": "/nonexistent", "XDG_CACHE_HOME": "", "NUMBA_CACHE_DIR": "/proc/none", "TMPDIR": "/nonexistent"}
"""No home, no folder for compiled code, and none for temporary files."""


def on_a_bare_machine(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command on one CPU, in a locale of ASCII, with nowhere to keep anything."""
    allowed = os.sched_getaffinity(0) if sys.platform == "linux" else None
    try:
        if allowed:
            os.sched_setaffinity(0, {min(allowed)})
        return w2vbench(*arguments, cwd=cwd, **ASCII, **NOWHERE)
    finally:
        if allowed:
            os.sched_setaffinity(0, allowed)


def test_one_cpu_an_ascii_locale_names_of_any_letters_and_nowhere_to_keep_anything(tmp_path: Path) -> None:
    """All at once, since each alone is no different: no home, no folder for compiled code, none for temporary files, a file
    where runs are stored, and one CPU."""
    folder = tmp_path / WHERE
    folder.mkdir()
    (folder / ".benchmarks").write_text("mine")
    (folder / "mein ködé.py").write_text(MINE, encoding="utf-8")
    (folder / "téxt").write_text("the cät sat on the mat and the dög sat\n" * 50, encoding="utf-8")
    mine = ["--only", "*mine*", "--impl", "mein ködé.py", "--corpus", "téxt", "--out", "öut put", "--processes", "1"]
    done = on_a_bare_machine(*SMALL, *mine, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "not stored for w2vbench history: .benchmarks" in done.stderr
    assert (folder / ".benchmarks").read_text() == "mine"
    result = json.loads((folder / "öut put/result.json").read_text())
    assert result["w2vbench"]["complete"]
    assert {row["name"].partition("@")[0] for row in result["benchmarks"]} >= {"lookup/gather", "lookup/mine"}
    assert (folder / "öut put/index.html").exists()
    assert not (folder / "öut put/journal.jsonl").exists()


def test_layers_of_the_book_are_checked_on_such_a_machine(tmp_path: Path) -> None:
    folder = tmp_path / WHERE
    folder.mkdir()
    written(folder, changed([("np.add.at(dW, self.idx, dout)", "dW[self.idx] = dout  # gäther")]), "mein ködé.py")
    done = on_a_bare_machine("check", "--book", "mein ködé.py", "--untimed", cwd=folder)
    assert done.returncode == 1, done.stderr
    assert re.search(r"Embedding.backward  mein k.+d.+.py:\d+  dW\[self.idx\] = dout  # g.+ther\n", done.stdout)
    assert [file.name for file in folder.iterdir()] == ["mein ködé.py"]


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
    *("run --out loop/x", "run --impl loop", "run --kernel lookup --vocab 99 --corpus loop/x", "run --cluster local --out loop"),
    *("check --book loop", "report loop.json file.json", "report file.json other.json --out loop", "report loop/x"),
    *("compare HEAD --impl loop", "compare loop.json loop.json", "history --store loop", "history --store store --out loop"),
    *("train --out loop", "train --corpus loop", "tune --kernel lookup --out loop/x", "quality --corpus loop"),
)  # fmt: skip


@pytest.mark.parametrize("line", LOOPS)
def test_a_link_that_leads_to_itself_is_one_line_and_stays(tmp_path: Path, ask: Ask, line: str) -> None:
    for name in ("loop", "loop.json"):
        (tmp_path / name).symlink_to(name)
    (tmp_path / "store").mkdir()
    for name in ("file.json", "other.json"):
        (tmp_path / name).write_text(saved.text(saved.small()))
    code, said = ask(*line.split())
    if "run" in line and "--corpus" in line:
        assert code is None  # it is read while workers start
        return
    assert code == 2, said
    assert said.splitlines()[-1].startswith("w2vbench: ")
    assert (tmp_path / "loop").is_symlink()


@pytest.mark.parametrize(
    "line",
    ["run --kernel lookup", "run --preset deck", "run --cluster local", "quality", "calibrate", "tune --kernel lookup"],
)
def test_two_runs_do_not_share_an_output_folder(tmp_path: Path, ask: Ask, line: str) -> None:
    folder = "out.unfinished" if line.startswith("tune") else "out"
    with locked(tmp_path / folder):
        code, said = ask(*line.split(), "--out", "out")
    assert code == 2, said
    assert said.splitlines()[-1].endswith(f"{folder}: another run is writing there: give this one another --out")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_in_the_output_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / f"out/.result.json.{os.getpid()}").symlink_to("/dev/full")
    with pytest.raises(ResultError, match=r"result\.json: No space left on device"):
        keep(saved.result(*saved.small()["benchmarks"]), tmp_path / "out/result.json", 0)


def test_a_containers_memory_limit_is_what_is_available(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 8 << 30
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Mock(available=free))  # the machine's own changes meanwhile
    monkeypatch.setattr(environment, "CONTAINER", str(tmp_path))
    assert environment.available_bytes() == free
    (tmp_path / "memory.max").write_text(f"{100 << 20}\n")
    (tmp_path / "memory.current").write_text(f"{40 << 20}\n")
    assert environment.available_bytes() == 60 << 20
    for odd in ("max\n", "", "many\n", "-1\n"):
        (tmp_path / "memory.max").write_text(odd)
        assert environment.available_bytes() == free
