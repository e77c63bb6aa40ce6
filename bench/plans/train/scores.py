"""Score word vectors by human similarity judgements and analogies, and test whether one implementation's are as good as another's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from w2vbench.reports.file.schema.training import Against
from w2vbench.reports.statistics.problems import difference_interval

SIMILARITY = {"wordsim353": "wordsim353.tsv", "simlex999": "simlex999.txt"}
ANALOGIES = "questions-words.txt"

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Tests:
    """The tests that gensim's wheel ships, restricted to a vocabulary."""

    pairs: dict[str, tuple[NDArray[np.int64], Floats]]  # by set: word ids (n, 2) and human similarity judgements (n,)
    questions: NDArray[np.int64]  # word ids (n, 4): the fourth word is to the third as the second is to the first

    @property
    def counts(self) -> dict[str, int]:
        """The number of pairs or questions, by score."""
        return {**{name: len(ids) for name, (ids, _) in self.pairs.items()}, "analogies": len(self.questions)}


def load_tests(vocabulary: Sequence[str]) -> Tests | None:
    """Return the tests for a vocabulary, or None if gensim is not installed."""
    spec = find_spec("gensim")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "test" / "test_data"
    number = {word: at for at, word in enumerate(vocabulary)}
    pairs = {}
    for name, file in SIMILARITY.items():
        known = []
        for line in (folder / file).read_text(encoding="utf-8").splitlines():
            parts = line.lower().split("\t")
            if not line.startswith("#") and len(parts) >= 3 and parts[0] in number and parts[1] in number:
                known.append((number[parts[0]], number[parts[1]], float(parts[2])))
        table = np.array(known, float).reshape(-1, 3)
        pairs[name] = table[:, :2].astype(np.int64), table[:, 2]
    lines = [line.lower().split() for line in (folder / ANALOGIES).read_text(encoding="utf-8").splitlines()]
    questions = [[number[word] for word in four] for four in lines if len(four) == 4 and all(w in number for w in four)]
    return Tests(pairs, np.array(questions, np.int64).reshape(-1, 4))


def score_vectors(W: Floats, tests: Tests | None) -> dict[str, float]:
    """Score vectors (V, H).

    Returns
    -------
    dict[str, float]
        Spearman's rank correlation with the judgements of each set, and the share of analogies that are found. A score that
        cannot be computed is missing.
    """
    if tests is None:
        return {}
    from scipy.stats import spearmanr

    unit = W / np.maximum(np.linalg.norm(W, axis=1, keepdims=True), 1e-12)
    scores: dict[str, float] = {}
    for name, (ids, judgements) in tests.pairs.items():
        if len(ids) > 2:
            cosines = np.einsum("nh,nh->n", unit[ids[:, 0]], unit[ids[:, 1]])
            correlation = float(spearmanr(cosines, judgements).statistic)
            if math.isfinite(correlation):  # undefined if all vectors are the same
                scores[name] = correlation
    if len(tests.questions):
        scores["analogies"] = analogies(unit, tests.questions)
    return scores


def analogies(unit: Floats, questions: NDArray[np.int64]) -> float:
    """Return the share of questions whose answer is the word nearest to b - a + c, without a, b and c (3CosAdd).

    References
    ----------
    - Mikolov et al. 2013a.
    """
    right = 0
    for start in range(0, len(questions), 512):
        a, b, c, d = questions[start : start + 512].T
        scores = (unit[b] - unit[a] + unit[c]) @ unit.T
        for excluded in (a, b, c):
            scores[np.arange(len(a)), excluded] = -np.inf
        right += int((scores.argmax(axis=1) == d).sum())
    return right / len(questions)


SPREADS, LAST_DIGIT = 2.0, 0.001
"""The margin: this many standard deviations over the peer's seeds (one seed in forty is lower by chance), plus the last digit
that is shown of a score."""
ERROR_RATE = 0.05
"""Probability of calling a score not worse that is worse by exactly the margin."""


def compare_with_peer(mine: Sequence[float], theirs: Sequence[float]) -> Against | None:
    """Test that a score's mean is not below the peer's by the margin (non-inferiority).

    The margin is estimated from the same few seeds, so the bound includes its uncertainty: MOVER combines the limits of the
    difference (Welch's t) and of the standard deviation (chi-square). If the peer's own score is below two margins, no test
    is possible: vectors without any information would pass.

    Returns
    -------
    Against | None
        None with fewer than two seeds of either.

    References
    ----------
    - G. Y. Zou and A. Donner, *Statistics in Medicine* 27 (2008): MOVER.
    """
    from scipy.special import chdtri

    if len(mine) < 2 or len(theirs) < 2:
        return None
    interval = difference_interval(mine, theirs, level=1 - 2 * ERROR_RATE)
    assert interval.low is not None
    spread, degrees = float(np.std(theirs, ddof=1)), len(theirs) - 1
    margin = SPREADS * spread + LAST_DIGIT
    unsure = SPREADS * spread * (1 - math.sqrt(degrees / float(chdtri(degrees, ERROR_RATE))))
    room = interval.estimate + margin - math.hypot(interval.estimate - interval.low, unsure)
    shown = None if np.mean(theirs) < 2 * margin else room > 0
    return Against(difference=interval.estimate, margin=margin, room=room, shown=shown)


SCORES = (*SIMILARITY, "analogies")
Scores = Mapping[str, Sequence[float]]


def compare_scores(mine: Scores, theirs: Scores, planned: int) -> dict[str, Against | None]:
    """Compare each score with the peer's. A score is None until both have exactly the planned seeds: nothing is tested early."""
    pairs = {name: (mine.get(name, ()), theirs.get(name, ())) for name in SCORES}
    return {
        name: compare_with_peer(*both) if len(both[0]) == len(both[1]) == planned else None
        for name, both in pairs.items()
    }


def equal_quality(scores: Mapping[str, Against | None]) -> bool | None:
    """Whether vectors are as good in every score: False if one is not shown, else None if one cannot be tested."""
    shown = {one.shown if one else None for one in scores.values()}
    return False if False in shown else None if None in shown else True
