"""Small git repositories, and what of them a comparison must leave as it is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from bench.plans.worktrees import RevisionError, checked_out

IDENTITY = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}


def git(folder: Path, *arguments: str) -> str:
    """What git prints, far from this machine's settings and from the variables that a test sets."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = {**clean, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.removesuffix("\n")


def commit(folder: Path, files: dict[str, str], message: str = "a change") -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", message)
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
    index = (repo / ".git" / "index").read_bytes()
    head, refs = (repo / ".git" / "HEAD").read_bytes(), git(repo, "for-each-ref")
    status = git(repo, "--no-optional-locks", "status", "--porcelain")
    return (
        index,
        head,
        refs,
        status,
        contents(repo),
        git(repo, "worktree", "list"),
        git(repo, "config", "--list", "--local"),
    )


def refusal_of(folder: Path, name: str) -> str:
    with pytest.raises(RevisionError) as refusal, checked_out(folder, [name]):
        pass
    message = str(refusal.value)
    assert "\n" not in message
    return message
