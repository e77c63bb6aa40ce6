"""The reference of the output objectives over a row's candidate words, and the checks of a result against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..corpus.words import Floats, Ints
from ..interface import Array, Problem, Wrong
from ..interface.checks import check_close, check_dtype, check_integers, equal_elsewhere

Gradient = Array | tuple[Array, Array]


@dataclass(frozen=True)
class Reference:
    """A loss and its gradients in float64."""

    loss: float
    dh: Floats  # the gradient of h (B, H)
    # the gradient of W_out: distinct rows (n,) and their values (n, H)
    rows: Ints
    values: Floats
    # sums of the absolute values of the terms, for the tolerance
    loss_terms: float
    dh_terms: Floats
    values_terms: Floats
    roundings: int  # the largest number of roundings in sequence, for the tolerance


@dataclass(frozen=True)
class Candidates:
    """The words that the rows of h are scored against, C words per row."""

    words: Array  # (B, C). The first word of a row is its target, unless ``is_target`` differs.
    offsets: Array | float = 0.0  # (B, C), or one number. A candidate's score is ``h . W_out[candidate] - offset``.
    # Whether the loss is the cross-entropy over the candidates. Otherwise it is the sum of sigmoid cross-entropies,
    # target against noise.
    softmax: bool = False
    excluded: Array | None = None  # (B, C), 1 for candidates to leave out
    is_target: Array | None = None  # (B, C), 1 for targets

    def at(self, rows: Array) -> Candidates:
        """Return the candidates of some rows of h."""
        offsets = self.offsets[rows] if isinstance(self.offsets, np.ndarray) else self.offsets
        excluded, is_target = (part if part is None else part[rows] for part in (self.excluded, self.is_target))
        return Candidates(self.words[rows], offsets, self.softmax, excluded, is_target)


def join_shared(of_rows: Array, shared: Array) -> Array:
    """Put each row's own value, (B,), before values that all rows share, (K,): (B, 1 + K)."""
    return np.concatenate([of_rows[:, None], np.broadcast_to(shared, (len(of_rows), len(shared)))], axis=1)


def candidate_reference(h: Array, W_out: Array, candidates: Candidates, batch: int | None = None) -> Reference:
    """Compute the reference in float64: each row of h scores its own candidates. batch: rows in the mean, if not all of h."""
    words, offsets, softmax = candidates.words, candidates.offsets, candidates.softmax
    excluded, is_target = candidates.excluded, candidates.is_target
    B, C = words.shape
    n = max(1, batch or B)
    x, rows = h.astype(np.float64), W_out[words].astype(np.float64)
    scores = np.einsum("bh,bch->bc", x, rows) - offsets
    sizes = np.einsum("bh,bch->bc", np.abs(x), np.abs(rows)) + np.abs(offsets)
    keep = np.ones((B, C)) if excluded is None else 1.0 - excluded
    if is_target is None:
        is_target = np.zeros((B, C))
        is_target[:, :1] = 1
    if softmax:
        scores = np.where(keep > 0, scores, -np.inf)
        top = scores.max(axis=1, keepdims=True, initial=-1e300)
        powers = np.exp(scores - top)
        p = powers / powers.sum(axis=1, keepdims=True)
        losses = (top[:, 0] + np.log(powers.sum(axis=1)) - scores[:, 0])[:, None]
        sizes = np.broadcast_to(2 * sizes.max(axis=1, keepdims=True, initial=0), sizes.shape)
        d, d_terms = (p - is_target) / n, (p * (1 + sizes) + is_target) / n
    else:
        losses = np.logaddexp(0, np.where(is_target > 0, -scores, scores)) * keep
        sigmoid = 0.5 * (1 + np.tanh(0.5 * scores))
        d, d_terms = (sigmoid - is_target) * keep / n, (sigmoid + is_target + sizes) * keep / n
    distinct_words, row_of = np.unique(words, return_inverse=True)
    row_of = row_of.reshape(B, C)
    values, values_terms = np.zeros((2, len(distinct_words), h.shape[1]))
    np.add.at(values, row_of, d[:, :, None] * x[:, None, :])
    np.add.at(values_terms, row_of, d_terms[:, :, None] * np.abs(x)[:, None, :])
    return Reference(
        loss=float(losses.sum() / n),
        dh=np.einsum("bc,bch->bh", d, rows),
        rows=distinct_words,
        values=values,
        loss_terms=float((np.abs(losses).sum() + sizes.sum()) / n),
        dh_terms=np.einsum("bc,bch->bh", d_terms, np.abs(rows)),
        values_terms=values_terms,
        roundings=h.shape[1] + n * C + 16,
    )


def check_result(
    result: Any, reference: Reference, h: Array, W_out: Array, rng: np.random.Generator | None = None
) -> None:
    """Compare loss, dh and the gradient of W_out, dense or as rows and values, with the reference.

    With ``rng`` only some rows of a dense gradient are checked for zeros, otherwise all.
    """
    loss, dh, gradient = result
    loss = np.asarray(loss)
    if loss.dtype.kind != "f":
        raise Wrong(f"the loss has dtype {loss.dtype}")
    check_dtype("dh", dh, h.dtype)
    check_close("the loss", loss.astype(h.dtype), np.asarray(reference.loss), reference.loss_terms, reference.roundings)
    check_close("dh", dh, reference.dh, reference.dh_terms, reference.roundings)
    check_dtype("the gradient of W_out", gradient[1] if isinstance(gradient, tuple) else gradient, h.dtype)
    at_rows = gradient_at(gradient, reference.rows, W_out, rng)
    check_close("the gradient of W_out", at_rows, reference.values, reference.values_terms, reference.roundings)


def check_with(candidates_of: Callable[..., Candidates]) -> Callable[..., None]:
    """Return the check of a sampled objective. ``candidates_of`` makes candidates from the arguments after h and W_out."""

    def check(call: Any, h: Array, W_out: Array, *rest: Any) -> None:
        reference = candidate_reference(h, W_out, candidates_of(*rest))
        check_result(call(h, W_out, *rest), reference, h, W_out)
        check_slope(call, h, W_out, *rest)

    return check


ZERO_ROWS = 256
"""Random rows of a timed call's dense gradient that are checked for zeros."""
MAX_ROWS = 256
"""Largest batch whose timed results are verified at all rows. Of a larger one, some rows, and all that touch a few words."""


def verify_with(candidates_of: Callable[..., Candidates]) -> Callable[..., None]:
    """Return the ``verify`` of a sampled objective. It takes some rows of a large batch."""

    def verify(problem: Problem, calls: Any, result: Any, rng: np.random.Generator, history: Any) -> None:
        h, W_out, *rest = calls[-1]
        candidates = candidates_of(*rest)
        if len(h) <= MAX_ROWS:
            check_result(result, candidate_reference(h, W_out, candidates), h, W_out, rng)
            return
        touching = {word: (candidates.words == word).any(axis=1) for word in rng.choice(candidates.words.ravel(), 4)}
        words = np.unique([word for word, rows in touching.items() if rows.sum() <= MAX_ROWS]).astype(np.int64)
        rows = np.unique(
            [*rng.integers(len(h), size=8), *(row for word in words for row in np.flatnonzero(touching[word]))]
        )
        reference = candidate_reference(h[rows], W_out, candidates.at(rows), len(h))
        check_at(result, reference, rows, words, h, W_out)

    return verify


def check_at(result: Any, reference: Reference, rows: Array, words: Array, h: Array, W_out: Array) -> None:
    """Compare dh at some rows, and the gradient of W_out at some words, with the reference over these rows."""
    _, dh, gradient = result
    if dh.shape != h.shape:
        raise Wrong(f"dh has shape {dh.shape}, not {h.shape}")
    check_close("dh", dh[rows], reference.dh, reference.dh_terms, reference.roundings)
    at = np.searchsorted(reference.rows, words)
    if isinstance(gradient, tuple):
        wanted = np.isin(gradient[0], words)
        got = gradient_at((gradient[0][wanted], gradient[1][wanted]), words, W_out)
    else:
        got = gradient[words]
    check_close("the gradient of W_out", got, reference.values[at], reference.values_terms[at], reference.roundings)


def gradient_at(gradient: Gradient, rows: Ints, W_out: Array, rng: np.random.Generator | None = None) -> Array:
    """Return a gradient at some rows. Raises Wrong if it is not zero at all others, or at random ones with ``rng``."""
    if not isinstance(gradient, tuple):
        if gradient.shape != W_out.shape:
            raise Wrong(f"the dense gradient of W_out has shape {gradient.shape}, not {W_out.shape}")
        others = None if rng is None else np.setdiff1d(rng.integers(len(W_out), size=ZERO_ROWS), rows)
        if not equal_elsewhere(gradient, rows, 0.0) if others is None else gradient[others].any():
            raise Wrong("the gradient of W_out is not zero at rows of words that are not in the batch")
        return gradient[rows]
    got_rows, values = gradient
    check_integers("the rows of the gradient of W_out", got_rows)
    if values.shape != (len(got_rows), W_out.shape[1]):
        raise Wrong(f"{len(got_rows)} rows come with values of shape {values.shape}")
    known = np.isin(got_rows, rows)
    if values[~known].any():
        raise Wrong("the gradient of W_out has rows of words that are not in the batch")
    summed = np.zeros((len(rows), W_out.shape[1]))
    np.add.at(summed, np.searchsorted(rows, got_rows[known]), values[known].astype(np.float64))
    return summed.astype(values.dtype)


def check_slope(call: Any, h: Array, W_out: Array, *rest: Any) -> None:
    """Compare the gradients with finite differences of the loss along a random direction, in float64 only."""
    if h.dtype != np.float64 or W_out.size > 4096 or h.size == 0:
        return
    rng = np.random.default_rng(0)
    _, dh, gradient = call(h, W_out, *rest)
    dh = np.array(dh)
    dense = np.zeros_like(W_out)
    if isinstance(gradient, tuple):
        np.add.at(dense, gradient[0], gradient[1])
    else:
        dense += gradient
    for name, at, slope in (("h", 0, dh), ("W_out", 1, dense)):
        direction = rng.standard_normal(slope.shape)
        step = 1e-5
        ends = []
        for sign in (1, -1):
            arguments = [h, W_out, *rest]
            arguments[at] = arguments[at] + sign * step * direction
            ends.append(float(call(*arguments)[0]))
        measured, claimed = (ends[0] - ends[1]) / (2 * step), float((slope * direction).sum())
        if not abs(measured - claimed) <= 1e-6 * (1 + np.abs(slope * direction).sum()):
            raise Wrong(
                f"the gradient of {name} is {claimed:.8g} along a direction in which the loss changes by {measured:.8g}"
            )
