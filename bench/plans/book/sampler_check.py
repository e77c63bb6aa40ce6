"""The check of UnigramSampler: shape, range and type of its draws, that none is the target, and that they follow the law."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from w2vbench.impls.interface import Array

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
    method, corpus = "get_negative_sample", corpus_of(COUNTS)
    before = corpus.copy()
    trial.example = f"counts = {list(COUNTS)}, power = {POWER:g}, sample_size = {SAMPLES}"
    with seeded(1):
        sampler = trial.make(corpus, POWER, SAMPLES)
        if not np.array_equal(corpus, before):
            trial.report("input-changed", "__init__", name="corpus")
            return
        target = np.random.default_rng(0).permutation(np.arange(ROWS) % len(COUNTS))
        drawn = draws(trial, sampler, target)
        once, again = (draws(trial, sampler, target[:FEW]) for _ in range(2))
        draws(trial, sampler, target[:1])
    if np.array_equal(once, again):
        trial.report("same-draws", method)
    hit = np.flatnonzero((drawn == target[:, None]).any(axis=1))
    if len(hit):
        row = int(hit[0])
        gets = f"{[int(word) for word in drawn[row]]} ({len(hit)} of {ROWS} targets)"
        trial.report("target-drawn", method, f"the target {target[row]} gets {gets}")
        return
    repeats = bool((np.diff(np.sort(drawn, axis=1), axis=1) == 0).any())
    follows_law(trial, drawn, target, repeats)
    if repeats:
        trial.report("negatives-repeat", method)


def draws(trial: Trial, sampler: Any, target: Array) -> Array:
    """Return negatives (B, SAMPLES) for these targets. Raises Stop if they cannot be used."""
    method, kept = "get_negative_sample", target.copy()
    given = trial.call(sampler, method, target)
    drawn, want = np.asarray(given), (len(target), SAMPLES)
    if not np.array_equal(target, kept):
        trial.report("input-changed", method, name="target")
    elif given is None:
        trial.report("nothing-returned", method, what="negative_sample")
    elif drawn.dtype.kind not in "iu":
        trial.report("ids-not-whole", method, got=drawn.dtype)
    elif drawn.shape != want:
        trial.report("wrong-shape", method, what="what it returns", got=drawn.shape, want=want)
    elif drawn.min() < 0 or drawn.max() >= len(COUNTS):
        trial.report("outside-vocabulary", method, least=drawn.min(), most=drawn.max(), last=len(COUNTS) - 1)
    else:
        return drawn
    raise Stop


def follows_law(trial: Trial, drawn: Array, target: Array, repeats: bool) -> None:
    """Compare how often each word was drawn with the law; if it is another, with those that mistakes give."""
    got = np.bincount(drawn.ravel(), minlength=len(COUNTS))

    def shares(power: float) -> Array:
        return np.array([inclusion(power, word, repeats) for word in range(len(COUNTS))])[target]

    def fits(power: float) -> bool:
        each = shares(power)
        spread = np.sqrt((each * np.maximum(0.05, 1 - each)).sum(axis=0)) * (1 + repeats)
        return bool(np.all(np.abs(got - each.sum(axis=0)) <= TOO_FAR * spread))

    if fits(POWER):
        return
    fault = "law-uniform" if fits(0.0) else "law-power" if fits(1.0) else "law-other"
    wanted = shares(POWER).sum(axis=0)
    trial.report(
        fault,
        "get_negative_sample" if fault == "law-uniform" else "__init__",
        f"{ROWS} targets get word 0 {got[0]} times and word {len(COUNTS) - 1} {got[-1]} times, "
        f"and should about {wanted[0]:.0f} and {wanted[-1]:.0f} times",
    )


def inclusion(power: float, target: int, repeats: bool) -> Array:
    """Return how often each word is among SAMPLES = 2 negatives of a target, on average."""
    p = np.array(COUNTS, np.float64) ** power
    p[target] = 0
    p /= p.sum()
    if repeats:
        return SAMPLES * p
    second = np.array([sum(p[i] * p[j] / (1 - p[i]) for i in range(len(p)) if i != j) for j in range(len(p))])
    return np.asarray(p + second)
