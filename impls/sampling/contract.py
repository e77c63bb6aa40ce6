"""What the two sampling laws share: inputs, and the check that draws follow the law they claim."""

from __future__ import annotations

from functools import cache
from math import exp
from typing import Any

import numpy as np

from ..case import Size
from ..interface import Array, Problem, Work, Wrong, integers, ring_length
from ..random import state, whole_alias_table
from ..ring import rotating
from ..words import Corpus, Floats, Ints

SIZES = (
    Size(30, 1, 40, 3),
    Size(7, 1, 5, 6),
    Size(2, 1, 4, 1),
    Size(50, 1, 1, 5),
    Size(12, 1, 0, 2),
    Size(25, 1, 9, 4, index="i32"),
)
FALSE_REJECTS = 1e-6
CALLS = 125
SMALL = 60


def make(size: Size, corpus: Corpus, rng: np.random.Generator, different: bool) -> Problem:
    """p, a generator that begins elsewhere in each sample, and a ring of targets."""
    if different and size.K >= size.V:
        raise ValueError(f"{size.K} different negatives beside the target cannot be drawn from {size.V} words")
    p = corpus.noise(size.V)
    targets = corpus.ring(size, ring_length(size, 8, size.B), rng)
    jumps = rng.spawn(1)[0]

    def reset() -> None:
        rng.bit_generator.advance(int(jumps.integers(1 << 62)))  # type: ignore[attr-defined]

    def arguments(target: Ints) -> tuple[Any, ...]:
        return target, size.K, p, rng

    return rotating(size, {"p": p, "rng": rng}, arguments, targets, touched=0.0, reset=reset)


def running_sums(problem: Problem) -> Array:
    """Running sums of p (V,), the last being 1."""
    sums = np.cumsum(problem.inputs["p"])
    return np.asarray(sums / sums[-1])


def whole_tables(problem: Problem) -> tuple[Array, Array, Array]:
    """Alias tables (V, 2) uint32; the state of a generator of their own, (1,) uint64; a buffer for the negatives (B, K)."""
    size, rng = problem.size, problem.inputs["rng"]
    started = np.random.default_rng(rng.bit_generator.seed_seq)  # the problem's own generator is left where it is
    seed = int(started.integers(2**63))
    return whole_alias_table(problem.inputs["p"]), state(seed), np.empty((size.B, size.K), size.index_type)


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
        check_batch(got, targets, K, len(p), different)
        drawn[i] = got
    if times > 1 and drawn.size:
        check_fit(drawn, targets, K, p, different)


def check_batch(drawn: Array, targets: Ints, K: int, V: int, different: bool) -> None:
    """Shape, type and range of a batch's draws, (B, K); and that none is its row's target, or stands in it twice."""
    if drawn.shape != (len(targets), K):
        raise Wrong(f"the negatives have shape {drawn.shape}, not {(len(targets), K)}")
    integers("the negatives", drawn)
    if drawn.size == 0:
        return
    if drawn.min() < 0 or drawn.max() >= V:
        raise Wrong(f"a negative lies outside 0 to {V - 1}")
    if (drawn == targets[:, None]).any():
        raise Wrong("a negative is its row's own target")
    if different and (np.diff(np.sort(drawn, axis=1), axis=1) == 0).any():
        raise Wrong("a row has the same negative twice")


REPEATED = 40
"""Of so many draws or more, half do not come again at the same places by chance."""


def verify(
    problem: Problem, calls: Any, result: Any, rng: np.random.Generator, kept: list[Any], different: bool
) -> None:
    """A timed call's draws as the check has them, and those of several samples together against the law."""
    targets, K, p, _ = calls[-1]
    drawn = np.array(result)
    check_batch(drawn, targets, K, len(p), different)
    if len(p) > SMALL and drawn.size >= REPEATED and any((drawn == other).mean() > 0.5 for _, other in kept):
        raise Wrong("the same negatives are drawn again")
    kept.append((np.array(targets), drawn))
    rows = np.concatenate([earlier for earlier, _ in kept])
    pooled = np.concatenate([earlier for _, earlier in kept]).astype(np.int64)
    if len(p) <= SMALL:
        check_fit(pooled[None], rows, K, p, different)
    else:
        if "trusted" not in problem.known:
            problem.known["trusted"] = trusted_rows(problem, p, K, different)
        check_mean(np.log(p)[pooled].mean(axis=1), problem.known["trusted"], float(np.ptp(np.log(p))))


TRUSTED = 20_000
"""Rows that timed draws are compared with: ten times as many as they are themselves, or so."""


def trusted_rows(problem: Problem, p: Floats, K: int, different: bool) -> Floats:
    """Mean log-probability of the negatives of many rows, drawn one after another for targets of the text."""
    rng = np.random.default_rng(len(p))
    sums = np.cumsum(p)
    known = np.concatenate([batch[0] for batch in problem.batches])
    targets = rng.choice(known, TRUSTED)
    drawn = np.empty((TRUSTED, K), np.int64)
    for k in range(K):
        rows = np.arange(TRUSTED)
        while len(rows):
            drawn[rows, k] = np.minimum(
                np.searchsorted(sums, rng.random(len(rows)) * sums[-1], side="right"), len(p) - 1
            )
            taken = drawn[rows, k] == targets[rows]
            if different:
                taken |= (drawn[rows, :k] == drawn[rows, k][:, None]).any(axis=1)
            rows = rows[taken]
    return np.asarray(np.log(p)[drawn].mean(axis=1))


def check_mean(mine: Floats, trusted: Floats, width: float) -> None:
    """Two samples of rows' mean log-probabilities: how far chance may part them is bounded by Bernstein's inequality."""
    apart = float(mine.mean() - trusted.mean())
    variance = float(trusted.var()) * (1 / len(mine) + 1 / len(trusted))
    chance = 2 * exp(-(apart**2) / (2 * (variance + width * abs(apart) / (3 * len(mine)))))
    if chance < FALSE_REJECTS:
        kind = "frequent" if apart > 0 else "rare"
        raise Wrong(f"{kind} words are drawn too often for the law (p = {chance:.1g})")


def check_fit(drawn: Array, targets: Ints, K: int, p: Floats, different: bool) -> None:
    """Draws (calls, B, K) against the law: their mean log-probability, which sees a slant, and their counts, which see anything else."""
    law_of_one = np.array(
        [np.array(included(tuple(p), int(target), K)) / K if different else alone(p, target) for target in targets]
    )
    check_slant(drawn, law_of_one, p)
    if different:  # the draws of a row depend on each other: one of each row is counted
        column = np.random.default_rng(1).integers(K, size=(*drawn.shape[:2], 1))
        drawn = np.take_along_axis(drawn, column, axis=2)
    check_counts(drawn, law_of_one)


def check_slant(drawn: Array, law_of_one: Floats, p: Floats) -> None:
    """Score test of the law's power: chi-square needs ten times as many draws to tell 0.70 from 0.75.

    How far chance may take the sum over rows is bounded by Bernstein's inequality, with the variance of independent
    draws; different draws of a row vary less.
    """
    logs = np.log(p) - np.log(p).mean()
    mean = law_of_one @ logs
    variance = len(drawn) * float((law_of_one @ logs**2 - mean**2).sum()) / drawn.shape[2]
    excess = float((logs[drawn].mean(axis=2) - mean).sum())
    bound = 2 * (variance + float(np.ptp(logs)) * abs(excess) / 3)
    chance = 2 * exp(-(excess**2) / bound) if bound > 0 else 1.0
    if chance < FALSE_REJECTS:
        kind = "frequent" if excess > 0 else "rare"
        raise Wrong(
            f"{kind} words are drawn too often, as if the law were another power of the counts (p = {chance:.1g})"
        )


def check_counts(drawn: Array, law_of_one: Floats) -> None:
    """Chi-square of how often each word was drawn."""
    from scipy.special import chdtrc

    expected = law_of_one.mean(axis=0) * drawn.size
    observed = np.bincount(drawn.ravel(), minlength=len(expected)).astype(np.float64)
    order = np.argsort(-expected)
    bins = np.minimum(np.cumsum(expected[order]) // 10, expected.sum() // 10 - 1).astype(
        int
    )  # at least ten expected in each
    _, bins = np.unique(bins, return_inverse=True)
    want, got = np.bincount(bins, expected[order]), np.bincount(bins, observed[order])
    if len(want) > 1:
        statistic = ((got - want) ** 2 / want).sum()
        chance = float(chdtrc(len(want) - 1, statistic))
        if chance < FALSE_REJECTS:
            raise Wrong(
                f"the draws do not follow the law (chi-square {statistic:.0f} on {len(want) - 1} degrees of freedom, p = {chance:.1g})"
            )


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
    exactly at each of many moments. Over the logarithm of time the trapezoid rule is then exact but for rounding.
    """
    law = alone(np.array(p), target)
    step = 0.125
    moment = np.exp(np.arange(-37 - np.log(law.max()), 4 - np.log(law[law > 0].min()), step))
    rang = -np.expm1(-np.outer(law, moment))
    before = np.zeros((len(law), K, len(moment)))  # of each word: the chance that so many others have rang
    before[:, 0] = 1
    for i in range(len(law)):
        rings = np.where(np.arange(len(law))[:, None] == i, 0, rang[i])
        before[:, 1:] += rings[:, None] * (before[:, :-1] - before[:, 1:])
        before[:, 0] *= 1 - rings
    density = law[:, None] * moment * (1 - rang) * step
    return tuple((before.sum(axis=1) * density).sum(axis=1).tolist())
