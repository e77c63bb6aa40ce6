"""output.softmax: h (B, H), W_out (V, H), target (B,) -> mean cross-entropy of the softmax over all V words, dh, dW_out.

This is chapter 3's output layer (slide 14). Each example takes a score, an exponential and a gradient row for every word
of the vocabulary. The time of every implementation grows with V; they differ in how often they go through memory. The file
is long because it tells one story, from the book's layer to compiled tiles.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiling.intrinsics.products import product
from ..compiling.intrinsics.rows import copy_row
from ..corpus.batches import rotating_problem
from ..corpus.words import Corpus
from ..interface import Array, Deck, Kernel, Measured, Problem, Work, Wrong
from ..interface.arrays import resident_zeros
from ..interface.case import Size
from ..interface.checks import check_close, check_dtype
from ..parts.jax_peers import Program, jax_result, on_jax, program
from ..parts.torch_peers import leaf, tensors, torch_on
from .contract import SIZES, batch_count, gradient_buffer, hidden_batches, output_weights
from .reference import check_slope
from .softmax_tiles import Tiles, backward, forward, set_columns, tiles

BLOCK = 4096


def make(size: Size, corpus: Corpus, rng: np.random.Generator) -> Problem:
    W_out, number = output_weights(size, rng), batch_count(size, 1)
    h, targets = hidden_batches(size, number, rng), corpus.rotating_batches(size, number, rng)
    return rotating_problem(
        size, {"W_out": W_out}, lambda h, target: (h, W_out, target), h, targets, touched=float(size.V)
    )


def check(call: Any, h: Array, W_out: Array, target: Array) -> None:
    """Compare with a reference in float64, computed in blocks of the vocabulary to avoid a V × H copy."""
    loss, dh, dW = call(h, W_out, target)
    (B, H), V, n = h.shape, len(W_out), max(1, len(h))
    x = h.astype(np.float64)
    blocks = [slice(start, min(start + BLOCK, V)) for start in range(0, V, BLOCK)]
    powers = np.empty((B, V))
    for block in blocks:
        np.matmul(x, W_out[block].astype(np.float64).T, out=powers[:, block])
    at_target = powers[np.arange(B), target]
    top = powers.max(axis=1, initial=-1e300)
    powers -= top[:, None]
    np.exp(powers, out=powers)
    total = powers.sum(axis=1)
    biggest = 2 * np.abs(x) @ np.abs(W_out).max(axis=0).astype(np.float64)
    roundings = H + int(np.sqrt(V)) + B + 32
    check_dtype("dh", dh, h.dtype)
    check_dtype("dW_out", dW, h.dtype)
    if dW.shape != W_out.shape:
        raise Wrong(f"dW_out has shape {dW.shape}, not {W_out.shape}")
    mean = float((top + np.log(total) - at_target).sum() / n)
    check_close(
        "the loss", np.asarray(loss).astype(h.dtype), np.asarray(mean), abs(mean) + biggest.sum() / n, roundings
    )
    want, terms = np.zeros((B, H)), np.zeros((B, 1))
    largest = np.abs(x).max(axis=1, initial=0)
    for block in blocks:
        p = powers[:, block] / (total[:, None] * n)
        d, d_terms = p.copy(), p * (1 + biggest[:, None])
        inside = np.flatnonzero((target >= block.start) & (target < block.stop))
        d[inside, target[inside] - block.start] -= 1 / n
        d_terms[inside, target[inside] - block.start] += 1 / n
        check_close("dW_out", dW[block], d.T @ x, (d_terms.T @ largest)[:, None], roundings)
        W = W_out[block].astype(np.float64)
        want += d @ W
        terms += (d_terms @ np.abs(W).max(axis=1))[:, None]
    check_close("dh", dh, want, terms, roundings)
    check_slope(call, h, W_out, target)


WIDE = 1 << 16


def verify(problem: Problem, calls: Any, result: Any, rng: np.random.Generator, history: Any) -> None:
    """Check a timed call's loss, dh at a row, and dW_out at some words, from scores in the size's dtype.

    In float64 the scores would take as long as the call.
    """
    h, W_out, target = calls[-1]
    loss, dh, dW = result
    (B, H), V = h.shape, len(W_out)
    row, words = int(rng.integers(B)), np.unique([*rng.integers(V, size=8), *target[:2]])
    batch = h.tobytes() + target.tobytes()
    if problem.verify_data.get("batch") != batch:  # each variant's first call has the same
        problem.verify_data.update(batch=batch, passes=passes_over(W_out, h, target))
    top, sums, means = problem.verify_data["passes"]
    x, W = h.astype(np.float64), W_out[words].astype(np.float64)
    own = W_out[target].astype(np.float64)
    mean = float((top + np.log(sums) - np.einsum("bh,bh->b", x, own)).mean())
    largest = np.abs(W_out[:: max(1, V // 4096)]).max(axis=0).astype(np.float64)
    biggest = 2 * np.abs(x) @ largest
    roundings = 2 * (H + int(np.sqrt(V)) + B + 32)
    if dW.shape != W_out.shape or dh.shape != h.shape:
        raise Wrong(f"dh and dW_out have shapes {dh.shape} and {dW.shape}, not {h.shape} and {W_out.shape}")
    check_close("the loss", np.asarray(loss).astype(h.dtype), np.asarray(mean), abs(mean) + biggest.mean(), roundings)
    mean_row = means[row] / sums[row]
    terms = (1 + biggest[row]) * (np.abs(mean_row) + np.abs(own[row]) + largest) / B
    check_close("dh", dh[row], (mean_row - own[row]) / B, terms, roundings)
    p = np.exp(x @ W.T - top) / sums[:, None]
    is_target = target[:, None] == words
    d_terms = (p * (1 + biggest[:, None]) + is_target) / B
    check_close("dW_out", dW[words], (p - is_target).T @ x / B, d_terms.T @ np.abs(x), roundings)


def passes_over(W_out: Array, h: Array, target: Array) -> tuple[float, Array, Array]:
    """Return a number near the highest scores, and with it taken from them: each row's sum of exp(score), (B,), and of exp(score) W_out, (B, H)."""
    top = max(float(np.abs(h[:, None] @ W_out[target][:, :, None]).max()), 1.0)  # any number near the scores will do
    sums, means = np.zeros(len(h)), np.zeros(h.shape)
    for start in range(0, len(W_out), WIDE):
        W = W_out[start : start + WIDE]
        powers = np.exp(h @ W.T - h.dtype.type(top))
        sums += powers.sum(axis=1, dtype=np.float64)
        means += powers @ W
    return top, sums, means


def work(size: Size) -> Work:
    """W_out is read at least once and dW_out written. Three matrix products take 2 B V H operations each."""
    table = size.V * size.H * size.float_type.itemsize
    return Work(table, table, 6.0 * size.B * size.V * size.H)


softmax = Kernel(
    "output.softmax",
    "softmax over all V words",
    ("h", "W_out", "target"),
    make,
    check,
    work,
    SIZES,
    checks="BV64",
    verify=verify,
    shapes=("BH", "VH", "iB"),
    place=30,
    about="score words against the right one: softmax over all of them, the others over a few; loss and gradients",
    unit="example",
    diagram="output.softmax",
    measured=Measured(at="slow"),
    deck=Deck(
        sizes=tuple(Size(V, B=1, dtype="f64") for V in (10**6, 10**5, 10**4)),
        beside=("numba",),
        layers=("SoftmaxWithLoss.forward", "MatMul.backward"),
    ),
)


@softmax.implementation(
    "full",
    "scores, softmax, gradients, as in the book",
    summary="computing all words' scores, softmax and gradients as the book does",
    slide=14,
    baseline=True,
    grows_with="V",
    temporaries="BV+BV+BV+VH",
)
def full(h: Array, W_out: Array, target: Array) -> tuple[Array, Array, Array]:
    n = max(1, len(h))
    at_target = np.arange(len(h)), target
    scores = h @ W_out.T
    scores -= scores.max(axis=1, keepdims=True)
    powers = np.exp(scores)
    p = powers / powers.sum(axis=1, keepdims=True)
    loss = -np.log(p[at_target] + np.finfo(p.dtype).tiny).sum() / n
    dscores = p
    dscores[at_target] -= 1
    dscores /= n
    return loss, dscores @ W_out, dscores.T @ h


def score_and_gradient_buffers(problem: Problem) -> tuple[Array, Array]:
    """Return buffers for the scores (B, V) and dW_out (V, H), which every call overwrites."""
    size = problem.size
    return resident_zeros((size.B, size.V), size.float_type), gradient_buffer(problem)


@softmax.implementation(
    "in-place",
    "full softmax in two buffers that calls reuse",
    summary="computing them in two buffers that every call reuses",
    grows_with="V",
    temporaries="BV",
    shares="VH",
    prepare=score_and_gradient_buffers,
    returns=(1,),
)
def in_place(h: Array, W_out: Array, target: Array, buffers: tuple[Array, Array]) -> tuple[Array, Array, Array]:
    scores, dW = buffers
    n = max(1, len(h))
    at_target = np.arange(len(h)), target
    np.matmul(h, W_out.T, out=scores)
    top = scores.max(axis=1, keepdims=True)
    scores -= top
    of_target = scores[at_target]
    np.exp(scores, out=scores)
    total = scores.sum(axis=1, keepdims=True)
    loss = (np.log(total[:, 0]) - of_target).sum() / n
    scores /= total * n
    scores[at_target] -= h.dtype.type(1 / n)
    np.matmul(scores.T, h, out=dW)
    return loss, scores @ W_out, dW


@softmax.implementation(
    "blocked",
    "block by block of the vocabulary, twice",
    summary="going through the vocabulary block by block",
    grows_with="V",
    shares="VH",
    prepare=gradient_buffer,
    returns=(0,),
)
def blocked(h: Array, W_out: Array, target: Array, dW: Array) -> tuple[Array, Array, Array]:
    # scores are computed twice and stay in cache; the running sum follows Milakov and Gimelshein (2018)
    n = max(1, len(h))
    blocks = [slice(start, start + BLOCK) for start in range(0, len(W_out), BLOCK)]
    top = np.full((len(h), 1), -np.inf, h.dtype)
    total = np.zeros((len(h), 1), h.dtype)
    for block in blocks:
        scores = h @ W_out[block].T
        higher = np.maximum(top, scores.max(axis=1, keepdims=True))
        scores -= higher
        total *= np.exp(top - higher)
        total += np.exp(scores, out=scores).sum(axis=1, keepdims=True)
        top = higher
    log_total = top + np.log(total)
    scale = h.dtype.type(1 / n)
    dh = np.zeros_like(h)
    for block in blocks:
        dscores = h @ W_out[block].T
        dscores -= log_total
        np.exp(dscores, out=dscores)
        dscores *= scale
        inside = np.flatnonzero((target >= block.start) & (target < block.stop))
        dscores[inside, target[inside] - block.start] -= scale
        dh += dscores @ W_out[block]
        np.matmul(dscores.T, h, out=dW[block])
    of_target = np.einsum("bh,bh->b", h, W_out[target])
    return (log_total[:, 0] - of_target).sum() / n, dh, dW


@softmax.implementation(
    "online",
    "W_out read once, block by block",
    summary="reading the weights once, with a sum that is rescaled when a higher score comes",
    grows_with="V",
    temporaries="BV",
    shares="VH",
    prepare=score_and_gradient_buffers,
    returns=(1,),
)
def online(h: Array, W_out: Array, target: Array, buffers: tuple[Array, Array]) -> tuple[Array, Array, Array]:
    # exponentials are relative to the highest score so far; when a higher one comes, earlier sums are scaled down
    scores, dW = buffers
    powers = scores.reshape(-1)[: len(h) * len(W_out)]
    n = max(1, len(h))
    starts = range(0, len(W_out), BLOCK)
    tops = np.full((1 + len(starts), len(h), 1), -np.inf, h.dtype)
    total, dh, parts = np.zeros((len(h), 1), h.dtype), np.zeros_like(h), []
    for at, start in enumerate(starts):
        W = W_out[start : start + BLOCK]
        part = powers[start * len(h) : (start + len(W)) * len(h)].reshape(len(h), len(W))
        np.matmul(h, W.T, out=part)
        tops[at + 1] = np.maximum(tops[at], part.max(axis=1, keepdims=True))
        np.exp(np.subtract(part, tops[at + 1], out=part), out=part)
        shrunk = np.exp(tops[at] - tops[at + 1])
        total = total * shrunk + part.sum(axis=1, keepdims=True)
        dh = dh * shrunk + part @ W
        parts.append(part)
    log_total = tops[-1] + np.log(total)
    for at, (start, part) in enumerate(zip(starts, parts, strict=True)):
        np.matmul(part.T, h * (np.exp(tops[at + 1] - log_total) / n), out=dW[start : start + BLOCK])
    of_target = W_out[target]
    np.subtract.at(dW, target, h / n)
    loss = (log_total[:, 0] - np.einsum("bh,bh->b", h, of_target)).sum() / n
    return loss, (dh / total - of_target) / n, dW


@softmax.implementation(
    "numba",
    "compiled, in tiles of a few words",
    summary="doing the same in compiled tiles of a few words, which stay in cache",
    grows_with="V",
    temporaries="BV+8V",
    shares="VH",
    jit=True,
    prepare=tiles,
    returns=(Tiles._fields.index("gradient"),),
    source_functions=(forward, backward, product),
)
def numba(h: Array, W_out: Array, target: Array, tiles: Tiles) -> tuple[Array, Array, Array]:
    n, dh = max(1, len(h)), np.empty_like(h)
    set_columns(h, tiles)
    forward(W_out, tiles)
    backward(h, tiles)
    top, total, change, dW, loss = tiles.top, tiles.total, tiles.change, tiles.gradient, 0.0
    for b in range(len(h)):
        score, word = h.dtype.type(0), target[b]
        for j in range(h.shape[1]):
            score += h[b, j] * W_out[word, j]
            dh[b, j] = (change[b, j] / total[b] - W_out[word, j]) / n
            dW[word, j] -= h[b, j] / n
        loss += top[b] + np.log(total[b]) - score
    return h.dtype.type(loss / n), dh, dW


@softmax.implementation(
    "torch",
    "torch autograd",
    summary="leaving the gradients to torch's autograd",
    grows_with="V",
    temporaries="BV+BV+VH",
    requires=("torch",),
    prepare=torch_on,
    adapt=tensors,
)
def torch(h: Any, W_out: Any, target: Any, torch: Any) -> tuple[Any, Any, Any]:
    hidden, weights = leaf(h), leaf(W_out)
    scores = hidden @ weights.T
    loss = torch.nn.functional.cross_entropy(scores, target.long(), reduction="sum") / max(1, len(h))
    loss.backward()
    return loss.detach(), hidden.grad, weights.grad


def jax_loss(h: Any, W_out: Any, target: Any) -> tuple[Any, Any, Any]:
    import jax
    import jax.numpy as jnp

    def loss(h: Any, W_out: Any) -> Any:
        scores = h @ W_out.T
        of_target = jnp.take_along_axis(scores, target[:, None], axis=1)[:, 0]
        return (jax.nn.logsumexp(scores, axis=1) - of_target).sum() / max(1, len(h))

    value, (dh, dW) = jax.value_and_grad(loss, argnums=(0, 1))(h, W_out)
    return value, dh, dW


@softmax.implementation(
    "jax",
    "JAX: value_and_grad",
    summary="leaving the gradients to JAX",
    grows_with="V",
    temporaries="BV+BV+VH",
    requires=("jax",),
    prepare=program(jax_loss, softmax.shapes),
    adapt=on_jax,
    source_functions=(jax_loss,),
)
def jax(h: Any, W_out: Any, target: Any, program: Program) -> tuple[Any, Any, Any]:
    return jax_result(program.run(h, W_out, target))


# what any implementation must move


@softmax.floor("table", jit=False, prepare=gradient_buffer)
def table_copied(h: Array, W_out: Array, target: Array, dW: Array) -> None:
    np.copyto(dW, W_out)


@softmax.floor("table.compiled", prepare=gradient_buffer)
def table_copied_compiled(h: Array, W_out: Array, target: Array, dW: Array) -> None:
    for row in range(len(dW)):
        copy_row(dW, row, W_out, row)
