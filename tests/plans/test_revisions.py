"""Revisions checked out beside a repository that must not notice it: real repositories, real git."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bench.plans import revisions
from bench.plans.revisions import (
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
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    return folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of its own, where nobody else's worktrees are."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


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
    before, real, added = state(repo), revisions.git, []

    def interrupted(folder: Path, *arguments: str) -> str:
        printed = real(folder, *arguments)
        if arguments[:2] == ("worktree", "add"):
            added.append(arguments)
            if len(added) == 2:
                raise KeyboardInterrupt
        return printed

    monkeypatch.setattr(revisions, "git", interrupted)
    with pytest.raises(KeyboardInterrupt), checked_out(repo, ["one", "two"]):
        raise AssertionError("never entered")
    assert len(added) == 2
    assert state(repo) == before
    assert list(temporary.iterdir()) == []


def test_a_worktree_that_is_gone_already_is_no_error(repo: Path) -> None:
    before = state(repo)
    with checked_out(repo, ["one"]) as (one,):
        for file in sorted(one.folder.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        one.folder.rmdir()
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


# names


def refusal_of(folder: Path, name: str) -> str:
    with pytest.raises(RevisionError) as refusal, checked_out(folder, [name]):
        pass
    message = str(refusal.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "name",
    [
        "nothing",
        "",
        " ",
        "--help",
        "--all",
        "-1",
        "--",
        "one..two",
        "HEAD:",
        "HEAD:sub",
        "HEAD^{tree}",
        "HEAD~99",
        "f" * 40,
        "one two",
        "kept.txt",
        "HEAD:kept.txt",
        "a\nb",
    ],
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


def test_a_revision_that_is_excluded_is_none(repo: Path) -> None:
    with pytest.raises(RevisionError):
        commit_of(repo, "^HEAD")


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


@pytest.mark.parametrize("name", ["a b", "line\nbreak", "quote'\"", "-n", "ünïcode", "$(touch x)", "trailing "])
def test_names_may_have_any_characters(tmp_path: Path, name: str) -> None:
    folder = started(tmp_path / name)
    commit(folder, {f"sub {name}/{name}": "1"})
    assert repository(folder / f"sub {name}") == folder
    with checked_out(folder, ["HEAD"]) as (tree,):
        assert contents(tree.folder) == {f"sub {name}/{name}": "1"}
    assert not work_tree(folder).dirty


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


def test_a_folder_that_is_not_there_is_not_a_missing_git(tmp_path: Path) -> None:
    with pytest.raises(RevisionError) as refusal:
        repository(tmp_path / "nowhere")
    assert "not installed" not in str(refusal.value)


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


# what killed comparisons leave


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


def test_a_command_whose_failure_is_an_answer_raises_nothing(repo: Path) -> None:
    git(repo, "switch", "-q", "--orphan", "apart", "--discard-changes")
    commit(repo, {"a.txt": "1"})
    with pytest.raises(RevisionError, match=r"^git merge-base: exit code 1$"):
        revisions.git(repo, "merge-base", "apart", "main")
    assert revisions.git(repo, "merge-base", "apart", "main", check=False) == ""
    assert revisions.git(repo, "merge-base", "two", "one", check=False).strip() == git(
        repo, "rev-parse", "one^{commit}"
    )
    with pytest.raises(RevisionError, match="no such folder"):
        revisions.git(repo / "nowhere", "status", check=False)


def test_a_users_own_worktree_on_a_drive_that_is_away_is_kept(repo: Path, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "-q", "--detach", str(tmp_path / "drive"), "one")
    (tmp_path / "drive").rename(tmp_path / "unplugged")
    with checked_out(repo, ["one"]):
        pass
    (tmp_path / "unplugged").rename(tmp_path / "drive")
    assert str(tmp_path / "drive") in git(repo, "worktree", "list")


# the work tree


@pytest.mark.parametrize("change", ["none", "edited", "staged", "untracked", "deleted", "ignored", "touched"])
def test_the_work_tree_says_whether_it_has_changes_that_are_in_no_commit(tmp_path: Path, change: str) -> None:
    folder = started(tmp_path / "clean")
    commit(folder, {"a.txt": "1", "b.txt": "1", ".gitignore": "ignored.txt\n"})
    match change:
        case "edited" | "staged":
            (folder / "a.txt").write_text("2", encoding="utf-8")
            if change == "staged":
                git(folder, "add", "a.txt")
        case "untracked" | "ignored":
            (folder / f"{change}.txt").write_text("", encoding="utf-8")
        case "deleted":
            (folder / "a.txt").unlink()
        case "touched":
            os.utime(folder / "a.txt", (1, 1))
    index = (folder / ".git" / "index").read_bytes()
    tree = work_tree(folder)
    assert (folder / ".git" / "index").read_bytes() == index
    dirty = change not in ("none", "ignored", "touched")
    head = git(folder, "rev-parse", "HEAD")
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
