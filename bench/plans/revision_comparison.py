"""A comparison of two revisions as the command makes it: from their names to a result file's content."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.engine import environment
from bench.engine.context import RunContext
from impls.trees import python_files
from reports import acknowledged
from reports.acknowledged import Acknowledgement
from reports.results import ComparedRow, Comparison

from .compare import THRESHOLD, Compared, Comparing, Note, sources_of
from .differences import Chosen, differences, list_sides
from .revisions import RevisionError, Tree, checked_out, differing, git, repository, work_tree


@dataclass(frozen=True)
class Request:
    """What a user asked to be compared. files: outside implementations, relative to the repository's top folder root."""

    root: Path
    base: str
    head: str | None
    files: tuple[Path, ...] = ()
    chosen: Chosen = field(default_factory=Chosen)
    threshold: float = THRESHOLD
    budget_s: float = math.inf


def repository_of(files: Sequence[Path]) -> tuple[Path, tuple[Path, ...]]:
    """The repository that is meant, and the files in it: that of the files, or else the clone one stands in. Raises RevisionError."""
    if not files:
        root = repository(Path.cwd())
        if not (root / "impls" / "catalogue.py").is_file():
            raise RevisionError(f"{root} is no clone of w2vbench: name your own implementations' file with --impl")
        return root, ()
    for file in files:
        if not file.resolve().parent.is_dir():
            raise RevisionError(f"{file}: no such file")
    roots = {repository(file.resolve().parent) for file in files}
    if len(roots) != 1:
        raise RevisionError("the files of --impl are not all in one git repository")
    (root,) = roots
    return root, tuple(file.resolve().relative_to(root) for file in files)


@contextmanager
def both(request: Request) -> Iterator[tuple[Tree, Tree]]:
    """BASE in a worktree, and HEAD in another, or the work tree as it is. Raises RevisionError."""
    with checked_out(request.root, [request.base] if request.head is None else [request.base, request.head]) as trees:
        yield trees[0], trees[1] if len(trees) == 2 else work_tree(request.root)


def compare(request: Request, context: RunContext, base: Tree, head: Tree, note: Note) -> Comparison:
    """List both sides, find out what differs, measure it, and decide. Raises RevisionError."""
    for file in request.files:
        if not any((tree.folder / file).is_file() for tree in (base, head)):
            raise RevisionError(f"{file} is at neither revision: is it in git?")
    excuses = acknowledged.new_since(acknowledged.read(head.folder), acknowledged.read(base.folder))
    context = replace(context, sources=sources_of(base, head, request.files))
    note("loading both revisions", 0, 0)
    before, changed = state_of(head), differing(request.root, base, head)
    made = differences(*list_sides(context, changed), request.chosen)
    done = Comparing(context, made, note, threshold=request.threshold, budget_s=request.budget_s).run()
    if state_of(head) != before:
        raise RevisionError(f"{head.folder} changed while it was measured: leave it alone, and run it again")
    found = comparison(request, base, head, done, excuses)
    return (
        found if found.cases or not changed else found.model_copy(update={"caveats": [*found.caveats, idle(changed)]})
    )


NAMED = 5


def idle(changed: Sequence[str]) -> str:
    """That nothing was measured although files differ."""
    more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
    return f"files differ, and no implementation that was chosen depends on them: {', '.join(changed[:NAMED])}{more}"


def state_of(tree: Tree) -> dict[str, tuple[int, int]]:
    """Sizes and times of a tree's Python files: every process loads them anew."""
    found = {}
    for file in python_files(tree.folder):
        with contextlib.suppress(OSError):
            status = file.stat()
            found[str(file)] = (status.st_size, status.st_mtime_ns)
    return found


def comparison(
    request: Request, base: Tree, head: Tree, done: Compared, excuses: Sequence[Acknowledgement]
) -> Comparison:
    """What came of it, as it is kept. excuses: the acknowledgements that the compared change brings along."""
    made = done.differences
    return Comparison(
        base=base.title,
        head=head.title,
        base_commit=base.commit,
        head_commit=head.commit,
        threshold=request.threshold,
        cases=[excused(row, excuses) for row in done.rows(head.folder, request.threshold)],
        added=made.added,
        removed=made.removed,
        renamed=made.renamed,
        skipped=made.skipped,
        over_budget=made.over_budget,
        caveats=caveats(request.root, base, head),
        seconds=done.seconds,
        waiting=done.waiting,
    )


def excused(row: ComparedRow, excuses: Sequence[Acknowledgement]) -> ComparedRow:
    """A case with the reason for which what it got worse in is intended, if there is one; nothing excuses a wrong result."""
    worse = row.verdict in ("slower", "failed", "inconclusive") or row.memory == "more" or row.setup == "slower"
    if not worse or row.verdict in ("wrong", "broken"):
        return row
    why = next((entry.why for entry in excuses if entry.covers(row.case)), None)
    return row.model_copy(update={"acknowledged": why})


def frame_of(engine: str, command: str, machine: dict[str, Any], warnings: Sequence[str] = ()) -> dict[str, Any]:
    """A result file that is no run: where and when it was made, what may have spoilt its figures, and no benchmarks."""
    from pytest_benchmark.plugin import pytest_benchmark_generate_machine_info
    from pytest_benchmark.utils import get_commit_info

    return {
        "machine_info": pytest_benchmark_generate_machine_info(),
        "commit_info": get_commit_info(),
        "benchmarks": [],
        "datetime": datetime.now(UTC).isoformat(),
        "version": environment.installed("pytest-benchmark"),
        "w2vbench": {
            "schema_version": 1,
            "engine": engine,
            "command": command,
            "environment": machine,
            "warnings": list(warnings),
        },
    }


def caveats(root: Path, base: Tree, head: Tree) -> list[str]:
    """What a comparison of two trees in one environment cannot see, or would blame on the wrong side."""

    def text(tree: Tree) -> bytes | None:
        file = tree.folder / "pyproject.toml"
        return file.read_bytes() if file.is_file() else None

    said = []
    if text(base) != text(head):
        said.append(
            "pyproject.toml differs: both sides ran with the packages that are installed now, so a new version of one is not compared"
        )
    if git(root, "merge-base", head.commit, base.commit, check=False).strip() != base.commit:
        said.append(
            f"{base.name} has commits that HEAD lacks, and their changes count as HEAD's undoing them: "
            f"to see HEAD's alone, compare with $(git merge-base HEAD {base.name})"
        )
    return said
