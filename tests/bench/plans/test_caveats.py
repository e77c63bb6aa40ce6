"""What a comparison of revisions says about commits that HEAD lacks: it says no more than it can know."""

from __future__ import annotations

from pathlib import Path

import pytest
from w2vbench.bench.plans.compare.compare import caveats
from w2vbench.bench.plans.compare.worktrees import Tree

from tests.bench.plans.repositories import commit, started
from tests.processes import git


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """Branches main and change have one commit each since they parted; merge has both."""
    folder = started(tmp_path / "origin")
    commit(folder, {"a.txt": "1"})
    git(folder, "checkout", "-q", "-b", "change")
    commit(folder, {"b.txt": "2"})
    git(folder, "checkout", "-q", "main")
    commit(folder, {"a.txt": "3"})
    git(folder, "checkout", "-q", "-b", "merge")
    git(folder, "merge", "-q", "--no-ff", "-m", "merge", "change")
    return folder


def shallow(origin: Path, depth: int) -> Path:
    git(origin.parent, "clone", "-q", f"--depth={depth}", "--no-single-branch", f"file://{origin}", "shallow")
    return origin.parent / "shallow"


def said(root: Path, base: str, head: str) -> str:
    sides = (Tree(name, root, git(root, "rev-parse", name)) for name in (base, head))
    return " ".join(caveats(root, *sides))


def test_commits_that_head_lacks_are_a_caveat(origin: Path) -> None:
    assert said(origin, "main", "merge") == said(origin, "change", "merge") == said(origin, "change~1", "main") == ""
    assert "main has commits that HEAD lacks" in said(origin, "main", "change")


def test_where_a_shallow_clone_does_not_tell_it_is_unknown(origin: Path) -> None:
    root = shallow(origin, 1)
    for head in ("origin/merge", "origin/change"):
        assert "unknown whether HEAD has all commits of origin/main" in said(root, "origin/main", head)
        assert "HEAD lacks" not in said(root, "origin/main", head)


def test_a_shallow_clone_with_both_parents_tells(origin: Path) -> None:
    root = shallow(origin, 2)
    assert said(root, "origin/main", "origin/merge") == ""
    assert "origin/main has commits that HEAD lacks" in said(root, "origin/main", "origin/change")
