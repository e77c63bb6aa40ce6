"""Whether a machine's figures are in doubt: by its checks of itself, set against those of other machines.

In a check, a machine times the same code against itself (the A/A difference), and says how long a call took. This only says which
machine to trust: no result has a ratio of two machines' times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from w2vbench.reports.statistics.units import share, two

MOST_DIFFERENCE = 0.05
"""An A/A difference up to this is none: in a check of 0.1 s, quiet machines have 0.2 to 2 %."""
TIMES_OTHERS = 3.0
"""An A/A difference is in doubt if it is also this many times the usual one of the other machines."""
SLOWER = 1.4
"""A machine is in doubt if it takes this many times as long as others of its kind. Their clocks differ by less."""


@dataclass(frozen=True)
class Checked:
    """A machine's check: its A/A difference, as a share, and the seconds a call took."""

    difference: float
    pace_s: float


def doubt(checks: Sequence[Checked], paces: Sequence[float], differences: Sequence[float]) -> str:
    """Return why figures are in doubt that a machine took between some checks; empty if they are not.

    Parameters
    ----------
    checks
        The machine's, before and after.
    paces
        The usual seconds a call of each other machine of its kind.
    differences
        The usual A/A difference of each other machine.
    """
    slow = max((check.pace_s for check in checks), default=0.0) / median(paces) if paces else 0.0
    apart = max((check.difference for check in checks), default=0.0)
    reasons = []
    if slow > SLOWER:
        reasons.append(f"takes {two(slow)} times as long as others of its kind")
    if apart > max(MOST_DIFFERENCE, TIMES_OTHERS * median(differences) if differences else 0.0):
        usual = f" ({two(100 * median(differences))} % elsewhere)" if differences else ""
        reasons.append(f"times identical code {share(apart)} apart{usual}")
    return " and ".join(reasons)
