"""What the compiled implementations share: scores, losses and gradients of a row of h and its candidates.

All candidates of a row are computed together: their scores, then one vector of exponentials, then their gradients. One
candidate at a time would wait for its own sum and its own exponential.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..compiling.intrinsics.losses import logistic_losses
from ..compiling.intrinsics.products import UNIT, row_units
from ..interface import Array, Problem

LARGE, MOST = 1e200, 256
"""A running product is replaced by its logarithm above LARGE, before it overflows: it gets MOST factors up to 2 at once."""

EACH = "returns one gradient row for each row of h and negative"
TOGETHER = "returns one gradient row for each negative, summed over the batch"
"""The two forms of the gradient of W_out with shared negatives. Both are right; an update has fewer rows with the second."""


class Buffers(NamedTuple):
    """Arrays that a compiled implementation writes to."""

    dh: Array  # gradient of h, (B, H)
    # gradient of W_out: rows (n,) and their values (n, H)
    words: Array
    values: Array
    # of some rows of h with their candidates, then the derivatives of the loss by them, padded to whole units
    scores: Array
    # h as ``vectors.row_units`` divides it
    whole: tuple[int, ...]
    rest: tuple[int, ...]


RESULTS = (0, 1, 2)
"""Positions in Buffers of what a call returns: dh, words and values."""


def row_buffers(problem: Problem, touched: int, candidates: int) -> Buffers:
    """Return buffers for a gradient of ``touched`` rows, and for at most ``candidates`` at a time."""
    size, dtype = problem.size, problem.size.float_type
    padded = -(-candidates * dtype.itemsize // UNIT) * UNIT // dtype.itemsize
    dh, values = (np.empty((rows, size.H), dtype) for rows in (size.B, touched))
    words = np.empty(touched, size.index_type)
    return Buffers(dh, words, values, np.zeros(padded, dtype), *row_units(size.H, dtype.itemsize))


def softplus_all(scores: Array, count: int, scale: Any, product: float) -> tuple[float, float]:
    """Sum log(1 + e^x) over scores x, and turn these into its derivatives, times ``scale``.

    It takes one exp per score, and one log for many scores: log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), and a sum of
    logarithms is the logarithm of a product.

    Parameters
    ----------
    scores
        Contiguous, of any shape. A target's score is there with its sign turned.
    count
        How many there are, padded to whole units by -inf.
    scale
        Factor of the derivatives.
    product
        The product that the previous call returned, or 1.

    Returns
    -------
    loss
        The sum, without the logarithm of ``product``.
    product
        The product, for the next call.
    """
    loss = 0.0
    for begin in range(0, count, MOST):
        part, factor = logistic_losses(scores, begin, min(begin + MOST, count), scale)
        part, product = with_factor(part, product, factor)
        loss += part
    return loss, product


def padded(count: int, scores: Array) -> int:
    """Write -inf after ``count`` scores, up to a whole number of units, and return that number."""
    unit = UNIT // scores.itemsize
    end = -(-count // unit) * unit
    for c in range(count, end):
        scores[c] = -np.inf
    return end


def with_factor(loss: float, product: float, factor: float) -> tuple[float, float]:
    """Return loss and product with one more factor in the product, or with all its logarithm in the loss if it is large."""
    product *= factor
    return (loss + np.log(product), 1.0) if product > LARGE else (loss, product)
