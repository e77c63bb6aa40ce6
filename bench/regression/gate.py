"""A comparison of two revisions as the command makes it: from their names to a result file's content."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.engine import environment
from bench.engine.race import Track
from reports import acknowledged
from reports.results import Compared, Comparison

from .compare import THRESHOLD, Comparing, Note, Outcome, Plan, Wanted, listed, plan, record, trees_of
from .revisions import RevisionError, Tree, checked_out, repository, work_tree


@dataclass(frozen=True)
class Asked:
    """What a user asked to be compared. files: outside implementations, relative to the repository's top folder root."""

    root: Path
    base: str
    head: str | None
    files: tuple[Path, ...] = ()
    wanted: Wanted = field(default_factory=Wanted)
    threshold: float = THRESHOLD
    budget_s: float = math.inf


def asked_of(files: Sequence[Path]) -> tuple[Path, tuple[Path, ...]]:
    """The repository that is meant, and the files in it: that of the files, or else the clone one stands in. Raises RevisionError."""
    if not files:
        root = repository(Path.cwd())
        if not (root / "impls" / "catalogue.py").is_file():
            raise RevisionError(f"{root} is no clone of w2vbench: name your own implementations' file with --impl")
        return root, ()
    roots = {repository(file.resolve().parent) for file in files if file.resolve().parent.is_dir()}
    if len(roots) != 1:
        raise RevisionError(
            "the files of --impl are not all in one git repository" if roots else f"{files[0]}: no such file"
        )
    (root,) = roots
    return root, tuple(file.resolve().relative_to(root) for file in files)


@contextmanager
def both(asked: Asked) -> Iterator[tuple[Tree, Tree]]:
    """BASE in a worktree, and HEAD in another, or the work tree as it is. Raises RevisionError."""
    with checked_out(asked.root, [asked.base] if asked.head is None else [asked.base, asked.head]) as trees:
        yield trees[0], trees[1] if len(trees) == 2 else work_tree(asked.root)


def compare(asked: Asked, track: Track, base: Tree, head: Tree, note: Note) -> tuple[Plan, Outcome]:
    """List both sides, decide what to race, and race it. Raises RevisionError."""
    track = replace(track, trees=trees_of(base, head, asked.files))
    note("loading both revisions", 0, 0)
    made = plan(*listed(track), asked.wanted)
    return made, Comparing(track, made, note, asked.threshold, asked.budget_s).run()


def comparison(asked: Asked, base: Tree, head: Tree, made: Plan, outcome: Outcome) -> Comparison:
    """What came of it, as it is kept. An acknowledgement counts if the change that is compared brings it along."""
    excuses = acknowledged.new_since(acknowledged.read(head.folder), acknowledged.read(base.folder))
    cases = []
    for contest in dict.fromkeys([*made.contests, *made.fallen]):
        one = record(contest, outcome, head.folder)
        if one["verdict"] not in ("same", "faster") or one["memory"] == "more":
            one["acknowledged"] = next((entry.why for entry in excuses if entry.covers(contest.case)), None)
        cases.append(Compared.model_validate(one))
    return Comparison(
        base=base.title,
        head=head.title,
        base_commit=base.commit,
        head_commit=head.commit,
        threshold=asked.threshold,
        cases=cases,
        added=made.added,
        removed=made.removed,
        renamed=made.renamed,
        left_out=made.left_out,
        caveats=caveats(base, head),
        seconds=outcome.seconds,
    )


def frame_of(engine: str, command: str, machine: dict[str, Any]) -> dict[str, Any]:
    """A result file that is no run: where and when it was made, and no benchmarks."""
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
        },
    }


def caveats(base: Tree, head: Tree) -> list[str]:
    """What a comparison in one environment cannot see."""

    def text(tree: Tree) -> bytes | None:
        file = tree.folder / "pyproject.toml"
        return file.read_bytes() if file.is_file() else None

    if text(base) != text(head):
        return [
            "pyproject.toml differs: both sides ran with the packages that are installed now, so a new version of one is not compared"
        ]
    return []
