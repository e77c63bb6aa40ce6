"""Check out revisions of a git repository into temporary worktrees."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from w2vbench.bench.engine.machine.process import abandoned_folders
from w2vbench.impls.messages import UserError

PREFIX = "w2vbench-tree"
QUIET = (
    *("-c", "core.hooksPath=/dev/null", "-c", "submodule.recurse=false"),
    *("-c", "core.fsmonitor=false", "-c", "advice.detachedHead=false"),
)
"""Options of every git command: no hooks, submodules, file monitor or advice."""


class RevisionError(UserError):
    """A revision or a repository that cannot be used. The message is one line and says what to do."""


@dataclass(frozen=True)
class Tree:
    """The files of one side of a comparison."""

    name: str  # the revision as the user named it
    folder: Path  # the top folder of the files
    commit: str  # the full hash
    dirty: bool = False  # whether the folder has uncommitted changes (the work tree only)

    @property
    def title(self) -> str:
        return f"{self.name} ({self.commit[:9]}{', with changes' if self.dirty else ''})"


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    """Run a git command and return its output.

    git's own environment variables are removed: inside a hook, they point at another index or work tree.

    Parameters
    ----------
    check
        Whether a failure is an error. Without it, a failing command returns what it printed.

    Raises
    ------
    RevisionError
        With the first line of git's message.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *QUIET, *arguments],
            cwd=folder,
            env={**environment, "GIT_LFS_SKIP_SMUDGE": "1", "GIT_OPTIONAL_LOCKS": "0"},
            capture_output=True,
            encoding=sys.getfilesystemencoding(),  # it prints names of files
            errors="surrogateescape",
            check=False,
        )
    except (FileNotFoundError, NotADirectoryError):
        if not folder.is_dir():
            raise RevisionError(f"{folder}: no such folder") from None
        raise RevisionError("git is not installed: install it to compare revisions") from None
    if done.returncode and check:
        lines = done.stderr.strip().splitlines()
        complaints = (
            [line for line in lines if line.startswith(("fatal:", "error:"))]
            or lines
            or [f"exit code {done.returncode}"]
        )
        raise RevisionError(f"git {arguments[0]}: {complaints[0]}")
    return done.stdout


def repository(folder: Path) -> Path:
    """Return the top folder of a folder's repository. Raises RevisionError."""
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel").removesuffix("\n")).resolve()
    except RevisionError as error:
        if "not a git repository" not in str(error):
            raise
        raise RevisionError(f"{folder} is not in a git repository: compare needs one, or two result files") from None


def current_root() -> Path:
    """Return the top folder of the current folder's repository; outside of one, the current folder."""
    try:
        return repository(Path.cwd())
    except RevisionError:
        return Path.cwd()


def commit_of(folder: Path, name: str) -> str:
    """Return the full hash of a named commit. Raises RevisionError."""
    try:
        commit = git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").strip()
        if commit and not commit.startswith("^") and "\0" not in name:
            return commit
        raise RevisionError("no commit")
    except (RevisionError, ValueError) as error:  # a name with a NUL is a ValueError
        if "not installed" in str(error):
            raise
        shallow = git(folder, "rev-parse", "--is-shallow-repository").strip() == "true"
        hint = (
            "this clone is shallow: fetch more of it (actions/checkout: fetch-depth: 0)" if shallow else "see git log"
        )
        raise RevisionError(f"no revision {name!r} in {folder}; {hint}") from None


def work_tree(root: Path) -> Tree:
    """Return the work tree, with any uncommitted changes."""
    dirty = bool(git(root, "status", "--porcelain", "--untracked-files=normal").strip())
    return Tree("the work tree", root, commit_of(root, "HEAD"), dirty=dirty)


def differing_files(root: Path, base: Tree, head: Tree) -> tuple[str, ...]:
    """Return the relative paths of the files that differ between two trees, with untracked files of the work tree. Raises RevisionError."""
    names = ["diff", "--name-only", "--no-renames", "-z", base.commit]
    if head.folder != root:
        found = git(root, *names, head.commit)
    else:
        found = git(root, *names) + git(root, "ls-files", "--others", "--exclude-standard", "-z")
    return tuple(sorted(filter(None, found.split("\0"))))


@contextmanager
def checked_out(root: Path, names: Sequence[str]) -> Iterator[list[Tree]]:
    """Check out revisions into temporary worktrees. The repository's own work tree does not change.

    The worktrees that killed comparisons left behind are removed too. Raises RevisionError.
    """
    commits = [commit_of(root, name) for name in names]
    remove_leftovers(root)
    # resolved, because the system's temporary folder may be a link
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}-{os.getpid()}-", ignore_cleanup_errors=True) as temporary:
        above = Path(temporary).resolve()
        trees = [
            Tree(name, above / f"{number}-{commit[:9]}", commit)
            for number, (name, commit) in enumerate(zip(names, commits, strict=True))
        ]
        try:
            for tree in trees:
                git(root, "worktree", "add", "--detach", "--force", str(tree.folder), tree.commit)
            yield trees
        finally:
            for tree in trees:
                with contextlib.suppress(RevisionError):
                    git(root, "worktree", "remove", "--force", "--force", str(tree.folder))


def remove_leftovers(root: Path) -> None:
    """Remove the worktrees of killed comparisons."""
    for left in abandoned_folders(PREFIX):
        with contextlib.suppress(OSError):  # a file, or another user's folder
            for tree in left.iterdir():
                with contextlib.suppress(RevisionError):  # a worktree of another repository
                    git(root, "worktree", "remove", "--force", "--force", str(tree))
        shutil.rmtree(left, ignore_errors=True)
