"""output.negative-sampling: h (B, H), W_out (V, H), target (B,), negatives (B, K) -> mean loss, dh, gradient of W_out.

"Which word?" becomes "is it this word?" for the target and K drawn words (slides 15 to 24): the loss of a row is
``-log sigmoid(h . w_target) - sum over negatives of log sigmoid(-h . w_negative)``. Only K + 1 rows of W_out matter to
a row of h, yet the book's layers still zero and add up dense V × H gradients, so its step keeps growing with V.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..case import Size
from ..interface import Array, Kernel, Problem, Work, resident_zeros
from ..peers import Tensors
from .contract import (
    SIZES,
    check_result,
    check_slope,
    gradient_buffer,
    make_sampled,
    over_candidates,
    sampled_work,
    sigmoid,
    softplus,
)


def check(call: Any, h: Array, W_out: Array, target: Array, negatives: Array) -> None:
    candidates = np.concatenate([target[:, None], negatives], axis=1)
    reference = over_candidates(h, W_out, candidates, 0.0, softmax=False)
    check_result(call(h, W_out, target, negatives), reference, h, W_out)
    check_slope(call, h, W_out, target, negatives)


negative_sampling = Kernel(
    "output.negative-sampling",
    "target against K negatives of each row's own",
    ("h", "W_out", "target", "negatives"),
    partial(make_sampled, shared=False),
    check,
    sampled_work(lambda size: size.B * (1 + size.K)),
    SIZES,
    dimensions="VHBK",
)


def two_gradients(problem: Problem) -> tuple[Array, Array]:
    """The sum over layers and the gradient of one, each (V, H) like W_out."""
    size = problem.size
    return gradient_buffer(problem), resident_zeros((size.V, size.H), size.float_type)


def book_traffic(size: Size) -> Work:
    """K + 1 dense gradients zeroed; all but the first added to the sum."""
    table = size.V * size.H * size.float_type.itemsize
    return Work(2 * size.K * table, (2 * size.K + 1) * table, float(size.K * size.V * size.H))


@negative_sampling.implementation(
    "book-layers",
    "K + 1 layers, dense gradients, as in the book",
    plain="running the book's K + 1 layers, with gradients as large as the vocabulary",
    slide=24,
    baseline=True,
    grows_with="V",
    makes="VH",
    shares="VH",
    prepare=two_gradients,
    moves=book_traffic,
)
def book_layers(
    h: Array, W_out: Array, target: Array, negatives: Array, buffers: tuple[Array, Array]
) -> tuple[Array, Array, Array]:
    summed, dW = buffers
    n = max(1, len(h))
    loss = h.dtype.type(0)
    dh = np.zeros_like(h)
    for layer in range(1 + negatives.shape[1]):
        idx = negatives[:, layer - 1] if layer else target
        rows = W_out[idx]
        score = np.sum(rows * h, axis=1)
        loss += softplus(score if layer else -score).sum() / n
        dscore = ((sigmoid(score) - h.dtype.type(layer == 0)) / n)[:, None]
        gradient = dW if layer else summed
        gradient[...] = 0
        np.add.at(gradient, idx, dscore * h)
        if layer:
            summed += dW
        dh += dscore * rows
    return loss, dh, summed


def dense_traffic(size: Size) -> Work:
    """The candidates' rows read, one dense gradient zeroed."""
    rows, table = (count * size.H * size.float_type.itemsize for count in (size.B * (1 + size.K), size.V))
    return Work(rows, table, 6.0 * size.B * (1 + size.K) * size.H, rows)


@negative_sampling.implementation(
    "einsum-dense",
    "one einsum, one dense gradient",
    plain="scoring target and negatives at once, with one gradient as large as the vocabulary",
    grows_with="V",
    shares="VH",
    prepare=gradient_buffer,
    moves=dense_traffic,
)
def einsum_dense(h: Array, W_out: Array, target: Array, negatives: Array, dW: Array) -> tuple[Array, Array, Array]:
    loss, dh, (rows, values) = einsum_rows(h, W_out, target, negatives)
    dW[...] = 0
    np.add.at(dW, rows, values)
    return loss, dh, dW


@negative_sampling.implementation(
    "einsum-rows",
    "one einsum, gradient as rows and values",
    plain="scoring target and negatives at once, with gradients of the words that occur",
)
def einsum_rows(h: Array, W_out: Array, target: Array, negatives: Array) -> tuple[Array, Array, tuple[Array, Array]]:
    n = max(1, len(h))
    words = np.concatenate([target[:, None], negatives], axis=1)
    rows = W_out[words]
    scores = np.einsum("bh,bch->bc", h, rows)
    dscores = sigmoid(scores)
    dscores[:, 0] -= 1
    dscores /= n
    scores[:, 0] *= -1
    dh = np.einsum("bc,bch->bh", dscores, rows)
    values = dscores[:, :, None] * h[:, None, :]
    return softplus(scores).sum() / n, dh, (words.reshape(-1), values.reshape(-1, h.shape[1]))


@negative_sampling.implementation(
    "matmul-rows",
    "batched matrix products, gradient as rows and values",
    plain="scoring target and negatives by matrix products, with gradients of the words that occur",
)
def matmul_rows(h: Array, W_out: Array, target: Array, negatives: Array) -> tuple[Array, Array, tuple[Array, Array]]:
    n = max(1, len(h))
    words = np.concatenate([target[:, None], negatives], axis=1)
    rows = np.take(W_out, words, axis=0)
    scores = (rows @ h[:, :, None])[:, :, 0]
    dscores = sigmoid(scores)
    dscores[:, 0] -= 1
    dscores *= h.dtype.type(1 / n)
    scores[:, 0] *= -1
    dh = (dscores[:, None, :] @ rows)[:, 0]
    np.multiply(dscores[:, :, None], h[:, None, :], out=rows)
    return softplus(scores).sum() / n, dh, (words.reshape(-1), rows.reshape(-1, h.shape[1]))


def row_buffers(problem: Problem) -> tuple[Array, Array, Array]:
    """Buffers: dh (B, H); the words that a batch touches (B (1 + K),) and their gradients (B (1 + K), H)."""
    size = problem.size
    touched = size.B * (1 + size.K)
    return (
        np.empty((size.B, size.H), size.float_type),
        np.empty(touched, size.index_type),
        np.empty((touched, size.H), size.float_type),
    )


LARGE = 1e200
"""A product of numbers up to two stops here, to be taken the logarithm of before it overflows."""


@negative_sampling.implementation(
    "numba",
    "compiled: one pass over each candidate's row",
    plain="scoring target and negatives in a compiled loop, with gradients of the words that occur",
    jit=True,
    prepare=row_buffers,
)
def numba(
    h: Array, W_out: Array, target: Array, negatives: Array, buffers: tuple[Array, Array, Array]
) -> tuple[Array, Array, tuple[Array, Array]]:
    dh, words, values = buffers
    n, H, width = len(h), h.shape[1], 1 + negatives.shape[1]
    loss, one, scale = 0.0, h.dtype.type(1), h.dtype.type(1 / max(1, n))
    for b in range(n):
        product = 1.0
        for j in range(H):
            dh[b, j] = 0
        for c in range(width):
            word = negatives[b, c - 1] if c else target[b]
            score = h.dtype.type(0)
            for j in range(H):
                score += h[b, j] * W_out[word, j]
            away = score if c else -score  # how far the score is on the wrong side
            # softplus and sigmoid with one exp a score and one log a row: log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)
            small = np.exp(-abs(away))
            product *= one + small
            if product > LARGE:
                loss += np.log(product)
                product = 1.0
            loss += max(away, 0)
            slope = scale * (one if away > 0 else small) / (one + small)
            dscore = slope if c else -slope
            at = b * width + c
            words[at] = word
            for j in range(H):
                dh[b, j] += dscore * W_out[word, j]
                values[at, j] = dscore * h[b, j]
        loss += np.log(product)
    return loss * scale, dh, (words, values)


@negative_sampling.implementation(
    "torch",
    "torch autograd, sparse gradient",
    plain="leaving the gradients to torch's autograd, as rows and values",
    requires=("torch",),
    prepare=Tensors,
)
def torch(
    h: Array, W_out: Array, target: Array, negatives: Array, tensors: Tensors
) -> tuple[Array, Array, tuple[Array, Array]]:
    functional = tensors.torch.nn.functional
    hidden, weights, wanted, noise = tensors.leaf(h), tensors.leaf(W_out), tensors(target), tensors(negatives)
    positive = (functional.embedding(wanted, weights, sparse=True) * hidden).sum(1)
    negative = (functional.embedding(noise, weights, sparse=True) @ hidden[:, :, None])[:, :, 0]
    loss = (functional.softplus(-positive).sum() + functional.softplus(negative).sum()) / max(1, len(h))
    loss.backward()
    gradient = weights.grad
    return loss.detach().numpy(), hidden.grad.numpy(), (gradient._indices()[0].numpy(), gradient._values().numpy())
