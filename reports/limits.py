"""Which of the machine's limits binds a case, and what share of it the case reaches: pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .results import Extra, Limits

AT_LIMIT = (0.85, 1.15)
"""Shares of a limit at which a case counts as being at it; above, it found a cheaper way than the limit's own measurement."""

MEANING = {
    "call": "what calling a function costs",
    "read": "what the machine reads, at this working set",
    "write": "what the machine writes, at this working set",
    "copy": "what the machine copies, at this working set",
    "rows": "what the machine fetches of rows at random places, at this working set",
    "matmul": "the rate of matrix products",
}
"""The limits, in the words of a sentence."""


@dataclass(frozen=True)
class Bound:
    """The limit that binds a case: its name, and the least time it allows over the time that the case takes."""

    limit: str
    share: float


def bound(extra: Extra, wall_s: float, limits: Limits, call_s: float | None) -> Bound | None:
    """The limit whose least time for what a case moves and computes is the longest; None where the file has no limits.

    The least time is that of one limit alone: a case that reads and computes could at best do both at once.
    """
    least = least_s(extra, limits, call_s)
    if not least:
        return None
    limit = max(least, key=lambda name: least[name])
    return Bound(limit, least[limit] / wall_s)


def least_s(extra: Extra, limits: Limits, call_s: float | None) -> dict[str, float]:
    """Least seconds a call by each limit that touches the case."""
    found = {"call": call_s} if call_s else {}
    if extra.read_bytes is None or extra.written_bytes is None:
        return found
    item = 8 if extra.size.dtype == "f64" else 4
    table = extra.size.V * extra.size.H * item
    rows = extra.row_bytes or 0.0
    read, written = max(0.0, extra.read_bytes - rows), extra.written_bytes
    both = 2 * min(read, written)
    for name, moved, curve, within in (
        ("read", read, limits.read, min(read, table)),
        ("write", written, limits.write, min(written, table)),
        ("copy", both, limits.copied, min(both, 2 * table)),
        ("rows", rows, limits.rows, table),
    ):
        if moved and curve:
            found[name] = moved / rate(curve, within)
    flops = limits.matmul.get(extra.size.dtype)
    if extra.flops and flops:
        found["matmul"] = extra.flops / flops
    return found


def rate(curve: Sequence[tuple[float, float]], working_set: float) -> float:
    """Bytes a second at a working set, between the measured ones by their logarithms, and as at the ends beyond them."""
    sizes, rates = np.array(sorted(curve)).T
    return float(np.exp(np.interp(np.log(max(working_set, 1.0)), np.log(sizes), np.log(rates))))
