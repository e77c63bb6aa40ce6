"""The book's UnigramSampler: its law, its generator, and the samplers it may be given."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare
from w2vbench.impls.interface import Implementation
from w2vbench.impls.layers import CBOW, UnigramSampler
from w2vbench.impls.sampling.with_replacement import alias
from w2vbench.impls.sampling.without_replacement import gumbel_top_k

from tests.impls.book import SENTENCE


@pytest.fixture(autouse=True)
def seed() -> None:
    np.random.seed(0)


@pytest.mark.parametrize("power", [0.75, 1, 0, -1])
def test_the_law_is_frequency_to_the_power(power: float) -> None:
    want = np.array([0.35, 0.145, 0.005, 0.5]) ** power
    sampler = UnigramSampler(np.repeat([0, 1, 2, 3], [70, 29, 1, 100]), power, 2)
    np.testing.assert_allclose(sampler.word_p, want / want.sum(), rtol=1e-12)
    assert (sampler.vocab_size, sampler.sample_size) == (4, 2)


@pytest.mark.parametrize("power", [0.75, 0])
def test_words_that_do_not_occur_are_never_drawn(power: float) -> None:
    sampler = UnigramSampler(np.array([1, 1, 4, 2, 5]), power, 3)
    assert sampler.word_p[[0, 3]].tolist() == [0, 0]
    assert sorted(sampler.get_negative_sample(np.array([4]))[0].tolist()) == [1, 2, 5]


@pytest.mark.parametrize("draw", [None, alias, gumbel_top_k])
def test_single_negatives_follow_the_law(draw: Implementation | None) -> None:
    """Of any sampler: that each follows the law it is given is shown in test_sampling.py."""
    counts = np.array([500, 200, 80, 30, 10])
    sampler = UnigramSampler(np.repeat(np.arange(5), counts), 0.75, 1, draw=draw)
    drawn = np.bincount(sampler.get_negative_sample(np.ones(5000, np.int64)).ravel(), minlength=5)
    assert drawn[1] == 0

    def fit(power: float) -> float:
        law = np.delete(counts, 1) ** power
        return float(chisquare(np.delete(drawn, 1), 5000 * law / law.sum()).pvalue)

    assert fit(0.75) > 1e-6
    assert fit(1.0) < 1e-6


def test_the_books_draws_come_from_numpys_global_generator() -> None:
    np.random.seed(2)
    law = np.array([1, 2, 1, 1, 1, 1, 1]) ** 0.75
    law[4] = 0
    want = [np.random.choice(7, size=3, replace=False, p=law / law.sum()).tolist() for _ in range(4)]
    np.random.seed(2)
    assert UnigramSampler(SENTENCE, 0.75, 3).get_negative_sample(np.full(4, 4)).tolist() == want


def test_a_corpus_with_too_few_words_to_draw_from_is_refused() -> None:
    few = np.array([0, 1, 2, 1])
    for corpus, draw in ((few, None), (few[[0, 0]], alias)):
        with pytest.raises(ValueError, match="too small"):
            UnigramSampler(corpus, 0.75, 3, draw=draw)
    assert UnigramSampler(few, 0.75, 3, draw=alias).get_negative_sample(np.array([0])).shape == (1, 3)


def test_a_word_id_beyond_the_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match="word id 6"):
        CBOW(5, 2, 1, SENTENCE)
