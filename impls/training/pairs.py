"""Pairs of a centre and a context: which of them a text has, and how well a model scores them."""

from __future__ import annotations

import numpy as np

from ..corpus.words import Floats, Ints
from ..interface import Array
from .settings import Settings


def pairs_in(words: int, window: int) -> int:
    """Return how many pairs the full windows of a line have: for each distance, every position in both directions."""
    return 2 * sum(words - distance for distance in range(1, min(window, words - 1) + 1))


def examples(
    words: Ints, starts: Ints, keep: Floats, settings: Settings, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints]:
    """Return what a pass over some lines learns from.

    Parameters
    ----------
    words, starts
        The text.
    keep
        Probability to keep an occurrence of each word, (V,).
    settings
        How to train.
    rng
        Draws which words stay, and how far windows reach.

    Returns
    -------
    words, line, reach
        The words that subsampling keeps, the number of each one's line, and how far its window reaches, (n,) each.
    """
    line = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    if settings.sample:
        kept = rng.random(len(words)) < keep[words]
        words, line = words[kept], line[kept]
    return words, line, rng.integers(settings.least_window, settings.window + 1, len(words))


def keep_probability(counts: Floats, sample: float) -> Floats:
    """Return the probability to keep an occurrence of each word: (sqrt(f / t) + 1) t / f at frequency f and threshold t.

    This is the rule of word2vec.c and gensim. The paper (Mikolov et al. 2013b) drops a word with probability
    1 - sqrt(t / f).
    """
    if not sample:
        return np.ones(len(counts))
    ratio = counts / (sample * counts.sum())
    return np.asarray(np.minimum(1.0, (np.sqrt(ratio) + 1) / np.maximum(ratio, 1e-12)))


def pairs_of(words: Ints, starts: Ints, window: int) -> tuple[Ints, Ints]:
    """Return all pairs within full windows: centres (n,) and contexts (n,)."""
    line = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    centres, contexts = [], []
    for distance in range(1, window + 1):
        same = line[distance:] == line[:-distance]
        left, right = words[:-distance][same], words[distance:][same]
        centres += [left, right]
        contexts += [right, left]
    return np.concatenate(centres), np.concatenate(contexts)


def windows(line: Ints, centres: Ints, reach: Ints) -> tuple[Ints, Ints]:
    """Find the context words of some centres in their own lines.

    Parameters
    ----------
    line
        The number of each word's line, (B,).
    centres
        Positions of the centres, (m,).
    reach
        How many words to each side a centre's window has, (m,).

    Returns
    -------
    contexts
        Positions of the contexts, centre after centre, (n,).
    counts
        How many contexts each centre has, (m,).
    """
    widest = int(reach.max(initial=0))
    offsets = np.concatenate([np.arange(-widest, 0), np.arange(1, widest + 1)])
    positions = centres[:, None] + offsets
    clipped = np.clip(positions, 0, len(line) - 1)
    inside = (clipped == positions) & (line[clipped] == line[centres, None]) & (np.abs(offsets) <= reach[:, None])
    return positions[inside], inside.sum(axis=1)


def pair_accuracy(W_in: Array, W_out: Array, words: Ints, starts: Ints, counts: Floats, seed: int = 0) -> float:
    """Return how often a word's score with a neighbour is higher than with a word drawn by the noise law; 0.5 is chance.

    Unlike a loss, it means the same for softmax and negative sampling.
    """
    centres, contexts = pairs_of(words, starts, 2)
    others = centres != contexts  # a word beside itself shows nothing where both tables are alike
    centres, contexts = centres[others], contexts[others]
    law = np.cumsum(counts**0.75)
    noise = np.searchsorted(law, np.random.default_rng(seed).random(len(centres)) * law[-1], side="right")
    own = np.einsum("ph,ph->p", W_in[contexts], W_out[centres])
    other = np.einsum("ph,ph->p", W_in[contexts], W_out[np.minimum(noise, len(law) - 1)])
    return float(np.mean(own > other) + np.mean(own == other) / 2)


def noise_loss(
    W_in: Array, W_out: Array, words: Ints, starts: Ints, counts: Floats, K: int = 5, seed: int = 0
) -> float | None:
    """Return the negative-sampling loss of a text's pairs of neighbours, each with K words drawn by the noise law.

    The drawn words depend on the seed only. A model of zeros has loss (K + 1) log 2. The result is None where no word has
    a neighbour.
    """
    centres, contexts = pairs_of(words, starts, 2)
    law = np.cumsum(counts**0.75)
    drawn = np.searchsorted(law, np.random.default_rng(seed).random((len(centres), K)) * law[-1], side="right")
    loss, block = 0.0, 1 << 11
    for start in range(0, len(centres), block):
        part = slice(start, start + block)
        h = W_in[contexts[part]]
        own = np.einsum("ph,ph->p", h, W_out[centres[part]])
        other = np.einsum("ph,pkh->pk", h, W_out[np.minimum(drawn[part], len(law) - 1)])
        loss += float(np.logaddexp(0, -own).sum(dtype=np.float64) + np.logaddexp(0, other).sum(dtype=np.float64))
    return loss / len(centres) if len(centres) else None
