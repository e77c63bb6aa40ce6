"""Folders that killed processes have left are found by the process number in their names, and no others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from w2vbench.bench.engine.machine.process import abandoned_folders
from w2vbench.bench.plans.run.session import saved_corpus
from w2vbench.impls.corpus import texts


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def gone() -> int:
    """The number of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


ODD = ("9" * 30, "99999999", "0", "²", "٣", "-1", "", "x", "1e3", "tree")


def test_folders_of_processes_that_are_no_more_are_taken_away_and_no_others(temporary: Path) -> None:
    kept = [temporary / f"w2vbench-{owner}-abc" for owner in (*ODD, str(os.getpid()))]
    for folder in (*kept, left := temporary / f"w2vbench-{gone()}-abc"):
        folder.mkdir()
    assert list(abandoned_folders("w2vbench")) == [left]
    small = texts.encode("small", ["the cat sat on the mat"])
    with saved_corpus(small):
        assert not left.exists()
        assert all(folder.exists() for folder in kept)
