"""Random numbers inside compiled loops: a counter and a mixing function, so that no draw waits for the one before."""

from __future__ import annotations

import numpy as np

from .interface import Array

STRIDE = np.uint64(0x9E3779B97F4A7C15)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S27, S30, S31, S32 = (np.uint64(bits) for bits in (27, 30, 31, 32))
LOW = np.uint64(0xFFFFFFFF)


def state(seed: int) -> Array:
    """The state of a generator, (1,) uint64, which ``next_bits`` moves on."""
    return np.array([seed], np.uint64)


def next_bits(state: Array) -> np.uint64:
    """64 random bits (splitmix64: Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, 2014)."""
    state[0] += STRIDE
    bits = state[0]
    bits = (bits ^ (bits >> S30)) * MIX_1
    bits = (bits ^ (bits >> S27)) * MIX_2
    return np.uint64(bits ^ (bits >> S31))


def draw(state: Array, aliases: Array) -> np.uint64:
    """A word by alias tables (V, 2) uint32, as ``whole_alias_table`` makes them: its place from the high bits, which of two from the low."""
    bits = next_bits(state)
    word = ((bits >> S32) * np.uint64(len(aliases))) >> S32
    other = np.uint64(aliases[word, 1])
    return word if (bits & LOW) < np.uint64(aliases[word, 0]) else other


def alias_table(p: Array) -> tuple[Array, Array]:
    """Thresholds (V,) float64 and aliases (V,): word i is drawn as itself below threshold[i], else as alias[i].

    Walker's tables (1977), filled without a loop: small words take what they lack from large ones in turn, so who
    serves whom can be read off the running sums of lacks and excesses (Hübschle-Schneider and Sanders 2019).
    """
    scaled = p * (len(p) / p.sum())
    full = min(1.0, scaled.max())  # rounding may leave all words just below 1
    small, large = np.flatnonzero(scaled < full), np.flatnonzero(scaled >= full)
    threshold, alias = np.ones(len(p)), np.arange(len(p))
    lack, excess = np.cumsum(1 - scaled[small]), np.cumsum(scaled[large] - 1)
    last = len(large) - 1
    if len(small):
        server = np.searchsorted(excess, np.concatenate([[0.0], lack[:-1]]), side="left")
        threshold[small], alias[small] = scaled[small], large[np.minimum(server, last)]
    # a large word that gave more than it had is filled up by the next one
    ran_out = np.searchsorted(lack, excess[:last], side="right")
    short = np.flatnonzero(ran_out < len(small))
    threshold[large[short]] = 1 - (lack[ran_out[short]] - excess[short])
    alias[large[short]] = large[short + 1]
    return threshold, alias


def whole_alias_table(p: Array) -> Array:
    """Alias tables as whole numbers side by side, (V, 2) uint32: 2^32 times the threshold, and the alias."""
    threshold, alias = alias_table(p)
    return np.stack([np.minimum(threshold * 2.0**32, 2.0**32 - 1), alias], axis=1).astype(np.uint32)
