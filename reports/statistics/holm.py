"""Holm's correction of several tests, of which some may have been decided before."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from .problems import Estimate, Floats

Case = TypeVar("Case", bound=Hashable)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return adjusted p-values. Rejecting those up to alpha keeps the family-wise error at alpha.

    References
    ----------
    S. Holm, Scandinavian Journal of Statistics 6, 1979.
    """
    p: Floats = np.asarray(p_values)
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, p[order] * np.arange(len(p), 0, -1)))
    return [float(value) for value in adjusted]


def slower_and_faster(estimates: Sequence[Estimate], margins: Sequence[float]) -> list[tuple[float, float]]:
    """Return adjusted p-values of each log-ratio: that it is above its margin, and that it is as far below zero."""
    pairs = list(zip(estimates, margins, strict=True))
    slower = holm([one.p_above(margin) for one, margin in pairs])
    faster = holm([one.p_below(-margin) for one, margin in pairs])
    return list(zip(slower, faster, strict=True))


def adjusted(p_values: Mapping[Case, float], family: int) -> dict[Case, float]:
    """Return Holm's p-values for a family, of which the cases that are not given were decided before.

    Those count as never rejected. That only makes the others' p-values larger, so it does not matter how they were chosen.
    """
    every = holm([*p_values.values(), *[1.0] * (family - len(p_values))])
    return dict(zip(p_values, every, strict=False))
