"""Revisions checked out beside a repository that must not notice it: real repositories, real git."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from w2vbench.bench.plans.compare import worktrees
from w2vbench.bench.plans.compare.worktrees import RevisionError, checked_out, remove_leftovers, repository, work_tree

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


def test_a_revision_may_be_asked_for_twice_or_be_checked_out_already(repo: Path) -> None:
    with checked_out(repo, ["main", "main", "HEAD"]) as trees:
        assert len({tree.folder for tree in trees}) == 3
        assert len({tree.commit for tree in trees}) == 1


def test_two_comparisons_may_run_at_once(repo: Path) -> None:
    with checked_out(repo, ["one"]) as (outer,):
        with checked_out(repo, ["one"]) as (inner,):
            assert contents(inner.folder) == contents(outer.folder)
        assert contents(outer.folder)
        assert len(git(repo, "worktree", "list").splitlines()) == 2


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


def test_a_worktree_that_is_gone_already_is_no_error(repo: Path) -> None:
    before = state(repo)
    with checked_out(repo, ["one"]) as (one,):
        shutil.rmtree(one.folder)
    remove_leftovers(repo)
    assert state(repo) == before


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


def test_a_repository_below_another_is_checked_out_and_the_outer_is_left_alone(repo: Path) -> None:
    inner = started(repo / "sub" / "inner")
    commit(inner, {"inner.txt": "1"})
    before = state(repo)
    with checked_out(inner, ["HEAD"]) as (tree,):
        assert contents(tree.folder) == {"inner.txt": "1"}
    assert state(repo) == before


def test_a_worktree_may_be_the_repository(repo: Path, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "-q", "-b", "branch", str(tmp_path / "mine"), "one")
    before = git(repo, "worktree", "list")
    with checked_out(tmp_path / "mine", ["HEAD", "main"]) as (own, other):
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
