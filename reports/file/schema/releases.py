"""The result file: what ``versions`` adds to it."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from .comparison import ComparedEnvironment
from .fields import Part, Positive, Seconds


class ReleasedCase(Part):
    """A case over the releases of a package."""

    case: str
    kernel: str
    implementation: str
    title: str
    times: dict[str, list[Seconds]]  # by release, the median seconds a call of each process
    failed: dict[str, str] = {}  # by release, why it has no times


class Narrowed(Part):
    """Where between two measured releases a change came."""

    case: str
    # the measured releases
    before: str
    after: str
    # the last release that is like the one before, and the first that is like the one after
    last: str
    first: str
    undecided: list[str] = []  # the releases between these two, which could not be told


class Releases(Part):
    """Cases over the releases of a package, in the same number of processes of each."""

    package: str
    threshold: Positive  # the share of time that counts as no change
    environments: dict[str, ComparedEnvironment]  # by release, the oldest first
    not_measured: dict[str, str] = {}  # by release, why there is no environment
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
