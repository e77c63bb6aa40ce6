"""sampling.with-replacement: targets (B,), K, p (V,), rng -> (B, K): independent draws, none of them its row's target.

The law of word2vec.c and gensim. All rungs draw the whole batch at once and draw again where a target was hit; they
differ in what one draw costs: V additions, log V comparisons, or two look-ups.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ..interface import Array, Kernel, Problem
from ..words import Floats, Ints
from .contract import SIZES, check_draws, make, running_sums, work

with_replacement = Kernel(
    "sampling.with-replacement",
    "K independent negatives a row",
    ("targets", "K", "p", "rng"),
    partial(make, different=False),
    partial(check_draws, different=False),
    work,
    SIZES,
    mutates=("rng",),
    dimensions="VBK",
    holds="V64",
)

TABLE = 10_000_000


def not_targets(targets: Ints, K: int, draw: Callable[[int], Array]) -> Array:
    """Draw (B, K) words, and again those that are their row's target."""
    negatives = draw(len(targets) * K).reshape(len(targets), K).astype(targets.dtype)
    while (hits := np.flatnonzero(negatives == targets[:, None])).size:
        negatives.reshape(-1)[hits] = draw(len(hits))
    return negatives


@with_replacement.implementation(
    "choice",
    "Generator.choice with p",
    plain="calling Generator.choice with probabilities",
    baseline=True,
    grows_with="V",
    makes="V64",
)
def choice(targets: Ints, K: int, p: Floats, rng: np.random.Generator) -> Array:
    return not_targets(targets, K, lambda n: rng.choice(len(p), size=n, p=p))


@with_replacement.implementation(
    "cdf", "search the running sums", plain="searching the running sums", prepare=running_sums
)
def cdf(targets: Ints, K: int, p: Floats, rng: np.random.Generator, sums: Array) -> Array:
    return not_targets(targets, K, lambda n: np.searchsorted(sums, rng.random(n), side="right"))


def integer_sums(problem: Problem) -> Array:
    """Running sums of p as whole numbers up to 2^31 - 1, (V,) uint32, as gensim makes its cum_table."""
    return np.round(running_sums(problem) * (2**31 - 1)).astype(np.uint32)


@with_replacement.implementation(
    "cum-table",
    "search gensim's table of whole running sums, approximate",
    plain="searching gensim's table of running sums",
    prepare=integer_sums,
)
def cum_table(targets: Ints, K: int, p: Floats, rng: np.random.Generator, sums: Array) -> Array:
    # approximate: a probability is a multiple of 2^-31
    return not_targets(
        targets, K, lambda n: np.searchsorted(sums, rng.integers(sums[-1], size=n, dtype=np.uint32), side="right")
    )


def unigram_table(problem: Problem) -> Array:
    """Ten million ids, each word as often as its probability says, (10^7,) int32, as word2vec.c makes its table."""
    ends = np.round(running_sums(problem) * TABLE).astype(np.int64)
    return np.repeat(np.arange(len(ends), dtype=np.int32), np.diff(ends, prepend=0))


@with_replacement.implementation(
    "table",
    "pick from a table of ten million ids, approximate",
    plain="picking from a table of ten million words",
    prepare=unigram_table,
)
def table(targets: Ints, K: int, p: Floats, rng: np.random.Generator, ids: Array) -> Array:
    # approximate: a probability is a multiple of 10^-7, so a rarer word may never be drawn
    return not_targets(targets, K, lambda n: ids[rng.integers(TABLE, size=n)])


def alias_table(problem: Problem) -> tuple[Array, Array]:
    """Thresholds (V,) float64 and aliases (V,): word i is drawn as itself below threshold[i], else as alias[i].

    Walker's tables (1977), filled without a loop: small words take what they lack from large ones in turn, so who
    serves whom can be read off the running sums of lacks and excesses (Hübschle-Schneider and Sanders 2019).
    """
    p = problem.inputs["p"]
    scaled = p * (len(p) / p.sum())
    full = min(1.0, scaled.max())  # rounding may leave all words just below 1
    small, large = np.flatnonzero(scaled < full), np.flatnonzero(scaled >= full)
    threshold, alias = np.ones(len(p)), np.arange(len(p))
    lack, excess = np.cumsum(1 - scaled[small]), np.cumsum(scaled[large] - 1)
    last = len(large) - 1
    if len(small):
        server = np.searchsorted(excess, np.concatenate([[0.0], lack[:-1]]), side="left")
        threshold[small], alias[small] = scaled[small], large[np.minimum(server, last)]
    # a large word that gave more than it had is filled up by the next one
    ran_out = np.searchsorted(lack, excess[:last], side="right")
    short = np.flatnonzero(ran_out < len(small))
    threshold[large[short]] = 1 - (lack[ran_out[short]] - excess[short])
    alias[large[short]] = large[short + 1]
    return threshold, alias


@with_replacement.implementation("alias", "alias tables", plain="picking from alias tables", prepare=alias_table)
def alias(targets: Ints, K: int, p: Floats, rng: np.random.Generator, tables: tuple[Array, Array]) -> Array:
    threshold, other = tables

    def draw(n: int) -> Array:
        at = rng.random(n) * len(threshold)
        word = at.astype(np.int64)
        return np.where(at - word < threshold[word], word, other[word])

    return not_targets(targets, K, draw)
