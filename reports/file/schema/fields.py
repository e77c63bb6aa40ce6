"""The result file: fields that several of its parts have, and the samples of a process."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from w2vbench.reports.statistics.problems import Floats, Interval, Logs, logarithms

Positive = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=1e-12, lt=1e9)]
"""Wall time a call. Ratios and logarithms are taken of it, so it is neither zero nor absurd; CPU time may be zero, since its clock is coarse."""
Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Signed = Annotated[int, Field(gt=-(1 << 62), lt=1 << 62)]


class Part(BaseModel):
    """Base of all parts: unknown fields are kept, since a file may have more than this version reads."""

    model_config = ConfigDict(extra="allow", frozen=True)


Family = Literal["textbook", "NumPy/SciPy", "compiled", "framework"]
"""What an implementation is written with, from the textbook's own way on; numba compiles, torch and gensim are frameworks."""


def plausible(ratio: Interval) -> Interval:
    """Raise ValueError where a ratio of times, or an end of its 95 % interval, cannot be one."""
    ends = [end for end in (ratio.low, ratio.high) if end is not None]
    if not 1e-12 < ratio.estimate < 1e9 or not all(0 <= end < math.inf for end in ends):
        raise ValueError("no ratio of times")
    return ratio


Ratio = Annotated[Interval, AfterValidator(plausible)]
"""A ratio of times, with its 95 % interval where there is one."""


@dataclass(frozen=True, kw_only=True)
class Samples:
    """What one process timed of one variant."""

    # seconds a call, one figure a round; null where the variant took no part in a round
    wall_s: list[Seconds | None]
    cpu_s: list[Positive | None]
    setup_s: Positive | None = None  # seconds that set-up took
    adapt_s: Positive | None = None  # seconds to convert a batch, median; null where nothing is converted

    def __post_init__(self) -> None:
        for name, rounds in (("wall_s", self.wall_s), ("cpu_s", self.cpu_s)):
            if rounds.count(None) == len(rounds):
                raise ValueError(f"{name}: no figure in any round")
        if len(self.wall_s) != len(self.cpu_s):
            raise ValueError("wall_s and cpu_s have different numbers of rounds")

    @cached_property
    def wall_median_s(self) -> float:
        return median([figure for figure in self.wall_s if figure is not None])

    @cached_property
    def walls(self) -> Floats:
        """The wall times, NaN where the variant took no part."""
        return np.array(self.wall_s, np.float64)

    @cached_property
    def wall_logs(self) -> Logs:
        """The logarithms of the wall times, None where the variant took no part."""
        return logarithms(self.wall_s)
