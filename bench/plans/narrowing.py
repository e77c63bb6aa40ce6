"""Which of the releases between two measured ones changed a case's level: each is compared with the one before, by bisection."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from reports.releases import ReleaseChange
from reports.result_schema import ComparedRow, Narrowed
from reports.stages import BASE, CONTROL, HEAD, with_verdicts

from .differences import ComparedCase, Differences
from .environments import PythonEnvironment
from .first_changed import first_changed
from .session import PlanError, Say

Measure = Callable[[Mapping[str, PythonEnvironment], Differences, float], list[ComparedRow]]
"""Compares some cases in the environments of each side, at a threshold."""


@dataclass
class Interval:
    """The releases between two measured ones, and the cases whose level changed there.

    All cases are compared at once, and each comparison is made once: most changes of one release came together.

    Attributes
    ----------
    releases
        From the last measured one of the old level to the first of the new one.
    changes
        Those that came between.
    threshold
        A smaller change counts as none.
    environment
        Returns a release's environment. Raises PlanError.
    measure
        Compares cases.
    say
        Called with what is being done.
    """

    releases: Sequence[str]
    changes: Sequence[ReleaseChange]
    cases: Sequence[ComparedCase]
    threshold: float
    environment: Callable[[str], PythonEnvironment]
    measure: Measure
    say: Say
    found: dict[int, dict[str, ComparedRow]] = field(default_factory=dict)

    def narrowed(self) -> Iterator[Narrowed]:
        """Yield where each change came."""
        for change in self.changes:
            last, first = first_changed(len(self.releases), lambda at, change=change: self.changed(change, at))  # type: ignore[misc]
            yield Narrowed(
                case=change.case,
                before=change.before,
                after=change.after,
                last=self.releases[last],
                first=self.releases[first],
                compared=len(self.found),
            )

    def changed(self, change: ReleaseChange, at: int) -> bool | None:
        """Whether a release has a change; None if it cannot be told."""
        row = self.rows(at).get(change.case)
        if row is None:
            return None
        (decided,) = with_verdicts([row], self.margin(change), apart=True)
        sought = "slower" if change.ratio.estimate > 1 else "faster"
        return {sought: True, "same": False}.get(decided.verdict)

    def margin(self, change: ReleaseChange) -> float:
        """Return half of a change, so that a release is told by which of both levels it is nearer to."""
        return max(self.threshold, math.exp(abs(math.log(change.ratio.estimate)) / 2) - 1)

    def rows(self, at: int) -> dict[str, ComparedRow]:
        """Compare a release with the one before the changes; empty if it cannot be installed."""
        if at not in self.found:
            names = f"{self.releases[at]} with {self.releases[0]}"
            self.say(f"comparing {names}, among {len(self.releases) - 2} releases between two that were measured")
            try:
                base, head = self.environment(self.releases[0]), self.environment(self.releases[at])
            except PlanError:
                self.found[at] = {}
            else:
                sides = {BASE: base, CONTROL: base, HEAD: head}
                least = min(map(self.margin, self.changes))
                rows = self.measure(sides, Differences(compared=list(self.cases)), least)
                self.found[at] = {row.case: row for row in rows}
        return self.found[at]


def intervals(
    changes: Sequence[ReleaseChange], cases: Sequence[ComparedCase], published: Sequence[str], **fields: object
) -> Iterator[Interval]:
    """Yield the intervals of changes that have releases in between. fields: others of ``Interval``."""

    def place(change: ReleaseChange) -> tuple[int, int]:
        return published.index(change.before), published.index(change.after)

    for (before, after), some in groupby(sorted(changes, key=place), place):
        if after - before > 1:
            its = list(some)
            names = {change.case for change in its}
            chosen = [case for case in cases if case.name in names]
            yield Interval(published[before : after + 1], its, chosen, **fields)  # type: ignore[arg-type]
