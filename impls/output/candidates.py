"""A row of h against its candidates, in compiled code: scores, losses and slopes, gradients. What the compiled implementations share.

A row's candidates are taken all at once: their scores, then one vector of exponentials, then their gradients. Each on its
own would wait for its own sum and exponential.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..interface import Array, Problem
from ..machine import prefetch_row
from ..vectors import UNIT, exponentials, gradients, lengths, scores

LARGE = 1e200
"""A product of numbers up to two stops here, to be taken the logarithm of before it overflows."""


EACH = "gives each row of h a gradient of every negative"
TOGETHER = "gives each negative one gradient, added up over the batch"
"""How objectives with shared negatives give the gradient of W_out: either is right, and an update takes less of the second."""


class Buffers(NamedTuple):
    """What a compiled implementation writes to. dh (B, H); words (n,) and values (n, H): the gradient of W_out; away, slopes, small,
    less: of one row's candidates, filled up to whole vectors; whole, rest: H as ``vectors.lengths`` parts it."""

    dh: Array
    words: Array
    values: Array
    away: Array
    slopes: Array
    small: Array
    less: Array
    whole: tuple[int, ...]
    rest: tuple[int, ...]


def row_buffers(problem: Problem, touched: int, most: int) -> Buffers:
    """Buffers for a gradient of so many rows, and for at most so many candidates of a row of h."""
    size, dtype = problem.size, problem.size.float_type
    room = -(-most * dtype.itemsize // UNIT) * UNIT // dtype.itemsize
    dh, values = (np.empty((rows, size.H), dtype) for rows in (size.B, touched))
    away, slopes, small, less = np.zeros((4, room), dtype)
    words = np.empty(touched, size.index_type)
    return Buffers(dh, words, values, away, slopes, small, less, *lengths(size.H, dtype.itemsize))


def softplus_all(count: int, scale: Any, product: float, buffers: Buffers) -> tuple[float, float]:
    """Of ``count`` scores that lie ``away`` on the wrong side: the sum of log(1 + e^away), and scale times their slopes into ``slopes``.

    With one exp a score and one log for many: log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), and the sum of the logarithms
    is the log of a product, which is handed on from call to call.
    """
    away, slopes, small = buffers.away, buffers.slopes, buffers.small
    loss, one = 0.0, away.dtype.type(1)
    for c in range(count):
        small[c] = -abs(away[c])
    exponentials(small, buffers.less)
    for c in range(count):
        product *= one + small[c]
        if product > LARGE:
            loss += np.log(product)
            product = 1.0
        loss += max(away[c], 0)
        slopes[c] = scale * (one if away[c] > 0 else small[c]) / (one + small[c])
    return loss, product


def shared_buffers(problem: Problem) -> Buffers:
    """Buffers for the gradients of the targets and of negatives that the batch shares."""
    return row_buffers(problem, problem.size.B + problem.size.K, 1 + problem.size.K)


def shared_scores(b: int, h: Array, W_out: Array, buffers: Buffers) -> None:
    """Scores of row b with its target and with the shared negatives, into ``away``; and ask for the next target's row."""
    n, words, away, whole, rest = len(h), buffers.words, buffers.away, buffers.whole, buffers.rest
    if b + 1 < n:
        prefetch_row(W_out, words[b + 1])
    scores(away, h[b], W_out, words[b : b + 1], whole, rest)
    scores(away[1:], h[b], W_out, words[n:], whole, rest)


def shared_gradients(b: int, h: Array, W_out: Array, buffers: Buffers) -> None:
    """Where the slopes of these scores lead: dh of row b, its target's gradient, and what it adds to the negatives'."""
    n, dh, words, values, slopes = len(h), buffers.dh[b], buffers.words, buffers.values, buffers.slopes
    whole, rest = buffers.whole, buffers.rest
    gradients(dh, values[b : b + 1], h[b], W_out, words[b : b + 1], slopes, whole, rest, False, ())
    gradients(dh, values[n:], h[b], W_out, words[n:], slopes[1:], whole, rest, True, (0,))


def shared_pass(
    h: Array, W_out: Array, target: Array, negatives: Array, less_target: Array, less: Array, buffers: Buffers
) -> tuple[Any, Array, tuple[Array, Array]]:
    """Loss and gradients of target against shared negatives; scores are taken less what is given, (B,) and (K,)."""
    words, values, away, slopes = buffers.words, buffers.values, buffers.away, buffers.slopes
    n, K, scale = len(h), len(negatives), h.dtype.type(1 / max(1, len(h)))
    loss, product = 0.0, 1.0
    words[:n], words[n:] = target, negatives
    values[n:] = 0
    for b in range(n):
        shared_scores(b, h, W_out, buffers)
        away[0] = less_target[b] - away[0]
        for c in range(K):
            away[1 + c] -= less[c]
        lost, product = softplus_all(1 + K, scale, product, buffers)
        loss += lost
        slopes[0] = -slopes[0]
        shared_gradients(b, h, W_out, buffers)
    return (loss + np.log(product)) * scale, buffers.dh, (words, values)
