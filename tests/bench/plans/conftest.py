"""Fixtures of the plans' tests: a repository, and a temporary folder without anybody else's worktrees."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from w2vbench.impls.corpus import texts

from tests.bench.commands.asking import small_text
from tests.bench.plans.repositories import commit, started
from tests.processes import git


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of its own, where nobody else's worktrees are."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def with_a_small_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own as the current one, and a small text in place of the built-in one."""
    monkeypatch.setattr(texts, "builtin", small_text)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Two commits, tagged ``one`` and ``two``, and a work tree that differs from both in every way."""
    folder = started(tmp_path / "a repository")
    commit(folder, {"kept.txt": "1", "sub/changed.txt": "1", "gone.txt": "1"})
    git(folder, "tag", "-a", "one", "-m", "annotated")
    (folder / "gone.txt").unlink()
    commit(folder, {"sub/changed.txt": "2", "new.txt": "2"})
    git(folder, "tag", "two")
    (folder / "sub" / "changed.txt").write_text("staged", encoding="utf-8")
    git(folder, "add", "sub/changed.txt")
    (folder / "sub" / "changed.txt").write_text("changed again", encoding="utf-8")
    (folder / "untracked.txt").write_text("mine", encoding="utf-8")
    return folder
