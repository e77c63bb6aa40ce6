"""How long calls waited for a CPU that another program was using."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from reports.schema_fields import Samples


def waiting(cases: Iterable[Sequence[Samples]]) -> float:
    """Return the share of wall time that calls did not spend on a CPU: the median over cases of one thread."""
    shares = []
    for processes in cases:
        wall, cpu = (
            sum(figure for one in processes for figure in getattr(one, clock) if figure is not None)
            for clock in ("wall_s", "cpu_s")
        )
        if wall:
            shares.append(max(0.0, 1 - cpu / wall))
    return median(shares) if shares else 0.0
