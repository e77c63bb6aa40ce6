"""The book's loss beside the exact one: a small number inside of the logarithm keeps it finite, and is no mistake.

Its layers compute -log(y + 1e-7). In float32 that is within rounding of -log y for most words. In float64, and for a word that
is improbable, it is not, so a kernel's own check would find right layers wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from w2vbench.bench.plans.book.trial.expected import sigmoid, softmax
from w2vbench.impls.interface import Array, Kernel

LARGEST = 1e-6
"""The largest number inside of the logarithm that is taken for such a one, or the least probability that is left as it is."""
ROUNDING = 1e-5
"""Relative, of the loss: far above rounding in float32, and far below any mistake."""


def of_softmax(h: Array, W_out: Array, target: Array) -> Array:
    """Return the probability of each row's right answer, (B, 1), in float64."""
    scores = np.asarray(h, np.float64) @ np.asarray(W_out, np.float64).T
    return softmax(scores)[np.arange(len(h)), target][:, None]


def of_negative_sampling(h: Array, W_out: Array, target: Array, negatives: Array) -> Array:
    """Return the probabilities of each row's right answers, (B, K + 1), in float64."""
    words = np.column_stack([target, negatives])
    scores = np.einsum("bh,bkh->bk", np.asarray(h, np.float64), np.asarray(W_out[words], np.float64))
    scores[:, 1:] *= -1
    return sigmoid(scores)


PROBABILITIES: dict[str, Callable[..., Array]] = {
    "output.softmax": of_softmax,
    "output.negative-sampling": of_negative_sampling,
}
"""By kernel: the probabilities whose logarithms its loss adds up."""


def forgiving(kernel: Kernel) -> Kernel:
    """Return a kernel whose checks take the book's loss for the exact one; the kernel itself, if it has no such loss."""
    if kernel.name not in PROBABILITIES:
        return kernel
    probabilities = PROBABILITIES[kernel.name]

    def exact(result: Any, inputs: Sequence[Any]) -> Any:
        """The result, with the exact loss in place of the book's."""
        loss, *gradients = result
        y = probabilities(*inputs)
        n = max(1, len(y))
        most, least = (float(-np.log(y + within).sum() / n) for within in (0.0, LARGEST))
        is_the_books = least - ROUNDING * most <= loss <= most + ROUNDING * most
        return (np.float64(most) if is_the_books else loss, *gradients)

    def check(call: Any, *inputs: Any) -> None:
        kernel.check(lambda *arguments: exact(call(*arguments), arguments), *inputs)

    def verify(problem: Any, calls: Any, result: Any, rng: Any, history: Any) -> None:
        kernel.verify(problem, calls, exact(result, calls[-1]), rng, history)

    return replace(kernel, check=check, verify=verify)
