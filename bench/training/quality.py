"""How good word vectors are: human judgements of likeness, analogies, and whether one rung's are as good as another's."""

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


def not_worse_by(margin: float, mine: Sequence[float], theirs: Sequence[float]) -> bool | None:
    """Whether the mean of some scores is above others' less a margin, at 5 % one-sided (Welch's t).

    None of fewer than two, and where theirs are below two margins: vectors that know nothing would pass.
    """
    if len(mine) < 2 or len(theirs) < 2 or np.mean(theirs) < 2 * margin:
        return None
    low = difference_interval(mine, theirs, level=0.9).low
    return low is not None and low > -margin


MARGINS = {"analogies": 0.01, "wordsim353": 0.03, "simlex999": 0.03}
"""By how much a rung's scores may fall short of gensim's, and it still be called equal in quality."""


def answers(mine: Mapping[str, Sequence[float]], theirs: Mapping[str, Sequence[float]]) -> dict[str, bool | None]:
    """Of each score whether a rung's is not worse by the margin; None where that cannot be told."""
    return {name: not_worse_by(margin, mine.get(name, ()), theirs.get(name, ())) for name, margin in MARGINS.items()}


def equal(answered: Mapping[str, bool | None]) -> bool | None:
    """Whether a rung is equal in quality: in every score. One that may be worse settles it; otherwise one that cannot be told."""
    found = set(answered.values())
    return False if False in found else None if None in found else True
