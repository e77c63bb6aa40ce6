"""How two revisions differ: which cases are compared, and why others are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.worker_process import WorkerFailure
from w2vbench.bench.engine.protocol import Facts
from w2vbench.bench.plans.run.presets import GATE
from w2vbench.bench.plans.run.selection import Selection, no_such_kernel
from w2vbench.impls.interface.case import Case, Size
from w2vbench.reports.compare.tables import GATE_CASES, LeftOut
from w2vbench.reports.statistics.verdicts import Verdict

from .worktrees import RevisionError

MARKED_WRONG = "wrong on purpose, so never timed"
Listed = dict[str, Facts]
"""The implementations of a side, by key."""


class NotComparable(RevisionError):
    """BASE and HEAD cannot be compared at all. The message is one line and gives the reason."""

    exit_code = 3


@dataclass(frozen=True)
class ComparedCase:
    """A case that is measured at both revisions."""

    facts: Facts  # HEAD's
    size: Size
    compiles: bool = True  # whether numba may compile it at one of them

    @property
    def name(self) -> str:
        return str(Case(self.facts.kernel, self.facts.slug, self.size))


@dataclass(frozen=True)
class CaseSelection(Selection):
    """Select the cases to compare: only some kernels or globs, or also cases whose code is unchanged."""

    everything: bool = False  # whether to compare all selected cases, changed or not
    threads: int = 1  # BLAS and OpenMP threads

    def cases(self, facts: Facts) -> list[ComparedCase]:
        """Return the selected cases of an implementation."""
        every = [ComparedCase(facts, replace(size, threads=self.threads)) for size in GATE.sizes(facts)]
        return [case for case in every if self.has_kernel(facts.kernel) and self.has_case(case.name)]

    @property
    def is_narrowed(self) -> bool:
        """Whether the user chose the cases, so that no limit on their number applies."""
        return self != CaseSelection(threads=self.threads)


@dataclass
class Differences:
    """Which cases are compared, which are not, and why."""

    compared: list[ComparedCase] = field(default_factory=list)  # the cases, most important first
    # keys of implementations; of renamed ones (old, new)
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    skipped: dict[str, list[str]] = field(default_factory=dict)  # names of cases, by the reason
    # verdict and reason of the cases that cannot be compared
    excluded: dict[ComparedCase, tuple[Verdict, str]] = field(default_factory=dict)
    # names of cases that differ but did not fit into the time budget
    over_budget: list[str] = field(default_factory=list)

    @property
    def remaining(self) -> list[ComparedCase]:
        """The compared cases that are not excluded."""
        return [case for case in self.compared if case not in self.excluded]

    def skip(self, why: str, cases: Iterable[ComparedCase]) -> None:
        """Leave out cases that need no comparison."""
        self.skipped.setdefault(why, []).extend(case.name for case in cases)

    def fail(self, why: str, cases: Iterable[ComparedCase]) -> None:
        """Exclude cases that cannot be compared, although HEAD's results may be right."""
        self.excluded.update(dict.fromkeys(cases, ("failed", f"not comparable: {why}")))


def list_sides(context: RunContext, differing: Sequence[str] = ()) -> tuple[Listed, Listed]:
    """Return the implementations of BASE and of HEAD, by key.

    Parameters
    ----------
    differing
        Files that differ between the trees.

    Raises
    ------
    RevisionError
        If HEAD cannot be loaded.
    NotComparable
        If BASE cannot be loaded.
    """
    try:
        sides = context.list_sources(differing)
    except WorkerFailure as failure:
        raise RevisionError(f"loading both revisions: {failure.status}: {failure.reason}") from failure
    for name, raised in (("head", RevisionError), ("base", NotComparable)):
        if sides[name].error:
            raise raised(f"{name.upper()} cannot be loaded: {sides[name].error}")
    base, head = ({one.key: one for one in sides[name].implementations} for name in ("base", "head"))
    return base, head


def by_importance(cases: Sequence[ComparedCase]) -> list[ComparedCase]:
    """Rank cases: one of each kernel in turn, smaller sizes first."""
    kernels: dict[str, list[ComparedCase]] = {}
    for case in cases:
        kernels.setdefault(case.facts.kernel, []).append(case)
    turns = zip_longest(*map(by_importance_in_kernel, kernels.values()))
    return [case for turn in turns for case in turn if case]


def by_importance_in_kernel(cases: Sequence[ComparedCase]) -> list[ComparedCase]:
    """Rank the cases of one kernel by size, and within a size the fastest implementation, then the baseline, then the rest."""
    sizes = list(dict.fromkeys(case.size for case in cases))
    fastest = cases[-1].facts  # a kernel lists its implementations from the textbook's up

    def rank(case: ComparedCase) -> tuple[int, bool]:
        return sizes.index(case.size), case.facts is not fastest and not case.facts.baseline

    from_the_fastest = cases[::-1]
    return sorted(from_the_fastest, key=rank)


def unchanged(base: Facts, head: Facts) -> bool:
    """Whether the code and the files that it reads are the same on both sides."""
    return base.identity == head.identity and not (base.data or head.data)


def differences(
    base: Listed,
    head: Listed,
    selection: CaseSelection,
    *,
    same: str = LeftOut.SAME_CODE,
    alike: Callable[[Facts, Facts], bool] = unchanged,
    rank: Callable[[Sequence[ComparedCase]], list[ComparedCase]] = by_importance,
    one_process: bool = True,
    where: str = "at either revision",
) -> Differences:
    """Decide which cases are compared and which are not.

    Parameters
    ----------
    base, head, selection
        The implementations of each side by key, and which are selected.
    same, alike
        Why cases without a difference are not compared, and which these are.
    rank
        Puts the cases in order, the most important first.
    one_process
        Whether one process loads both sides' code, which must then be separable.
    where
        What the sides are, for messages.

    Raises
    ------
    RevisionError
        If the selection matches none, or names a kernel that neither side has.
    """
    if not base and not head:
        raise RevisionError("no implementation at either revision: is the file of --impl in git?")
    if problem := no_such_kernel(selection.kernels, [one.kernel for one in (*head.values(), *base.values())]):
        raise RevisionError(problem)
    result = Differences()
    if not any(selection.cases(one) for one in (*head.values(), *base.values())):
        raise RevisionError(selection.matches_nothing(where))
    gone = {key: one for key, one in base.items() if key not in head and selection.cases(one)}
    for key, mine in head.items():
        cases = selection.cases(mine)
        if not cases:
            continue
        theirs = base.get(key)
        before = next((old for old, one in gone.items() if one.kernel == mine.kernel and unchanged(one, mine)), None)
        if theirs is None and before is not None:
            result.renamed.append((before, key))
            del gone[before]
        elif theirs and not (theirs.missing or theirs.wrong) and (mine.missing or mine.wrong):
            now = f"needs {' and '.join(mine.missing)}, which is not installed" if mine.missing else "marks it wrong"
            result.fail(f"HEAD {now}", cases)
        elif absent := [*mine.missing, *(theirs.missing if theirs else ())]:
            result.skip(f"not installed: pip install {' '.join(dict.fromkeys(absent))}", cases)
        elif mine.wrong or (theirs and theirs.wrong):
            result.skip(MARKED_WRONG, cases)
        elif theirs is None:
            result.added.append(key)
        elif why := why_not_comparable(theirs, mine):
            result.fail(why, cases)
        elif not selection.everything and alike(theirs, mine):
            result.skip(same, cases)
        elif one_process and (why := why_not_separable(theirs, mine)):
            result.fail(why, cases)
        else:
            result.compared += [replace(case, compiles=theirs.compiles or mine.compiles) for case in cases]
    result.removed = list(gone)
    result.compared = rank(result.compared)
    if len(result.compared) > GATE_CASES and not selection.is_narrowed:
        result.skip(LeftOut.TOO_MANY, result.compared[GATE_CASES:])
        del result.compared[GATE_CASES:]
    return result


def why_not_comparable(base: Facts, head: Facts) -> str:
    """Return why the sides cannot be compared in one process even if their code is the same, or an empty string."""
    if base.signature != head.signature:
        return f"it takes ({', '.join(base.signature)}) in BASE and ({', '.join(head.signature)}) in HEAD"
    if built := base.built or head.built:
        return (
            f"its extension is built from {built[0]}, which differs, but both sides use the extension that is installed"
        )
    before, after = ({text: place for place, text in side.effects} for side in (base, head))
    if differing := [text for text in (*after, *before) if (text in after) != (text in before)]:
        text = differing[0]
        return (
            f"{after.get(text) or before[text]} runs `{text}` when it is imported, which changes the process of both sides: "
            "move it into prepare"
        )
    return ""


def why_not_separable(base: Facts, head: Facts) -> str:
    """Return why one side could run the other's code in the same process, or an empty string."""
    if late := base.late_imports or head.late_imports:
        return f"it imports {late[0]} when it is called, and both sides would get the same module: import it at the top of the file"
    if strays := base.strays or head.strays:
        return (
            f"one side uses the other's {strays[0]}: move it to the top folder or to src/, where modules are looked up"
        )
    return ""
