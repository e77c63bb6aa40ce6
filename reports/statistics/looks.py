"""When a comparison looks at its samples, and how much of its error probability each look may spend.

This is a group-sequential test. A look uses all processes so far, decides what it can, and the other cases go on to the next
look. Each further look is one more chance to err. So the looks are fixed beforehand, and so is the share of the error
probability that each may spend. The shares add up to 1, so the errors of all looks together are at most the whole
(Bonferroni), however the looks depend on each other. ``python -m w2vbench.reports.compare.errors`` simulates it.

References
----------
C. Jennison and B. W. Turnbull, Group Sequential Methods, 2000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True)
class Look:
    """A look at the samples of a comparison."""

    processes: int  # how many there are by then
    changed: float  # the share of the error of slower and faster that this look may spend
    same: float  # the share of the error of the same

    @property
    def is_last(self) -> bool:
        """Whether what is undecided then stays so."""
        return self.processes >= LOOKS[-1].processes


LOOKS = (
    Look(5, changed=0.05, same=0.3),
    Look(9, changed=0.15, same=0.3),
    Look(13, changed=0.2, same=0.15),
    Look(18, changed=0.2, same=0.15),
    Look(27, changed=0.4, same=0.1),
)
"""The looks of a comparison. Few processes show what is many times slower, at hardly any error, and most of it is left to the
looks at which a small change shows. Most code is the same, so of that error the first looks get most: they end a comparison."""
STAGES = tuple(
    look.processes - before for look, before in zip(LOOKS, (0, *(look.processes for look in LOOKS)), strict=False)
)
"""Processes from each look to the next."""


def looks_after(stages: Sequence[int]) -> list[Look]:
    """Return the looks of a comparison with these numbers of processes from look to look, none of them 0.

    A look spends what LOOKS spend up to its number of processes. So comparisons that looked less often, as those of older
    versions did, are decided as LOOKS would have, had they skipped some.
    """
    found: list[Look] = []
    for processes in accumulate(stages):
        before = found[-1].processes if found else 0
        passed = [look for look in LOOKS if before < look.processes <= processes]
        found.append(Look(processes, sum(look.changed for look in passed), sum(look.same for look in passed)))
    return found
