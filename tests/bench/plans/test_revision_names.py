"""Names and folders of revisions: which commit, repository and work tree is meant."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from w2vbench.bench.plans.compare.worktrees import (
    RevisionError,
    Tree,
    checked_out,
    commit_of,
    current_root,
    repository,
    work_tree,
)

from tests.bench.plans.repositories import commit, contents, refusal_of, started, state
from tests.processes import git

pytestmark = pytest.mark.usefixtures("temporary")


# names


@pytest.mark.parametrize(
    "name", ["nothing", "", " ", "--help", "-1", "one..two", "HEAD:sub", "f" * 40, "^HEAD", "a\nb"]
)
def test_what_is_no_commit_is_refused_and_leaves_nothing(repo: Path, temporary: Path, name: str) -> None:
    before = state(repo)
    assert repr(name) in refusal_of(repo, name)
    assert "see git log" in refusal_of(repo, name)
    assert state(repo) == before
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["one", "two", "main", "HEAD", "@", "HEAD~1", "main^", "refs/tags/one", "HEAD^{/a change}"]
)
def test_a_commit_may_be_named_as_git_allows(repo: Path, name: str) -> None:
    assert commit_of(repo, name) == git(repo, "rev-parse", f"{name}^0")


def test_a_short_hash_is_enough_and_a_tag_of_a_tree_is_not(repo: Path) -> None:
    full = git(repo, "rev-parse", "HEAD")
    assert commit_of(repo, full[:7]) == full
    git(repo, "tag", "a-tree", "HEAD^{tree}")
    assert "'a-tree'" in refusal_of(repo, "a-tree")


def test_a_branch_called_like_an_option_is_found(repo: Path) -> None:
    git(repo, "update-ref", "refs/heads/--force", "one^0")
    with checked_out(repo, ["--force"]) as (tree,):
        assert "gone.txt" in contents(tree.folder)


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


def test_a_folder_that_is_not_there_is_not_a_missing_git(tmp_path: Path) -> None:
    with pytest.raises(RevisionError) as refusal:
        repository(tmp_path / "nowhere")
    assert "not installed" not in str(refusal.value)


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


def test_untracked_files_count_whatever_the_users_settings_say(tmp_path: Path) -> None:
    folder = started(tmp_path / "quiet")
    commit(folder, {"a.txt": "1"})
    git(folder, "config", "status.showUntrackedFiles", "no")
    (folder / "new.txt").write_text("", encoding="utf-8")
    assert work_tree(folder).dirty


def test_a_repository_without_a_commit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RevisionError, match="no revision 'HEAD'"):
        work_tree(started(tmp_path / "empty"))
