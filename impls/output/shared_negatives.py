"""output.shared-negatives: h (B, H), W_out (V, H), target (B,), negatives (K,) -> mean loss, dh, gradient of W_out.

Negative sampling in which the whole batch shares its K negatives. Their scores are then one matrix product (Ji et al.
2016, "Parallelizing Word2Vec in Shared and Distributed Memory"). A negative that equals a row's target counts as a
negative of that row too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..interface import Array
from ..parts.jax_peers import Program, jax_gradients, jax_result, on_jax, program
from ..parts.torch_peers import by_autograd, leaf, tensors, torch_on
from .candidates import EACH, RESULTS, TOGETHER
from .contract import shared_kernel, sigmoid, softplus
from .reference import Candidates, join_shared
from .shared_pass import (
    TILE,
    SharedBuffers,
    begin_pass,
    shared_buffers,
    shared_read,
    shared_read_ahead,
    shared_rows,
    tile_gradients,
    tile_logistic,
    tile_scores,
)

Result = tuple[Array, Array, tuple[Array, Array]]


def candidates(target: Array, negatives: Array) -> Candidates:
    return Candidates(join_shared(target, negatives))


shared_negatives = shared_kernel(
    "output.shared-negatives", "target against K negatives shared by the batch", candidates, logs=False, place=32
)


@shared_negatives.implementation(
    "row-by-row", "one row of h at a time", summary="going through the batch row by row", baseline=True, differs=EACH
)
def row_by_row(h: Array, W_out: Array, target: Array, negatives: Array) -> Result:
    n = max(1, len(h))
    width = 1 + len(negatives)
    loss = h.dtype.type(0)
    dh = np.empty_like(h)
    words = np.empty((len(h), width), target.dtype)
    values = np.empty((len(h), width, h.shape[1]), h.dtype)
    for b in range(len(h)):
        words[b, 0], words[b, 1:] = target[b], negatives
        rows = W_out[words[b]]
        scores = rows @ h[b]
        dscores = sigmoid(scores)
        dscores[0] -= 1
        dscores /= n
        scores[0] *= -1
        loss += softplus(scores).sum() / n
        dh[b] = dscores @ rows
        values[b] = dscores[:, None] * h[b]
    return loss, dh, (words.reshape(-1), values.reshape(-1, h.shape[1]))


@shared_negatives.implementation(
    "matmul",
    "one matrix product for the negatives",
    summary="scoring the shared negatives by one matrix product",
    differs=TOGETHER,
)
def matmul(h: Array, W_out: Array, target: Array, negatives: Array) -> Result:
    n = max(1, len(h))
    of_target, of_negatives = W_out[target], W_out[negatives]
    target_score = np.einsum("bh,bh->b", h, of_target)
    scores = h @ of_negatives.T
    loss = (softplus(-target_score).sum() + softplus(scores).sum()) / n
    dtarget = ((sigmoid(target_score) - 1) / n)[:, None]
    dscores = sigmoid(scores) / n
    dh = dtarget * of_target + dscores @ of_negatives
    return loss, dh, (np.concatenate([target, negatives]), np.concatenate([dtarget * h, dscores.T @ h]))


@shared_negatives.implementation(
    "numba",
    "compiled: a row's candidates at once, in vector registers",
    summary="scoring target and shared negatives in a compiled loop",
    differs=TOGETHER,
    jit=True,
    prepare=shared_buffers,
    returns=RESULTS,
)
def numba(h: Array, W_out: Array, target: Array, negatives: Array, buffers: SharedBuffers) -> Result:
    n, K, loss, product = len(h), len(negatives), 0.0, 1.0
    begin_pass(W_out, target, negatives, buffers)
    for start in range(0, n, TILE):
        tile_scores(start, h, W_out, buffers)
        tile_loss, product = tile_logistic(start, n, K, product, buffers)
        loss += tile_loss
        tile_gradients(start, h, W_out, buffers)
    return (loss + np.log(product)) / max(1, n), buffers.dh, (buffers.words[: n + K], buffers.values[: n + K])


@shared_negatives.implementation(
    "torch",
    "torch autograd, sparse gradient",
    summary="leaving the gradients to torch's autograd, as rows and values",
    differs=TOGETHER,
    requires=("torch",),
    prepare=torch_on,
    adapt=tensors,
)
def torch(h: Any, W_out: Any, target: Any, negatives: Any, torch: Any) -> tuple[Any, Any, tuple[Any, Any]]:
    functional = torch.nn.functional
    hidden, weights = leaf(h), leaf(W_out)
    positive = (functional.embedding(target, weights, sparse=True) * hidden).sum(1)
    negative = hidden @ functional.embedding(negatives, weights, sparse=True).T
    loss = (functional.softplus(-positive).sum() + functional.softplus(negative).sum()) / max(1, len(h))
    return by_autograd(loss, hidden, weights)


def jax_loss(h: Any, W_out: Any, target: Any, negatives: Any) -> tuple[Any, Any, tuple[Any, Any]]:
    from jax.nn import softplus

    def loss(h: Any, of_target: Any, of_negatives: Any) -> Any:
        positive, negative = (h * of_target).sum(1), h @ of_negatives.T
        return (softplus(-positive).sum() + softplus(negative).sum()) / max(1, len(h))

    return jax_gradients(loss, h, W_out, target, negatives)


@shared_negatives.implementation(
    "jax",
    "JAX: value_and_grad, gradient as rows and values",
    summary="leaving the gradients to JAX, as rows and values",
    differs=TOGETHER,
    requires=("jax",),
    prepare=program(jax_loss, shared_negatives.shapes),
    adapt=on_jax,
    source_functions=(jax_loss, jax_gradients),
)
def jax(h: Any, W_out: Any, target: Any, negatives: Any, program: Program) -> tuple[Any, Any, tuple[Any, Any]]:
    return jax_result(program.run(h, W_out, target, negatives))


# what any implementation must move


@shared_negatives.floor("rows", prepare=shared_rows)
def shared_candidates_read(h: Array, W_out: Array, target: Array, negatives: Array, values: Array) -> None:
    shared_read(W_out, target, negatives, values)


@shared_negatives.floor("rows.ahead", prepare=shared_rows)
def shared_candidates_read_ahead(h: Array, W_out: Array, target: Array, negatives: Array, values: Array) -> None:
    shared_read_ahead(W_out, target, negatives, values)
