"""Find the commit that made a case slower, by bisection: ``compare``'s rule decides each step."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.protocol import Facts
from w2vbench.bench.plans.run.presets import GATE
from w2vbench.bench.plans.run.request import Note, NothingToKeep, PlanError, Say
from w2vbench.bench.plans.run.selection import hint_for
from w2vbench.bench.plans.run.session import Session
from w2vbench.impls.interface.case import BadName, Case, Size
from w2vbench.reports.compare.stages import HEAD
from w2vbench.reports.file.schema.comparison import ComparedRow
from w2vbench.reports.statistics.units import change

from .compare import repository_of
from .differences import (
    ComparedCase,
    Differences,
    Listed,
    unchanged,
    why_not_comparable,
    why_not_separable,
)
from .first_changed import first_changed, halfway
from .measured import ComparisonRun
from .request import ComparisonRequest
from .samples import sources_of
from .worktrees import RevisionError, Tree, checked_out, commit_of, differing_files, git

WORSE = ("slower", "wrong", "broken")
SAME, UNKNOWN = "same code", "unknown"


@dataclass(frozen=True, kw_only=True)
class BisectRequest(ComparisonRequest):
    """Between which commits to search."""

    # names of revisions; good is an ancestor of bad
    good: str
    bad: str
    case: str  # a case, or ``kernel/implementation`` for its first size in ``compare``


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a commit was found to be."""

    commit: str
    subject: str
    # compared with GOOD; ``same code`` where nothing had to be measured, ``unknown`` where nothing could be
    verdict: str
    why: str  # the ratio of times, or the reason


@dataclass(frozen=True, kw_only=True)
class Bisected:
    """Where the change came in."""

    case: str  # the case's name
    # the last commit that is known to be like GOOD, and the first known to be like BAD
    last: Step
    first: Step
    between: list[str]  # the commits between them, of which it cannot be told
    files: list[str]  # what the first one changed
    steps: list[Step] = field(default_factory=list)  # all commits that were judged, in order


def bisect(request: BisectRequest, say: Say, progress: AbstractContextManager[Note]) -> Bisected:
    """Find the first commit at which a case is as it is at BAD.

    Raises
    ------
    PlanError, RevisionError, BadName, CorpusError
        If the request cannot be carried out.
    NotComparable, NothingToKeep
        If GOOD and BAD cannot be compared, or do not differ.
    """
    root, files = repository_of(request.files)
    commits = commits_between(root, request.good, request.bad)
    size = asked_size(request.case)
    session, text = Session(request.command, say), request.text()
    with (
        progress as note,
        session.measuring(request.settings(), [size.threads if size else 1], text=text) as context,
    ):
        judge = Judge(request.case, context, note, root=root, files=files, good=commits[0])
        threshold = request.margin
        row = judge.compared(commits[-1], threshold)
        if row is None and judge.steps[-1].verdict == UNKNOWN:
            raise RevisionError(f"{request.bad} cannot be compared with {request.good}: {judge.steps[-1].why}")
        if row is None or row.verdict not in (*WORSE, "faster"):
            why = f"{row.verdict}, {row.why or change(row.ratio)}" if row else judge.steps[-1].why
            raise NothingToKeep(
                f"{request.bad} is not known to differ from {request.good} in {request.case} ({why}), so there is nothing to find",
                3,
            )
        changed = ("faster",) if row.verdict == "faster" else WORSE
        if row.ratio:
            threshold = max(threshold, halfway(row.ratio.estimate))

        def has_changed(at: int) -> bool | None:
            found = judge.compared(commits[at], threshold)
            say(f"{judge.steps[-1].commit[:9]} {judge.steps[-1].verdict}: {judge.steps[-1].subject}")
            if found is None:
                return False if judge.steps[-1].verdict == SAME else None
            return {**dict.fromkeys(changed, True), "same": False}.get(found.verdict)

        last, first = first_changed(len(commits), has_changed)
    by_commit = {step.commit: step for step in judge.steps}
    good = Step(commit=commits[0], subject=subject(root, commits[0]), verdict="GOOD", why="")
    return Bisected(
        case=row.case,
        last=by_commit.get(commits[last], good),
        first=by_commit[commits[first]],
        between=commits[last + 1 : first],
        files=git(root, "diff", "--name-only", f"{commits[first]}^", commits[first]).splitlines(),
        steps=judge.steps,
    )


class Judge:
    """Compare commits with GOOD. Code that was judged is not measured again, and neither is code that is the same as GOOD's."""

    def __init__(
        self, case: str, context: RunContext, note: Note, *, root: Path, files: Sequence[Path], good: str
    ) -> None:
        self.case, self.context, self.note, self.root, self.files, self.good = case, context, note, root, files, good
        self.steps: list[Step] = []
        self.judged: dict[tuple[object, ...], ComparedRow] = {}

    def compared(self, commit: str, threshold: float) -> ComparedRow | None:
        """Compare a commit with GOOD; None where nothing is measured, and the last step then says why."""
        with checked_out(self.root, [self.good, commit]) as (base, head):
            contexts = {HEAD: replace(self.context, sources=sources_of(base, head, self.files))}
            row, verdict = None, UNKNOWN
            try:
                before, after = ComparisonRun.listed(contexts, differing_files(self.root, base, head))
                old, new = self.facts(before, "GOOD"), self.facts(after, "it")
            except RevisionError as error:
                why = str(error)
            else:
                why = why_not_comparable(old, new) or why_not_separable(old, new)
                if unchanged(old, new):
                    verdict, why = SAME, "nothing that it runs differs from GOOD"
                elif not why:
                    row = self.measured(contexts, new, head, threshold=threshold)
                    verdict, why = row.verdict, row.why or change(row.ratio)
        self.steps.append(Step(commit=commit, subject=subject(self.root, commit), verdict=verdict, why=why))
        return row

    def measured(self, contexts: dict[str, RunContext], facts: Facts, head: Tree, threshold: float) -> ComparedRow:
        """Return what was measured of a commit's code and of what it reads, in whichever commit both were found first."""
        files = (head.folder / name for name in facts.data)
        code = facts.identity, *(file.read_bytes() if file.is_file() else None for file in files)
        if code not in self.judged:
            self.note(f"comparing {head.commit[:9]} with {self.good[:9]}", 0, 0)
            case = ComparedCase(facts, asked_size(self.case) or GATE.sizes(facts)[0])
            run = ComparisonRun(contexts, Differences(compared=[case]), self.note, threshold=threshold)
            run.run()
            (self.judged[code],) = run.rows(head.folder)
        return self.judged[code]

    def facts(self, every: Listed, where: str) -> Facts:
        """Return the case's implementation. Raises RevisionError if it is not there, or cannot be measured."""
        key = self.case.partition("@")[0]
        found = every.get(key)
        if found is None:
            raise RevisionError(f"{where} has no {key}; {hint_for(key, every)}")
        if found.missing or found.wrong:
            raise RevisionError(f"{where} cannot be measured: {found.wrong or f'needs {found.missing[0]}'}")
        return found


def asked_size(case: str) -> Size | None:
    """Return the size of a case's name, or None if it has none. Raises BadName."""
    if "@" in case:
        return Case.parse(case).size
    if case.count("/") != 1:
        raise BadName(f"not a case: {case!r} (expected e.g. lookup/gather, or with a size as w2vbench run prints it)")
    return None


def commits_between(root: Path, good: str, bad: str) -> list[str]:
    """Return the commits from GOOD to BAD, the oldest first, along the first parents. Raises RevisionError, PlanError."""
    first, last = commit_of(root, good), commit_of(root, bad)
    if git(root, "merge-base", first, last, check=False).strip() != first:
        raise PlanError(f"{good} is not an ancestor of {bad}: name an older commit first")
    if first == last:
        raise PlanError(f"{good} and {bad} are the same commit")
    every = git(root, "rev-list", "--reverse", "--first-parent", f"{first}..{last}").split()
    return [first, *every]


def subject(root: Path, commit: str) -> str:
    return git(root, "log", "-1", "--format=%s", commit).strip()
