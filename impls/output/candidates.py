"""What the compiled implementations share: scores, losses and gradients of a row of h and its candidates.

All candidates of a row are computed together: their scores, then one vector of exponentials, then their gradients. One
candidate at a time would wait for its own sum and its own exponential.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..interface import Array, Problem
from ..machine import prefetch_row
from ..products import UNIT, exponentials, gradients, row_units, scores

LARGE = 1e200
"""A running product of factors up to 2 is replaced by its logarithm above this, before it overflows."""

EACH = "returns one gradient row for each row of h and negative"
TOGETHER = "returns one gradient row for each negative, summed over the batch"
"""The two forms of the gradient of W_out with shared negatives. Both are right; an update has fewer rows with the second."""


class Buffers(NamedTuple):
    """Arrays that a compiled implementation writes to.

    Attributes
    ----------
    dh
        Gradient of h, (B, H).
    words, values
        Gradient of W_out: rows (n,) and their values (n, H).
    row_scores, slopes, powers, offsets
        One number for each candidate of one row of h, padded to whole vectors: scores, derivatives of the loss,
        exponentials, and what is subtracted before an exponential.
    whole, rest
        H as ``vectors.row_units`` divides it.
    """

    dh: Array
    words: Array
    values: Array
    row_scores: Array
    slopes: Array
    powers: Array
    offsets: Array
    whole: tuple[int, ...]
    rest: tuple[int, ...]


RESULTS = (0, 1, 2)
"""Positions in Buffers of what a call returns: dh, words and values."""


def row_buffers(problem: Problem, touched: int, candidates: int) -> Buffers:
    """Return buffers for a gradient of ``touched`` rows, and for at most ``candidates`` of a row of h."""
    size, dtype = problem.size, problem.size.float_type
    padded = -(-candidates * dtype.itemsize // UNIT) * UNIT // dtype.itemsize
    dh, values = (np.empty((rows, size.H), dtype) for rows in (size.B, touched))
    row_scores, slopes, powers, offsets = np.zeros((4, padded), dtype)
    words = np.empty(touched, size.index_type)
    return Buffers(dh, words, values, row_scores, slopes, powers, offsets, *row_units(size.H, dtype.itemsize))


def softplus_all(count: int, scale: Any, product: float, buffers: Buffers) -> tuple[float, float]:
    """Sum log(1 + e^x) over scores x, and write its derivatives, times ``scale``, to ``buffers.slopes``.

    It takes one exp per score, and one log for many scores: log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), and a sum of
    logarithms is the logarithm of a product.

    Parameters
    ----------
    count
        Number of scores in ``buffers.row_scores``. A target's score is there with its sign turned.
    scale
        Factor of the derivatives.
    product
        The product that the previous call returned, or 1.
    buffers
        Arrays to work in.

    Returns
    -------
    loss
        The sum, without the logarithm of ``product``.
    product
        The product, for the next call.
    """
    row_scores, slopes, powers = buffers.row_scores, buffers.slopes, buffers.powers
    loss, one = 0.0, row_scores.dtype.type(1)
    for c in range(count):
        powers[c] = -abs(row_scores[c])
    exponentials(powers, buffers.offsets)
    for c in range(count):
        product *= one + powers[c]
        if product > LARGE:
            loss += np.log(product)
            product = 1.0
        loss += max(row_scores[c], 0)
        slopes[c] = scale * (one if row_scores[c] > 0 else powers[c]) / (one + powers[c])
    return loss, product


def shared_buffers(problem: Problem) -> Buffers:
    """Return buffers for the gradients of the targets and of the shared negatives."""
    return row_buffers(problem, problem.size.B + problem.size.K, 1 + problem.size.K)


def shared_scores(b: int, h: Array, W_out: Array, buffers: Buffers) -> None:
    """Write row b's scores with its target and the shared negatives to ``row_scores``, and prefetch the next target's row."""
    n, words, row_scores, whole, rest = len(h), buffers.words, buffers.row_scores, buffers.whole, buffers.rest
    if b + 1 < n:
        prefetch_row(W_out, words[b + 1])
    scores(row_scores, h[b], W_out, words[b : b + 1], whole, rest)
    scores(row_scores[1:], h[b], W_out, words[n:], whole, rest)


def shared_gradients(b: int, h: Array, W_out: Array, buffers: Buffers) -> None:
    """Turn row b's slopes into gradients: its dh, its target's gradient, and its share of the negatives' gradients."""
    n, dh, words, values, slopes = len(h), buffers.dh[b], buffers.words, buffers.values, buffers.slopes
    whole, rest = buffers.whole, buffers.rest
    gradients(dh, values[b : b + 1], h[b], W_out, words[b : b + 1], slopes, whole, rest, False, ())
    gradients(dh, values[n:], h[b], W_out, words[n:], slopes[1:], whole, rest, True, (0,))


def shared_pass(
    h: Array, W_out: Array, target: Array, negatives: Array, target_offset: Array, offsets: Array, buffers: Buffers
) -> tuple[Any, Array, tuple[Array, Array]]:
    """Return loss and gradients of the targets against shared negatives.

    ``target_offset`` (B,) and ``offsets`` (K,) are subtracted from the scores of targets and negatives.
    """
    words, values, row_scores, slopes = buffers.words, buffers.values, buffers.row_scores, buffers.slopes
    n, K, scale = len(h), len(negatives), h.dtype.type(1 / max(1, len(h)))
    loss, product = 0.0, 1.0
    words[:n], words[n:] = target, negatives
    values[n:] = 0
    for b in range(n):
        shared_scores(b, h, W_out, buffers)
        row_scores[0] = target_offset[b] - row_scores[0]
        for c in range(K):
            row_scores[1 + c] -= offsets[c]
        row_loss, product = softplus_all(1 + K, scale, product, buffers)
        loss += row_loss
        slopes[0] = -slopes[0]
        shared_gradients(b, h, W_out, buffers)
    return (loss + np.log(product)) * scale, buffers.dh, (words, values)
