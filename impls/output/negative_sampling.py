"""output.negative-sampling: h (B, H), W_out (V, H), target (B,), negatives (B, K) -> mean loss, dh, gradient of W_out.

"Which word is it?" becomes "is it this word?" for the target and K drawn words (slides 15 to 24). The loss of a row is
``-log sigmoid(h . w_target) - sum over negatives of log sigmoid(-h . w_negative)``. Only K + 1 rows of W_out matter to a
row of h. The book's layers still zero and add dense V × H gradients, so that its step grows with V.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..compiling.intrinsics.products import gradients, scores
from ..compiling.intrinsics.rows import copy_row, prefetch_row
from ..interface import Array, Deck, Kernel, Measured, Problem, Work
from ..interface.arrays import resident_zeros
from ..interface.case import Size
from ..parts.jax_peers import Program, jax_gradients, jax_result, on_jax, program
from ..parts.torch_peers import by_autograd, leaf, tensors, torch_on
from .candidates import RESULTS, Buffers, padded, row_buffers, softplus_all
from .contract import SIZES, gradient_buffer, make_sampled, sampled_work, sigmoid, softplus
from .reference import Candidates, check_with, verify_with


def candidates(target: Array, negatives: Array) -> Candidates:
    return Candidates(np.concatenate([target[:, None], negatives], axis=1))


negative_sampling = Kernel(
    "output.negative-sampling",
    "target against K negatives for each row",
    ("h", "W_out", "target", "negatives"),
    partial(make_sampled, shared=False),
    check_with(candidates),
    sampled_work(lambda size: size.B * (1 + size.K)),
    SIZES,
    dimensions="VHBK",
    verify=verify_with(candidates),
    shapes=("BH", "VH", "iB", "iBK"),
    place=31,
    unit="example",
    diagram="output",
    measured=Measured(at="tables"),
    deck=Deck(
        sizes=tuple(Size(V, B=1, dtype="f64") for V in (10**6, 10**5, 10**4)),
        beside=("einsum-dense", "einsum-rows", "numba"),
        layers=("SigmoidWithLoss.forward", "EmbeddingDot.forward", "EmbeddingDot.backward"),
    ),
)


DENSE = "returns the gradient of W_out as V × H, summed for each word"
ROWS = "returns the gradient of W_out as rows, not summed where a word repeats"


def two_gradients(problem: Problem) -> tuple[Array, Array]:
    """Return buffers for the sum over the layers and the gradient of one, each (V, H) like W_out."""
    size = problem.size
    return gradient_buffer(problem), resident_zeros((size.V, size.H), size.float_type)


def book_traffic(size: Size) -> Work:
    """K + 1 dense gradients are zeroed, and all but the first are added to the sum."""
    table = size.V * size.H * size.float_type.itemsize
    return Work(2 * size.K * table, (2 * size.K + 1) * table, float(size.K * size.V * size.H))


@negative_sampling.implementation(
    "book-layers",
    "the book's K + 1 layers, dense gradients in two shared buffers",
    summary="running the book's K + 1 layers, with gradients as large as the vocabulary",
    differs=DENSE,
    slide=24,
    baseline=True,
    grows_with="V",
    temporaries="VH",
    shares="VH",
    prepare=two_gradients,
    form="dense",
    traffic=book_traffic,
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
    """The candidates' rows are read, and one dense gradient is zeroed."""
    rows, table = (count * size.H * size.float_type.itemsize for count in (size.B * (1 + size.K), size.V))
    return Work(rows, table, 6.0 * size.B * (1 + size.K) * size.H)


@negative_sampling.implementation(
    "einsum-dense",
    "one einsum, one dense gradient",
    summary="scoring target and negatives at once, with one gradient as large as the vocabulary",
    differs=DENSE,
    grows_with="V",
    shares="VH",
    prepare=gradient_buffer,
    form="dense",
    traffic=dense_traffic,
)
def einsum_dense(h: Array, W_out: Array, target: Array, negatives: Array, dW: Array) -> tuple[Array, Array, Array]:
    loss, dh, (rows, values) = einsum_rows(h, W_out, target, negatives)
    dW[...] = 0
    np.add.at(dW, rows, values)
    return loss, dh, dW


@negative_sampling.implementation(
    "einsum-rows",
    "one einsum, gradient as rows and values",
    summary="scoring target and negatives at once, with gradients of the words that occur",
    differs=ROWS,
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
    summary="scoring target and negatives by matrix products, with gradients of the words that occur",
    differs=ROWS,
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


def candidate_buffers(problem: Problem) -> Buffers:
    """Return buffers for the gradients of all rows' candidates."""
    width = 1 + problem.size.K
    return row_buffers(problem, problem.size.B * width, width)


@negative_sampling.implementation(
    "numba",
    "compiled: a row's candidates at once, in vector registers",
    summary="scoring target and negatives in a compiled loop, with gradients of the words that occur",
    differs=ROWS,
    jit=True,
    prepare=candidate_buffers,
    returns=RESULTS,
)
def numba(
    h: Array, W_out: Array, target: Array, negatives: Array, buffers: Buffers
) -> tuple[Array, Array, tuple[Array, Array]]:
    dh, words, values, row_scores, whole, rest = buffers
    n, width, scale = len(h), 1 + negatives.shape[1], h.dtype.type(1 / max(1, len(h)))
    loss, product = 0.0, 1.0
    for b in range(-1, n):
        if b + 1 < n:  # prefetch the next row's candidates while this row's are computed
            for c in range(width):
                word = negatives[b + 1, c - 1] if c else target[b + 1]
                words[(b + 1) * width + c] = word
                prefetch_row(W_out, word)
        if b >= 0:
            part = slice(b * width, (b + 1) * width)
            scores(row_scores, h[b], W_out, words[part], whole, rest)
            row_scores[0] = -row_scores[0]
            row_loss, product = softplus_all(row_scores, padded(width, row_scores), scale, product)
            loss += row_loss
            row_scores[0] = -row_scores[0]
            gradients(dh[b], values[part], h[b], W_out, words[part], row_scores, whole, rest, False, ())
    return (loss + np.log(product)) * scale, dh, (words, values)


@negative_sampling.implementation(
    "torch",
    "torch autograd, sparse gradient",
    summary="leaving the gradients to torch's autograd, as rows and values",
    differs=ROWS,
    requires=("torch",),
    prepare=torch_on,
    adapt=tensors,
)
def torch(h: Any, W_out: Any, target: Any, negatives: Any, torch: Any) -> tuple[Any, Any, tuple[Any, Any]]:
    functional = torch.nn.functional
    hidden, weights = leaf(h), leaf(W_out)
    positive = (functional.embedding(target, weights, sparse=True) * hidden).sum(1)
    negative = (functional.embedding(negatives, weights, sparse=True) @ hidden[:, :, None])[:, :, 0]
    loss = (functional.softplus(-positive).sum() + functional.softplus(negative).sum()) / max(1, len(h))
    return by_autograd(loss, hidden, weights)


def jax_loss(h: Any, W_out: Any, target: Any, negatives: Any) -> tuple[Any, Any, tuple[Any, Any]]:
    import jax.numpy as jnp
    from jax.nn import softplus

    def loss(h: Any, rows: Any) -> Any:
        scores = jnp.einsum("bh,bch->bc", h, rows)
        return softplus(scores.at[:, 0].multiply(-1)).sum() / max(1, len(h))

    return jax_gradients(loss, h, W_out, jnp.concatenate([target[:, None], negatives], axis=1))


@negative_sampling.implementation(
    "jax",
    "JAX: value_and_grad, gradient as rows and values",
    summary="leaving the gradients to JAX, as rows and values",
    differs=ROWS,
    requires=("jax",),
    prepare=program(jax_loss, negative_sampling.shapes),
    adapt=on_jax,
    source_functions=(jax_loss, jax_gradients),
)
def jax(h: Any, W_out: Any, target: Any, negatives: Any, program: Program) -> tuple[Any, Any, tuple[Any, Any]]:
    return jax_result(program.run(h, W_out, target, negatives))


# what any implementation must move


def candidate_rows(problem: Problem) -> Array:
    """Return a buffer with a row for each candidate of each row of h."""
    size = problem.size
    return np.empty((size.B * (1 + size.K), size.H), size.float_type)


@negative_sampling.floor("rows", prepare=candidate_rows)
def candidates_read(h: Array, W_out: Array, target: Array, negatives: Array, values: Array) -> None:
    n, K = negatives.shape
    for b in range(n):
        at = b * (1 + K)
        copy_row(values, at, W_out, target[b])
        for k in range(K):
            copy_row(values, at + 1 + k, W_out, negatives[b, k])


@negative_sampling.floor("rows.ahead", prepare=candidate_rows)
def candidates_read_ahead(h: Array, W_out: Array, target: Array, negatives: Array, values: Array) -> None:
    n, K = negatives.shape
    for b in range(-1, n):
        if b + 1 < n:
            prefetch_row(W_out, target[b + 1])
            for k in range(K):
                prefetch_row(W_out, negatives[b + 1, k])
        if b >= 0:
            at = b * (1 + K)
            copy_row(values, at, W_out, target[b])
            for k in range(K):
                copy_row(values, at + 1 + k, W_out, negatives[b, k])
