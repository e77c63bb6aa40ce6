"""Which of the releases between two measured ones changed a case's level: each is compared with the one before, by bisection."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

from w2vbench.bench.plans.compare.differences import ComparedCase, Differences
from w2vbench.bench.plans.compare.first_changed import first_changed
from w2vbench.bench.plans.run.request import PlanError, Say
from w2vbench.reports.compare.stages import BASE, CONTROL, HEAD, with_verdicts
from w2vbench.reports.file.schema.comparison import ComparedRow
from w2vbench.reports.file.schema.releases import Narrowed
from w2vbench.reports.others.releases import ReleaseChange

from .environments import PythonEnvironment

CompareCases = Callable[[Mapping[str, PythonEnvironment], Differences, float], list[ComparedRow]]
"""Compares some cases in the environments of each side, at a threshold."""


@dataclass(frozen=True)
class Gap:
    """The releases from the last measured one of an old level to the first of the new one, and the cases that changed there."""

    releases: Sequence[str]
    changes: Sequence[ReleaseChange]
    cases: Sequence[ComparedCase]


@dataclass
class Narrowing:
    """The comparisons of one gap: all cases at once, and each release once, since most changes came together.

    Attributes
    ----------
    gap
        The releases and changes.
    threshold
        A smaller change counts as none.
    environment
        Returns a release's environment. Raises PlanError.
    compare
        Compares cases.
    say
        Called with what is being done.
    """

    gap: Gap
    threshold: float
    environment: Callable[[str], PythonEnvironment]
    compare: CompareCases
    say: Say
    rows: dict[int, dict[str, ComparedRow]] = field(default_factory=dict)

    def narrowed(self) -> Iterator[Narrowed]:
        """Yield where each change came."""
        releases = self.gap.releases
        for change in self.gap.changes:
            last, first = first_changed(len(releases), partial(self.changed, change))
            yield Narrowed(
                case=change.case,
                before=change.before,
                after=change.after,
                last=releases[last],
                first=releases[first],
                undecided=list(releases[last + 1 : first]),
            )

    def changed(self, change: ReleaseChange, at: int) -> bool | None:
        """Whether a release has a change; None if it cannot be told."""
        if at not in self.rows:
            self.rows[at] = {row.case: row for row in self.compared(at)}
        row = self.rows[at].get(change.case)
        if row is None:
            return None
        (decided,) = with_verdicts([row], self.margin(change))
        sought = "slower" if change.ratio.estimate > 1 else "faster"
        return {sought: True, "same": False}.get(decided.verdict)

    def margin(self, change: ReleaseChange) -> float:
        """Return half of a change, so that a release is told by which of both levels it is nearer to."""
        return max(self.threshold, math.exp(abs(math.log(change.ratio.estimate)) / 2) - 1)

    def compared(self, at: int) -> list[ComparedRow]:
        """Compare a release with the one before the changes; an empty list if it cannot be installed."""
        releases, cases = self.gap.releases, self.gap.cases
        self.say(f"comparing {releases[at]} with {releases[0]}, one of {len(releases) - 2} between measured releases")
        try:
            base, head = self.environment(releases[0]), self.environment(releases[at])
        except PlanError:
            return []
        sides = {BASE: base, CONTROL: base, HEAD: head}
        return self.compare(sides, Differences(compared=list(cases)), min(map(self.margin, self.gap.changes)))


def gaps(changes: Sequence[ReleaseChange], cases: Sequence[ComparedCase], published: Sequence[str]) -> Iterator[Gap]:
    """Yield the gaps of changes that have releases in between."""

    def place(change: ReleaseChange) -> tuple[int, int]:
        return published.index(change.before), published.index(change.after)

    for (before, after), some in groupby(sorted(changes, key=place), place):
        if after - before > 1:
            its = list(some)
            names = {change.case for change in its}
            yield Gap(published[before : after + 1], its, [case for case in cases if case.name in names])
