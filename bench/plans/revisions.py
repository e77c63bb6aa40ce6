"""Revisions of a git repository: what is asked for by name, each tree in a temporary worktree that is taken away again."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.engine.leftovers import abandoned

PREFIX = "w2vbench-tree"
QUIET = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "submodule.recurse=false",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "advice.detachedHead=false",
)
"""A worktree is made for reading: no hook of the repository runs on it."""


class RevisionError(ValueError):
    """A revision or a repository that cannot be used; the message is one line and says what to do."""


@dataclass(frozen=True)
class Tree:
    """One side of a comparison. folder: where its files are. name: as it was asked for. commit: its full hash.
    dirty: whether the folder has changes that are in no commit (the work tree only)."""

    name: str
    folder: Path
    commit: str
    dirty: bool = False

    @property
    def title(self) -> str:
        return f"{self.name} ({self.commit[:9]}{', with changes' if self.dirty else ''})"


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    """What a git command prints. Raises RevisionError with the first line of its complaint, unless failing is an answer too.

    Variables that git sets for its hooks are left out: they would point it at another index or work tree.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *QUIET, *arguments],
            cwd=folder,
            env={**environment, "GIT_LFS_SKIP_SMUDGE": "1", "GIT_OPTIONAL_LOCKS": "0"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except (FileNotFoundError, NotADirectoryError):
        if not folder.is_dir():
            raise RevisionError(f"{folder}: no such folder") from None
        raise RevisionError("git is not installed, and comparing revisions needs it") from None
    if done.returncode and check:
        lines = done.stderr.strip().splitlines()
        said = (
            [line for line in lines if line.startswith(("fatal:", "error:"))]
            or lines
            or [f"exit code {done.returncode}"]
        )
        raise RevisionError(f"git {arguments[0]}: {said[0]}")
    return done.stdout


def repository(folder: Path) -> Path:
    """The top folder of the repository that a folder is in. Raises RevisionError."""
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel").removesuffix("\n")).resolve()
    except RevisionError as error:
        if "not a git repository" not in str(error):
            raise
        raise RevisionError(f"{folder} is not in a git repository: compare needs one, or two result files") from None


def here() -> Path:
    """The top folder of the repository that one stands in, or else the current folder."""
    try:
        return repository(Path.cwd())
    except RevisionError:
        return Path.cwd()


def commit_of(folder: Path, name: str) -> str:
    """The full hash of the commit that a name stands for. Raises RevisionError."""
    try:
        found = git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").strip()
        if found and not found.startswith("^") and "\0" not in name:
            return found
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
    """The files as they are now."""
    dirty = bool(git(root, "status", "--porcelain", "--untracked-files=normal").strip())
    return Tree("the work tree", root, commit_of(root, "HEAD"), dirty)


def differing(root: Path, base: Tree, head: Tree) -> tuple[str, ...]:
    """Paths of the files that differ between two trees, relative to them; of the work tree, untracked ones too. Raises RevisionError."""
    names = ["diff", "--name-only", "--no-renames", "-z", base.commit]
    if head.folder != root:
        return paths(git(root, *names, head.commit))
    return paths(git(root, *names) + git(root, "ls-files", "--others", "--exclude-standard", "-z"))


def paths(text: str) -> tuple[str, ...]:
    return tuple(sorted(filter(None, text.split("\0"))))


@contextmanager
def checked_out(root: Path, names: Sequence[str]) -> Iterator[list[Tree]]:
    """Revisions in worktrees of their own, beside each other in a temporary folder. The repository's own is not touched.

    Raises RevisionError. What killed comparisons have left is taken away too.
    """
    commits = [commit_of(root, name) for name in names]
    sweep(root)
    # resolved, since the system may name its temporary folder by a link
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


def sweep(root: Path) -> None:
    """Take away worktrees whose comparison was killed."""
    for left in abandoned(PREFIX):
        with contextlib.suppress(OSError):  # a file, or somebody else's
            for tree in left.iterdir():
                with contextlib.suppress(RevisionError):  # of another repository
                    git(root, "worktree", "remove", "--force", "--force", str(tree))
        shutil.rmtree(left, ignore_errors=True)
