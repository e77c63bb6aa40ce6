"""What two revisions differ in: which cases are compared, and why others are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from bench.engine.context import RunContext
from bench.engine.pool import Died
from bench.engine.protocol import Facts
from impls.case import Case, Size
from reports.comparison import SAME_CODE

from .presets import GATE
from .revisions import RevisionError
from .selection import Selection

GATE_CASES = 16
"""Most cases that are measured without being asked for: each case more makes every one of them harder to tell."""
TOO_MANY = f"more than {GATE_CASES} cases differ (--all measures them too, --kernel and --only choose)"
MARKED_WRONG = "marked wrong: never timed"


class NotComparable(RevisionError):
    """BASE and HEAD cannot be measured against each other at all; the message is one line and says why."""


@dataclass(frozen=True)
class ComparedCase:
    """A case that is measured at both revisions."""

    facts: Facts
    size: Size

    @property
    def name(self) -> str:
        return str(Case(self.facts.kernel, self.facts.slug, self.size))


@dataclass(frozen=True)
class Chosen(Selection):
    """What is to be compared: narrowed to kernels or globs, or widened to everything. threads: of BLAS and OpenMP."""

    everything: bool = False
    threads: int = 1

    def cases(self, facts: Facts) -> list[ComparedCase]:
        """The cases of an implementation that are meant."""
        every = [ComparedCase(facts, replace(size, threads=self.threads)) for size in GATE.sizes(facts)]
        return [case for case in every if self.has_kernel(facts.kernel) and self.has_case(case.name)]

    @property
    def narrowed(self) -> bool:
        return self != Chosen(threads=self.threads)


@dataclass
class Differences:
    """What is compared, and what is not, and why.

    compared: the cases, most important first. added, removed, renamed: implementations. skipped: names of cases, by the reason.
    excluded: cases that cannot be compared, with verdict and reason. over_budget: cases that differ, and that there was
    no time for.
    """

    compared: list[ComparedCase] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    skipped: dict[str, list[str]] = field(default_factory=dict)
    excluded: dict[ComparedCase, tuple[str, str]] = field(default_factory=dict)
    over_budget: list[str] = field(default_factory=list)

    @property
    def standing(self) -> list[ComparedCase]:
        """The cases that are still compared."""
        return [case for case in self.compared if case not in self.excluded]

    def skip(self, why: str, cases: Iterable[ComparedCase]) -> None:
        self.skipped.setdefault(why, []).extend(case.name for case in cases)

    def fail(self, why: str, cases: Iterable[ComparedCase]) -> None:
        """Cases that cannot be compared, through no fault of HEAD's results."""
        self.excluded.update(dict.fromkeys(cases, ("failed", f"not comparable: {why}")))


def list_sides(context: RunContext, differing: Sequence[str] = ()) -> tuple[dict[str, Facts], dict[str, Facts]]:
    """What both sides have, by key. differing: files that differ between the trees.

    Raises RevisionError if HEAD cannot be loaded, and NotComparable if BASE cannot be, or has another interface.
    """
    try:
        sides = context.list_sources(differing)
    except Died as death:
        raise RevisionError(f"loading both revisions: {death.status}: {death.reason}") from death
    for name, raised in (("head", RevisionError), ("base", NotComparable)):
        if sides[name].error:
            raise raised(f"{name.upper()} cannot be loaded: {sides[name].error}")
    base, head = sides["base"], sides["head"]
    if base.interface != head.interface:
        raise NotComparable(
            f"the interface of implementations changed (version {base.interface} in BASE, {head.interface} in HEAD): "
            "they cannot be measured in one process"
        )
    return tuple({one.key: one for one in side.implementations} for side in (base, head))  # type: ignore[return-value]


def differences(base: dict[str, Facts], head: dict[str, Facts], chosen: Chosen) -> Differences:
    """Sort what both sides have into what is compared and what is not. Raises RevisionError if nothing is named so."""
    if not base and not head:
        raise RevisionError("no implementation at either revision: is the file of --impl in git?")
    found = Differences()
    if not any(chosen.cases(one) for one in (*head.values(), *base.values())):
        raise RevisionError("no case matches --kernel and --only at either revision; w2vbench list shows the names")
    gone = {key: one for key, one in base.items() if key not in head and chosen.cases(one)}
    for key, mine in head.items():
        cases = chosen.cases(mine)
        if not cases:
            continue
        theirs, before = base.get(key), next((old for old, one in gone.items() if is_renamed(one, mine)), None)
        if theirs is None and before is not None:
            found.renamed.append((before, key))
            del gone[before]
        elif theirs and not (theirs.missing or theirs.wrong) and (mine.missing or mine.wrong):
            now = f"needs {' and '.join(mine.missing)}, which is not installed" if mine.missing else "marks it wrong"
            found.fail(f"HEAD {now}", cases)
        elif absent := [*mine.missing, *(theirs.missing if theirs else ())]:
            found.skip(f"not installed: pip install {' '.join(dict.fromkeys(absent))}", cases)
        elif mine.wrong or (theirs and theirs.wrong):
            found.skip(MARKED_WRONG, cases)
        elif theirs is None:
            found.added.append(key)
        elif why := not_comparable(theirs, mine):
            found.fail(why, cases)
        elif not chosen.everything and unchanged(theirs, mine):
            found.skip(SAME_CODE, cases)
        elif why := not_apart(theirs, mine):
            found.fail(why, cases)
        else:
            found.compared += cases
    found.removed = list(gone)
    found.compared = by_importance(found.compared)
    if len(found.compared) > GATE_CASES and not chosen.narrowed:
        found.skip(TOO_MANY, found.compared[GATE_CASES:])
        del found.compared[GATE_CASES:]
    return found


def is_renamed(old: Facts, new: Facts) -> bool:
    """Whether one is the other under a new name."""
    return old.kernel == new.kernel and unchanged(old, new)


def unchanged(base: Facts, head: Facts) -> bool:
    """Whether both sides' code is the same, and so are the files that it reads."""
    return base.identity == head.identity and not (base.data or head.data)


def not_comparable(base: Facts, head: Facts) -> str:
    """Why two sides cannot be told apart in one process, whether or not their code differs; empty if they can."""
    if base.signature != head.signature:
        return f"it takes ({', '.join(base.signature)}) in BASE and ({', '.join(head.signature)}) in HEAD"
    if built := base.built or head.built:
        return f"{built[0]} differs, which its extension is built from, and both sides use the one that is installed"
    before, after = ({text: place for place, text in side.effects} for side in (base, head))
    if differing := [text for text in (*after, *before) if (text in after) != (text in before)]:
        text = differing[0]
        return (
            f"{after.get(text) or before[text]} runs `{text}` when it is imported, which holds for both sides at once: "
            "do it where it is needed, in prepare"
        )
    return ""


def not_apart(base: Facts, head: Facts) -> str:
    """Why code that differs would run on both sides at once; empty if it would not."""
    if late := base.late_imports or head.late_imports:
        return f"it imports {late[0]} when it is called, which would be one side's: import it at the top of the file"
    if strays := base.strays or head.strays:
        return f"one side uses the other's {strays[0]}: its modules are looked for in the top folder and in src/ only"
    return ""


def by_importance(cases: Sequence[ComparedCase]) -> list[ComparedCase]:
    """Kernel by kernel in turn: first the fastest implementation, then the baseline, then the rest; larger sizes after that."""
    kernels: dict[str, list[ComparedCase]] = {}
    for case in cases:
        kernels.setdefault(case.facts.kernel, []).append(case)
    ranked = []
    for mine in kernels.values():
        sizes = list(dict.fromkeys(case.size for case in mine))
        fastest = mine[-1].facts  # the implementations stand in order, from the textbook's up

        def rank(
            at: int, mine: list[ComparedCase] = mine, sizes: list[Size] = sizes, fastest: Facts = fastest
        ) -> tuple[int, bool, int]:
            facts = mine[at].facts
            return sizes.index(mine[at].size), facts is not fastest and not facts.baseline, -at

        ranked += [(place, mine[at]) for place, at in enumerate(sorted(range(len(mine)), key=rank))]
    return [case for _, case in sorted(ranked, key=lambda one: one[0])]
