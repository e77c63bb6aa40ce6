"""Threads of compiled training: how a text is divided, and how copies of rows come together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from impls.training.compiled import CompiledModel
from impls.training.contract import Settings
from impls.training.threads import CHUNK, parts_of
from tests.impls.texts import problem_of, text


@given(words=st.integers(0, 2_000_000), threads=st.integers(1, 64))
def test_parts_are_all_of_a_text_and_become_shorter(words: int, threads: int) -> None:
    parts = parts_of(words, threads)
    assert [begin for begin, _ in parts] == [0, *(end for _, end in parts)][: len(parts)]
    assert (parts[-1][1] if parts else 0) == words
    lengths = [end - begin for begin, end in parts]
    assert all(long >= short > 0 for long, short in pairwise([*lengths, 1]))
    assert 2 * len(parts) >= min(threads, words)  # threads have work, even of few words


def test_the_last_parts_are_short_so_that_threads_end_together() -> None:
    lengths = [end - begin for begin, end in parts_of(120_000, 2)]
    assert lengths[-1] < lengths[0] / 8
    assert len(lengths) < 30


def four_threads(alpha: float) -> CompiledModel:
    """A model of 100 words with 1,000 occurrences each, and four threads, which copy 5 rows."""
    problem = problem_of(text(*range(10)), H=4, K=5, counts=np.full(100, 1e3), threads=4, settings=Settings())
    model = CompiledModel(problem, skip_gram=True)
    model.alpha = alpha
    return model


def test_copies_of_frequent_rows_come_together_as_if_threads_had_taken_turns() -> None:
    """A row that is hardly used moves by the sum of what the threads did, one that has settled by their mean."""
    for alpha, words, expected in ((1e-9, 100, 4.0), (1e3, 10**6, 1.0)):
        model = four_threads(alpha)
        before = [table.copy() for table in model.shared]
        for thread in model.threads:
            thread.copies.take()
            for own in thread.copies.own:
                own += 1.0
        for thread in model.threads:
            model.set_shares(thread.copies, words)
            thread.copies.merge()
        for table, was in zip(model.shared, before, strict=True):
            np.testing.assert_allclose((table - was)[:5], expected, rtol=1e-4)
            assert (table[5:] == was[5:]).all()


def test_a_thread_merges_its_copies_while_it_trains() -> None:
    line = text(*range(100))
    words, starts = np.tile(line[0], 250), np.arange(0, 25_001, 100)
    problem = problem_of((words, starts), H=4, K=5, counts=np.full(100, 1e3), threads=4, settings=Settings())
    model = CompiledModel(problem, skip_gram=True)
    thread = model.threads[0]
    thread.copies.take()
    before = model.W_in.copy()
    each = CHUNK // len(model.threads)
    model.set_shares(thread.copies, each)
    model.train(thread, words.astype(np.int32), starts, 0, each - 1)  # the line in which it would have been time
    assert (model.W_in[:5] == before[:5]).all()
    model.train(thread, words.astype(np.int32), starts, each - 1, each)
    assert (model.W_in[:5] != before[:5]).all()
    assert thread.copies.progress[0] == 0
    np.testing.assert_array_equal(thread.copies.own[0], model.shared[0][:5])
