"""What the two sampling laws share: inputs, and the check that draws follow the law they claim."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ..case import Size
from ..interface import Array, Problem, Work, Wrong
from ..words import Corpus, Floats, Ints

SIZES = (Size(30, 1, 16, 3), Size(7, 1, 5, 6), Size(2, 1, 4, 1), Size(50, 1, 1, 5), Size(12, 1, 0, 2), Size(25, 1, 9, 4, index="i32"))
FALSE_REJECTS = 1e-6
CALLS = 250
SMALL = 60


def make(size: Size, corpus: Corpus, rng: np.random.Generator) -> Problem:
    if size.K >= size.V:
        raise ValueError(f"{size.K} negatives beside the target cannot be drawn from {size.V} words")
    p = corpus.noise(size.V)
    targets = corpus.batches(size, 256 if size.words != "repeat" else 1, rng)
    inputs = {"p": p, "rng": rng}
    return Problem(size, inputs, [(target, size.K, p, rng) for target in targets], float(size.B * size.K))


def work(size: Size) -> Work:
    """The draws alone: K numbers a row read from a generator, K ids written."""
    drawn = size.B * size.K
    return Work(8.0 * drawn, size.index_type.itemsize * drawn)


def check_draws(call: Any, targets: Ints, K: int, p: Floats, rng: np.random.Generator, different: bool) -> None:
    """Shape and range of every draw, and where V is small the goodness of fit of many."""
    times = CALLS if len(p) <= SMALL else 1
    drawn = np.empty((times, len(targets), K), np.int64)
    for i in range(times):
        got = np.asarray(call(targets, K, p, rng))
        if got.shape != (len(targets), K):
            raise Wrong(f"the negatives have shape {got.shape}, not {(len(targets), K)}")
        if got.dtype.kind not in "iu":
            raise Wrong(f"the negatives have dtype {got.dtype}, which is no integer type")
        drawn[i] = got
    if drawn.size == 0:
        return
    if drawn.min() < 0 or drawn.max() >= len(p):
        raise Wrong(f"a negative lies outside 0 to {len(p) - 1}")
    if (drawn == targets[:, None]).any():
        raise Wrong("a negative is its row's own target")
    if different and (np.diff(np.sort(drawn, axis=2), axis=2) == 0).any():
        raise Wrong("a row has the same negative twice")
    if times > 1:
        check_fit(drawn, targets, K, p, different)


def check_fit(drawn: Array, targets: Ints, K: int, p: Floats, different: bool) -> None:
    """Chi-square of the draws against the law. Without replacement the draws of a row depend on each other: one is
    taken of each row, at random, so that what is counted is independent."""
    from scipy.special import chdtrc

    rows = [np.array(included(tuple(p), int(target), K)) / K if different else alone(p, target) for target in targets]
    if different:
        column = np.random.default_rng(1).integers(K, size=(*drawn.shape[:2], 1))
        drawn = np.take_along_axis(drawn, column, axis=2)
    expected = np.sum(rows, axis=0) * (drawn.size / len(targets))
    observed = np.bincount(drawn.ravel(), minlength=len(p)).astype(np.float64)
    order = np.argsort(-expected)
    bins = np.minimum(np.cumsum(expected[order]) // 10, expected.sum() // 10 - 1).astype(int)  # at least ten expected in each
    _, bins = np.unique(bins, return_inverse=True)
    want, got = np.bincount(bins, expected[order]), np.bincount(bins, observed[order])
    if len(want) > 1:
        statistic = ((got - want) ** 2 / want).sum()
        chance = float(chdtrc(len(want) - 1, statistic))
        if chance < FALSE_REJECTS:
            raise Wrong(f"the draws do not follow the law (chi-square {statistic:.0f} on {len(want) - 1} degrees of freedom, p = {chance:.1g})")


def alone(p: Floats, target: int) -> Floats:
    """The law of one draw that is never the target."""
    law = p.copy()
    law[target] = 0
    return np.asarray(law / law.sum())


@cache
def included(p: tuple[float, ...], target: int, K: int) -> tuple[float, ...]:
    """Probability that each word is among K different draws; they add up to K.

    Drawing one after another without replacement is like waiting for exponential clocks with rates p: word j is in if
    fewer than K others ring before it. The number of those is a sum of independent yes-or-no variables, added up
    exactly at each of 400 moments and integrated by Gauss and Legendre's rule.
    """
    law = alone(np.array(p), target)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    u = (nodes + 1) / 2
    rate = law[law > 0].min() / 2
    moment = -np.log1p(-u) / rate
    rung = -np.expm1(-np.outer(law, moment))
    result = np.zeros(len(law))
    for j in np.flatnonzero(law):
        before = np.zeros((K, len(u)))
        before[0] = 1
        for i in np.flatnonzero(law):
            if i != j:
                before[1:] = before[1:] * (1 - rung[i]) + before[:-1] * rung[i]
                before[0] *= 1 - rung[i]
        density = law[j] * np.exp((rate - law[j]) * moment) / rate
        result[j] = (before.sum(axis=0) * density * weights / 2).sum()
    return tuple(result)
