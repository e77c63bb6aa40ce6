"""Threads of compiled training: how a text is divided, and how copies of rows come together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.impls.training.compiled import CompiledModel
from w2vbench.impls.training.pairs import pairs_in
from w2vbench.impls.training.settings import EVERY_PAIR
from w2vbench.impls.training.threads import (
    CHUNK,
    CONVERGENCE,
    FREQUENT_ROWS,
    marks_of,
    merge_copies,
    part_of,
    rows_due,
    share_of_move,
    take_copies,
)

from tests.impls.corpus.texts import problem_of, text


@given(words=st.integers(0, 2_000_000), threads=st.integers(1, 64))
def test_parts_are_all_of_a_text_and_become_shorter(words: int, threads: int) -> None:
    marks = marks_of(words, threads)
    assert part_of(len(marks) - 1, words, threads) == (words, words)  # no more parts
    assert (marks[0], marks[-1]) == (0, words)
    lengths = np.diff(marks).tolist()
    assert all(long >= short > 0 for long, short in pairwise([*lengths, 1]))
    assert 2 * len(lengths) >= min(threads, words)  # at least half of the threads have work, even of few words
    assert threads > 1 or len(lengths) <= 1


def test_the_last_parts_are_short_so_that_threads_end_together() -> None:
    lengths = np.diff(marks_of(120_000, 2))
    assert lengths[-1] < lengths[0] / 8
    assert len(lengths) < 40


def four_threads(skip_gram: bool = True) -> CompiledModel:
    """A model of 100 words that occur equally often, and four threads, which copy 5 rows."""
    problem = problem_of(text(*range(10)), H=4, K=5, counts=np.full(100, 1e3), threads=4)
    return CompiledModel(problem, skip_gram)


@pytest.mark.parametrize("others_work", [True, False])
def test_every_line_is_trained_on_once_whoever_takes_its_parts(others_work: bool) -> None:
    """Long lines are divided, others lie within a part, and some are empty."""
    lengths = np.tile([700, 0, 3, 0, 0, 1200, 1], 10)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    B = int(starts[-1])
    words = np.random.default_rng(0).integers(100, size=B).astype(np.int32)
    problem = problem_of((words, starts), H=4, K=5, counts=np.full(100, 1e3), threads=4, settings=EVERY_PAIR)
    model = CompiledModel(problem, True)
    work = partial(model.train, threads=4, text=(words, starts))
    together: Callable[..., Iterable[int]] = model.pool.map if others_work and model.pool else map
    pairs = sum(together(work, model.threads))  # map: the first takes all, and nothing is left for the others
    marks = sorted({*starts.tolist(), *marks_of(B, 4)})
    assert pairs == sum(pairs_in(end - begin, EVERY_PAIR.window) for begin, end in pairwise(marks))


def test_copies_of_frequent_rows_come_together_as_if_threads_had_taken_turns() -> None:
    """A row that is hardly used moves by the sum of what the threads did, one that has settled by their mean."""
    for alpha, centres, expected in ((1e-9, 100, 4.0), (1e3, 10**6, 1.0)):
        model = four_threads()
        before = [table.copy() for table in model.shared]
        for thread in model.threads:
            take_copies(*thread.arguments[:2])
            for own in thread.copies.own:
                own += 1.0
        for thread in model.threads:
            thread.copies.progress[0] = centres
            merge_copies(*thread.arguments[:2], alpha, 5)
        for table, was in zip(model.shared, before, strict=True):
            np.testing.assert_allclose((table - was)[:5], expected, rtol=1e-4)
            assert (table[5:] == was[5:]).all()


@given(move=st.floats(1e-3, 20), threads=st.integers(1, 64))
def test_all_shares_of_a_move_add_up_to_what_threads_in_turn_would_move(move: float, threads: int) -> None:
    """Alone a thread moves a row the share 1 - exp(-x) of the way to its limit."""
    all_together = threads * share_of_move(np.float32(move), threads) * -np.expm1(-move)
    np.testing.assert_allclose(all_together, -np.expm1(-threads * move), rtol=1e-4)


@pytest.mark.parametrize("skip_gram", [True, False])
def test_a_thread_merges_its_copies_in_the_middle_of_a_long_line(skip_gram: bool) -> None:
    """Of what one of four threads learns, the shared rows get a share after so many centres, and not only at the end."""
    learnt = []
    for centres in (CHUNK // 4, 10**9):
        model = four_threads(skip_gram)
        thread = model.threads[0]
        assert thread.copies.progress[2] == CHUNK // 4
        thread.copies.progress[2] = centres
        words = np.tile(np.arange(100, dtype=np.int32), 2 * (CHUNK // 4) // 100 + 1)
        model.train(thread, 1, (words, np.array([0, len(words)])))
        assert (thread.copies.merged_at == len(words)).all()
        learnt.append(model.W_in.copy())
    assert (learnt[0][:5] != learnt[1][:5]).any(axis=1).all()


def test_a_thread_for_which_no_part_is_left_writes_to_no_shared_row() -> None:
    """It would undo what another one merges meanwhile."""
    model = four_threads()
    thread = model.threads[1]
    for own in thread.copies.own:
        own += 1.0
    model.next_part[0] = 1_000
    before = [table.copy() for table in model.shared]
    thread.copies.progress[0] = 100
    assert model.train(thread, 4, (np.arange(10, dtype=np.int32), np.array([0, 10]))) == 0
    for table, was in zip(model.shared, before, strict=True):
        np.testing.assert_array_equal(table, was)
    assert (thread.copies.own[0] >= 1.0).any()  # nor are copies taken


def test_rarer_rows_are_merged_less_often() -> None:
    assert FREQUENT_ROWS == 64
    assert [rows_due(time, 256) for time in range(1, 9)] == [64, 128, 64, 256, 64, 128, 64, 256]
    assert [rows_due(time, 100) for time in (1, 2, 4)] == [64, 100, 100]
    assert rows_due(4, 0) == 0


def test_each_row_moves_by_the_centres_since_its_own_merge() -> None:
    """One that is merged at every second time has moved for twice as many centres as one that is merged each time."""
    model = four_threads()
    thread = model.threads[0]
    take_copies(*thread.arguments[:2])
    thread.copies.progress[0] = 100
    merge_copies(*thread.arguments[:2], 0.025, 2)
    assert thread.copies.merged_at.tolist() == [100, 100, 0, 0, 0]
    before = model.W_in.copy()
    for own in thread.copies.own:
        own += 1.0
    thread.copies.progress[0] = 200
    merge_copies(*thread.arguments[:2], 0.025, 5)
    uses = thread.copies.arguments[2]
    moves = np.float32(0.025 * CONVERGENCE) * uses * [100, 100, 200, 200, 200]
    np.testing.assert_allclose((model.W_in - before)[:5, 0], [share_of_move(move, 4) for move in moves], rtol=1e-5)
