"""sampling.with-replacement: targets (B,), K, p (V,), rng -> (B, K): independent draws, none of them its row's target.

The law of word2vec.c and gensim. Most implementations draw the whole batch at once, and redraw where they hit a target.
They differ in what one draw costs: V additions, log V comparisons, or two memory accesses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..corpus.words import Floats, Ints
from ..interface import Array, Problem, Work
from ..interface.case import Size
from ..parts.jax_peers import Program, on_jax, program
from ..parts.random import S32, alias_table, draw, next_bits
from ..parts.torch_peers import tensors, torch_on
from .contract import alias_workspace, numbers_drawn, own_seed, running_sums, sampler

with_replacement = sampler("sampling.with-replacement", "K independent negatives per row", different=False, place=41)

TABLE = 10_000_000
"""Entries of word2vec.c's table of words."""


def not_targets(targets: Ints, K: int, draw: Callable[[int], Array]) -> Array:
    """Draw (B, K) words, and redraw those that are their row's target."""
    negatives = draw(len(targets) * K).reshape(len(targets), K).astype(targets.dtype)
    while (hits := np.flatnonzero(negatives == targets[:, None])).size:
        negatives.reshape(-1)[hits] = draw(len(hits))
    return negatives


def passes_over_p(size: Size) -> Work:
    """p is summed up and divided once a call: two reads and two writes of V probabilities."""
    return Work(16.0 * size.V, 16.0 * size.V, 2.0 * size.V)


@with_replacement.implementation(
    "choice",
    "Generator.choice with p",
    summary="calling Generator.choice with probabilities",
    baseline=True,
    grows_with="V",
    temporaries="V64",
    traffic=passes_over_p,
)
def choice(targets: Ints, K: int, p: Floats, rng: np.random.Generator) -> Array:
    return not_targets(targets, K, lambda n: rng.choice(len(p), size=n, p=p))


@with_replacement.implementation(
    "cdf", "search the running sums", summary="searching the running sums", prepare=running_sums
)
def cdf(targets: Ints, K: int, p: Floats, rng: np.random.Generator, sums: Array) -> Array:
    return not_targets(targets, K, lambda n: np.searchsorted(sums, rng.random(n), side="right"))


def integer_sums(problem: Problem) -> Array:
    """Return running sums of p as integers up to 2^31 - 1, (V,) uint32, like gensim's cum_table."""
    return np.round(running_sums(problem) * (2**31 - 1)).astype(np.uint32)


@with_replacement.implementation(
    "cum-table",
    "search gensim's table of integer running sums, approximate",
    summary="searching gensim's table of running sums",
    prepare=integer_sums,
)
def cum_table(targets: Ints, K: int, p: Floats, rng: np.random.Generator, sums: Array) -> Array:
    # approximate: a probability is a multiple of 2^-31
    return not_targets(
        targets, K, lambda n: np.searchsorted(sums, rng.integers(sums[-1], size=n, dtype=np.uint32), side="right")
    )


def unigram_table(problem: Problem) -> Array:
    """Return ten million word ids, each in proportion to its probability, (10^7,) int32, like word2vec.c's table."""
    ends = np.round(running_sums(problem) * TABLE).astype(np.int64)
    return np.repeat(np.arange(len(ends), dtype=np.int32), np.diff(ends, prepend=0))


@with_replacement.implementation(
    "table",
    "pick from a table of ten million ids, approximate",
    summary="picking from a table of ten million words",
    prepare=unigram_table,
)
def table(targets: Ints, K: int, p: Floats, rng: np.random.Generator, ids: Array) -> Array:
    # approximate: a probability is a multiple of 10^-7, so a rarer word may never be drawn
    return not_targets(targets, K, lambda n: ids[rng.integers(TABLE, size=n)])


def alias_tables(problem: Problem) -> tuple[Array, Array]:
    """Return thresholds (V,) float64 and aliases (V,)."""
    return problem.table("alias tables", lambda: alias_table(problem.inputs["p"]))  # type: ignore[no-any-return]


@with_replacement.implementation("alias", "alias tables", summary="picking from alias tables", prepare=alias_tables)
def alias(targets: Ints, K: int, p: Floats, rng: np.random.Generator, tables: tuple[Array, Array]) -> Array:
    threshold, other = tables

    def draw(n: int) -> Array:
        at = rng.random(n) * len(threshold)
        word = at.astype(np.int64)
        return np.where(at - word < threshold[word], word, other[word])

    return not_targets(targets, K, draw)


def cum_table_workspace(problem: Problem) -> tuple[Array, Array, Array]:
    """Return gensim's table; a generator's state, (1,) uint64; and a buffer for the negatives, (B, K)."""
    _, state, negatives = alias_workspace(problem)
    return integer_sums(problem), state, negatives


@with_replacement.implementation(
    "numba-cum-table",
    "compiled: search gensim's table, as gensim does, approximate",
    summary="searching gensim's table in a compiled loop, as gensim does",
    jit=True,
    differs="draws with splitmix64, not with NumPy's generator",
    prepare=cum_table_workspace,
    returns=(2,),
)
def numba_cum_table(
    targets: Ints, K: int, p: Floats, rng: np.random.Generator, tables: tuple[Array, Array, Array]
) -> Array:
    sums, state, negatives = tables
    for b in range(len(targets)):
        for k in range(K):
            word = targets[b]
            while word == targets[b]:
                drawn = ((next_bits(state) >> S32) * np.uint64(sums[-1])) >> S32
                low, high = 0, len(sums)
                while low < high:
                    middle = (low + high) // 2
                    if np.uint64(sums[middle]) > drawn:
                        high = middle
                    else:
                        low = middle + 1
                word = low
            negatives[b, k] = word
    return negatives


@with_replacement.implementation(
    "numba-alias",
    "compiled: alias tables, one random number a draw",
    summary="picking from alias tables in a compiled loop",
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
        for k in range(K):
            word = draw(state, aliases)
            while word == np.uint64(targets[b]):
                word = draw(state, aliases)
            negatives[b, k] = word
    return negatives


def torch_and_generator(problem: Problem) -> tuple[Any, Any]:
    torch = torch_on(problem)
    return torch, torch.Generator().manual_seed(own_seed(problem))


def with_tensors(workspace: tuple[Any, Any], *batch: Any) -> tuple[Any, ...]:
    return tensors(workspace[0], *batch)


@with_replacement.implementation(
    "torch",
    "torch.multinomial",
    summary="drawing with torch.multinomial",
    grows_with="V",
    temporaries="V64",
    differs="draws with torch's generator, not with NumPy's",
    requires=("torch",),
    prepare=torch_and_generator,
    adapt=with_tensors,
    traffic=passes_over_p,
)
def torch(targets: Any, K: int, p: Any, rng: np.random.Generator, workspace: tuple[Any, Any]) -> Any:
    torch, generator = workspace
    negatives = targets[:, None].repeat(1, K)
    while len(hits := torch.nonzero((negatives == targets[:, None]).reshape(-1))[:, 0]):
        drawn = torch.multinomial(p, len(hits), replacement=True, generator=generator)
        negatives.view(-1)[hits] = drawn.to(targets.dtype)
    return negatives


def jax_draws(targets: Any, p: Any, key: Any, K: int) -> tuple[Any, Any]:
    """Return negatives, and the key of the next draws."""
    import jax
    import jax.numpy as jnp

    def hits(drawn: tuple[Any, Any]) -> Any:
        return (drawn[0] == targets[:, None]).any()

    def draw(drawn: tuple[Any, Any]) -> tuple[Any, Any]:
        negatives, key = drawn
        key, own = jax.random.split(key)
        others = jax.random.choice(own, len(p), negatives.shape, p=p).astype(targets.dtype)
        return jnp.where(negatives == targets[:, None], others, negatives), key

    return jax.lax.while_loop(hits, draw, (jnp.repeat(targets[:, None], K, axis=1), key))  # type: ignore[no-any-return]


def jax_key(problem: Problem) -> tuple[Array]:
    """Return the state of JAX's default generator, (2,) uint32."""
    return (np.array([own_seed(problem)], np.uint64).view(np.uint32),)


@with_replacement.implementation(
    "jax",
    "jax.random.choice",
    summary="drawing with jax.random.choice",
    grows_with="V",
    temporaries="V64",
    differs="draws with JAX's generator, not with NumPy's",
    requires=("jax",),
    prepare=program(jax_draws, ("iB", "V64"), more=jax_key, settings=lambda problem: {"K": problem.size.K}),
    adapt=on_jax,
    traffic=passes_over_p,
    source_functions=(jax_draws,),
)
def jax(targets: Any, K: int, p: Any, rng: np.random.Generator, program: Program) -> Any:
    negatives, *program.more = program.run(targets, p, *program.more)
    return negatives.block_until_ready()


# what any implementation must move


NUMBERS = (with_replacement.floor("numbers", prepare=alias_workspace)(numbers_drawn),)
