"""Compare packages as ``compare --packages`` does: the same implementations, at the same code, in two environments."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from w2vbench.bench.engine.protocol import Facts
from w2vbench.bench.plans.compare.differences import (
    CaseSelection,
    ComparedCase,
    Differences,
    Listed,
    by_importance,
    differences,
)
from w2vbench.bench.plans.compare.request import JudgedRequest
from w2vbench.bench.plans.run.keeping import Outputs, keep_comparison, prepare_folder
from w2vbench.bench.plans.run.request import Note, PlanError, Say
from w2vbench.bench.plans.run.session import Session, stop_on_signals
from w2vbench.reports.compare.stages import BASE, CONTROL, HEAD
from w2vbench.reports.compare.tables import LeftOut
from w2vbench.reports.statistics.units import counted

from .asked import check_files, selected
from .environment_workers import described, measuring_in
from .environments import PythonEnvironment, environment_for, name_of, split_requirements
from .installers import find_python
from .packages_run import PackagesRun

EITHER = "in either environment"


@dataclass(frozen=True, kw_only=True)
class PackagesRequest(JudgedRequest):
    """Which packages to compare."""

    # requirements of each side, separated by spaces
    base: str
    head: str
    pythons: Sequence[str] = ()  # the interpreters: none for this one, one for both sides, or one for each


def compare_packages(request: PackagesRequest, say: Say, progress: AbstractContextManager[Note]) -> Outputs:
    """Make both environments, measure what differs, and decide.

    Raises
    ------
    PlanError, CatalogueError, CorpusError, RevisionError
        If the request cannot be carried out.
    NotComparable
        If BASE's environment cannot load the implementations.
    """
    asked = split_requirements(request.base), split_requirements(request.head)
    interpreters = [find_python(name) for name in two(request.pythons)]
    check_files(request.files)
    prepare_folder(request.out, request.junit)
    selected(request, request.threads, EITHER)
    stop_on_signals()
    session, text = Session(request.command, say), request.text()
    base, head = (environment_for(*side, say) for side in zip(asked, interpreters, strict=True))
    if base.name == head.name and not request.everything:
        raise PlanError(
            "both sides resolve to the same versions of everything, so there is nothing to compare (--all does)"
        )
    with (
        progress as note,
        session.measuring(request.settings(), [request.threads], text=text) as context,
        measuring_in(context, {BASE: base, CONTROL: base, HEAD: head}, request.files) as contexts,
    ):
        note("loading the implementations in both environments", 0, 0)
        environments = [described(*side) for side in zip((base, head), asked, strict=True)]
        plan = affected(*PackagesRun.listed(contexts), (base, head), request.selection)

        def announce(first_s: float, further_s: float) -> None:
            cases = counted(len(plan.remaining), "case")
            say(
                f"{cases}: the first look comes in {minutes(first_s)}; what it leaves undecided takes at most {minutes(further_s)}"
            )

        run = PackagesRun(contexts, plan, note, announce=announce, threshold=request.margin, budget_s=request.budget_s)
        run.run()
        (source,) = contexts[HEAD].sources.values()
        names = list(dict.fromkeys(map(name_of, (*asked[0], *asked[1]))))
        pythons = base.python_version != head.python_version or not names
        titles = {BASE: title(base, names, pythons), HEAD: title(head, names, pythons)}
        found = run.comparison(Path(source.tree), environments=environments, **titles)
    return keep_comparison(found, session.comparison_file(found, request.threads), out=request.out, junit=request.junit)


def two(pythons: Sequence[str]) -> Sequence[str]:
    """Return an interpreter's name for each side. Raises PlanError."""
    if len(pythons) > 2:
        raise PlanError("--python takes one interpreter for both sides, or one for each")
    return [*pythons, *pythons][:2] if pythons else ["", ""]


def affected(
    before: Listed,
    after: Listed,
    environments: tuple[PythonEnvironment, PythonEnvironment],
    selection: CaseSelection,
) -> Differences:
    """Return the cases that use a package which differs; all of them, if the interpreters differ. Raises RevisionError."""
    base, head = environments
    names = {*base.packages, *head.packages}
    differing = {name for name in names if base.packages.get(name) != head.packages.get(name)}
    one_python = (base.python_version, base.base) == (head.python_version, head.base)

    def alike(theirs: Facts, mine: Facts) -> bool:
        return one_python and differing.isdisjoint({*theirs.packages, *mine.packages})

    rank = partial(by_use, differing)
    return differences(
        before, after, selection, same=LeftOut.UNAFFECTED, alike=alike, rank=rank, one_process=False, where=EITHER
    )


def by_use(packages: Collection[str], cases: Sequence[ComparedCase]) -> list[ComparedCase]:
    """Rank cases by importance, those first whose own code uses one of these packages.

    All code gets its inputs from NumPy. What needs no optional package computes with it too.
    """
    first = [case for case in cases if {*packages} & {*(case.facts.requires or ("numpy",))}]
    others = [case for case in cases if case not in first]
    return [*by_importance(first), *by_importance(others)]


def minutes(seconds: float) -> str:
    """Return a time to come: ``about 40 s``, ``about 3 min``."""
    return f"about {seconds / 60:.0f} min" if seconds >= 90 else f"about {seconds:.0f} s"


def title(environment: PythonEnvironment, names: Sequence[str], python: bool) -> str:
    """Return a side's name, from the packages that were asked for: ``numpy 2.2.6, Python 3.11.7``."""
    parts = [f"{name} {environment.packages[name]}" for name in names if name in environment.packages]
    return ", ".join([*parts, *([f"Python {environment.python_version}"] if python else [])])
