"""sampling.without-replacement: targets (B,), K, p (V,), rng -> (B, K): K different words per row, never its target.

The book's law: words are drawn one after another by p, each from those not yet drawn. The book's code calls
``np.random.choice`` for every row, and each call goes over all V probabilities.
"""

from __future__ import annotations

import numpy as np

from ..corpus.words import Floats, Ints
from ..interface import Array, Deck, Measured, Problem, Work
from ..interface.case import Size
from ..parts.random import draw
from .contract import alias_workspace, numbers_drawn, running_sums, sampler

without_replacement = sampler(
    "sampling.without-replacement",
    "K different negatives per row",
    different=True,
    place=40,
    about="draw wrong words (negatives) at random",
    measured=Measured(at="slow"),
    deck=Deck(
        sizes=tuple(Size(V, B=1, dtype="f64") for V in (10**6, 10**5, 10**4)), beside=("cdf-redraw", "numba-alias")
    ),
)


def passes_over_p(size: Size) -> Work:
    """For each row p is copied, summed, divided and summed up: four reads and three writes of V probabilities."""
    return Work(32.0 * size.B * size.V, 24.0 * size.B * size.V, 3.0 * size.B * size.V)


@without_replacement.implementation(
    "choice-per-row",
    "np.random.choice for every row, as in the book",
    summary="calling np.random.choice for every row, as the book does",
    slide=22,
    baseline=True,
    grows_with="V",
    temporaries="V64",
    traffic=passes_over_p,
)
def choice_per_row(targets: Ints, K: int, p: Floats, rng: np.random.Generator) -> Array:
    negatives = np.empty((len(targets), K), targets.dtype)
    for b, target in enumerate(targets):
        law = p.copy()
        law[target] = 0
        law /= law.sum()
        negatives[b] = rng.choice(len(p), size=K, replace=False, p=law)
    return negatives


def log_law(problem: Problem) -> Array:
    """Return log p, (V,)."""
    return problem.table("log p", lambda: np.log(problem.inputs["p"]))  # type: ignore[no-any-return]


@without_replacement.implementation(
    "gumbel-top-k",
    "Gumbel noise on log p, the K largest",
    summary="adding noise to every word's weight and taking the largest",
    grows_with="V",
    temporaries="BV64+BV64+BV64",
    prepare=log_law,
)
def gumbel_top_k(targets: Ints, K: int, p: Floats, rng: np.random.Generator, log_p: Array) -> Array:
    # the K largest of log p + Gumbel noise are K draws without replacement (Vieira 2014; Kool et al. 2019)
    keys = log_p + rng.gumbel(size=(len(targets), len(p)))
    keys[np.arange(len(targets)), targets] = -np.inf
    return np.argpartition(-keys, K - 1, axis=1)[:, :K].astype(targets.dtype)


@without_replacement.implementation(
    "cdf-redraw",
    "search the running sums, redraw repeated words",
    summary="searching the running sums, and redrawing repeated words",
    prepare=running_sums,
)
def cdf_redraw(targets: Ints, K: int, p: Floats, rng: np.random.Generator, sums: Array) -> Array:
    negatives = np.empty((len(targets), K), targets.dtype)
    for k in range(K):
        rows = np.arange(len(targets))
        while len(rows):
            drawn = np.searchsorted(sums, rng.random(len(rows)), side="right").astype(targets.dtype)
            negatives[rows, k] = drawn
            repeated = (drawn == targets[rows]) | (negatives[rows, :k] == drawn[:, None]).any(axis=1)
            rows = rows[repeated]
    return negatives


@without_replacement.implementation(
    "numba-alias",
    "compiled: alias tables, redraw repeated words",
    summary="picking from alias tables in a compiled loop, and redrawing repeated words",
    jit=True,
    differs="draws with splitmix64, not with NumPy's generator",
    prepare=alias_workspace,
    returns=(2,),
)
def numba_alias(
    targets: Ints, K: int, p: Floats, rng: np.random.Generator, tables: tuple[Array, Array, Array]
) -> Array:
    aliases, state, negatives = tables
    for b in range(len(targets)):
        k = 0
        while k < K:
            word = draw(state, aliases)
            fresh = word != np.uint64(targets[b])
            for earlier in range(k):
                fresh &= np.uint64(negatives[b, earlier]) != word
            if fresh:
                negatives[b, k] = word
                k += 1
    return negatives


# what any implementation must move


NUMBERS = (without_replacement.floor("numbers", prepare=alias_workspace)(numbers_drawn),)
