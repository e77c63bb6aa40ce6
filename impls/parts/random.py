"""Random numbers inside compiled loops: a counter and a mixing function, so that no draw waits for the previous one."""

from __future__ import annotations

import numpy as np

from ..interface import Array

STRIDE = np.uint64(0x9E3779B97F4A7C15)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S27, S30, S31, S32 = (np.uint64(bits) for bits in (27, 30, 31, 32))
LOW = np.uint64(0xFFFFFFFF)


def state(seed: int) -> Array:
    """Return a generator's state, (1,) uint64, which ``next_bits`` advances."""
    return np.array([seed], np.uint64)


def next_bits(state: Array) -> np.uint64:
    """Return 64 random bits (splitmix64: Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, 2014)."""
    state[0] += STRIDE
    bits = state[0]
    bits = (bits ^ (bits >> S30)) * MIX_1
    bits = (bits ^ (bits >> S27)) * MIX_2
    return np.uint64(bits ^ (bits >> S31))


def draw(state: Array, aliases: Array) -> np.uint64:
    """Draw a word from an ``integer_alias_table``: the high bits choose a row, the low bits one of its two words."""
    bits = next_bits(state)
    word = ((bits >> S32) * np.uint64(len(aliases))) >> S32
    other = np.uint64(aliases[word, 1])
    return word if (bits & LOW) < np.uint64(aliases[word, 0]) else other


def alias_table(p: Array) -> tuple[Array, Array]:
    """Build Walker's alias tables (1977) of a law p (V,), without a loop.

    Returns
    -------
    threshold
        (V,) float64. A draw of row i gives word i with probability threshold[i], and alias[i] otherwise.
    alias
        (V,) word ids.

    Notes
    -----
    Light words (p below 1 / V) take what they lack from heavy words, in order. The running sums of lacks and excesses
    therefore show which heavy word fills which light one (Hübschle-Schneider and Sanders 2019).
    """
    scaled = p * (len(p) / p.sum())
    full = min(1.0, scaled.max())  # rounding may put all words just below 1
    light, heavy = np.flatnonzero(scaled < full), np.flatnonzero(scaled >= full)
    threshold, alias = np.ones(len(p)), np.arange(len(p))
    lack, excess = np.cumsum(1 - scaled[light]), np.cumsum(scaled[heavy] - 1)
    last = len(heavy) - 1
    if len(light):
        server = np.searchsorted(excess, np.concatenate([[0.0], lack[:-1]]), side="left")
        threshold[light], alias[light] = scaled[light], heavy[np.minimum(server, last)]
    # a heavy word that gave more than its excess is filled up by the next one
    ran_out = np.searchsorted(lack, excess[:last], side="right")
    short = np.flatnonzero(ran_out < len(light))
    threshold[heavy[short]] = 1 - (lack[ran_out[short]] - excess[short])
    alias[heavy[short]] = heavy[short + 1]
    return threshold, alias


def integer_alias_table(p: Array) -> Array:
    """Build alias tables as integers side by side, (V, 2) uint32: 2^32 times the threshold, and the alias."""
    threshold, alias = alias_table(p)
    return np.stack([np.minimum(threshold * 2.0**32, 2.0**32 - 1), alias], axis=1).astype(np.uint32)
