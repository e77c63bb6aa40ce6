"""Revisions checked out beside a repository that must not notice it, how they are named, and what killed comparisons leave: real git."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from w2vbench.bench.plans.compare import worktrees
from w2vbench.bench.plans.compare.compare import caveats
from w2vbench.bench.plans.compare.worktrees import (
    PREFIX,
    RevisionError,
    Tree,
    checked_out,
    commit_of,
    current_root,
    remove_leftovers,
    repository,
    work_tree,
)

from tests.bench.plans.repositories import commit, contents, refusal_of, started, state
from tests.processes import git

pytestmark = pytest.mark.usefixtures("temporary")


def test_each_revision_has_its_own_files_and_the_repository_does_not_notice(repo: Path, temporary: Path) -> None:
    before = state(repo)
    with checked_out(repo, ["one", "two"]) as (one, two):
        assert contents(one.folder) == {"gone.txt": "1", "kept.txt": "1", "sub/changed.txt": "1"}
        assert contents(two.folder) == {"kept.txt": "1", "new.txt": "2", "sub/changed.txt": "2"}
        assert [tree.commit for tree in (one, two)] == [git(repo, "rev-parse", f"{name}^0") for name in ("one", "two")]
        assert [git(tree.folder, "rev-parse", "HEAD") for tree in (one, two)] == [one.commit, two.commit]
        assert one.folder.parent == two.folder.parent
        assert one.folder.is_relative_to(temporary)
        assert not one.dirty
        assert one.title == f"one ({one.commit[:9]})"
        assert state(repo)[:5] == before[:5]
    assert state(repo) == before
    assert list(temporary.iterdir()) == []
    assert not (repo / ".git" / "worktrees").exists()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_worktrees_go_whatever_ends_the_comparison(repo: Path, temporary: Path, error: type[BaseException]) -> None:
    before = state(repo)
    with pytest.raises(error), checked_out(repo, ["one", "two"]) as trees:  # noqa: PT012 - the body is what fails
        (trees[0].folder / "written.txt").write_text("by what was measured", encoding="utf-8")
        (trees[1].folder / "kept.txt").write_text("changed", encoding="utf-8")
        raise error
    assert state(repo) == before
    assert list(temporary.iterdir()) == []


def test_an_interrupt_while_the_worktrees_are_made_leaves_none(
    repo: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real, added = state(repo), worktrees.git, []

    def interrupted(folder: Path, *arguments: str) -> str:
        printed = real(folder, *arguments)
        if arguments[:2] == ("worktree", "add"):
            added.append(arguments)
            if len(added) == 2:
                raise KeyboardInterrupt
        return printed

    monkeypatch.setattr(worktrees, "git", interrupted)
    with pytest.raises(KeyboardInterrupt), checked_out(repo, ["one", "two"]):
        raise AssertionError("never entered")
    assert len(added) == 2
    assert state(repo) == before
    assert list(temporary.iterdir()) == []


def test_variables_that_git_sets_for_hooks_do_not_mislead(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = started(tmp_path / "other")
    commit(other, {"other.txt": "1"})
    before, others = state(repo), state(other)
    for name, value in (
        ("GIT_DIR", other / ".git"),
        ("GIT_WORK_TREE", other),
        ("GIT_INDEX_FILE", other / ".git" / "index"),
        ("GIT_OBJECT_DIRECTORY", other / ".git" / "objects"),
        ("GIT_COMMON_DIR", other / ".git"),
        ("GIT_PREFIX", "sub/"),
    ):
        monkeypatch.setenv(name, str(value))
    assert repository(repo / "sub") == repo
    assert work_tree(repo).dirty
    with checked_out(repo, ["one"]) as (one,):
        assert contents(one.folder)["gone.txt"] == "1"
    assert state(repo) == before
    assert state(other) == others


def test_no_hook_of_the_repository_runs(repo: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    for folder in (repo / ".git" / "hooks", repo / "my hooks"):
        folder.mkdir(exist_ok=True)
        for name in ("post-checkout", "reference-transaction", "post-index-change"):
            (folder / name).write_text(f"#!/bin/sh\ntouch '{ran}'\n", encoding="utf-8")
            (folder / name).chmod(0o755)
    for path in (".git/hooks", "my hooks"):
        git(repo, "config", "core.hooksPath", path)
        with checked_out(repo, ["one"]):
            pass
        work_tree(repo)
    assert not ran.exists()
    git(repo, "worktree", "add", "--detach", str(tmp_path / "control"), "one")
    assert ran.exists()  # they would have


def test_a_worktree_may_be_the_repository_and_a_revision_be_asked_for_twice(repo: Path, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "-q", "-b", "branch", str(tmp_path / "mine"), "one")
    before = git(repo, "worktree", "list")
    with checked_out(tmp_path / "mine", ["HEAD", "main", "main"]) as (own, other, again):
        assert other.folder != again.folder
        assert "gone.txt" in contents(own.folder)
        assert "new.txt" in contents(other.folder)
    assert git(repo, "worktree", "list") == before
    assert work_tree(tmp_path / "mine").commit == git(repo, "rev-parse", "one^0")


def test_a_temporary_folder_may_be_a_link_with_spaces(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real one").mkdir()
    (tmp_path / "a link").symlink_to(tmp_path / "real one")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "a link"))
    with checked_out(repo, ["one"]) as (one,):
        assert one.folder.is_relative_to(tmp_path / "real one")
    assert list((tmp_path / "real one").iterdir()) == []


def test_a_shallow_clone_is_told_what_it_lacks(repo: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repo}", "shallow")
    assert "shallow" in refusal_of(tmp_path / "shallow", "HEAD~1")
    assert "fetch-depth: 0" in refusal_of(tmp_path / "shallow", "one")
    with checked_out(tmp_path / "shallow", ["HEAD"]) as (tree,):
        assert contents(tree.folder)["new.txt"] == "2"


def test_without_git_it_says_so(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git is not installed" in refusal_of(repo, "one")
    for asked in (repository, work_tree):
        with pytest.raises(RevisionError, match="git is not installed"):
            asked(repo)


def test_a_checkout_that_fails_says_why(repo: Path) -> None:
    """The first line of git's complaint is "Preparing worktree"."""
    commit(repo, {".gitattributes": "*.txt filter=broken\n"})
    for name, value in (("smudge", "false"), ("required", "true")):
        git(repo, "config", f"filter.broken.{name}", value)
    assert "Preparing" not in refusal_of(repo, "HEAD")


def test_a_checkout_that_fails_leaves_nothing(repo: Path, temporary: Path) -> None:
    blob = git(repo, "rev-parse", "one:gone.txt")
    (repo / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    before = git(repo, "worktree", "list")
    with pytest.raises(RevisionError), checked_out(repo, ["two", "one"]):
        pass
    assert git(repo, "worktree", "list") == before
    assert list(temporary.iterdir()) == []


# names


def test_a_commit_may_be_named_as_git_allows_and_what_is_none_is_refused_and_leaves_nothing(
    repo: Path, temporary: Path
) -> None:
    full = git(repo, "rev-parse", "HEAD")
    assert commit_of(repo, full[:7]) == full
    for name in ("one", "two", "main", "HEAD", "@", "HEAD~1", "main^", "refs/tags/one", "HEAD^{/a change}"):
        assert commit_of(repo, name) == git(repo, "rev-parse", f"{name}^0")
    git(repo, "tag", "a-tree", "HEAD^{tree}")
    before = state(repo)
    for name in ("nothing", "", " ", "--help", "-1", "one..two", "HEAD:sub", "f" * 40, "^HEAD", "a\nb", "a-tree"):
        refusal = refusal_of(repo, name)
        assert repr(name) in refusal
        assert "see git log" in refusal
    assert state(repo) == before
    assert list(temporary.iterdir()) == []


# folders


def test_what_is_in_no_repository_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RevisionError, match=r"is not in a git repository: compare needs one") as refusal:
        repository(tmp_path)
    assert str(tmp_path) in str(refusal.value)
    monkeypatch.chdir(tmp_path)
    assert current_root() == tmp_path


def test_the_repository_is_found_from_below_and_through_links_and_the_innermost_is_taken(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(repo / "sub")
    assert repository(repo) == repository(repo / "sub") == repository(tmp_path / "link") == repo
    inner = started(repo / "sub" / "inner")
    assert repository(inner) == inner
    monkeypatch.chdir(repo / "sub")
    assert current_root() == repo


@pytest.mark.parametrize("name", ["a b", "line\nbreak", "quote'\"", "-n", "ünïcode", "$(touch x)", "trailing "])
def test_names_may_have_any_characters(tmp_path: Path, name: str) -> None:
    folder = started(tmp_path / name)
    commit(folder, {f"sub {name}/{name}": "1"})
    assert repository(folder / f"sub {name}") == folder
    with checked_out(folder, ["HEAD"]) as (tree,):
        assert contents(tree.folder) == {f"sub {name}/{name}": "1"}
    assert not work_tree(folder).dirty


# the work tree


CHANGES: dict[str, tuple[bool, Callable[[Path], object]]] = {
    "none": (False, lambda folder: None),
    "edited": (True, lambda folder: (folder / "a.txt").write_text("2")),
    "staged": (True, lambda folder: ((folder / "a.txt").write_text("2"), git(folder, "add", "a.txt"))),
    "untracked": (True, lambda folder: (folder / "untracked.txt").touch()),
    "ignored": (False, lambda folder: (folder / "ignored.txt").touch()),
    "deleted": (True, lambda folder: (folder / "a.txt").unlink()),
    "touched": (False, lambda folder: os.utime(folder / "a.txt", (1, 1))),
}


@pytest.mark.parametrize(("dirty", "change"), CHANGES.values(), ids=CHANGES)
def test_the_work_tree_says_whether_it_has_changes_that_are_in_no_commit(
    tmp_path: Path, dirty: bool, change: Callable[[Path], object]
) -> None:
    folder = started(tmp_path / "clean")
    head = commit(folder, {"a.txt": "1", "b.txt": "1", ".gitignore": "ignored.txt\n"})
    change(folder)
    index = (folder / ".git" / "index").read_bytes()
    tree = work_tree(folder)
    assert (folder / ".git" / "index").read_bytes() == index
    assert tree == Tree("the work tree", folder, head, dirty)
    assert tree.title == f"the work tree ({head[:9]}{', with changes' if dirty else ''})"


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


def test_a_users_own_worktree_on_a_drive_that_is_away_is_kept(repo: Path, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "-q", "--detach", str(tmp_path / "drive"), "one")
    (tmp_path / "drive").rename(tmp_path / "unplugged")
    with checked_out(repo, ["one"]):
        pass
    (tmp_path / "unplugged").rename(tmp_path / "drive")
    assert str(tmp_path / "drive") in git(repo, "worktree", "list")


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


def said(root: Path, base: str, head: str) -> str:
    sides = (Tree(name, root, git(root, "rev-parse", name)) for name in (base, head))
    return " ".join(caveats(root, *sides))


def test_commits_that_head_lacks_are_a_caveat(origin: Path) -> None:
    assert said(origin, "main", "merge") == said(origin, "change", "merge") == said(origin, "change~1", "main") == ""
    assert "main has commits that HEAD lacks" in said(origin, "main", "change")


def test_a_shallow_clone_says_that_it_does_not_know(origin: Path) -> None:
    root = origin.parent / "shallow"
    git(origin.parent, "clone", "-q", "--depth=1", "--no-single-branch", f"file://{origin}", "shallow")
    for head in ("origin/merge", "origin/change"):
        assert "unknown whether HEAD has all commits of origin/main" in said(root, "origin/main", head)
        assert "HEAD lacks" not in said(root, "origin/main", head)
    git(root, "fetch", "-q", "--deepen=1")  # now it has both parents
    assert said(root, "origin/main", "origin/merge") == ""
    assert "origin/main has commits that HEAD lacks" in said(root, "origin/main", "origin/change")
