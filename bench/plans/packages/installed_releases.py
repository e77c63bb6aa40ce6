"""The releases of a package that ``versions`` measures, and their environments."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version
from w2vbench.bench.plans.run.request import PlanError, Say
from w2vbench.reports.file.schema.comparison import ComparedEnvironment

from .environment_workers import described
from .environments import PythonEnvironment, environment_for

MOST_RELEASES = 40


@dataclass(frozen=True, kw_only=True)
class InstalledReleases:
    """Releases of a package, each in an environment of its own."""

    package: str  # the package's canonical name
    beside: Sequence[str]  # requirements of every environment
    python: str  # the interpreter's path
    environments: dict[str, PythonEnvironment]  # by release, the oldest first
    missing: dict[str, str]  # by release, why there is no environment

    def environment(self, release: str) -> PythonEnvironment:
        """Return the environment of any release, made where there is none. Raises PlanError."""
        return environment_for(requirements(self.package, release, self.beside), self.python, lambda line: None)

    def described(self) -> dict[str, ComparedEnvironment]:
        """Describe the environments for the result file. Raises PlanError."""
        return {
            release: described(one, requirements(self.package, release, self.beside))
            for release, one in self.environments.items()
        }


def install(package: str, releases: Sequence[str], beside: Sequence[str], python: str, say: Say) -> InstalledReleases:
    """Make an environment for each release. Raises PlanError if fewer than two can be installed."""
    say(f"{len(releases)} environments, some 0.4 GB each, which stay until w2vbench environments --remove")
    made: dict[str, PythonEnvironment] = {}
    missing: dict[str, str] = {}
    for release in releases:
        try:
            made[release] = environment_for(requirements(package, release, beside), python, say)
        except PlanError as error:
            missing[release] = str(error)
            say(f"left out: {package} {release}: {error}")
    if len(made) < 2:
        raise PlanError(f"fewer than two releases of {package} can be installed: {next(iter(missing.values()), '')}")
    return InstalledReleases(package=package, beside=beside, python=python, environments=made, missing=missing)


def requirements(package: str, release: str, beside: Sequence[str]) -> list[str]:
    """Return what the environment of a release is asked to hold."""
    return [f"{package}=={release}", *beside]


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


def check_number(releases: Sequence[str], matching: Sequence[str], package: str, specifier: str) -> None:
    """Raise PlanError where there are too few releases to compare, or too many to measure. matching: also those left out."""
    range_of = f" matches {specifier!r}" if specifier else " is installable here"
    if not releases:
        raise PlanError(f"no release of {package}{range_of}: widen it")
    if len(releases) < 2:
        one, more = f"release of {package} ({releases[0]})", ""
        if len(matching) > 1:
            one, more = f"minor version of {package} (newest: {releases[0]})", "--all takes its other patches too, or "
        raise PlanError(f"only one {one}{range_of}, and two are needed: {more}widen it")
    if len(releases) > MOST_RELEASES:
        raise PlanError(
            f"{len(releases)} releases of {package} match, and {MOST_RELEASES} at most are measured: "
            f"narrow them, e.g. '>={releases[-10]}'"
        )
