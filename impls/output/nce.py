"""output.nce: h, W_out, target (B,), negatives (K,), log_q of both -> mean loss, dh, gradient of W_out.

Noise-contrastive estimation asks of the target and of K shared negatives: "is it a word of the text, or of the noise?"
Each score is reduced by ``log_q = log(K p)``. Unlike in negative sampling, the best scores are log-probabilities (Gutmann
and Hyvärinen 2010; Mnih and Teh 2012).
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
    corrected_floors,
    shared_buffers,
    subtract_offsets,
    tile_gradients,
    tile_logistic,
    tile_scores,
)

Result = tuple[Array, Array, tuple[Array, Array]]


def candidates(target: Array, negatives: Array, log_q_target: Array, log_q: Array) -> Candidates:
    return Candidates(join_shared(target, negatives), join_shared(log_q_target, log_q).astype(np.float64))


nce = shared_kernel(
    "output.nce", "target against K shared negatives, scores less log(K p)", candidates, logs=True, place=34
)


@nce.implementation(
    "row-by-row", "one row of h at a time", summary="going through the batch row by row", baseline=True, differs=EACH
)
def row_by_row(h: Array, W_out: Array, target: Array, negatives: Array, log_q_target: Array, log_q: Array) -> Result:
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
        scores[0] -= log_q_target[b]
        scores[1:] -= log_q
        dscores = sigmoid(scores)
        dscores[0] -= 1
        dscores /= n
        scores[0] *= -1
        loss += softplus(scores).sum() / n
        dh[b] = dscores @ rows
        values[b] = dscores[:, None] * h[b]
    return loss, dh, (words.reshape(-1), values.reshape(-1, h.shape[1]))


@nce.implementation(
    "matmul",
    "one matrix product for the negatives",
    summary="scoring the shared negatives by one matrix product",
    differs=TOGETHER,
)
def matmul(h: Array, W_out: Array, target: Array, negatives: Array, log_q_target: Array, log_q: Array) -> Result:
    n = max(1, len(h))
    of_target, of_negatives = W_out[target], W_out[negatives]
    target_score = np.einsum("bh,bh->b", h, of_target) - log_q_target
    scores = h @ of_negatives.T
    scores -= log_q
    loss = (softplus(-target_score).sum() + softplus(scores).sum()) / n
    dtarget = ((sigmoid(target_score) - 1) / n)[:, None]
    dscores = sigmoid(scores) / n
    dh = dtarget * of_target + dscores @ of_negatives
    return loss, dh, (np.concatenate([target, negatives]), np.concatenate([dtarget * h, dscores.T @ h]))


@nce.implementation(
    "numba",
    "compiled: a row's candidates at once, in vector registers",
    summary="scoring target and shared negatives in a compiled loop",
    differs=TOGETHER,
    jit=True,
    prepare=shared_buffers,
    returns=RESULTS,
)
def numba(
    h: Array, W_out: Array, target: Array, negatives: Array, log_q_target: Array, log_q: Array,
    buffers: SharedBuffers,
) -> Result:  # fmt: skip
    n, K, loss, product = len(h), len(negatives), 0.0, 1.0
    begin_pass(W_out, target, negatives, buffers)
    for start in range(0, n, TILE):
        tile_scores(start, h, W_out, buffers)
        subtract_offsets(start, log_q_target, log_q, buffers)
        tile_loss, product = tile_logistic(start, n, K, product, buffers)
        loss += tile_loss
        tile_gradients(start, h, W_out, buffers)
    return (loss + np.log(product)) / max(1, n), buffers.dh, (buffers.words[: n + K], buffers.values[: n + K])


@nce.implementation(
    "torch",
    "torch autograd, sparse gradient",
    summary="leaving the gradients to torch's autograd, as rows and values",
    differs=TOGETHER,
    requires=("torch",),
    prepare=torch_on,
    adapt=tensors,
)
def torch(
    h: Any, W_out: Any, target: Any, negatives: Any, log_q_target: Any, log_q: Any, torch: Any
) -> tuple[Any, Any, tuple[Any, Any]]:
    functional = torch.nn.functional
    hidden, weights = leaf(h), leaf(W_out)
    positive = (functional.embedding(target, weights, sparse=True) * hidden).sum(1) - log_q_target
    negative = hidden @ functional.embedding(negatives, weights, sparse=True).T - log_q
    loss = (functional.softplus(-positive).sum() + functional.softplus(negative).sum()) / max(1, len(h))
    return by_autograd(loss, hidden, weights)


def jax_loss(
    h: Any, W_out: Any, target: Any, negatives: Any, log_q_target: Any, log_q: Any
) -> tuple[Any, Any, tuple[Any, Any]]:
    from jax.nn import softplus

    def loss(h: Any, of_target: Any, of_negatives: Any) -> Any:
        positive, negative = (h * of_target).sum(1) - log_q_target, h @ of_negatives.T - log_q
        return (softplus(-positive).sum() + softplus(negative).sum()) / max(1, len(h))

    return jax_gradients(loss, h, W_out, target, negatives)


@nce.implementation(
    "jax",
    "JAX: value_and_grad, gradient as rows and values",
    summary="leaving the gradients to JAX, as rows and values",
    differs=TOGETHER,
    requires=("jax",),
    prepare=program(jax_loss, nce.shapes),
    adapt=on_jax,
    source_functions=(jax_loss, jax_gradients),
)
def jax(
    h: Any, W_out: Any, target: Any, negatives: Any, log_q_target: Any, log_q: Any, program: Program
) -> tuple[Any, Any, tuple[Any, Any]]:
    return jax_result(program.run(h, W_out, target, negatives, log_q_target, log_q))


# what any implementation must move


ROWS = corrected_floors(nce)
