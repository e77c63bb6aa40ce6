"""Cases over the releases of a package, as ``versions`` measures them, and the release at which a level changed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bench.engine.protocol import Facts, MeasurementSettings
from reports.comparison_schema import ComparedRow
from reports.releases import changes
from reports.releases_schema import Releases
from reports.stages import BASE, HEAD
from reports.units import counted

from . import installers
from .comparison_run import THRESHOLD
from .differences import CaseSelection, ComparedCase, Differences, differences
from .environments import PythonEnvironment, environment_for, split_requirements
from .installers import find_python
from .keeping import Outputs, keep, prepare_folder
from .narrowing import Narrowing, intervals
from .packages import by_use, check_files, described, facts_in, measuring_in, minutes
from .packages_run import PackagesRun
from .releases_run import TURNS, ReleasesRun
from .session import MeasurementRequest, Note, NothingToKeep, PlanError, Say, Session, memory_limit, stop_on_signals

MOST_CASES = 4
"""Cases that are measured unless the user chooses some."""
MOST_RELEASES = 40


@dataclass(frozen=True, kw_only=True)
class ReleasesRequest(MeasurementRequest):
    """Which releases to measure.

    Attributes
    ----------
    package
        The package whose releases differ.
    specifier
        Which of its releases, such as ``>=0.62``; empty for all that this program supports.
    every
        Whether to measure every release, and not only the newest of each minor version.
    beside
        Requirements of every environment, separated by spaces.
    python
        The interpreter, by version or path; this one if empty.
    turns
        Processes of each release.
    threshold
        A smaller change counts as none; None for the usual one.
    """

    package: str
    specifier: str = ""
    every: bool = False
    beside: str = ""
    python: str = ""
    threads: int = 1
    turns: int = TURNS
    threshold: float | None = None
    time_limit_s: float = 30.0

    @property
    def margin(self) -> float:
        return THRESHOLD if self.threshold is None else self.threshold


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
        raise PlanError(
            "versions needs ruptures, which finds the changes: pip install ruptures (for Python 3.14 there is none yet)"
        )
    package, beside = canonicalize_name(request.package), split_requirements(request.beside)
    python = find_python(request.python)
    check_files(request.files)
    prepare_folder(request.out)
    stop_on_signals()
    session, text = Session(request.command, say), request.text()
    published = matching(installers.releases(package, python), request.specifier)
    made, missing = environments_of(package, chosen_releases(request, published), beside, python, say)
    content = Releases(
        package=package,
        threshold=request.margin,
        environments={name: described(one, [f"{package}=={name}", *beside]) for name, one in made.items()},
        not_measured=missing,
    )
    settings = MeasurementSettings(time_limit_s=request.time_limit_s, memory_limit_bytes=memory_limit())
    began = time.monotonic()

    def kept(**found: Any) -> Outputs:
        nonlocal content
        content = content.model_copy(update={**found, "seconds": time.monotonic() - began})
        file = session.result_file("versions", noise={"threads": request.threads}, releases=content)
        unfinished = "interrupted" if session.interrupted else ""
        return keep(file, request.out / "versions.json", 130 if session.interrupted else 0, unfinished)

    with progress as note, session.measuring(settings, request.threads) as context:
        text.save(context.corpus)
        with measuring_in(context, made, request.files) as contexts:
            note("loading the implementations", 0, 0)
            oldest, *_, newest = made
            cases = chosen_cases(request, facts_in(contexts[oldest], BASE), facts_in(contexts[newest], HEAD))

            def announce(seconds: float) -> None:
                what = f"{counted(len(cases), 'case')} at {counted(len(made), 'release')}"
                say(f"{what} take {minutes(seconds)} more: {', '.join(case.name for case in cases)}")

            measured = ReleasesRun(contexts, cases, note, announce)
            with session.until_interrupted():
                measured.run(request.turns)
        if not any(case.times for case in measured.found()):
            code = 130 if session.interrupted else 3
            raise NothingToKeep("no case was measured at any release", code)
        done = kept(cases=measured.found())

        def environment(release: str) -> PythonEnvironment:
            return environment_for([f"{package}=={release}", *beside], python, lambda line: None)

        def compare(sides: Mapping[str, PythonEnvironment], plan: Differences, threshold: float) -> list[ComparedRow]:
            with measuring_in(context, sides, request.files) as contexts:
                run = PackagesRun(contexts, plan, note, threshold=threshold)
                run.run()
                return run.rows(context.corpus)

        found = changes(content) if not session.interrupted else []
        with session.until_interrupted():
            for interval in intervals(found, cases, published):
                for one in Narrowing(interval, request.margin, environment, compare, say).narrowed():
                    done = kept(narrowed=[*content.narrowed, one])
    return done if not session.interrupted else kept()


def chosen_releases(request: ReleasesRequest, published: Sequence[str]) -> list[str]:
    """Return the releases to measure, the oldest first. Raises PlanError."""
    chosen = list(published) if request.every else newest_of_each_minor(published)
    if len(chosen) < 2:
        raise PlanError(
            f"{len(chosen)} release of {request.package} matches {request.specifier!r}, and two are needed: widen it"
        )
    if len(chosen) > MOST_RELEASES:
        raise PlanError(
            f"{len(chosen)} releases of {request.package} match, and {MOST_RELEASES} at most are measured: "
            f"narrow them, e.g. '>={chosen[-10]}'"
        )
    return chosen


def matching(published: Sequence[str], specifier: str) -> list[str]:
    """Return the releases that a specifier admits, the oldest first. Raises PlanError."""
    try:
        wanted = SpecifierSet(specifier if specifier[:1] in "<>=!~" else f"=={specifier}")
    except InvalidSpecifier as error:
        raise PlanError(f"{specifier!r} is no range of versions, such as '>=0.62' or '>=2.0,<2.4'") from error
    valid = []
    for text in published:
        with suppress(InvalidVersion):
            valid.append((Version(text), text))
    return [text for version, text in sorted(valid) if version in wanted and not version.is_prerelease]


def newest_of_each_minor(releases: Sequence[str]) -> list[str]:
    """Return the last patch of each minor version, in the same order."""
    return list({Version(one).release[:2]: one for one in releases}.values())


def environments_of(
    package: str, releases: Sequence[str], beside: Sequence[str], python: str, say: Say
) -> tuple[dict[str, PythonEnvironment], dict[str, str]]:
    """Return the environment of each release, and why others have none. Raises PlanError if fewer than two have one."""
    made: dict[str, PythonEnvironment] = {}
    missing: dict[str, str] = {}
    for release in releases:
        try:
            made[release] = environment_for([f"{package}=={release}", *beside], python, say)
        except PlanError as error:
            missing[release] = str(error)
            say(f"left out: {package} {release}: {error}")
    if len(made) < 2:
        raise PlanError(f"fewer than two releases of {package} can be installed: {next(iter(missing.values()), '')}")
    return made, missing


def chosen_cases(request: ReleasesRequest, oldest: dict[str, Facts], newest: dict[str, Facts]) -> list[ComparedCase]:
    """Return the cases that import what differs, or those that the user names. Raises PlanError, RevisionError."""
    package = canonicalize_name(request.package)
    if not any(package in facts.packages for facts in newest.values()):
        raise PlanError(f"no implementation imports {request.package}, so its releases make no difference")

    def alike(theirs: Facts, mine: Facts) -> bool:
        return package not in mine.packages

    selection = CaseSelection(request.kernels, request.globs, False, request.threads)
    rank = partial(by_use, [package])
    found = differences(oldest, newest, selection, alike=alike, rank=rank).compared
    if not found:
        raise PlanError(f"no selected implementation imports {request.package}, so its releases make no difference")
    return found if selection.is_narrowed else found[:MOST_CASES]
