"""The part of a result file that tells which machines of a kind a run was measured on."""

from __future__ import annotations

from .fields import Count, Part, Positive


class Machine(Part):
    """A machine of a run on several."""

    name: str  # what it was called
    # how many problems were measured there, and of how many the figures are in doubt
    experiments: Count
    in_doubt: Count = 0
    # how much identical code differed there, as a share: the median of its checks of itself
    difference: Positive | None = None
    pace_s: Positive | None = None  # seconds that a call took in these checks, median
