"""Whole training runs: how a text is read and cut, the falling rate, and the pace."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from w2vbench.bench.engine.worker import training_loop as runs
from w2vbench.bench.engine.worker.training_loop import (
    TrainingPlan,
    TrainingState,
    lines_of,
    most_frequent,
    pieces,
    train,
)
from w2vbench.impls.corpus import texts
from w2vbench.impls.corpus.texts import CorpusError, read, stored
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Array, Implementation
from w2vbench.impls.training.contract import topic_text
from w2vbench.impls.training.implementations import CBOW, SKIP_GRAM

any_text = st.lists(st.sampled_from(["the ", "a ", "bb ", "\n", "\n\n", "c", "dd ee ", " ."]), max_size=200).map(
    "".join
)


# a text by way of the disk


@settings(max_examples=150)
@given(text=any_text, least=st.integers(1, 3))
def test_a_text_read_by_way_of_the_disk_is_the_same_one(text: str, least: int) -> None:
    """Whatever falls on the borders of chunks, which are made small here."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "CHUNK", 16)
        folder, want = Path(name), None
        (folder / "text").write_text(text)
        with suppress(CorpusError):
            whole = read(folder / "text")
            V = int((whole.counts >= least).sum())
            want = replace(most_frequent(whole, V), vocabulary=whole.vocabulary[:V]) if V > 1 else None
        if want is None:
            with pytest.raises(CorpusError):
                stored(folder / "text", folder, least)
            return
        got = stored(folder / "text", folder, least)
        assert got.vocabulary == want.vocabulary
        for part in ("counts", "ids", "starts"):
            np.testing.assert_array_equal(getattr(got, part), getattr(want, part))


# lines and pieces


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20), st.integers(1, 30), st.integers(1, 50))
def test_pieces_hold_every_word_once_and_cut_no_line_but_long_ones(lengths: list[int], longest: int, most: int) -> None:
    ids = np.arange(sum(lengths), dtype=np.int32)
    corpus = Corpus("numbers", np.ones(len(ids), np.int64), ids, np.concatenate([[0], np.cumsum(lengths)[:-1]]))
    lines = lines_of(corpus, longest)
    assert (lines[:, 1] - lines[:, 0]).max() <= longest
    assert set(corpus.starts) <= set(lines[:, 0])
    found = list(pieces(corpus, lines, most))
    np.testing.assert_array_equal(np.concatenate([part for part, _ in found]), ids)
    cuts = [part[0] + starts[:-1] for part, starts in found]
    np.testing.assert_array_equal(np.concatenate(cuts), lines[:, 0])
    assert all(len(part) < most + longest for part, _ in found)


# a run


def small_text() -> Corpus:
    ids, starts = topic_text(12, np.random.default_rng(1), lines=2000)
    counts = np.bincount(ids, minlength=12)
    order = np.argsort(-counts, kind="stable")
    rank = np.argsort(order).astype(np.int32)
    return Corpus("planted", counts[order], rank[ids], starts[:-1], tuple("abcdefghijkl"))


@pytest.mark.parametrize("implementation", [CBOW[-1], SKIP_GRAM[-1]], ids=lambda i: i.key)
def test_a_run_learns_at_a_falling_rate_and_says_how_far_it_is(implementation: Implementation) -> None:
    corpus, rates, seen = small_text(), [], []

    def note(run: TrainingState) -> None:
        rates.append(run.model.alpha)
        seen.append((run.words, run.left_s))

    run = train(TrainingPlan(implementation=implementation, V=12, H=16, epochs=4), corpus, note, hold_out=True)
    assert run.words == run.total == 4 * 1980 * 5
    assert rates == sorted(rates, reverse=True)
    assert 0.024 < rates[0] < 0.025
    assert rates[-1] < 0.002
    assert [words for words, _ in seen] == sorted(words for words, _ in seen)
    assert seen[-1][1] == 0
    assert run.curve[-1][0] == run.words
    assert run.curve[-1][1] < run.curve[0][1] - 0.5
    assert run.words_per_s > 0
    assert run.cpu_s > 0


class Fed:
    """Learns nothing, and notes how many words it is fed, at which rates."""

    def __init__(self, problem: Any) -> None:
        self.alpha, self.rates = 0.0, (0.0, 0.0)
        self.W_in = self.W_out = np.zeros((12, 4), np.float32)


class Slow(Fed):
    """Like gensim with several workers."""

    at_once = 8000


def fed(model: type[Fed], notes: list[tuple[float, ...]], **options: Any) -> TrainingPlan:
    def step(words: Array, starts: Array, model: Fed) -> Fed:
        notes.append((len(words), *model.rates))
        return model

    feeding = CBOW[0].kernel.implementation("fed", "fed", prepare=model)(step)
    return TrainingPlan(implementation=feeding, V=12, H=4, **options)


def test_a_model_may_want_more_words_at_once_and_gets_the_rates_of_a_piece() -> None:
    notes: list[tuple[float, ...]] = []
    train(fed(Slow, notes, epochs=2), small_text(), lambda run: None)
    words, first, last = map(list, zip(*notes, strict=True))
    assert words == [8000, 2000] * 2
    assert first == pytest.approx([0.025, 0.01504, 0.01255, 0.00259])
    assert last == pytest.approx([*first[1:], 0.0001])


@pytest.mark.parametrize(("a_while", "steps"), [(float("inf"), [1000, 4000, 10_000]), (-1.0, [1000])])
def test_a_pace_is_that_of_a_step_that_takes_a_while(
    a_while: float, steps: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps grow until one takes long enough, or is as large as a run's."""
    notes: list[tuple[float, ...]] = []
    monkeypatch.setattr(runs, "LONG_STEP_S", a_while)
    assert runs.pace(fed(Fed, notes), small_text()) > 0
    assert [words for words, _, _ in notes] == steps
