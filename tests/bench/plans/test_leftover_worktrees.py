"""What killed comparisons leave is taken away, and nothing else is."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from w2vbench.bench.plans.compare.worktrees import PREFIX, checked_out, remove_leftovers

from tests.processes import git

pytestmark = pytest.mark.usefixtures("temporary")


def dead_process() -> int:
    child = subprocess.Popen(["true"])
    child.wait()
    assert not psutil.pid_exists(child.pid)
    return child.pid


def left_behind(repo: Path, temporary: Path, owner: object) -> Path:
    """A worktree as a comparison that was killed leaves it."""
    folder = temporary / f"{PREFIX}-{owner}-abc_12"
    folder.mkdir()
    git(repo, "worktree", "add", "-q", "--detach", str(folder / "0-123456789"), "one")
    return folder


def test_what_a_killed_comparison_left_is_taken_away_and_what_runs_is_not(repo: Path, temporary: Path) -> None:
    dead = left_behind(repo, temporary, dead_process())
    alive = left_behind(repo, temporary, os.getpid())
    unknown = left_behind(repo, temporary, "nobody")
    with checked_out(repo, ["one"]) as (one,):
        assert one.folder.is_dir()
        assert not dead.exists()
        assert (alive / "0-123456789" / "kept.txt").is_file()
        assert (unknown / "0-123456789" / "kept.txt").is_file()
    listed = git(repo, "worktree", "list")
    assert str(dead) not in listed
    assert str(alive) in listed


def test_a_leftover_that_is_a_link_leads_nowhere(repo: Path, temporary: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("", encoding="utf-8")
    (temporary / f"{PREFIX}-{dead_process()}-x").symlink_to(tmp_path / "precious")
    remove_leftovers(repo)
    assert (tmp_path / "precious" / "file").is_file()


def test_a_leftover_that_is_no_folder_or_cannot_be_listed_stops_nobody(
    repo: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = left_behind(repo, temporary, dead_process())
    (temporary / f"{PREFIX}-{dead_process()}-file").write_text("", encoding="utf-8")
    foreign = temporary / f"{PREFIX}-{dead_process()}-foreign"
    foreign.mkdir()
    listing = Path.iterdir

    def refused(folder: Path) -> Iterator[Path]:
        if folder == foreign:
            raise PermissionError(13, "Permission denied", str(folder))
        return listing(folder)

    monkeypatch.setattr(Path, "iterdir", refused)
    with checked_out(repo, ["one"]) as (one,):
        assert (one.folder / "kept.txt").is_file()
    assert not dead.exists()


def test_a_users_own_worktree_on_a_drive_that_is_away_is_kept(repo: Path, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "-q", "--detach", str(tmp_path / "drive"), "one")
    (tmp_path / "drive").rename(tmp_path / "unplugged")
    with checked_out(repo, ["one"]):
        pass
    (tmp_path / "unplugged").rename(tmp_path / "drive")
    assert str(tmp_path / "drive") in git(repo, "worktree", "list")
