"""sampling: the tables that draws are made from hold the law itself, and so does the check that draws are held against."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from w2vbench.impls.compiling.functions import compiled
from w2vbench.impls.corpus.texts import encode
from w2vbench.impls.interface import Array, Implementation, Problem
from w2vbench.impls.interface.case import Size
from w2vbench.impls.parts.random import alias_table, integer_alias_table, next_bits, state
from w2vbench.impls.sampling.contract import inclusion_probabilities
from w2vbench.impls.sampling.with_replacement import TABLE, integer_sums, unigram_table

from tests.impls.calling import called, for_every, implementations

DIFFERENT, INDEPENDENT = map(implementations, ("sampling.without-replacement", "sampling.with-replacement"))
EVERY = [*DIFFERENT, *INDEPENDENT]


def scaled(weights: Any) -> Array:
    p = np.array(weights)
    return np.asarray(p / p.sum())


def laws(longest: int, least: float = 1e-9) -> st.SearchStrategy[Array]:
    """Any probabilities of two words or more: nearly equal, far apart, one of them nearly all."""
    anything = st.lists(st.floats(least, 1), min_size=2, max_size=longest)
    few_values = st.lists(st.sampled_from([least, 0.1, 1.0]), min_size=2, max_size=longest)
    zipf = st.builds(
        lambda V, power: np.arange(1, V + 1.0) ** -power, st.integers(2, longest), st.just(0.0) | st.floats(0, 3)
    )
    return st.one_of(anything, few_values, zipf).map(scaled)


def table_of(p: Array) -> Problem:
    """What a table of the law is made from."""
    return Problem(Size(len(p), 1, 1, 1), {"p": p}, (), 1.0)


def drawn(implementation: Implementation, p: Array, targets: Array, K: int, seed: int = 0) -> Array:
    """Negatives (B, K), drawn with the workspace that the implementation asks for."""
    size = Size(len(p), 1, len(targets), K, index=f"i{8 * targets.itemsize}")
    return np.asarray(called(implementation, size, targets, K, p, np.random.default_rng(seed)))


def assert_binomial(counts: Any, times: int, chances: Any) -> None:
    """Each count among so many times is likely by its chance, at one in a million."""
    low, high = binom.interval(1 - 2e-6, times, chances)
    assert np.all((low <= counts) & (counts <= high))


# the reference: which words are among K different draws


def included_by_hand(p: Array, target: int, K: int) -> Array:
    """All ordered ways to draw K different words one after another, each with its probability."""
    law = p.copy()
    law[target] = 0
    result = np.zeros(len(p))
    for way in permutations([word for word in range(len(p)) if word != target], K):
        chance, left = 1.0, law.sum()
        for word in way:
            chance *= law[word] / left
            left -= law[word]
        result[list(way)] += chance
    return result


@given(p=laws(30), data=st.data())
def test_inclusion_probabilities_add_up_to_the_number_of_draws(p: Array, data: st.DataObject) -> None:
    target, K = data.draw(st.integers(0, len(p) - 1)), data.draw(st.integers(1, len(p) - 1))
    chances = np.array(inclusion_probabilities(tuple(p), target, K))
    assert chances.sum() == pytest.approx(K, rel=1e-10)
    assert chances[target] == 0
    assert np.all((chances >= 0) & (chances <= 1 + 1e-10))


@settings(max_examples=40)
@given(p=laws(6, least=1e-4), data=st.data())
def test_inclusion_probabilities_are_those_of_drawing_one_after_another(p: Array, data: st.DataObject) -> None:
    target, K = data.draw(st.integers(0, len(p) - 1)), data.draw(st.integers(1, min(3, len(p) - 1)))
    np.testing.assert_allclose(
        inclusion_probabilities(tuple(p), target, K), included_by_hand(p, target, K), rtol=1e-8, atol=1e-11
    )


# tables


def implied(threshold: Array, alias: Array) -> Array:
    """The law that alias tables stand for: a word's own share of its column, and what other columns give to it."""
    p = threshold.copy()
    np.add.at(p, alias, 1 - threshold)
    return p / len(p)


@given(laws(200))
@example(scaled([0.5, 0.5]))
@example(scaled([1.0, 1e-9]))
@example(scaled([1e-12, 1.0]))
@example(scaled([1.0, *[1e-9] * 50]))
@example(scaled([*[1e-9] * 50, 1.0]))
@example(scaled([1.0, 1e-9] * 30))
@example(scaled(1 / np.arange(1, 300_001)))
def test_alias_tables_hold_the_law_exactly_and_compiled_ones_but_for_rounding(p: Array) -> None:
    threshold, alias = alias_table(p)
    assert np.all((threshold > -1e-12) & (threshold < 1 + 1e-12))
    assert np.all((alias >= 0) & (alias < len(p)))
    np.testing.assert_allclose(implied(threshold, alias), p, rtol=0, atol=1e-12)
    whole = integer_alias_table(p)
    assert whole.dtype == np.uint32
    np.testing.assert_array_equal(whole[:, 1], alias)
    np.testing.assert_allclose(whole[:, 0] / 2**32, threshold, atol=2**-31)


def test_alias_tables_hold_equal_words_of_any_number() -> None:
    """1/V is not exact, and V of them may add up to a little more or less than one."""
    for V in range(2, 1500):
        for p in (np.full(V, 1 / V), np.full(V, 0.1)):
            threshold, alias = alias_table(p)
            np.testing.assert_allclose(implied(threshold, alias), 1 / V, rtol=1e-12)


@given(laws(200))
def test_whole_running_sums_differ_from_the_law_by_rounding_alone(p: Array) -> None:
    """gensim's table: each probability is a multiple of about 2⁻³¹, so it is off by that much at most."""
    sums = integer_sums(table_of(p)).astype(np.int64)
    assert sums[-1] == 2**31 - 1
    assert np.all(np.diff(sums, prepend=0) >= 0)
    off = np.abs(np.diff(sums, prepend=0) / sums[-1] - p)
    assert off.max() <= 1.001 * 2.0**-31 + 1e-15
    assert off.sum() <= len(p) * 2.0**-31


@settings(max_examples=10)
@given(laws(200))
@example(scaled([1.0, 1e-9]))
@example(scaled([1e-9, 1.0]))
def test_the_table_of_ten_million_ids_differs_from_the_law_by_one_entry_at_most(p: Array) -> None:
    """word2vec.c's table: a probability is off by one entry of ten million at most."""
    ids = unigram_table(table_of(p))
    assert len(ids) == TABLE == 10**7
    shares = np.bincount(ids, minlength=len(p)) / TABLE
    assert len(shares) == len(p)
    assert np.abs(shares - p).max() <= 1.000001e-7


# draws


@for_every([p for p in EVERY if p.values[0].slug != "table"], p=laws(12, least=0.05), data=st.data())
def test_negatives_are_words_and_never_their_target(
    implementation: Implementation, p: Array, data: st.DataObject
) -> None:
    index = data.draw(st.sampled_from(["i4", "i8"]))
    targets = np.array(data.draw(st.lists(st.integers(0, len(p) - 1), max_size=12)), index)
    K = data.draw(st.integers(1, len(p) - 1))
    negatives = drawn(implementation, p, targets, K, seed=data.draw(st.integers(0, 99)))
    assert negatives.shape == (len(targets), K)
    assert negatives.dtype == targets.dtype
    assert np.all((negatives >= 0) & (negatives < len(p)))
    assert not np.any(negatives == targets[:, None])
    if "without" in implementation.kernel.name:
        assert all(len(set(row)) == K for row in negatives.tolist())


@pytest.mark.parametrize("implementation", INDEPENDENT)
def test_independent_draws_have_the_laws_shares(implementation: Implementation) -> None:
    """Beside a rare target."""
    p = scaled([8, 4, 2, 1, 1, 0.5, 0.25, 0.01])
    counts = np.bincount(drawn(implementation, p, np.full(20_000, 7), 10).ravel(), minlength=8)
    assert_binomial(counts[:7], 200_000, p[:7] / p[:7].sum())


@pytest.mark.parametrize("implementation", DIFFERENT)
def test_different_draws_include_each_word_as_often_as_drawing_one_after_another(
    implementation: Implementation,
) -> None:
    p, K, times = scaled([8, 4, 2, 1, 1, 0.5]), 2, 8000
    counts = np.bincount(drawn(implementation, p, np.full(times, 2), K).ravel(), minlength=6)
    assert_binomial(counts, times, included_by_hand(p, 2, K))


@pytest.mark.parametrize("implementation", EVERY)
def test_the_same_generator_gives_the_same_negatives(implementation: Implementation) -> None:
    p, targets = scaled([5, 4, 3, 2, 1]), np.array([0, 1, 2, 0, 4])
    one, other, another = (drawn(implementation, p, targets, 3, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, another)


def test_more_different_negatives_than_other_words_are_refused_before_any_is_drawn() -> None:
    song = encode("song", ["you say goodbye and I say hello"])
    with pytest.raises(ValueError, match="5 different negatives"):
        DIFFERENT[0].values[0].kernel.make(Size(5, 1, 3, 5), song, np.random.default_rng(0))


# random numbers in compiled code


def test_the_generator_gives_the_numbers_of_its_paper() -> None:
    """First outputs of splitmix64 from seed 1234567, as Vigna's reference code (splitmix64.c) prints them."""
    known = (6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821)
    generator, bits = state(1234567), compiled(next_bits)
    assert tuple(int(bits(generator)) for _ in known) == known
