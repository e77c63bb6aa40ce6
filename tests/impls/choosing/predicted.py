"""What the model of ``w2vbench.impls.choosing.choice`` says at one size, for tests."""

from __future__ import annotations

import math
from collections.abc import Sequence

from w2vbench.impls.choosing.choice import Model, Times
from w2vbench.impls.interface.case import Size


def choose(times: Times, simplest_first: Sequence[str], size: Size) -> str | None:
    return Model(times, simplest_first).choose(size)


def predict(times: Times, slugs: Sequence[str], size: Size) -> dict[str, float]:
    """Predicted seconds a call, by slug."""
    return {slug: math.exp(log) for slug, log in Model(times, slugs).predict_logs(size).items()}
