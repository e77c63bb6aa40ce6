"""What the two sampling laws share: inputs, and the check that draws follow their law."""

from __future__ import annotations

from functools import cache, partial
from math import exp
from typing import Any

import numpy as np

from ..corpus.batches import rotating_batch_count, rotating_problem
from ..corpus.words import Corpus, Floats, Ints
from ..interface import Array, Kernel, Problem, Work, Wrong
from ..interface.case import Size
from ..interface.checks import check_integers
from ..parts.random import integer_alias_table, next_bits, state

SIZES = (
    Size(30, 1, 40, 3),
    Size(7, 1, 5, 6),
    Size(2, 1, 4, 1),
    Size(50, 1, 1, 5),
    Size(12, 1, 0, 2),
    Size(25, 1, 9, 4, index="i32"),
)
FALSE_REJECTS = 1e-6
"""Probability that a test rejects a right sampler."""
CALLS = 125
"""Calls of the check whose draws are tested together."""
SMALL_V = 60
"""Largest V whose draws are tested for each word."""


def sampler(name: str, title: str, *, different: bool, **facts: Any) -> Kernel:
    """Return a kernel that draws K words for each target. different: whether the words of a row are. facts: others of the kernel."""
    return Kernel(
        name,
        title,
        ("targets", "K", "p", "rng"),
        partial(make, different=different),
        partial(check_draws, different=different),
        work,
        SIZES,
        mutates=("rng",),
        dimensions="VBK",
        inputs="V64",
        verify=partial(verify, different=different),
        shapes=("iB", "=K", "V64", ""),
        constants=("p",),
        refuse=partial(refuse, different=different),
        unit="word",
        diagram="sampling",
        **facts,
    )


def make(size: Size, corpus: Corpus, rng: np.random.Generator, different: bool) -> Problem:
    """Make p, rotating batches of targets, and a generator that starts elsewhere in each sample."""
    p = corpus.noise(size.V)
    refuse(Problem(size, {"p": p}, (), touched=0.0), different)
    targets = corpus.rotating_batches(size, rotating_batch_count(size, 8, size.B), rng)
    jumps = rng.spawn(1)[0]

    def reset() -> None:
        rng.bit_generator.advance(int(jumps.integers(1 << 62)))  # type: ignore[attr-defined]

    def arguments(target: Ints) -> tuple[Any, ...]:
        return target, size.K, p, rng

    return rotating_problem(size, {"p": p, "rng": rng}, arguments, targets, touched=0.0, reset=reset)


def refuse(problem: Problem, different: bool) -> None:
    """Raise ValueError if there are too few words to draw from: a sampler that draws again would never end.

    A word that comes less than once in 2^32 draws counts as none. Tables of integers may not have it, and waiting for it
    would take minutes.
    """
    size, p = problem.size, problem.inputs["p"]
    if different and size.K >= size.V:
        raise ValueError(f"{size.K} different negatives beside the target cannot be drawn from {size.V} words")
    drawn = problem.table("words that are drawn", lambda: int(np.count_nonzero(p > p.sum() * 2.0**-32)))
    least = 1 + (size.K if different else min(1, size.K))
    if drawn < least:
        raise ValueError(f"p is above 0 for {drawn} words: {size.K} negatives beside a target need {least}")


def running_sums(problem: Problem) -> Array:
    """Return running sums of p, (V,). The last is 1."""

    def sums() -> Array:
        sums = np.cumsum(problem.inputs["p"])
        return np.asarray(sums / sums[-1])

    return problem.table("running sums", sums)  # type: ignore[no-any-return]


def alias_workspace(problem: Problem) -> tuple[Array, Array, Array]:
    """Return alias tables, (V, 2) uint32; a generator's state, (1,) uint64; and a buffer for the negatives, (B, K)."""
    size = problem.size
    tables = problem.table("integer alias table", lambda: integer_alias_table(problem.inputs["p"]))
    return tables, state(own_seed(problem)), np.empty((size.B, size.K), size.index_type)


def own_seed(problem: Problem) -> int:
    """Return a seed for a generator of another kind, from the problem's own, which does not advance."""
    copy = np.random.default_rng(problem.inputs["rng"].bit_generator.seed_seq)
    return int(copy.integers(2**63))


def work(size: Size) -> Work:
    """The draws alone: K random numbers per row are read, and K ids are written."""
    drawn = size.B * size.K
    return Work(8.0 * drawn, size.index_type.itemsize * drawn)


def check_draws(call: Any, targets: Ints, K: int, p: Floats, rng: np.random.Generator, different: bool) -> None:
    """Check shape and range of every draw, and for a small V the goodness of fit of many draws."""
    times = CALLS if len(p) <= SMALL_V else 1
    drawn = np.empty((times, len(targets), K), np.int64)
    for i in range(times):
        got = np.asarray(call(targets, K, p, rng))
        check_batch(got, targets, K, len(p), different)
        drawn[i] = got
    if times > 1 and drawn.size:
        check_fit(drawn, targets, K, p, different)


def check_batch(drawn: Array, targets: Ints, K: int, V: int, different: bool) -> None:
    """Check shape, dtype and range of a batch's draws (B, K), and that none is its row's target or comes twice in it."""
    if drawn.shape != (len(targets), K):
        raise Wrong(f"the negatives have shape {drawn.shape}, not {(len(targets), K)}")
    check_integers("the negatives", drawn)
    if drawn.size == 0:
        return
    if drawn.min() < 0 or drawn.max() >= V:
        raise Wrong(f"a negative is outside of 0 to {V - 1}")
    if (drawn == targets[:, None]).any():
        raise Wrong("a negative is its row's own target")
    if different and (np.diff(np.sort(drawn, axis=1), axis=1) == 0).any():
        raise Wrong("a row has the same negative twice")


MIN_DRAWS = 40
"""With this many draws or more, chance does not repeat half of them at the same places."""


def verify(
    problem: Problem, calls: Any, result: Any, rng: np.random.Generator, history: list[Any], different: bool
) -> None:
    """Check a timed call's draws as ``check_batch`` does, and those of several samples together against the law."""
    targets, K, p, _ = calls[-1]
    drawn = np.array(result)
    check_batch(drawn, targets, K, len(p), different)
    if len(p) > SMALL_V and drawn.size >= MIN_DRAWS and any((drawn == other).mean() > 0.5 for _, other in history):
        raise Wrong("the same negatives are drawn again")
    history.append((np.array(targets), drawn))
    rows = np.concatenate([earlier for earlier, _ in history])
    pooled = np.concatenate([earlier for _, earlier in history]).astype(np.int64)
    if len(p) <= SMALL_V:
        check_fit(pooled[None], rows, K, p, different)
    else:
        if "reference" not in problem.verify_data:
            problem.verify_data["reference"] = reference_rows(problem, p, K, different)
        check_mean(np.log(p)[pooled].mean(axis=1), problem.verify_data["reference"], float(np.ptp(np.log(p))))


REFERENCE_ROWS = 20_000
"""Rows that timed draws are compared with, about ten times as many as there are of them."""


def reference_rows(problem: Problem, p: Floats, K: int, different: bool) -> Floats:
    """Draw the negatives of many rows by the law, for targets of the text, and return each row's mean log-probability."""
    rng = np.random.default_rng(len(p))
    sums = np.cumsum(p)
    targets = rng.choice(np.concatenate([batch[0] for batch in problem.batches]), REFERENCE_ROWS)
    drawn = np.empty((REFERENCE_ROWS, K), np.int64)
    for k in range(K):
        rows = np.arange(REFERENCE_ROWS)
        while len(rows):
            drawn[rows, k] = np.minimum(
                np.searchsorted(sums, rng.random(len(rows)) * sums[-1], side="right"), len(p) - 1
            )
            repeated = drawn[rows, k] == targets[rows]
            if different:
                repeated |= (drawn[rows, :k] == drawn[rows, k][:, None]).any(axis=1)
            rows = rows[repeated]
    return np.asarray(np.log(p)[drawn].mean(axis=1))


def check_mean(got: Floats, reference: Floats, width: float) -> None:
    """Compare rows' mean log-probabilities with the reference's. Bernstein's inequality bounds the random difference."""
    excess = float(got.mean() - reference.mean())
    variance = float(reference.var()) * (1 / len(got) + 1 / len(reference))
    chance = 2 * exp(-(excess**2) / (2 * (variance + width * abs(excess) / (3 * len(got)))))
    if chance < FALSE_REJECTS:
        kind = "frequent" if excess > 0 else "rare"
        raise Wrong(f"{kind} words are drawn too often for the law (p = {chance:.1g})")


def check_fit(drawn: Array, targets: Ints, K: int, p: Floats, different: bool) -> None:
    """Test draws (calls, B, K) against the law: their mean log-probability, which finds another power, and their counts."""
    law_of_draw = np.array(
        [
            np.array(inclusion_probabilities(tuple(p), int(target), K)) / K if different else law_without(p, target)
            for target in targets
        ]
    )
    check_power(drawn, law_of_draw, p)
    if different:  # the draws of a row depend on each other: only one per row is counted
        column = np.random.default_rng(1).integers(K, size=(*drawn.shape[:2], 1))
        drawn = np.take_along_axis(drawn, column, axis=2)
    check_counts(drawn, law_of_draw)


def check_power(drawn: Array, law_of_draw: Floats, p: Floats) -> None:
    """Test the power of the law with a score test: chi-square needs ten times as many draws to distinguish 0.70 from 0.75.

    Bernstein's inequality bounds the random deviation of the sum over rows, with the variance of independent draws.
    Draws without replacement vary less.
    """
    logs = np.log(p) - np.log(p).mean()
    mean = law_of_draw @ logs
    variance = len(drawn) * float((law_of_draw @ logs**2 - mean**2).sum()) / drawn.shape[2]
    excess = float((logs[drawn].mean(axis=2) - mean).sum())
    bound = 2 * (variance + float(np.ptp(logs)) * abs(excess) / 3)
    chance = 2 * exp(-(excess**2) / bound) if bound > 0 else 1.0
    if chance < FALSE_REJECTS:
        kind = "frequent" if excess > 0 else "rare"
        raise Wrong(
            f"{kind} words are drawn too often, as if the law were another power of the counts (p = {chance:.1g})"
        )


def check_counts(drawn: Array, law_of_draw: Floats) -> None:
    """Test how often each word was drawn, by chi-square."""
    from scipy.special import chdtrc

    expected = law_of_draw.mean(axis=0) * drawn.size
    observed = np.bincount(drawn.ravel(), minlength=len(expected)).astype(np.float64)
    order = np.argsort(-expected)
    # at least ten expected draws in each bin
    bins = np.minimum(np.cumsum(expected[order]) // 10, expected.sum() // 10 - 1).astype(int)
    _, bins = np.unique(bins, return_inverse=True)
    want, got = np.bincount(bins, expected[order]), np.bincount(bins, observed[order])
    if len(want) > 1:
        statistic = ((got - want) ** 2 / want).sum()
        chance = float(chdtrc(len(want) - 1, statistic))
        if chance < FALSE_REJECTS:
            raise Wrong(
                f"the draws do not follow the law (chi-square {statistic:.0f} on {len(want) - 1} degrees of freedom, p = {chance:.1g})"
            )


def law_without(p: Floats, target: int) -> Floats:
    """Return the law of one draw that is never the target."""
    law = p.copy()
    law[target] = 0
    return np.asarray(law / law.sum())


@cache
def inclusion_probabilities(p: tuple[float, ...], target: int, K: int) -> tuple[float, ...]:
    """Return the probability that each word is among K different draws; the sum is K.

    Draws without replacement have the order of independent exponential arrivals with rates p: a word is among the K if
    fewer than K others arrive before it. The number of earlier arrivals is a sum of independent binary variables, and its
    law is computed exactly at each of many times. The trapezoid rule over the logarithm of time is exact but for rounding.
    """
    law = law_without(np.array(p), target)
    step = 0.125
    time = np.exp(np.arange(-37 - np.log(law.max()), 4 - np.log(law[law > 0].min()), step))
    arrived = -np.expm1(-np.outer(law, time))
    earlier = np.zeros((len(law), K, len(time)))  # for each word, the probability of this many earlier arrivals
    earlier[:, 0] = 1
    for i in range(len(law)):
        arrival = np.where(np.arange(len(law))[:, None] == i, 0, arrived[i])
        earlier[:, 1:] += arrival[:, None] * (earlier[:, :-1] - earlier[:, 1:])
        earlier[:, 0] *= 1 - arrival
    density = law[:, None] * time * (1 - arrived) * step
    return tuple((earlier.sum(axis=1) * density).sum(axis=1).tolist())


def numbers_drawn(targets: Array, K: int, p: Array, rng: Any, tables: tuple[Array, Array, Array]) -> None:
    _, state, negatives = tables
    for b in range(len(targets)):
        for k in range(K):
            negatives[b, k] = next_bits(state)
