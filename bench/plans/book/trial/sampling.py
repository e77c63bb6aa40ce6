"""The check of UnigramSampler: shape, range and type of its draws, that none is the target, and that they follow the law."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from w2vbench.impls.interface import Array

from . import expected
from .trial import Stop, Trial

COUNTS = (1, 2, 4, 9, 16, 40)
"""How often each word id comes in the example's corpus: every id comes, as in the book."""
POWER = 0.5
SAMPLES = 2
ROWS = 1500
"""Targets whose negatives are compared with the law."""
FEW = 50
"""Targets that are drawn for twice. No right sampler draws the same for so many again by chance."""
TOO_FAR = 6.0
"""Standard errors: chance alone gives one in 10^8 right samplers away."""


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Give NumPy's and Python's global generators a seed, and their states back afterwards."""
    states = np.random.get_state(), random.getstate()
    np.random.seed(seed)
    random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(states[0])
        random.setstate(states[1])


def corpus_of(counts: Sequence[int]) -> Array:
    """Return a corpus, not in order, in which each id comes this often."""
    return np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))


def unigram_sampler(trial: Trial) -> None:
    corpus = corpus_of(COUNTS)
    before = corpus.copy()
    trial.example = f"counts = {list(COUNTS)}, power = {POWER:g}, sample_size = {SAMPLES}"
    with seeded(1):
        sampler = trial.make(corpus, POWER, SAMPLES)
        trial.unchanged("__init__", corpus=(corpus, before))
        target = np.random.default_rng(0).permutation(np.arange(ROWS) % len(COUNTS))
        kept = target.copy()
        drawn = draws(trial, sampler, target)
        trial.unchanged("get_negative_sample", target=(target, kept))
        once, again = (draws(trial, sampler, target[:FEW]) for _ in range(2))
        draws(trial, sampler, target[:1])
    if np.array_equal(once, again):
        trial.report("same-draws", "get_negative_sample")
    hit = np.flatnonzero((drawn == target[:, None]).any(axis=1))
    if len(hit):
        row = int(hit[0])
        trial.report(
            "target-drawn",
            "get_negative_sample",
            f"the target {target[row]} gets {[int(word) for word in drawn[row]]} ({len(hit)} of {ROWS} targets)",
        )
        return
    repeats = bool((np.diff(np.sort(drawn, axis=1), axis=1) == 0).any())
    follows_law(trial, drawn, target, repeats)
    if repeats:
        trial.report("negatives-repeat", "get_negative_sample")


def draws(trial: Trial, sampler: Any, target: Array) -> Array:
    """Return negatives (B, SAMPLES) for these targets. Raises Stop if they cannot be used."""
    given = trial.call(sampler, "get_negative_sample", target)
    if given is None:
        trial.report("nothing-returned", "get_negative_sample", what="negative_sample")
        raise Stop
    drawn, want = np.asarray(given), (len(target), SAMPLES)
    if drawn.dtype.kind not in "iu":
        trial.report("ids-not-whole", "get_negative_sample", got=drawn.dtype)
        raise Stop
    if drawn.shape != want:
        trial.report("wrong-shape", "get_negative_sample", what="what it returns", got=drawn.shape, want=want)
        raise Stop
    if drawn.min() < 0 or drawn.max() >= len(COUNTS):
        trial.report(
            "outside-vocabulary", "get_negative_sample", least=drawn.min(), most=drawn.max(), last=len(COUNTS) - 1
        )
        raise Stop
    return drawn


def follows_law(trial: Trial, drawn: Array, target: Array, repeats: bool) -> None:
    """Compare how often each word was drawn with the law; if it is another, with those that mistakes give."""

    def fits(power: float) -> bool:
        shares = np.array([inclusion(power, int(word), repeats) for word in range(len(COUNTS))])[target]
        got = np.bincount(drawn.ravel(), minlength=len(COUNTS))
        spread = np.sqrt((shares * np.maximum(0.05, 1 - shares)).sum(axis=0)) * (1 + repeats)
        return bool(np.all(np.abs(got - shares.sum(axis=0)) <= TOO_FAR * spread))

    if fits(POWER):
        return
    fault = "law-uniform" if fits(0.0) else "law-power" if fits(1.0) else "law-other"
    counts = np.bincount(drawn.ravel(), minlength=len(COUNTS))
    wanted = np.sum([inclusion(POWER, int(word), repeats) for word in target], axis=0)
    trial.report(
        fault,
        "get_negative_sample" if fault == "law-uniform" else "__init__",
        f"{ROWS} targets get word 0 {counts[0]} times and word {len(COUNTS) - 1} {counts[-1]} times, "
        f"and should about {wanted[0]:.0f} and {wanted[-1]:.0f} times",
    )


def inclusion(power: float, target: int, repeats: bool) -> Array:
    """Return how often each word is among SAMPLES = 2 negatives of a target, on average."""
    p = expected.law(COUNTS, power, target)
    if repeats:
        return SAMPLES * p
    second = np.array([sum(p[i] * p[j] / (1 - p[i]) for i in range(len(p)) if i != j) for j in range(len(p))])
    return np.asarray(p + second)
