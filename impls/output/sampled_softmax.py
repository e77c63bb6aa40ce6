"""output.sampled-softmax: h, W_out, target (B,), negatives (K,), log_q of both -> mean loss, dh, gradient of W_out.

The softmax runs over the target and K shared negatives. Each score is reduced by the logarithm of the word's expected
count in the sample, ``log_q = log(K p)``, so that the loss tends to the full softmax as K grows (Jean et al. 2015, "On
Using Very Large Target Vocabulary"). A negative that equals a row's target is left out of that row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiling.intrinsics.losses import softmax_losses
from ..interface import Array
from ..parts.jax_peers import Program, jax_gradients, jax_result, on_jax, program
from ..parts.torch_peers import by_autograd, leaf, tensors, torch_on
from .candidates import EACH, RESULTS, TOGETHER, with_factor
from .contract import shared_kernel
from .reference import Candidates, join_shared
from .shared_pass import (
    TILE,
    SharedBuffers,
    begin_pass,
    corrected_floors,
    leave_out,
    shared_buffers,
    subtract_offsets,
    tile_gradients,
    tile_scores,
)

Result = tuple[Array, Array, tuple[Array, Array]]


def candidates(target: Array, negatives: Array, log_q_target: Array, log_q: Array) -> Candidates:
    words, offsets = join_shared(target, negatives), join_shared(log_q_target, log_q).astype(np.float64)
    hits = words == target[:, None]
    hits[:, 0] = False
    return Candidates(words, offsets, softmax=True, excluded=hits)


sampled_softmax = shared_kernel(
    "output.sampled-softmax", "softmax over the target and K shared negatives", candidates, logs=True, place=33
)


@sampled_softmax.implementation(
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
        scores[1:][negatives == target[b]] = -np.inf
        scores -= scores.max()
        powers = np.exp(scores)
        total = powers.sum()
        loss += (np.log(total) - scores[0]) / n
        dscores = powers / total
        dscores[0] -= 1
        dscores /= n
        dh[b] = dscores @ rows
        values[b] = dscores[:, None] * h[b]
    return loss, dh, (words.reshape(-1), values.reshape(-1, h.shape[1]))


@sampled_softmax.implementation(
    "matmul",
    "one matrix product for the negatives",
    summary="scoring the shared negatives by one matrix product",
    differs=TOGETHER,
)
def matmul(h: Array, W_out: Array, target: Array, negatives: Array, log_q_target: Array, log_q: Array) -> Result:
    n = max(1, len(h))
    of_target, of_negatives = W_out[target], W_out[negatives]
    scores = np.empty((len(h), 1 + len(negatives)), h.dtype)
    scores[:, 0] = np.einsum("bh,bh->b", h, of_target) - log_q_target
    np.matmul(h, of_negatives.T, out=scores[:, 1:])
    scores[:, 1:] -= log_q
    scores[:, 1:][target[:, None] == negatives] = -np.inf
    scores -= scores.max(axis=1, keepdims=True)
    at_target = scores[:, 0].copy()
    dscores = np.exp(scores, out=scores)
    total = dscores.sum(axis=1, keepdims=True)
    loss = (np.log(total[:, 0]) - at_target).sum() / n
    dscores /= total
    dscores[:, 0] -= 1
    dscores /= n
    dh = dscores[:, :1] * of_target + dscores[:, 1:] @ of_negatives
    values = np.concatenate([dscores[:, :1] * h, dscores[:, 1:].T @ h])
    return loss, dh, (np.concatenate([target, negatives]), values)


@sampled_softmax.implementation(
    "numba",
    "compiled: a row's candidates at once, in vector registers",
    summary="scoring target and shared negatives in a compiled loop",
    differs=TOGETHER,
    jit=True,
    prepare=shared_buffers,
    returns=RESULTS,
)
def numba(
    h: Array, W_out: Array, target: Array, negatives: Array, log_q_target: Array, log_q: Array, buffers: SharedBuffers
) -> Result:
    n, K, loss, product = len(h), len(negatives), 0.0, 1.0
    begin_pass(W_out, target, negatives, buffers)
    for start in range(0, n, TILE):
        tile_scores(start, h, W_out, buffers)
        subtract_offsets(start, log_q_target, log_q, buffers)
        tile_loss, product = tile_softmax(start, target, negatives, product, buffers)
        loss += tile_loss
        tile_gradients(start, h, W_out, buffers)
    return (loss + np.log(product)) / max(1, n), buffers.dh, (buffers.words[: n + K], buffers.values[: n + K])


def tile_softmax(
    start: int, target: Array, negatives: Array, product: float, buffers: SharedBuffers
) -> tuple[float, float]:
    """Turn a tile's scores into slopes of the mean cross-entropy, with ``product`` and results as in ``softplus_all``."""
    tile, n, K = buffers.tile, len(target), len(negatives)
    for c in range(K):
        for r in range(min(TILE, n - start)):
            tile[1 + c, r] = -np.inf if negatives[c] == target[start + r] else tile[1 + c, r]
    leave_out(n - start, K, buffers)
    for r in range(n - start, TILE):
        tile[0, r] = 0  # alone with no other candidate: no loss and no slope
    loss, factor = softmax_losses(tile, tile.dtype.type(1 / n))
    return with_factor(loss, product, factor)


@sampled_softmax.implementation(
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
    negative = negative.masked_fill(target[:, None] == negatives, -torch.inf)
    scores = torch.cat([positive[:, None], negative], dim=1)
    loss = -torch.log_softmax(scores, dim=1)[:, 0].sum() / max(1, len(h))
    return by_autograd(loss, hidden, weights)


def jax_loss(
    h: Any, W_out: Any, target: Any, negatives: Any, log_q_target: Any, log_q: Any
) -> tuple[Any, Any, tuple[Any, Any]]:
    import jax.numpy as jnp
    from jax.nn import logsumexp

    def loss(h: Any, of_target: Any, of_negatives: Any) -> Any:
        positive, negative = (h * of_target).sum(1) - log_q_target, h @ of_negatives.T - log_q
        negative = jnp.where(target[:, None] == negatives, -jnp.inf, negative)
        scores = jnp.concatenate([positive[:, None], negative], axis=1)
        return (logsumexp(scores, axis=1) - positive).sum() / max(1, len(h))

    return jax_gradients(loss, h, W_out, target, negatives)


@sampled_softmax.implementation(
    "jax",
    "JAX: value_and_grad, gradient as rows and values",
    summary="leaving the gradients to JAX, as rows and values",
    differs=TOGETHER,
    requires=("jax",),
    prepare=program(jax_loss, sampled_softmax.shapes),
    adapt=on_jax,
    source_functions=(jax_loss, jax_gradients),
)
def jax(
    h: Any, W_out: Any, target: Any, negatives: Any, log_q_target: Any, log_q: Any, program: Program
) -> tuple[Any, Any, tuple[Any, Any]]:
    return jax_result(program.run(h, W_out, target, negatives, log_q_target, log_q))


# what any implementation must move


ROWS = corrected_floors(sampled_softmax)
