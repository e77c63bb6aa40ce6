"""What the output objectives share: inputs, the reference over a few candidate words a row, and the check of a result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..case import Size
from ..interface import (
    Array,
    Problem,
    Work,
    Wrong,
    close,
    integers,
    normals,
    only_rows,
    ring_length,
    same_dtype,
)
from ..ring import Moving, Ring, distinct, rotating, stream_length
from ..words import Corpus, Floats, Ints

Gradient = Array | tuple[Array, Array]

SIZES = (
    Size(9, 4, 6, 3),
    Size(60, 20, 30, 5),
    Size(8, 1, 1, 1),
    Size(12, 5, 0, 2),
    Size(40, 6, 25, 4, dtype="f64", index="i32"),
)


@dataclass(frozen=True)
class Reference:
    """A loss and its gradients in float64, each with the sum of absolute values behind it, for the tolerance."""

    loss: float
    loss_terms: float
    dh: Floats
    dh_terms: Floats
    rows: Ints
    values: Floats
    values_terms: Floats
    roundings: int


def hidden(size: Size, number: int, rng: np.random.Generator) -> Moving:
    """h (B, H) of so many batches; with W_out, scores are of order one, as in a model under training."""
    return Moving(number, size.B, lambda rows: normals(rng, (rows, size.H), size.float_type, scale=1.0), rng)


def weights(size: Size, rng: np.random.Generator, rows: int | None = None) -> Array:
    """W_out (V, H)."""
    return normals(rng, (rows or size.V, size.H), size.float_type, scale=0.1)


def ring(size: Size, rows_per_word: int) -> int:
    return ring_length(size, size.H * size.float_type.itemsize, size.B * rows_per_word)


class Noise:
    """Draws from the noise law by searching its running sums: O(log V), so that a long ring is soon made."""

    def __init__(self, law: Floats, rng: np.random.Generator) -> None:
        self.sums, self.rng = np.cumsum(law), rng

    def draw(self, n: int) -> Ints:
        """n words, (n,) int64."""
        drawn = np.searchsorted(self.sums, self.rng.random(n) * self.sums[-1], side="right")
        return np.asarray(np.minimum(drawn, len(self.sums) - 1))

    def beside(self, targets: Ints, K: int) -> Ints:
        """K words for each target, (B, K), none of them the target itself."""
        negatives = self.draw(len(targets) * K).reshape(len(targets), K)
        while (hit := negatives == targets[:, None]).any():
            negatives[hit] = self.draw(int(hit.sum()))
        return negatives.astype(targets.dtype)


def make_sampled(size: Size, corpus: Corpus, rng: np.random.Generator, *, shared: bool, logs: bool = False) -> Problem:
    """Inputs of a sampled objective: negatives a row (B, K) or shared (K,), with log(K p) of all words if it needs it.

    Shared negatives may hit a row's target, as they do in practice.
    """
    W_out, law = weights(size, rng), corpus.noise(size.V)
    noise, log_expected = Noise(law, rng), np.log(size.K * law)
    number = ring(size, 1 + (0 if shared else size.K))
    target = corpus.stream(size, stream_length(number, size.B), rng)
    if shared:
        negatives = noise.draw(stream_length(number, size.K)).astype(size.index_type)
    else:
        negatives = noise.beside(target, size.K)
    of_target, of_negatives = (
        (words, log_expected[words].astype(size.float_type)) if logs else (words,) for words in (target, negatives)
    )
    if shared:
        words = [Ring(number, size.B, of_target, rng), Ring(number, size.K, of_negatives, rng)]
    else:  # a row's negatives go where its target goes
        words = [Ring(number, size.B, (target, negatives), rng)]

    def arguments(h: Array, *rest: Array) -> tuple[Array, ...]:
        """Logarithms come last in a call."""
        return (h, W_out, rest[0], rest[2], rest[1], rest[3]) if logs else (h, W_out, *rest)

    problem = rotating(size, {"W_out": W_out}, arguments, hidden(size, number, rng), *words, touched=0.0)
    touched = distinct([np.concatenate([call[2], call[3].ravel()]) for call in problem.batches[:32]])
    return replace(problem, touched=touched)


@dataclass(frozen=True)
class Candidates:
    """What the rows of h are scored against, C words a row.

    words (B, C): the first is the target, unless is_target (B, C) says which. A candidate's score is
    ``h . W_out[candidate] - offset``. softmax: cross-entropy over the candidates; else a sum of sigmoid cross-entropies,
    target against noise. excluded (B, C): candidates to leave out.
    """

    words: Array
    offsets: Array | float = 0.0
    softmax: bool = False
    excluded: Array | None = None
    is_target: Array | None = None

    def at(self, rows: Array) -> Candidates:
        """Those of some rows of h."""
        offsets = self.offsets[rows] if isinstance(self.offsets, np.ndarray) else self.offsets
        excluded, is_target = (part if part is None else part[rows] for part in (self.excluded, self.is_target))
        return Candidates(self.words[rows], offsets, self.softmax, excluded, is_target)


def over_candidates(h: Array, W_out: Array, candidates: Candidates, batch: int | None = None) -> Reference:
    """The reference, in float64: each row of h scores its own candidates. batch: rows that the mean is taken over, if not these."""
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
        float(losses.sum() / n),
        float((np.abs(losses).sum() + sizes.sum()) / n),
        np.einsum("bc,bch->bh", d, rows),
        np.einsum("bc,bch->bh", d_terms, np.abs(rows)),
        distinct_words,
        values,
        values_terms,
        h.shape[1] + n * C + 16,
    )


def check_result(
    result: Any, reference: Reference, h: Array, W_out: Array, rng: np.random.Generator | None = None
) -> None:
    """Compare loss, dh and the gradient of W_out, dense or as rows and values, with the reference. rng: where zeros are looked for."""
    loss, dh, gradient = result
    loss = np.asarray(loss)
    if loss.dtype.kind != "f":
        raise Wrong(f"the loss has dtype {loss.dtype}")
    same_dtype("dh", dh, h.dtype)
    close("the loss", loss.astype(h.dtype), np.asarray(reference.loss), reference.loss_terms, reference.roundings)
    close("dh", dh, reference.dh, reference.dh_terms, reference.roundings)
    same_dtype("the gradient of W_out", gradient[1] if isinstance(gradient, tuple) else gradient, h.dtype)
    at_rows = touched_rows(gradient, reference.rows, W_out, rng)
    close("the gradient of W_out", at_rows, reference.values, reference.values_terms, reference.roundings)


def check_with(candidates_of: Callable[..., Candidates]) -> Callable[..., None]:
    """The check of a sampled objective, whose candidates are made of what a call is given after h and W_out."""

    def check(call: Any, h: Array, W_out: Array, *rest: Any) -> None:
        reference = over_candidates(h, W_out, candidates_of(*rest))
        check_result(call(h, W_out, *rest), reference, h, W_out)
        check_slope(call, h, W_out, *rest)

    return check


LOOKED_AT = 256
"""Rows of a dense gradient that must be zeros, of a timed call's."""
MOST_ROWS = 256
"""Rows of h that a timed call's result is verified at; of a larger batch some, with all that touch a few words."""


def verify_with(candidates_of: Callable[..., Candidates]) -> Callable[..., None]:
    """The same of a timed call's result, at some rows where the batch is large."""

    def verify(problem: Problem, calls: Any, result: Any, rng: np.random.Generator, kept: Any) -> None:
        h, W_out, *rest = calls[-1]
        candidates = candidates_of(*rest)
        if len(h) <= MOST_ROWS:
            check_result(result, over_candidates(h, W_out, candidates), h, W_out, rng)
            return
        touching = {word: (candidates.words == word).any(axis=1) for word in rng.choice(candidates.words.ravel(), 4)}
        words = np.unique([word for word, rows in touching.items() if rows.sum() <= MOST_ROWS]).astype(np.int64)
        rows = np.unique(
            [*rng.integers(len(h), size=8), *(row for word in words for row in np.flatnonzero(touching[word]))]
        )
        reference = over_candidates(h[rows], W_out, candidates.at(rows), len(h))
        check_places(result, reference, rows, words, h, W_out)

    return verify


def check_places(result: Any, reference: Reference, rows: Array, words: Array, h: Array, W_out: Array) -> None:
    """Compare dh at some rows, and the gradient of W_out at some words, with the reference over these rows."""
    _, dh, gradient = result
    if dh.shape != h.shape:
        raise Wrong(f"dh has shape {dh.shape}, not {h.shape}")
    close("dh", dh[rows], reference.dh, reference.dh_terms, reference.roundings)
    mine = np.searchsorted(reference.rows, words)
    if isinstance(gradient, tuple):
        of_mine = np.isin(gradient[0], words)
        gradient = gradient[0][of_mine], gradient[1][of_mine]
        got = touched_rows(gradient, words, W_out)
    else:
        got = gradient[words]
    close("the gradient of W_out", got, reference.values[mine], reference.values_terms[mine], reference.roundings)


def touched_rows(gradient: Gradient, rows: Ints, W_out: Array, rng: np.random.Generator | None = None) -> Array:
    """A gradient at some rows; raises Wrong if it is anything but zero at other rows. rng: looks at some of these only."""
    if not isinstance(gradient, tuple):
        if gradient.shape != W_out.shape:
            raise Wrong(f"the dense gradient of W_out has shape {gradient.shape}, not {W_out.shape}")
        others = None if rng is None else np.setdiff1d(rng.integers(len(W_out), size=LOOKED_AT), rows)
        if not only_rows(gradient, rows, 0.0) if others is None else gradient[others].any():
            raise Wrong("the gradient of W_out is not zero at rows that no word points to")
        return gradient[rows]
    got_rows, values = gradient
    integers("the rows of the gradient of W_out", got_rows)
    if values.shape != (len(got_rows), W_out.shape[1]):
        raise Wrong(f"{len(got_rows)} rows come with values of shape {values.shape}")
    known = np.isin(got_rows, rows)
    if values[~known].any():
        raise Wrong("the gradient of W_out has rows that no word points to")
    summed = np.zeros((len(rows), W_out.shape[1]))
    np.add.at(summed, np.searchsorted(rows, got_rows[known]), values[known].astype(np.float64))
    return summed.astype(values.dtype)


def check_slope(call: Any, h: Array, W_out: Array, *rest: Any) -> None:
    """The gradients must be the slopes of the loss: finite differences along a random direction, in float64 only."""
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
                f"the gradient by {name} is {claimed:.8g} along a direction in which the loss changes by {measured:.8g}"
            )


def sampled_work(candidates_per_row: Any) -> Any:
    """Least traffic of a sampled objective: the candidate rows and h are read; dh and their gradients are written."""

    def work(size: Size) -> Work:
        item, rows = size.float_type.itemsize, candidates_per_row(size)
        return Work(
            (rows + size.B) * size.H * item,
            (rows + size.B) * size.H * item,
            6.0 * size.B * (1 + size.K) * size.H,
        )

    return work


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)) without overflow, in x's own dtype."""
    half = x.dtype.type(0.5)
    return np.asarray(half + half * np.tanh(half * x))


def softplus(x: Array) -> Array:
    """log(1 + exp(x)) without overflow: the sigmoid cross-entropy of score x against t = 0."""
    return np.asarray(np.logaddexp(x.dtype.type(0), x))


def gradient_buffer(problem: Problem) -> Array:
    """dW_out (V, H), shared by the implementations of a problem and overwritten by every call."""
    return problem.buffer("dW_out", (problem.size.V, problem.size.H))
