"""What the output objectives share: inputs, work, and functions of scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..corpus.batches import (
    RotatingBatches,
    SlidingInput,
    mean_distinct,
    rotating_batch_count,
    rotating_problem,
    stream_length,
)
from ..corpus.words import Corpus, Floats, Ints
from ..interface import Array, Kernel, Measured, Problem, Work
from ..interface.arrays import normals
from ..interface.case import Size
from .reference import Candidates, check_with, verify_with

SIZES = (
    Size(9, 4, 6, 3),
    Size(60, 20, 30, 5),
    Size(8, 1, 1, 1),
    Size(9, 4, 0, 3),  # after that of one example, whose compiled code serves an empty batch too
    Size(40, 6, 25, 4, dtype="f64", index="i32"),
)


def hidden_batches(size: Size, number: int, rng: np.random.Generator) -> SlidingInput:
    """Make h (B, H) for ``number`` batches. With W_out, scores are of order one, as during training."""
    return SlidingInput(number, size.B, lambda rows: normals(rng, (rows, size.H), size.float_type, scale=1.0), rng)


def output_weights(size: Size, rng: np.random.Generator, rows: int | None = None) -> Array:
    """Draw W_out (V, H), or (rows, H)."""
    return normals(rng, (rows or size.V, size.H), size.float_type, scale=0.1)


def batch_count(size: Size, rows_per_word: int) -> int:
    """Return how many batches rotate if each word of a batch touches this many rows of W_out."""
    return rotating_batch_count(size, size.H * size.float_type.itemsize, size.B * rows_per_word)


class Noise:
    """Draws from the noise law by a search in its running sums. It costs O(log V), so that many batches are quickly made."""

    def __init__(self, law: Floats, rng: np.random.Generator) -> None:
        self.sums, self.rng = np.cumsum(law), rng

    def draw(self, n: int) -> Ints:
        """Draw n words, (n,) int64."""
        drawn = np.searchsorted(self.sums, self.rng.random(n) * self.sums[-1], side="right")
        return np.asarray(np.minimum(drawn, len(self.sums) - 1))

    def draw_negatives(self, targets: Ints, K: int) -> Ints:
        """Draw K words for each target, (B, K), never the target itself."""
        negatives = self.draw(len(targets) * K).reshape(len(targets), K)
        while (hit := negatives == targets[:, None]).any():
            negatives[hit] = self.draw(int(hit.sum()))
        return negatives.astype(targets.dtype)


def make_sampled(size: Size, corpus: Corpus, rng: np.random.Generator, *, shared: bool, logs: bool = False) -> Problem:
    """Make the inputs of a sampled objective.

    Parameters
    ----------
    size, corpus, rng
        As in ``Kernel.make``.
    shared
        Whether the batch shares its negatives, (K,), or each row has its own, (B, K). Shared negatives may hit a row's
        target, as in practice.
    logs
        Whether a call gets log(K p) of its words too.
    place
        Its place in lists.
    """
    W_out, law = output_weights(size, rng), corpus.noise(size.V)
    noise, log_expected = Noise(law, rng), np.log(size.K * law)
    number = batch_count(size, 1 + (0 if shared else size.K))
    target = corpus.stream(size, stream_length(number, size.B), rng)
    if shared:
        negatives = noise.draw(stream_length(number, size.K)).astype(size.index_type)
    else:
        negatives = noise.draw_negatives(target, size.K)
    of_target, of_negatives = (
        (words, log_expected[words].astype(size.float_type)) if logs else (words,) for words in (target, negatives)
    )
    if shared:
        words = [RotatingBatches(number, size.B, of_target, rng), RotatingBatches(number, size.K, of_negatives, rng)]
    else:  # a row's negatives stay with its target
        words = [RotatingBatches(number, size.B, (target, negatives), rng)]

    def arguments(h: Array, *rest: Array) -> tuple[Array, ...]:
        """Put the logarithms last."""
        return (h, W_out, rest[0], rest[2], rest[1], rest[3]) if logs else (h, W_out, *rest)

    problem = rotating_problem(
        size, {"W_out": W_out}, arguments, hidden_batches(size, number, rng), *words, touched=0.0
    )
    touched = mean_distinct([np.concatenate([call[2], call[3].ravel()]) for call in problem.batches[:32]])
    return replace(problem, touched=touched)


def sampled_work(candidates_per_row: Any) -> Any:
    """Return the least work of a sampled objective: candidate rows and h are read, their gradients and dh are written."""

    def work(size: Size) -> Work:
        item, rows = size.float_type.itemsize, candidates_per_row(size)
        return Work(
            (rows + size.B) * size.H * item,
            (rows + size.B) * size.H * item,
            6.0 * size.B * (1 + size.K) * size.H,
        )

    return work


def shared_kernel(name: str, title: str, candidates: Callable[..., Candidates], *, logs: bool, place: int) -> Kernel:
    """Return an objective whose K negatives the whole batch shares.

    Parameters
    ----------
    candidates
        Returns what its reference scores, of a call's arguments without h and W_out.
    logs
        Whether a call gets log(K p) of its words too.
    place
        Its place in lists.
    """
    log_names, log_shapes = (("log_q_target", "log_q"), ("B", "K")) if logs else ((), ())
    return Kernel(
        name,
        title,
        ("h", "W_out", "target", "negatives", *log_names),
        partial(make_sampled, shared=True, logs=logs),
        check_with(candidates),
        sampled_work(lambda size: size.B + size.K),
        SIZES,
        dimensions="VHBK",
        verify=verify_with(candidates),
        shapes=("BH", "VH", "iB", "iK", *log_shapes),
        place=place,
        unit="example",
        diagram="output",
        measured=Measured(at="flat", quick=False),
    )


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)) without overflow, in x's dtype."""
    half = x.dtype.type(0.5)
    return np.asarray(half + half * np.tanh(half * x))


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x)) without overflow: the sigmoid cross-entropy of score x against t = 0."""
    return np.asarray(np.logaddexp(x.dtype.type(0), x))


def gradient_buffer(problem: Problem) -> Array:
    """Return dW_out (V, H), which the implementations of a problem share and every call overwrites."""
    return problem.buffer("dW_out", (problem.size.V, problem.size.H))
