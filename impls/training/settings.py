"""How word vectors are trained, with word2vec.c's names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Settings:
    """How to train, with word2vec.c's names.

    ``window``, ``full_windows`` and ``sample`` bind every implementation, so that ratios compare equal work.
    Raises
    ------
    ValueError
        For values that cannot train.
    """

    window: int = 5  # largest number of words on each side of a centre
    sample: float = 1e-3  # subsampling threshold; 0 for none
    # the rate falls linearly from alpha to min_alpha over a whole run
    alpha: float = 0.025
    min_alpha: float = 0.0001
    power: float = 0.75  # exponent of the counts in the law of negatives
    # Whether every window has its full width. Otherwise each has a random width from one word up.
    full_windows: bool = False

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ValueError(f"window is {self.window}, but at least one word on each side is needed")
        for name in ("sample", "alpha", "min_alpha", "power"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"{name} is {value}, but a number from 0 up is needed")
        if not self.alpha:
            raise ValueError("alpha is 0, but nothing is learnt at that rate")
        if self.min_alpha > self.alpha:
            raise ValueError(f"min_alpha, {self.min_alpha:g}, is above alpha, {self.alpha:g}")

    @property
    def least_window(self) -> int:
        """The smallest number of words on each side of a centre."""
        return self.window if self.full_windows else 1


EVERY_PAIR = Settings(sample=0.0, full_windows=True)
"""Settings of a case: each word with its full window. At random, two implementations would not get the same pairs."""
