"""Compare two revisions as the command does: from their names to the content of the result file."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from difflib import unified_diff
from pathlib import Path

from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.plans.run.keeping import Outputs, keep_comparison, prepare_folder
from w2vbench.bench.plans.run.request import Note, PlanError, Say
from w2vbench.bench.plans.run.session import Session
from w2vbench.impls.identity.trees import python_files
from w2vbench.impls.messages import readable
from w2vbench.reports.compare import acknowledged, stages
from w2vbench.reports.compare import files as file_comparison
from w2vbench.reports.compare.acknowledged import Acknowledgement
from w2vbench.reports.compare.stages import HEAD
from w2vbench.reports.compare.tables import LeftOut
from w2vbench.reports.file.files import read
from w2vbench.reports.file.schema.comparison import ComparedRow, Comparison

from .differences import differences
from .measured import ComparisonRun
from .request import JudgedRequest
from .samples import sources_of
from .worktrees import RevisionError, Tree, checked_out, differing_files, git, repository, work_tree


@dataclass(frozen=True, kw_only=True)
class CompareRequest(JudgedRequest):
    """What to compare."""

    # Names of revisions or of result files. head is None for the work tree, or to decide a stored comparison again.
    base: str
    head: str | None
    across_machines: bool  # whether the two result files are of different machines

    @property
    def is_of_files(self) -> bool:
        return self.base.endswith(".json") and (self.head is None or self.head.endswith(".json"))


def compare(request: CompareRequest, say: Say, progress: AbstractContextManager[Note]) -> Outputs:
    """Compare two revisions or two result files, or decide a stored comparison again.

    Raises
    ------
    PlanError, RevisionError, ResultError, CorpusError
        If the request cannot be carried out.
    NotComparable
        If BASE and HEAD cannot be compared at all.
    """
    if request.is_of_files:
        return compare_files(request, Session(request.command, say))
    if request.across_machines:
        raise PlanError("--across-machines is for two result files")
    root, files = repository_of(request.files)
    prepare_folder(request.out, request.junit)
    session, text = Session(request.command, say), request.text()
    revisions = [request.base] if request.head is None else [request.base, request.head]
    with (
        checked_out(root, revisions) as trees,
        progress as note,
        session.measuring(request.settings(), [request.threads], text=text) as context,
    ):
        base, head = trees if request.head is not None else (*trees, work_tree(root))
        for file in files:
            if not any((tree.folder / file).is_file() for tree in (base, head)):
                raise RevisionError(f"{file} is at neither revision: is it in git?")
        context = replace(context, sources=sources_of(base, head, files))
        found = compare_trees(request, context, note, root=root, base=base, head=head)
    return keep_comparison(found, session.comparison_file(found, request.threads), out=request.out, junit=request.junit)


def compare_files(request: CompareRequest, session: Session) -> Outputs:
    """Compare two result files, or decide the comparison in one again. Raises PlanError, ResultError."""
    base, head = request.base, request.head
    of_cases = request.files or request.kernels or request.globs or request.everything
    of_measuring = request.budget_s or request.corpus or request.threads > 1
    if of_cases or of_measuring or (request.across_machines and not head):
        raise PlanError(
            f"{base} has been measured already: of the options only --threshold, --out, --junit and --json apply, and --across-machines to two files"
        )
    content = read(Path(base))
    stored = content.w2vbench.comparison
    if head:
        both = (content, read(Path(head)), (base, head))
        found = file_comparison.compare_files(*both, request.margin, request.across_machines)
        content = session.result_file("compare")
    elif stored and stored.interleaved:
        found = stages.recomputed(stored, request.threshold)
    else:
        raise PlanError(f"{base}: no comparison of revisions: name a second result file to compare it with")
    return keep_comparison(found, content, out=request.out, junit=request.junit)


def repository_of(files: Sequence[Path]) -> tuple[Path, tuple[Path, ...]]:
    """Return the repository of the files (or of the current folder), and the files relative to it. Raises RevisionError."""
    if not files:
        root = repository(Path.cwd())
        if not (root / "impls" / "catalogue").is_dir():
            raise RevisionError(
                f"{root} is no clone of w2vbench: name the file of your own implementations with --impl"
            )
        return root, ()
    for file in files:
        if file.is_symlink() and not file.exists():
            raise RevisionError(f"{file}: a link that leads nowhere")
        if not file.resolve().parent.is_dir():
            raise RevisionError(f"{file}: no such file")
    roots = {repository(file.resolve().parent) for file in files}
    if len(roots) != 1:
        raise RevisionError("the files of --impl are in several git repositories: compare those of one at a time")
    (root,) = roots
    return root, tuple(file.resolve().relative_to(root) for file in files)


def compare_trees(
    request: CompareRequest, context: RunContext, note: Note, *, root: Path, base: Tree, head: Tree
) -> Comparison:
    """List both sides, measure the cases that differ, and decide. Raises RevisionError."""
    excuses = acknowledged.new_since(acknowledged.read(head.folder), acknowledged.read(base.folder))
    note("loading both revisions", 0, 0)
    before, changed = file_states(head), differing_files(root, base, head)
    contexts = {HEAD: context}
    plan = differences(*ComparisonRun.listed(contexts, changed), request.selection)
    run = ComparisonRun(contexts, plan, note, threshold=request.margin, budget_s=request.budget_s)
    run.run()
    if file_states(head) != before:
        raise RevisionError(
            f"{head.folder} changed during the comparison: run it again, and do not edit the files meanwhile"
        )
    found = run.comparison(
        head.folder, base=base.title, head=head.title, base_commit=base.commit, head_commit=head.commit
    )
    notes = caveats(root, base, head)
    if changed and set(plan.skipped) <= {LeftOut.SAME_CODE} and not found.cases:
        notes.append(unaffected_caveat(changed))
    return found.model_copy(
        update={
            "cases": [acknowledged_row(row, excuses) for row in found.cases],
            "caveats": notes,
            "diffs": diffs(base, head, changed) if found.cases else {},
        }
    )


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
            found[readable(file)] = "\n".join([*diff[:LONGEST_DIFF], *more])
    return {file: diff for file, diff in found.items() if diff}


MOST_NAMED = 5
"""Files that a caveat names, at most."""


def unaffected_caveat(changed: Sequence[str]) -> str:
    """Say that nothing was measured although files differ."""
    more = f" and {len(changed) - MOST_NAMED} more" if len(changed) > MOST_NAMED else ""
    reason = (
        "files differ, but in nothing that a selected implementation runs (comments, names, or code it does not use)"
    )
    return f"{reason}: {', '.join(map(readable, changed[:MOST_NAMED]))}{more}"


def file_states(tree: Tree) -> dict[str, tuple[int, int]]:
    """Return sizes and times of a tree's Python files, which must not change: every process loads them again."""
    states = {}
    for file in python_files(tree.folder):
        with contextlib.suppress(OSError):
            status = file.stat()
            states[str(file)] = (status.st_size, status.st_mtime_ns)
    return states


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
    common = git(root, "merge-base", head.commit, base.commit, check=False).strip()
    if not common and git(root, "rev-parse", "--is-shallow-repository").strip() == "true":
        notes.append(
            f"this clone is shallow, so it is unknown whether HEAD has all commits of {base.name}: "
            "it seems to undo the changes of those that it lacks"
        )
    elif common != base.commit:
        notes.append(
            f"{base.name} has commits that HEAD lacks, so HEAD seems to undo their changes: "
            f"for HEAD's changes alone, compare with $(git merge-base HEAD {base.name})"
        )
    return notes
