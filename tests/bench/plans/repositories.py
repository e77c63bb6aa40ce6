"""Small git repositories, and what of them a comparison must leave as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from w2vbench.bench.plans.compare.worktrees import RevisionError, checked_out

from tests.processes import git


def commit(folder: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "a change")
    return git(folder, "rev-parse", "HEAD")


def started(folder: Path) -> Path:
    """Make a repository."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text(encoding="utf-8")
        for file in sorted(folder.rglob("*"))
        if file.is_file() and ".git" not in file.relative_to(folder).parts
    }


def state(repo: Path) -> tuple[object, ...]:
    """All that a comparison must leave as it is. The index is read before git can refresh it."""
    index, head = ((repo / ".git" / name).read_bytes() for name in ("index", "HEAD"))
    status = git(repo, "--no-optional-locks", "status", "--porcelain", "--ignored")
    refs, config = git(repo, "for-each-ref"), git(repo, "config", "--list", "--local")
    return index, head, refs, status, contents(repo), git(repo, "worktree", "list"), config


def refusal_of(folder: Path, name: str) -> str:
    with pytest.raises(RevisionError) as refusal, checked_out(folder, [name]):
        pass
    message = str(refusal.value)
    assert "\n" not in message
    return message
