"""How good word vectors are: human judgements of likeness, analogies, and whether one implementation's are as good as another's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.statistics import difference_interval

LIKENESS = {"wordsim353": "wordsim353.tsv", "simlex999": "simlex999.txt"}
ANALOGIES = "questions-words.txt"

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Tests:
    """What gensim's wheel ships, as far as a vocabulary goes. pairs: by set, word ids (n, 2) and people's judgements (n,).
    questions: word ids (n, 4): the fourth is to the third as the second to the first."""

    pairs: dict[str, tuple[NDArray[np.int64], Floats]]
    questions: NDArray[np.int64]

    @property
    def asked(self) -> dict[str, int]:
        """How many pairs and questions there are, by score."""
        return {**{name: len(ids) for name, (ids, _) in self.pairs.items()}, "analogies": len(self.questions)}


def tests(vocabulary: Sequence[str]) -> Tests | None:
    """The tests for a vocabulary; None where gensim is not installed."""
    spec = find_spec("gensim")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "test" / "test_data"
    number = {word: at for at, word in enumerate(vocabulary)}
    pairs = {}
    for name, file in LIKENESS.items():
        known = []
        for line in (folder / file).read_text(encoding="utf-8").splitlines():
            parts = line.lower().split("\t")
            if not line.startswith("#") and len(parts) >= 3 and parts[0] in number and parts[1] in number:
                known.append((number[parts[0]], number[parts[1]], float(parts[2])))
        table = np.array(known, float).reshape(-1, 3)
        pairs[name] = table[:, :2].astype(np.int64), table[:, 2]
    asked = [line.lower().split() for line in (folder / ANALOGIES).read_text(encoding="utf-8").splitlines()]
    questions = [[number[word] for word in four] for four in asked if len(four) == 4 and all(w in number for w in four)]
    return Tests(pairs, np.array(questions, np.int64).reshape(-1, 4))


def judged(W: Floats, given: Tests | None) -> dict[str, float]:
    """Scores of some vectors (V, H): Spearman's rank correlation with people's judgements, and the share of analogies found."""
    if given is None:
        return {}
    from scipy.stats import spearmanr

    unit = W / np.maximum(np.linalg.norm(W, axis=1, keepdims=True), 1e-12)
    found: dict[str, float] = {}
    for name, (ids, judgements) in given.pairs.items():
        if len(ids) > 2:
            cosines = np.einsum("nh,nh->n", unit[ids[:, 0]], unit[ids[:, 1]])
            correlation = float(spearmanr(cosines, judgements).statistic)
            if math.isfinite(correlation):  # vectors that are all alike have none
                found[name] = correlation
    if len(given.questions):
        found["analogies"] = analogies(unit, given.questions)
    return found


def analogies(unit: Floats, questions: NDArray[np.int64]) -> float:
    """Share of questions whose answer is the nearest word to b - a + c, those three left out (3CosAdd, Mikolov et al. 2013a)."""
    right = 0
    for start in range(0, len(questions), 512):
        a, b, c, d = questions[start : start + 512].T
        scores = (unit[b] - unit[a] + unit[c]) @ unit.T
        for asked in (a, b, c):
            scores[np.arange(len(a)), asked] = -np.inf
        right += int((scores.argmax(axis=1) == d).sum())
    return right / len(questions)


SPREADS, DIGIT = 2.0, 0.001
"""A margin: so many standard deviations of the peer's own seeds, about what one seed in forty loses by luck; and the last digit
of a score that is shown, below which nobody would tell two apart."""
CHANCE = 0.05
"""Probability that a score which is worse by exactly the margin is called not worse."""


@dataclass(frozen=True)
class Against:
    """A score beside the peer's, means over seeds. difference: above zero where it is better. margin: by how much it may be
    worse, an estimate. room: how far the difference is above -margin at least, at CHANCE. shown: whether it is not worse by
    the margin; None where that cannot be told."""

    difference: float
    margin: float
    room: float
    shown: bool | None


def against(mine: Sequence[float], theirs: Sequence[float]) -> Against | None:
    """Test that a score's mean is not below the peer's by the margin; None with fewer than two seeds of either.

    The margin comes from the same few seeds, so its own uncertainty goes into the bound: that of the difference (Welch's t)
    and that of the spread (chi-square) are joined as G. Y. Zou and A. Donner do (MOVER, *Statistics in Medicine* 27, 2008).
    A peer whose own score is below two margins can tell nothing: vectors that know nothing would pass.
    """
    from scipy.special import chdtri

    if len(mine) < 2 or len(theirs) < 2:
        return None
    found = difference_interval(mine, theirs, level=1 - 2 * CHANCE)
    assert found.low is not None
    spread, degrees = float(np.std(theirs, ddof=1)), len(theirs) - 1
    margin = SPREADS * spread + DIGIT
    unsure = SPREADS * spread * (1 - math.sqrt(degrees / float(chdtri(degrees, CHANCE))))
    room = found.estimate + margin - math.hypot(found.estimate - found.low, unsure)
    return Against(found.estimate, margin, room, None if np.mean(theirs) < 2 * margin else room > 0)


SCORES = (*LIKENESS, "analogies")
Scores = Mapping[str, Sequence[float]]


def answers(mine: Scores, theirs: Scores, planned: int) -> dict[str, Against | None]:
    """Each score beside the peer's; None where either has not as many seeds as were planned: it would be an early look."""
    pairs = {name: (mine.get(name, ()), theirs.get(name, ())) for name in SCORES}
    return {name: against(*both) if len(both[0]) == len(both[1]) == planned else None for name, both in pairs.items()}


def equal(answered: Mapping[str, Against | None]) -> bool | None:
    """Whether vectors are equal in quality: in every score. One that may be worse settles it; otherwise one that cannot be told."""
    found = {one.shown if one else None for one in answered.values()}
    return False if False in found else None if None in found else True
