"""Word vectors on disk and their scores, and when quality is equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from w2vbench.bench.plans.train import scores as quality
from w2vbench.bench.plans.train.vectors import save
from w2vbench.impls.corpus.words import Corpus

from tests.vectors import load


def test_scores_are_gensims_own(corpus: Corpus) -> None:
    models = pytest.importorskip("gensim.models", reason="gensim is not installed")
    from gensim.test.utils import datapath

    vocabulary = corpus.vocabulary[:5000]
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


def share_passed(mine: Any, theirs: Any) -> float:
    """How many pairs of seeds' scores (trials, seeds) are shown to be equal."""
    found = [quality.compare_with_peer(*both) for both in zip(mine.tolist(), theirs.tolist(), strict=True)]
    return float(np.mean([bool(one and one.shown) for one in found]))


@pytest.mark.parametrize("seeds", [5, 10])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_what_is_worse_by_just_the_margin_is_called_equal_in_no_more_than_one_case_in_twenty(
    seeds: int, ratio: float
) -> None:
    """Although the margin is estimated from the same seeds. ratio: of the scores' spread to the peer's.

    Welch's t alone, with the margin taken for known, would let one in twelve through with ten seeds.
    """
    rng, trials, spread = np.random.default_rng(seeds), 4000, 0.01
    margin = 2 * spread + 0.001
    mine = rng.normal(0.30 - margin, ratio * spread, (trials, seeds))
    passed = share_passed(mine, rng.normal(0.30, spread, (trials, seeds)))
    assert 0.005 < passed < 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)


@pytest.mark.parametrize(("seeds", "least"), [(5, 0.65), (10, 0.9)])
def test_what_is_as_good_is_mostly_shown_to_be(seeds: int, least: float) -> None:
    mine, theirs = np.random.default_rng(1).normal(0.3, 0.01, (2, 500, seeds))
    assert share_passed(mine, theirs) > least


GOOD = {name: [0.5, 0.501, 0.5, 0.501, 0.5, 0.501] for name in quality.SCORES}
BAD = [0.1, 0.1, 0.11, 0.1, 0.1, 0.11]


@pytest.mark.parametrize(
    ("mine", "equal"),
    [
        (GOOD, True),
        ({**GOOD, "analogies": BAD}, False),
        ({"analogies": GOOD["analogies"]}, None),
        ({"analogies": BAD}, False),  # one that is worse settles it
        ({}, None),
    ],
)
def test_equality_asks_for_all_scores(mine: dict[str, list[float]], equal: bool | None) -> None:
    assert quality.equal_quality(quality.compare_scores(mine, GOOD, 6)) is equal


names = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=8),
    min_size=2,
    max_size=6,
    unique=True,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=names, H=st.integers(1, 5), binary=st.booleans(), seed=st.integers(0, 99))
def test_vectors_survive_the_disk_to_the_last_bit(
    tmp_path: Path, names: list[str], H: int, binary: bool, seed: int
) -> None:
    W = np.random.default_rng(seed).normal(size=(len(names), H)).astype(np.float32)
    save(tmp_path / "v", names, W, binary)
    back, vectors = load(tmp_path / "v")
    assert back == names
    np.testing.assert_array_equal(vectors, W)
    assert [file.name for file in tmp_path.iterdir()] == ["v"]


@pytest.mark.parametrize("binary", [False, True])
def test_gensim_reads_them(tmp_path: Path, binary: bool) -> None:
    models = pytest.importorskip("gensim.models", reason="gensim is not installed")
    W = np.random.default_rng(0).normal(size=(3, 7)).astype(np.float32)
    save(tmp_path / "v", ["naïve", "don't", "x"], W, binary)
    found = models.KeyedVectors.load_word2vec_format(str(tmp_path / "v"), binary=binary)
    assert found.index_to_key == ["naïve", "don't", "x"]
    np.testing.assert_array_equal(found.vectors, W)


def test_a_failing_save_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="zip"):
        save(tmp_path / "v", ["one"], np.zeros((2, 3), np.float32), True)
    assert list(tmp_path.iterdir()) == []
