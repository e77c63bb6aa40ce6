"""Compare two revisions as the command does: from their names to the content of the result file."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import unified_diff
from pathlib import Path

from bench.engine.context import RunContext
from impls.trees import python_files
from reports import acknowledged
from reports.acknowledged import Acknowledgement
from reports.result_schema import ComparedRow, Comparison

from .comparison_run import THRESHOLD, ComparisonRun, Note, sources_of
from .comparison_samples import ComparisonSamples
from .differences import CaseSelection, differences, list_sides
from .worktrees import RevisionError, Tree, checked_out, differing_files, git, repository, work_tree


@dataclass(frozen=True)
class Request:
    """What to compare.

    Attributes
    ----------
    root
        The repository's top folder.
    base, head
        Names of the revisions. head is None for the work tree.
    files
        Outside implementations, relative to root.
    """

    root: Path
    base: str
    head: str | None
    files: tuple[Path, ...] = ()
    selection: CaseSelection = field(default_factory=CaseSelection)
    threshold: float = THRESHOLD
    budget_s: float = math.inf


def repository_of(files: Sequence[Path]) -> tuple[Path, tuple[Path, ...]]:
    """Return the repository of the files (or of the current folder), and the files relative to it. Raises RevisionError."""
    if not files:
        root = repository(Path.cwd())
        if not (root / "impls" / "catalogue.py").is_file():
            raise RevisionError(
                f"{root} is no clone of w2vbench: name the file of your own implementations with --impl"
            )
        return root, ()
    for file in files:
        if not file.resolve().parent.is_dir():
            raise RevisionError(f"{file}: no such file")
    roots = {repository(file.resolve().parent) for file in files}
    if len(roots) != 1:
        raise RevisionError("the files of --impl are in several git repositories: compare those of one at a time")
    (root,) = roots
    return root, tuple(file.resolve().relative_to(root) for file in files)


@contextmanager
def both_trees(request: Request) -> Iterator[tuple[Tree, Tree]]:
    """Check out BASE, and HEAD unless it is the work tree. Raises RevisionError."""
    with checked_out(request.root, [request.base] if request.head is None else [request.base, request.head]) as trees:
        yield trees[0], trees[1] if len(trees) == 2 else work_tree(request.root)


def compare(request: Request, context: RunContext, base: Tree, head: Tree, note: Note) -> Comparison:
    """List both sides, measure the cases that differ, and decide. Raises RevisionError."""
    for file in request.files:
        if not any((tree.folder / file).is_file() for tree in (base, head)):
            raise RevisionError(f"{file} is at neither revision: is it in git?")
    excuses = acknowledged.new_since(acknowledged.read(head.folder), acknowledged.read(base.folder))
    context = replace(context, sources=sources_of(base, head, request.files))
    note("loading both revisions", 0, 0)
    before, changed = file_states(head), differing_files(request.root, base, head)
    plan = differences(*list_sides(context, changed), request.selection)
    samples = ComparisonRun(context, plan, note, threshold=request.threshold, budget_s=request.budget_s).run()
    if file_states(head) != before:
        raise RevisionError(
            f"{head.folder} changed during the comparison: run it again, and do not edit the files meanwhile"
        )
    result = comparison(request, base, head, samples, excuses)
    if result.cases:
        return result.model_copy(update={"diffs": diffs(base, head, changed)})
    if changed:
        return result.model_copy(update={"caveats": [*result.caveats, unaffected_caveat(changed)]})
    return result


MOST_DIFFS, LONGEST_DIFF = 10, 200
"""Files whose differences a comparison keeps, and lines of each."""


def diffs(base: Tree, head: Tree, changed: Sequence[str]) -> dict[str, str]:
    """Return what changed in each text file, as a unified diff."""

    def lines(tree: Tree, file: str) -> list[str]:
        path = tree.folder / file
        return path.read_text("utf-8").splitlines() if path.is_file() else []

    found = {}
    for file in changed[:MOST_DIFFS]:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            diff = list(unified_diff(lines(base, file), lines(head, file), base.name, head.name, lineterm=""))
            more = [f"… {len(diff) - LONGEST_DIFF} more lines"] if len(diff) > LONGEST_DIFF else []
            found[file] = "\n".join([*diff[:LONGEST_DIFF], *more])
    return {file: diff for file, diff in found.items() if diff}


MOST_NAMED = 5
"""Files that a caveat names, at most."""


def unaffected_caveat(changed: Sequence[str]) -> str:
    """Say that nothing was measured although files differ."""
    more = f" and {len(changed) - MOST_NAMED} more" if len(changed) > MOST_NAMED else ""
    reason = (
        "files differ, but in nothing that a selected implementation runs (comments, names, or code it does not use)"
    )
    return f"{reason}: {', '.join(changed[:MOST_NAMED])}{more}"


def file_states(tree: Tree) -> dict[str, tuple[int, int]]:
    """Return sizes and times of a tree's Python files, which must not change: every process loads them again."""
    states = {}
    for file in python_files(tree.folder):
        with contextlib.suppress(OSError):
            status = file.stat()
            states[str(file)] = (status.st_size, status.st_mtime_ns)
    return states


def comparison(
    request: Request, base: Tree, head: Tree, samples: ComparisonSamples, excuses: Sequence[Acknowledgement]
) -> Comparison:
    """Return the comparison as the result file has it. excuses: acknowledgements that HEAD adds."""
    plan = samples.differences
    return Comparison(
        base=base.title,
        head=head.title,
        base_commit=base.commit,
        head_commit=head.commit,
        threshold=request.threshold,
        cases=[acknowledged_row(row, excuses) for row in samples.rows(head.folder, request.threshold)],
        added=plan.added,
        removed=plan.removed,
        renamed=plan.renamed,
        skipped=plan.skipped,
        over_budget=plan.over_budget,
        caveats=caveats(request.root, base, head),
        seconds=samples.seconds,
        waiting=samples.waiting,
    )


def acknowledged_row(row: ComparedRow, excuses: Sequence[Acknowledgement]) -> ComparedRow:
    """Add the reason why a worse case is intended, if one is acknowledged. Nothing excuses a wrong result."""
    worse = row.verdict in ("slower", "failed", "inconclusive") or row.memory == "more" or row.setup == "slower"
    if not worse or row.verdict in ("wrong", "broken"):
        return row
    why = next((entry.why for entry in excuses if entry.covers(row.case)), None)
    return row.model_copy(update={"acknowledged": why})


def caveats(root: Path, base: Tree, head: Tree) -> list[str]:
    """Return what this comparison cannot measure, or may attribute to the wrong side."""

    def text(tree: Tree) -> bytes | None:
        file = tree.folder / "pyproject.toml"
        return file.read_bytes() if file.is_file() else None

    notes = []
    if text(base) != text(head):
        notes.append(
            "pyproject.toml differs, but both sides ran with the packages that are installed now: a change of their versions is not measured"
        )
    if git(root, "merge-base", head.commit, base.commit, check=False).strip() != base.commit:
        notes.append(
            f"{base.name} has commits that HEAD lacks, so HEAD seems to undo their changes: "
            f"for HEAD's changes alone, compare with $(git merge-base HEAD {base.name})"
        )
    return notes
