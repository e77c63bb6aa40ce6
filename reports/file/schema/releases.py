"""The result file: what ``versions`` adds to it."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from .comparison import ComparedEnvironment
from .fields import Part, Positive, Seconds


class ReleasedCase(Part):
    """A case over the releases of a package.

    Attributes
    ----------
    times
        By release, the median seconds a call of each process.
    failed
        By release, why it has no times.
    """

    case: str
    kernel: str
    implementation: str
    title: str
    times: dict[str, list[Seconds]]
    failed: dict[str, str] = {}


class Narrowed(Part):
    """Where between two measured releases a change came.

    Attributes
    ----------
    before, after
        The measured releases.
    last, first
        The last release that is like the one before, and the first that is like the one after.
    undecided
        The releases between these two, which could not be told.
    """

    case: str
    before: str
    after: str
    last: str
    first: str
    undecided: list[str] = []


class Releases(Part):
    """Cases over the releases of a package, in the same number of processes of each.

    Attributes
    ----------
    environments
        By release, the oldest first.
    not_measured
        By release, why there is no environment.
    threshold
        The share of time that counts as no change.
    """

    package: str
    threshold: Positive
    environments: dict[str, ComparedEnvironment]
    not_measured: dict[str, str] = {}
    cases: list[ReleasedCase] = []
    narrowed: list[Narrowed] = []
    seconds: Positive = 0.0

    @model_validator(mode="after")
    def as_many_processes(self) -> Self:
        """Every release of a case has a time of each process, or none and a reason."""
        for case in self.cases:
            if len({len(times) for times in case.times.values()}) > 1:
                raise ValueError(f"{case.case!r} has more processes at one release than at another")
            if not {*case.times, *case.failed} <= self.environments.keys():
                raise ValueError(f"{case.case!r} has times of a release without an environment")
        return self
