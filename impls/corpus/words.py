"""Words: a corpus as word ids, and the index streams that kernels are measured on.

A word's id is its frequency rank. Index streams follow the corpus in reading order. Real text repeats its frequent words,
and repeats words near each other; both decide what a gather or a scatter costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..interface.case import Size
from .batches import RotatingBatches, stream_length

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tail:
    """Continues counts beyond the corpus's own vocabulary: ``count(r) = scale * r ** -exponent``, with ranks r from 1."""

    exponent: float
    scale: float


@dataclass(frozen=True, eq=False)
class Corpus:
    """A text as word ids."""

    name: str  # the corpus's name, for people
    counts: Ints  # occurrences of each word, (words,) int64, falling
    ids: Ints  # word ids in reading order, (tokens,) int32
    starts: Ints  # where each line or document begins, (lines,) int64
    vocabulary: tuple[str, ...] = ()  # the words by id; empty in a worker

    @cached_property
    def tail(self) -> Tail:
        """The power law of the corpus's own rare words, by least squares on log count against log rank.

        The fit runs from rank words / 25 to the last word that occurs five times or more, because the counts of rarer
        words are too coarse; in a small corpus it runs over all ranks. The text does not determine how it would have
        continued: other fits give 1.05 to 1.7 for the built-in corpus. Results above its vocabulary therefore state this
        exponent.
        """
        last = int(np.searchsorted(-self.counts, -5, side="right"))
        first = max(1, len(self.counts) // 25)
        if last - first < 10:
            first, last = 1, len(self.counts)
        ranks = np.arange(first, last + 1)
        slope, intercept = np.polyfit(np.log(ranks), np.log(self.counts[first - 1 : last]), 1)
        return Tail(max(0.0, float(-slope)), float(np.exp(intercept)))

    def expected_counts(self, V: int) -> Floats:
        """Return counts of V words, (V,) float64: the corpus's own, then the tail law's."""
        own = len(self.counts)
        if own >= V:
            return self.counts[:V].astype(np.float64)
        ranks = np.arange(own + 1, V + 1, dtype=np.float64)
        law = np.minimum(self.tail.scale * ranks**-self.tail.exponent, float(self.counts[-1]))
        return np.concatenate([self.counts.astype(np.float64), law])

    def noise(self, V: int, power: float = 0.75) -> Floats:
        """Return the law of negatives, (V,) float64: count ** power, scaled to a sum of one (slide 22)."""
        weights = self.expected_counts(V) ** power
        return np.asarray(weights / weights.sum())

    def token_share(self, V: int) -> float:
        """Return the share of the corpus's tokens that are among its V most frequent words."""
        return float(self.counts[:V].sum() / self.counts.sum())

    def tail_share(self, V: int) -> float:
        """Return the share of a stream of V words that comes from the tail law, not from the corpus."""
        law = self.expected_counts(V)
        return float(law[len(self.counts) :].sum() / law.sum())

    def describe(self, V: int) -> str:
        """Describe in one line where a stream of V words comes from."""
        own = len(self.counts)
        if own >= V:
            return f"{self.name}: {self.token_share(V):.1%} of its {len(self.ids):,} tokens are among the {V:,} most frequent words; the others are left out"
        return (
            f"{self.name} has {own:,} distinct words; counts continue up to {V:,} words as rank^-{self.tail.exponent:.2f}, "
            f"and these added words are {self.tail_share(V):.1%} of the stream"
        )

    def running_text(self, V: int, length: int, begin: int) -> Ints:
        """Return the next ids below V from a position in the text, (length,) int32. After its end the text starts again."""
        parts: list[Ints] = []
        have, at = 0, begin
        step = int(length / self.token_share(V) * 1.1) + 64
        while have < length:
            ids = self.ids[at : at + step]
            parts.append(ids[ids < V])
            have += len(parts[-1])
            at = at + step if at + step < len(self.ids) else 0
        return np.concatenate(parts)[:length] if parts else np.empty(0, np.int32)

    def stream(self, size: Size, length: int, rng: np.random.Generator) -> Ints:
        """Return ids of successive words, (length,) in the size's index dtype, each below V."""
        if size.words == "uniform":
            return rng.integers(size.V, size=length, dtype=size.index_type)
        words = self.running_text(size.V, length, begin=int(rng.integers(len(self.ids))))
        if len(self.counts) < size.V:
            law = self.expected_counts(size.V)
            tail_sums = np.cumsum(law[len(self.counts) :])
            rare = rng.random(length) < tail_sums[-1] / law.sum()
            drawn = np.searchsorted(tail_sums, rng.random(int(rare.sum())) * tail_sums[-1], side="right")
            words[rare] = len(self.counts) + np.minimum(drawn, len(tail_sums) - 1)
        return words.astype(size.index_type)

    def batches(self, size: Size, number: int, rng: np.random.Generator) -> list[Ints]:
        """Return successive batches of B ids each, in reading order."""
        stream = self.stream(size, number * size.B, rng)
        return [np.ascontiguousarray(stream[i * size.B : (i + 1) * size.B]) for i in range(number)]

    def rotating_batches(self, size: Size, number: int, rng: np.random.Generator) -> RotatingBatches:
        """Return rotating batches of B ids each, in reading order, from a longer stream."""
        return RotatingBatches(number, size.B, (self.stream(size, stream_length(number, size.B), rng),), rng)

    def windows(self, window: int) -> tuple[Ints, Ints]:
        """Return CBOW's pairs: contexts (n, 2 * window) and targets (n,), one for each word with a full window in its line."""
        ends = np.append(self.starts[1:], len(self.ids))
        lines = np.repeat(np.arange(len(self.starts)), ends - self.starts)
        position = np.arange(len(self.ids))
        full = (position - self.starts[lines] >= window) & (ends[lines] - position > window)
        at = position[full]
        offsets = np.concatenate([np.arange(-window, 0), np.arange(1, window + 1)])
        return self.ids[at[:, None] + offsets], self.ids[at]

    def save(self, folder: Path) -> None:
        """Write to a folder what a worker needs to make index streams."""
        for part in ("counts", "ids", "starts"):
            np.save(folder / f"{part}.npy", getattr(self, part))
        (folder / "name").write_text(self.name, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what ``save`` wrote into memory, without reading all of it."""
        parts = (np.load(folder / f"{part}.npy", mmap_mode="r") for part in ("counts", "ids", "starts"))
        return cls((folder / "name").read_text(encoding="utf-8"), *parts)
