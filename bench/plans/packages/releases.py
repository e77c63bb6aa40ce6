"""Cases over the releases of a package, as ``versions`` measures them, and the release at which a level changed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

from packaging.utils import canonicalize_name
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.protocol import Facts
from w2vbench.bench.plans.compare.differences import ComparedCase, Differences, Listed, differences
from w2vbench.bench.plans.compare.request import ComparisonRequest
from w2vbench.bench.plans.run.keeping import Outputs, keep, prepare_folder
from w2vbench.bench.plans.run.request import MeasurementRequest, Note, NothingToKeep, PlanError, Say
from w2vbench.bench.plans.run.session import Session, stop_on_signals
from w2vbench.reports.compare.stages import BASE, CONTROL, HEAD
from w2vbench.reports.compare.tables import LeftOut
from w2vbench.reports.file.schema.comparison import ComparedRow
from w2vbench.reports.file.schema.releases import Releases
from w2vbench.reports.others.history import INSTALL_RUPTURES
from w2vbench.reports.others.releases import changes
from w2vbench.reports.statistics.units import counted

from . import installers
from .asked import check_files, check_package, selected
from .environment_workers import facts_in, measuring_in
from .environments import split_requirements
from .installed_releases import InstalledReleases, check_number, install, matching, newest_of_each_minor
from .installers import find_python
from .narrowing import gaps
from .packages import by_use, minutes
from .packages_run import PackagesRun
from .releases_run import PROCESSES, ReleasesRun

MOST_CASES = 4
"""Cases that are measured unless the user chooses some."""
AT_ANY = "at any release"


@dataclass(frozen=True, kw_only=True)
class ReleasesRequest(ComparisonRequest, MeasurementRequest):
    """Which releases to measure."""

    package: str  # the package whose releases differ
    specifier: str = ""  # which of its releases, such as ``>=0.62``; empty for all that this program supports
    every: bool = False  # whether to measure every release, and not only the newest of each minor version
    beside: str = ""  # requirements of every environment, separated by spaces
    python: str = ""  # the interpreter, by version or path; this one if empty
    processes: int = PROCESSES  # processes of each release


def measure_releases(request: ReleasesRequest, say: Say, progress: AbstractContextManager[Note]) -> Outputs:
    """Make an environment for each release, measure the cases in all of them, and find the releases that changed a level.

    What is measured is kept before the releases in between are compared, and when the user ends it.

    Raises
    ------
    PlanError, CatalogueError, CorpusError, RevisionError
        If the request cannot be carried out.
    NothingToKeep
        If no case could be measured.
    """
    if find_spec("ruptures") is None:
        raise PlanError(f"versions needs ruptures, which finds the changes: {INSTALL_RUPTURES}")
    beside, python = split_requirements(request.beside), find_python(request.python)
    check_files(request.files)
    asked = selected(request, request.threads, AT_ANY)
    if not request.files and not beside:  # both may import what only the environments have
        check_package(request.package, asked)
    prepare_folder(request.out)
    stop_on_signals()
    session, text = Session(request.command, say), request.text()
    package = canonicalize_name(request.package)
    published = matching(installers.releases(package, python), request.specifier)
    chosen = published if request.every else newest_of_each_minor(published)
    check_number(chosen, published, package=request.package, specifier=request.specifier)
    installed = install(package, chosen, beside=beside, python=python, say=say)
    plan = ReleasesPlan(request, session, installed, say)
    with progress as note, session.measuring(request.settings(), [request.threads], text=text) as context:
        cases = plan.measure(context, note)
        if not session.interrupted:
            plan.narrow(cases, published, context=context, note=note)
    return plan.keep()


class ReleasesPlan:
    """The steps of one request once the environments are there, and the result file, which grows with them.

    Parameters
    ----------
    session
        Knows the machine, and whether the user has ended the program.
    installed
        The releases to measure.
    say
        Called with what is being done.
    """

    def __init__(self, request: ReleasesRequest, session: Session, installed: InstalledReleases, say: Say) -> None:
        self.request, self.session, self.installed, self.say = request, session, installed, say
        self.content = Releases(
            package=installed.package,
            threshold=request.margin,
            environments=installed.described(),
            not_measured=installed.missing,
        )
        self.began = time.monotonic()

    def measure(self, context: RunContext, note: Note) -> list[ComparedCase]:
        """Choose the cases, measure them at all releases, and keep their times. Raises PlanError, RevisionError, NothingToKeep."""
        releases = self.installed.environments
        with measuring_in(context, releases, self.request.files) as contexts:
            note("loading the implementations", 0, 0)
            oldest, *_, newest = releases
            cases = chosen_cases(self.request, facts_in(contexts[oldest], BASE), facts_in(contexts[newest], HEAD))

            def announce(seconds: float) -> None:
                what = f"{counted(len(cases), 'case')} at {counted(len(releases), 'release')}"
                self.say(f"{what} take {minutes(seconds)} more: {', '.join(case.name for case in cases)}")

            run = ReleasesRun(contexts, cases, note, announce=announce)
            with self.session.until_interrupted():
                run.run(self.request.processes)
        if not any(case.times for case in run.found()):
            raise NothingToKeep("no case was measured at any release", 130 if self.session.interrupted else 3)
        self.keep(cases=run.found())
        return cases

    def narrow(self, cases: Sequence[ComparedCase], published: Sequence[str], context: RunContext, note: Note) -> None:
        """Compare the releases between those where a level changes, and keep where each change came."""

        def compare(before: str, release: str, cases: Sequence[ComparedCase], threshold: float) -> list[ComparedRow]:
            """Compare two releases as ``compare --packages`` does; an empty list if one cannot be installed."""
            try:
                base, head = self.installed.environment(before), self.installed.environment(release)
            except PlanError:
                return []
            sides = {BASE: base, CONTROL: base, HEAD: head}
            with measuring_in(context, sides, self.request.files) as contexts:
                run = PackagesRun(contexts, Differences(compared=list(cases)), note, threshold=threshold)
                run.run()
                return run.rows(context.corpus)

        with self.session.until_interrupted():
            for gap in gaps(changes(self.content), cases, published, threshold=self.request.margin):
                for one in gap.narrowed(compare, self.say):
                    self.keep(narrowed=[*self.content.narrowed, one])

    def keep(self, **found: Any) -> Outputs:
        """Write the result file and its reports, with what was found."""
        seconds = time.monotonic() - self.began
        self.content = self.content.model_copy(update={**found, "seconds": seconds})
        file = self.session.result_file("versions", noise={"threads": self.request.threads}, releases=self.content)
        code, unfinished = (130, "interrupted") if self.session.interrupted else (0, "")
        return keep(file, self.request.out / "versions.json", code, unfinished=unfinished)


def chosen_cases(request: ReleasesRequest, oldest: Listed, newest: Listed) -> list[ComparedCase]:
    """Return the cases that import what differs, or those that the user names. Raises PlanError, RevisionError."""
    package = canonicalize_name(request.package)
    if not any(package in facts.packages for facts in newest.values()):
        raise PlanError(f"no implementation imports {request.package}, so its releases make no difference")

    def alike(theirs: Facts, mine: Facts) -> bool:
        return package not in mine.packages

    rank = partial(by_use, [package])
    found = differences(oldest, newest, request.selection, alike=alike, rank=rank, one_process=False, where=AT_ANY)
    if not (cases := found.compared):
        reasons = [f"{case.name}: {why}" for case, (_, why) in found.excluded.items()]
        reasons += [f"{names[0]}: {why}" for why, names in found.skipped.items() if why != LeftOut.SAME_CODE]
        nothing = f"no selected implementation imports {request.package}, so its releases make no difference"
        raise PlanError(next(iter(reasons), nothing))
    return cases if request.selection.is_narrowed else cases[:MOST_CASES]
