"""Words: the built-in corpus, texts of one's own, and the index streams that kernels are measured on."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import chisquare
from w2vbench.impls.corpus.batches import distinct
from w2vbench.impls.corpus.texts import encode
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Array
from w2vbench.impls.interface.case import Size
from w2vbench.impls.lookup import lookup

from tests.impls.book import windows

TEXT = "you say goodbye\nand I say hello\n"


def corpus_of(ids: Array) -> Corpus:
    """A corpus in one line whose words are numbers; the rank of each is found by encode."""
    return encode("numbers", [" ".join("w" + "abcdefghij"[i % 10] * (i // 10 + 1) for i in ids.tolist())])


@given(st.integers(0, 6), st.integers(0, 9), st.integers(1, 12), st.integers(0, 99))
def test_distinct_ids_of_many_batches_are_those_of_each(number: int, B: int, V: int, seed: int) -> None:
    batches = np.random.default_rng(seed).integers(0, V, (number, B))
    found, want = distinct(batches), [np.unique(batch) for batch in batches]
    assert [rows.tolist() for rows in found] == [rows.tolist() for rows in want]


def follows_text(part: Array, ids: Array) -> bool:
    """Whether a stream has the ids of a text in order from some position on, and starts again after its end."""
    around = np.resize(ids, len(ids) + len(part))
    return any(np.array_equal(around[at : at + len(part)], part) for at in range(len(ids)))


def texts(highest: int, longest: int) -> st.SearchStrategy[list[int]]:
    """Ids of two words at least."""
    ids = st.lists(st.integers(0, highest), min_size=2, max_size=longest)
    return ids.filter(lambda ids: len(set(ids)) > 1)


# the built-in corpus


def test_the_builtin_corpus_is_the_state_of_the_union(corpus: Corpus) -> None:
    assert 1_900_000 < len(corpus.ids) < 2_200_000
    assert 25_000 < len(corpus.counts) < 26_500
    assert corpus.vocabulary[:3] == ("the", "of", "to")
    assert corpus.counts[0] / len(corpus.ids) > 0.05
    first = "fellow citizens of the senate and house of representatives i embrace with great satisfaction"
    assert [corpus.vocabulary[i] for i in corpus.ids[:14]] == first.split()


# ids


def test_ids_of_a_text_count_its_words() -> None:
    """``say`` comes twice and is word 0; the others come once and follow in the order of the text."""
    corpus = encode("song", [TEXT])
    assert corpus.vocabulary == ("say", "you", "goodbye", "and", "i", "hello")
    assert corpus.ids.tolist() == [1, 0, 2, 3, 4, 0, 5]
    assert corpus.counts.tolist() == [2, 1, 1, 1, 1, 1]
    assert corpus.starts.tolist() == [0, 3]


@given(texts(30, 200))
def test_ids_are_ranks_whatever_the_text(ids: list[int]) -> None:
    corpus = corpus_of(np.array(ids))
    assert corpus.counts.tolist() == sorted(Counter(ids).values(), reverse=True)
    assert np.array_equal(np.bincount(corpus.ids), corpus.counts)


# streams with V words


@given(ids=texts(12, 60), V=st.integers(2, 13), length=st.integers(0, 150), seed=st.integers(0, 99))
def test_a_stream_is_the_text_itself_from_some_place_on(ids: list[int], V: int, length: int, seed: int) -> None:
    """Rarer words than V are left out; nothing is reordered, skipped or repeated until the text is through."""
    corpus = corpus_of(np.array(ids))
    V = min(V, len(corpus.counts))
    stream = corpus.stream(Size(V), length, np.random.default_rng(seed))
    assert len(stream) == length
    assert follows_text(stream, corpus.ids[corpus.ids < V])


@pytest.mark.parametrize("begin", range(0, 2000, 90))
def test_a_stream_skips_nothing_where_most_words_are_too_rare_to_keep(begin: int) -> None:
    """Half of this text, end to end, is left out: a stream that begins there must read on until it has its length."""
    rng = np.random.default_rng(0)
    corpus = corpus_of(np.concatenate([20 + np.arange(1000) // 2, rng.integers(0, 20, 1000)]))
    onward = np.concatenate([corpus.ids[begin:], corpus.ids])
    assert np.array_equal(corpus.running_text(20, 300, begin), onward[onward < 20][:300])


def test_small_vocabularies_keep_the_most_frequent_words_and_say_what_is_lost(corpus: Corpus) -> None:
    frequent = {word for word, _ in Counter(corpus.ids.tolist()).most_common(1000)}
    share = sum(i in frequent for i in corpus.ids.tolist()) / len(corpus.ids)
    assert corpus.token_share(1000) == pytest.approx(share)
    assert f"{share:.1%}" in corpus.describe(1000)
    assert corpus.token_share(len(corpus.counts)) == 1
    stream = corpus.stream(Size(1000), 50_000, np.random.default_rng(0))
    assert set(stream.tolist()) <= frequent


@pytest.mark.parametrize("index", ["i32", "i64"])
@pytest.mark.parametrize("kind", ["zipf", "uniform", "repeat"])
@pytest.mark.parametrize("V", [2, 1000, 200_000])
def test_ids_have_the_index_dtype_and_lie_below_v(corpus: Corpus, index: str, kind: str, V: int) -> None:
    size = Size(V, B=50, index=index, words=kind)
    for batch in corpus.batches(size, 20, np.random.default_rng(0)):
        assert (batch.dtype, batch.shape) == (size.index_type, (50,))
        assert batch.flags["C_CONTIGUOUS"]
        assert 0 <= batch.min() <= batch.max() < V


# above the corpus's vocabulary


def tail_share(corpus: Corpus, V: int) -> float:
    """The share of words that the corpus has not, by its stated law."""
    own, law = len(corpus.counts), corpus.tail
    tail: float = sum(min(law.scale * r**-law.exponent, float(corpus.counts[-1])) for r in range(own + 1, V + 1))
    return tail / (tail + float(corpus.counts.sum()))


def test_large_vocabularies_state_their_tail_law(corpus: Corpus) -> None:
    """What the text cannot settle is named where its results are shown: the law, its parameter and how much it matters."""
    line = corpus.describe(1_000_000)
    assert f"rank^-{corpus.tail.exponent:.2f}" in line
    assert f"{len(corpus.counts):,}" in line
    assert f"{tail_share(corpus, 1_000_000):.1%}" in line
    assert "\n" not in line
    assert 1.05 <= corpus.tail.exponent <= 1.75


def test_added_words_come_as_often_as_their_law_says(corpus: Corpus) -> None:
    """Their number is binomial; how it spreads over the octaves of rank is tested by chi-square, at one in a million."""
    V, n = 200_000, 300_000
    stream, own = corpus.stream(Size(V), n, np.random.default_rng(5)), len(corpus.counts)
    share, added = tail_share(corpus, V), stream[stream >= own]
    assert abs(len(added) - n * share) < 5 * np.sqrt(n * share * (1 - share))
    edges = np.geomspace(own, V, 20).astype(int)
    law = corpus.expected_counts(V)
    expected = np.add.reduceat(law, edges[:-1])
    observed, _ = np.histogram(added, np.append(edges[:-1], V))
    assert chisquare(observed, expected * len(added) / expected.sum()).pvalue > 1e-6


def test_added_words_take_places_in_the_text_and_the_rest_stays_in_reading_order() -> None:
    corpus = corpus_of(np.random.default_rng(0).integers(0, 30, 300))
    own = len(corpus.counts)
    stream = corpus.stream(Size(4000), 200, np.random.default_rng(1))
    ours = stream < own
    assert 0 < ours.sum() < 200
    around = np.lib.stride_tricks.sliding_window_view(np.resize(corpus.ids, 500), 200)
    assert (around[:, ours] == stream[ours]).all(axis=1).any()


@pytest.mark.parametrize("exponent", [0.8, 1.0, 1.3, 2.0])
def test_the_tail_law_of_a_text_that_follows_one_is_found(exponent: float) -> None:
    counts = np.maximum(1, np.round(1e7 * np.arange(1, 5001.0) ** -exponent)).astype(np.int64)
    corpus = Corpus("law", counts, np.zeros(1, np.int32), np.zeros(1, np.int64))
    assert corpus.tail.exponent == pytest.approx(exponent, abs=0.03)


@given(counts=st.lists(st.integers(1, 10**6), min_size=2, max_size=40), more=st.integers(1, 500))
def test_any_text_is_kept_and_goes_on_falling(counts: list[int], more: int) -> None:
    falling = np.array(sorted(counts, reverse=True))
    corpus = Corpus("any", falling, np.zeros(int(falling.sum()), np.int8), np.zeros(1, np.int64))
    V = len(counts) + more
    law = corpus.expected_counts(V)
    assert law.shape == (V,)
    assert np.array_equal(law[: len(counts)], falling)
    assert np.all(np.diff(law) <= 0)
    assert law[-1] > 0
    assert corpus.noise(V).sum() == pytest.approx(1)
    assert "--" not in corpus.describe(V)


def test_noise_is_the_counts_to_the_power_three_quarters(corpus: Corpus) -> None:
    p = corpus.noise(500)
    assert p.dtype == np.float64
    assert p.sum() == pytest.approx(1)
    assert p[0] / p[100] == pytest.approx((corpus.counts[0] / corpus.counts[100]) ** 0.75)
    assert corpus.noise(500, power=1.0) == pytest.approx(corpus.counts[:500] / corpus.counts[:500].sum())


# other streams and batches


def test_uniform_words_are_uniform(corpus: Corpus) -> None:
    stream = corpus.stream(Size(50, words="uniform"), 50_000, np.random.default_rng(2))
    assert chisquare(np.bincount(stream, minlength=50)).pvalue > 1e-6


def test_repeat_makes_one_batch_and_other_streams_rotate(corpus: Corpus) -> None:
    def batches_of(kind: str) -> list[Array]:
        return [idx for _, idx in lookup.make(Size(1000, words=kind), corpus, np.random.default_rng(0)).batches]

    assert len(batches_of("repeat")) == 1
    for kind in ("zipf", "uniform"):
        assert len({batch.tobytes() for batch in batches_of(kind)}) >= 16


@given(B=st.integers(0, 20), number=st.integers(1, 12), seed=st.integers(0, 99))
def test_batches_follow_each_other_in_the_text(B: int, number: int, seed: int) -> None:
    corpus = corpus_of(np.random.default_rng(0).integers(0, 20, 90))
    batches = corpus.batches(Size(len(corpus.counts), B=B), number, np.random.default_rng(seed))
    assert [len(batch) for batch in batches] == [B] * number
    assert follows_text(np.concatenate(batches), corpus.ids)


def test_the_same_seed_gives_the_same_stream_and_another_begins_elsewhere(corpus: Corpus) -> None:
    for V in (1000, 10**5):
        one, other, another = (corpus.stream(Size(V), 1000, np.random.default_rng(seed)) for seed in (7, 7, 8))
        assert np.array_equal(one, other)
        assert not np.array_equal(one, another)


# windows


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(1, 4))
def test_windows_are_those_of_each_line_by_itself(lengths: list[int], window: int) -> None:
    """Each word with a full window in its line, after the words around it. Each line here has words of its own."""
    assume(sum(lengths) > 1)
    lines = ([f"{'abcdefghijkl'[line]}{'xyzuvwrst'[i]}" for i in range(n)] for line, n in enumerate(lengths))
    corpus = encode("lines", ["\n".join(map(" ".join, lines))])
    contexts, targets = corpus.windows(window)
    want = [windows(ids, window) for ids in np.split(corpus.ids, corpus.starts[1:]) if len(ids) > 2 * window]
    assert contexts.shape == (len(targets), 2 * window)
    np.testing.assert_array_equal(contexts, np.concatenate([np.empty((0, 2 * window)), *(one for one, _ in want)]))
    np.testing.assert_array_equal(targets, np.concatenate([[], *(one for _, one in want)]))


# save and load


def test_a_worker_loads_the_corpus_that_was_saved(corpus: Corpus, tmp_path: Path) -> None:
    replace(corpus, name="日本語 café.txt").save(tmp_path)
    loaded = Corpus.load(tmp_path)
    assert loaded.name == "日本語 café.txt"
    for part in ("counts", "ids", "starts"):
        np.testing.assert_array_equal(getattr(loaded, part), getattr(corpus, part), strict=True)
    for size in (Size(1000), Size(100_000)):
        ours, theirs = (one.stream(size, 5000, np.random.default_rng(1)) for one in (corpus, loaded))
        assert np.array_equal(ours, theirs)
