"""Which of the releases between two measured ones changed a case's level: each is compared with the one before, by bisection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

from w2vbench.bench.plans.compare.differences import ComparedCase
from w2vbench.bench.plans.compare.first_changed import first_changed, halfway
from w2vbench.bench.plans.run.request import Say
from w2vbench.reports.compare.stages import with_verdicts
from w2vbench.reports.file.schema.comparison import ComparedRow
from w2vbench.reports.file.schema.releases import Narrowed
from w2vbench.reports.others.releases import ReleaseChange

CompareReleases = Callable[[str, str, Sequence[ComparedCase], float], list[ComparedRow]]
"""Compares some cases at two releases, at a threshold; no rows if one of them cannot be installed."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """The releases from the last measured one of an old level to the first of the new one, and the cases that changed there.

    All cases are compared at once, and each release once, since most changes came together."""

    releases: Sequence[str]
    changes: Sequence[ReleaseChange]
    cases: Sequence[ComparedCase]
    threshold: float  # a smaller change counts as none
    # by place of a release, its cases as they were compared
    rows: dict[int, dict[str, ComparedRow]] = field(default_factory=dict)

    def narrowed(self, compare: CompareReleases, say: Say) -> Iterator[Narrowed]:
        """Yield where each change came. say: called with what is being done."""
        releases = self.releases
        for change in self.changes:
            last, first = first_changed(len(releases), partial(self.changed, change, compare, say))
            yield Narrowed(
                case=change.case,
                before=change.before,
                after=change.after,
                last=releases[last],
                first=releases[first],
                undecided=list(releases[last + 1 : first]),
            )

    def changed(self, change: ReleaseChange, compare: CompareReleases, say: Say, at: int) -> bool | None:
        """Whether a release has a change; None if it cannot be told."""
        before, release = self.releases[0], self.releases[at]
        if at not in self.rows:
            say(f"comparing {release} with {before}, one of {len(self.releases) - 2} between measured releases")
            rows = compare(before, release, self.cases, min(map(self.margin, self.changes)))
            self.rows[at] = {row.case: row for row in rows}
        row = self.rows[at].get(change.case)
        if row is None:
            return None
        (decided,) = with_verdicts([row], self.margin(change))
        sought = "slower" if change.ratio.estimate > 1 else "faster"
        return {sought: True, "same": False}.get(decided.verdict)

    def margin(self, change: ReleaseChange) -> float:
        return max(self.threshold, halfway(change.ratio.estimate))


def gaps(
    changes: Sequence[ReleaseChange], cases: Sequence[ComparedCase], published: Sequence[str], threshold: float
) -> Iterator[Gap]:
    """Yield the gaps of changes that have releases in between."""

    def place(change: ReleaseChange) -> tuple[int, int]:
        return published.index(change.before), published.index(change.after)

    for (before, after), some in groupby(sorted(changes, key=place), place):
        if after - before > 1:
            its = list(some)
            names = {change.case for change in its}
            yield Gap(
                releases=published[before : after + 1],
                changes=its,
                cases=[case for case in cases if case.name in names],
                threshold=threshold,
            )
