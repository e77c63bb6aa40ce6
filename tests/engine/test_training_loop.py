"""Whole training runs: how a text is cut, its vocabulary, vectors on disk, scores, and when quality is equal."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.engine import training_loop as runs
from bench.engine.training_loop import (
    LEAST_PIECE,
    TrainingPlan,
    TrainingState,
    lines_of,
    most_frequent,
    pieces,
    split_held_out,
    train,
)
from bench.plans import scores as quality
from bench.plans.vectors import save
from impls import words
from impls.training.contract import topic_text
from impls.training.implementations import CBOW, SKIP_GRAM
from impls.words import Corpus, CorpusError, encode, read, stored
from reports.statistics import difference_interval
from tests.vectors import load

Array = NDArray[Any]
texts = st.lists(st.sampled_from(["the ", "a ", "bb ", "\n", "\n\n", "c", "dd ee ", " ."]), max_size=200).map("".join)


def corpus_of(text: str) -> Corpus:
    return encode("text", [text])


# a text by way of the disk


@settings(max_examples=150, deadline=None)
@given(text=texts, least=st.integers(1, 3))
def test_a_text_read_by_way_of_the_disk_is_the_same_one(text: str, least: int) -> None:
    """Whatever falls on the borders of chunks, which are made small here."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "CHUNK", 16)
        folder = Path(name)
        (folder / "text").write_text(text)
        try:
            whole = read(folder / "text")
            V = int((whole.counts >= least).sum())
            want = replace(most_frequent(whole, V), vocabulary=whole.vocabulary[:V]) if V > 1 else None
        except CorpusError:
            want = None
        if want is None:
            with pytest.raises(CorpusError):
                stored(folder / "text", folder, least)
            return
        got = stored(folder / "text", folder, least)
        assert got.vocabulary == want.vocabulary
        for part in ("counts", "ids", "starts"):
            np.testing.assert_array_equal(getattr(got, part), getattr(want, part))


def test_of_a_text_that_is_streamed_only_the_vocabulary_is_in_memory(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("one two three four\n" * 1000)
    corpus = stored(tmp_path / "text", tmp_path)
    assert isinstance(corpus.ids, np.memmap)
    assert not (tmp_path / "first_seen").exists()


def test_what_is_too_rare_says_which_option_to_change(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("one two two three")
    with pytest.raises(CorpusError, match=r"1 of its 3 distinct words occurs 2 times or more \(--min-count"):
        stored(tmp_path / "text", tmp_path, 2)


# lines and pieces


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=20), longest=st.integers(1, 30), most=st.integers(1, 50)
)
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


def test_one_line_in_a_hundred_is_held_out() -> None:
    lines = np.arange(500).reshape(250, 2)
    trained, held_out = split_held_out(lines)
    assert len(held_out) == 2
    assert len(trained) == 248
    assert not {tuple(line) for line in trained} & {tuple(line) for line in held_out}


# a run


def small_text() -> Corpus:
    ids, starts = topic_text(12, np.random.default_rng(1), lines=2000)
    counts = np.bincount(ids, minlength=12)
    order = np.argsort(-counts, kind="stable")
    rank = np.argsort(order).astype(np.int32)
    return Corpus("planted", counts[order], rank[ids], starts[:-1], tuple("abcdefghijkl"))


@pytest.mark.parametrize("implementations", [CBOW, SKIP_GRAM])
def test_a_run_learns_at_a_falling_rate_and_says_how_far_it_is(implementations: tuple[Any, ...]) -> None:
    corpus, rates, seen = small_text(), [], []

    def note(run: TrainingState) -> None:
        rates.append(run.model.alpha)
        seen.append((run.words, run.left_s))

    run = train(TrainingPlan(implementation=implementations[-1], V=12, H=16, epochs=4), corpus, note, hold_out=True)
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


def test_a_model_may_want_more_words_at_once_and_gets_the_rates_of_a_piece() -> None:
    class Slow:
        """Like gensim with several workers."""

        at_once = 8000

        def __init__(self, problem: Any) -> None:
            self.alpha, self.W_in = 0.0, np.zeros((12, 4), np.float32)
            self.W_out = self.W_in
            self.rates = (0.0, 0.0)
            self.fed: list[tuple[int, float, float]] = []

    def step(words: Array, starts: Array, model: Any) -> Any:
        model.fed.append((len(words), *model.rates))
        return model

    slow = CBOW[0].kernel.implementation("slow", "slow", prepare=Slow)(step)
    corpus = small_text()
    fed = train(TrainingPlan(implementation=slow, V=12, H=4, epochs=2), corpus, lambda run: None).model.fed
    assert [words for words, _, _ in fed] == [8000, 2000] * 2
    assert [first for _, first, _ in fed] == pytest.approx([0.025, 0.01504, 0.01255, 0.00259])
    assert [last for _, _, last in fed] == pytest.approx([0.01504, 0.01255, 0.00259, 0.0001])


@pytest.mark.parametrize(("a_while", "steps"), [(float("inf"), [1000, 4000, 10_000]), (-1.0, [1000])])
def test_a_pace_is_that_of_a_step_that_takes_a_while(
    a_while: float, steps: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps grow until one takes long enough, or is as large as a run's."""

    class Counting:
        alpha = 0.0
        seen: ClassVar[list[int]] = []

        def __init__(self, problem: Any) -> None:
            self.seen.clear()
            self.W_in = self.W_out = np.zeros((12, 4), np.float32)

    def step(words: Array, starts: Array, model: Any) -> Any:
        model.seen.append(len(words))
        return model

    monkeypatch.setattr(runs, "LONG_STEP_S", a_while)
    counting = CBOW[0].kernel.implementation("counting", "counts", prepare=Counting)(step)
    assert runs.pace(TrainingPlan(implementation=counting, V=12, H=4), small_text()) > 0
    assert Counting.seen == steps


def test_a_run_may_stop_after_a_number_of_words() -> None:
    run = train(TrainingPlan(implementation=CBOW[-1], V=12, H=4, words=3000), small_text(), lambda run: None)
    assert 3000 <= run.words < 3000 + LEAST_PIECE + 10


# vectors on disk

names = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=8),
    min_size=2,
    max_size=6,
    unique=True,
)


@settings(deadline=None, max_examples=60)
@given(names=names, H=st.integers(1, 5), binary=st.booleans(), seed=st.integers(0, 99))
def test_vectors_survive_the_disk_to_the_last_bit(names: list[str], H: int, binary: bool, seed: int) -> None:
    W = np.random.default_rng(seed).normal(size=(len(names), H)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v"
        save(path, names, W, binary)
        back, vectors = load(path)
        assert back == names
        np.testing.assert_array_equal(vectors, W)
        assert [file.name for file in Path(folder).iterdir()] == ["v"]


@pytest.mark.parametrize("binary", [False, True])
def test_gensim_reads_them(tmp_path: Path, binary: bool) -> None:
    models = pytest.importorskip("gensim.models", reason="gensim is not installed")
    W = np.random.default_rng(0).normal(size=(3, 7)).astype(np.float32)
    save(tmp_path / "v", ["naïve", "don't", "x"], W, binary)
    found = models.KeyedVectors.load_word2vec_format(str(tmp_path / "v"), binary=binary)
    assert found.index_to_key == ["naïve", "don't", "x"]
    np.testing.assert_array_equal(found.vectors, W)


def test_what_are_no_vectors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v").write_text("hello world\n")
    with pytest.raises(ValueError, match="no word2vec vectors"):
        load(tmp_path / "v")


def test_a_failing_save_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="zip"):
        save(tmp_path / "v", ["one"], np.zeros((2, 3), np.float32), True)
    assert list(tmp_path.iterdir()) == []


# scores


def test_scores_are_gensims_own() -> None:
    models = pytest.importorskip("gensim.models", reason="gensim is not installed")
    from gensim.test.utils import datapath

    vocabulary = words.builtin().vocabulary[:5000]
    W = np.random.default_rng(3).normal(size=(5000, 20)).astype(np.float32)
    given = quality.load_tests(vocabulary)
    scores = quality.score_vectors(W, given)
    theirs = models.KeyedVectors(20)
    theirs.add_vectors(list(vocabulary), W)
    for name, file in quality.SIMILARITY.items():
        _, spearman, _ = theirs.evaluate_word_pairs(datapath(file), restrict_vocab=5000)
        assert scores[name] == pytest.approx(spearman[0], abs=1e-6)
    share, _ = theirs.evaluate_word_analogies(datapath(quality.ANALOGIES), restrict_vocab=5000)
    assert scores["analogies"] == pytest.approx(share, abs=1e-9)


def test_an_analogy_is_found_among_the_other_words_only() -> None:
    unit = np.eye(4)
    unit[3] = (unit[1] - unit[0] + unit[2]) / np.linalg.norm(unit[1] - unit[0] + unit[2])
    assert quality.analogies(unit, np.array([[0, 1, 2, 3]])) == 1.0
    assert quality.analogies(unit, np.array([[0, 1, 2, 1]])) == 0.0


def test_without_gensim_there_are_no_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "find_spec", lambda name: None)
    assert quality.load_tests(["a"]) is None
    assert quality.score_vectors(np.ones((2, 2)), None) == {}
    assert quality.equal_quality(quality.compare_scores({}, {}, 5)) is None


@pytest.mark.parametrize(
    ("mine", "theirs", "answer"),
    [
        ([0.295, 0.305, 0.295], [0.30, 0.31, 0.30], False),  # perhaps as good, but three seeds do not show it
        ([0.30, 0.31, 0.30, 0.31, 0.30, 0.31], [0.30, 0.31, 0.30, 0.31, 0.30, 0.31], True),
        ([0.20, 0.21, 0.20], [0.30, 0.31, 0.30], False),
        ([0.40, 0.41, 0.40], [0.30, 0.31, 0.30], True),
        ([0.3005, 0.3005, 0.3005], [0.301, 0.301, 0.301], True),  # worse by less than the last digit shown
        ([0.299, 0.299, 0.299], [0.301, 0.301, 0.301], False),  # by more, and the peer's seeds do not differ
        ([0.10, 0.50, 0.30], [0.30, 0.31, 0.30], False),  # too scattered to tell
        ([0.02, 0.03, 0.02], [0.02, 0.03, 0.02], None),  # vectors that know nothing would pass
    ],
)
def test_equal_is_only_what_is_shown_to_be_no_worse(
    mine: list[float], theirs: list[float], answer: bool | None
) -> None:
    found = quality.compare_with_peer(mine, theirs)
    assert found is not None
    assert found.shown is answer
    assert found.difference == pytest.approx(np.mean(mine) - np.mean(theirs))


def test_the_margin_is_twice_the_spread_of_the_peers_seeds_and_the_last_digit_shown() -> None:
    for theirs in ([0.30, 0.31, 0.33], [0.04, 0.041, 0.046], [0.5, 0.5]):
        for mine in ([0.1, 0.9], [0.3, 0.3, 0.3]):
            found = quality.compare_with_peer(mine, theirs)
            assert found is not None
            assert found.margin == pytest.approx(2 * np.std(theirs, ddof=1) + 0.001)
    assert quality.compare_with_peer([0.3], [0.3, 0.3]) is quality.compare_with_peer([0.3, 0.3], [0.3]) is None


@pytest.mark.parametrize("seeds", [5, 10])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_what_is_worse_by_just_the_margin_is_called_equal_in_no_more_than_one_case_in_twenty(
    seeds: int, ratio: float
) -> None:
    """Although the margin is estimated from the same seeds. ratio: of the scores' spread to the peer's."""
    rng, trials, spread = np.random.default_rng(seeds), 4000, 0.01
    margin = 2 * spread + 0.001
    mine = rng.normal(0.30 - margin, ratio * spread, (trials, seeds)).tolist()
    theirs = rng.normal(0.30, spread, (trials, seeds)).tolist()
    passed = sum(
        bool((found := quality.compare_with_peer(*both)) and found.shown) for both in zip(mine, theirs, strict=True)
    )
    error = np.sqrt(0.05 * 0.95 / trials)
    assert 0.005 < passed / trials < 0.05 + 3 * error


def test_a_margin_taken_for_known_would_be_passed_too_often() -> None:
    """Why the spread's own uncertainty is in the bound: Welch's t alone lets one in twelve through with ten seeds."""
    rng, trials, seeds = np.random.default_rng(0), 4000, 10
    passed = 0
    for _ in range(trials):
        mine, theirs = rng.normal(-2.1, 1, seeds).tolist(), rng.normal(0, 1, seeds).tolist()
        low = difference_interval(mine, theirs, level=0.9).low
        passed += low is not None and low > -(2 * np.std(theirs, ddof=1) + 0.1)
    assert passed / trials > 0.065


@pytest.mark.parametrize(("seeds", "least"), [(5, 0.65), (10, 0.9)])
def test_what_is_as_good_is_mostly_shown_to_be(seeds: int, least: float) -> None:
    rng, trials = np.random.default_rng(1), 500
    draws = rng.normal(0.3, 0.01, (trials, 2, seeds)).tolist()
    passed = sum(bool((found := quality.compare_with_peer(*both)) and found.shown) for both in draws)
    assert passed / trials > least


def test_what_is_asked_is_counted() -> None:
    given = quality.Tests({"wordsim353": (np.zeros((7, 2), np.int64), np.zeros(7))}, np.zeros((3, 4), np.int64))
    assert given.counts == {"wordsim353": 7, "analogies": 3}


def test_equality_asks_for_all_scores() -> None:
    good = {name: [0.5, 0.501, 0.5, 0.501, 0.5, 0.501] for name in quality.SCORES}
    bad = [0.1, 0.1, 0.11, 0.1, 0.1, 0.11]

    def judged(mine: dict[str, list[float]]) -> bool | None:
        return quality.equal_quality(quality.compare_scores(mine, good, 6))

    assert judged(good) is True
    assert judged({**good, "analogies": bad}) is False
    assert judged({"analogies": good["analogies"]}) is None
    assert judged({"analogies": bad}) is False  # one that is worse settles it


def test_only_as_many_seeds_as_were_planned_are_judged() -> None:
    good = {name: [0.5, 0.501, 0.5, 0.501, 0.5, 0.501] for name in quality.SCORES}
    for planned, some in ((6, True), (5, False), (7, False)):
        assert [one is not None for one in quality.compare_scores(good, good, planned).values()] == [some] * 3
