"""The book's layers in this program's own words (``impls/layers.py``), method by method, on the inputs of the kernel that they belong to.

They are timed beside the kernel's implementations, as its limits are, so that a page that shows a layer has its figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from w2vbench.bench.engine.protocol import LAYER
from w2vbench.bench.engine.worker.variants.extensions import MethodCalls
from w2vbench.impls import layers
from w2vbench.impls.interface import Array, Kernel, Problem

Prepared = tuple[Any, ...]
"""A layer, and arguments of its method that are made outside the clock."""


@dataclass(frozen=True)
class LayerMethod:
    """How a method is called on a kernel's inputs."""

    kernel: str  # the kernel's name
    # what an implementation has: ``call`` gets a batch, and what ``prepare`` has made
    prepare: Callable[[Problem], Prepared]
    call: Callable[..., Any]


def example(problem: Problem) -> tuple[Array, Array]:
    """Return h (B, H) and words (B,) for what is made outside the clock: a ``prepare`` gets no batches."""
    size, rng = problem.size, np.random.default_rng(0)
    return rng.normal(0, 0.1, (size.B, size.H)).astype(size.float_type), rng.integers(size.V, size=size.B)


def one_hot(problem: Problem) -> Prepared:
    """Return a MatMul, and words as one-hot rows."""
    W, (_, idx) = problem.inputs["W"], example(problem)
    x = np.zeros((len(idx), len(W)), W.dtype)
    x[np.arange(len(idx)), idx] = 1
    return layers.MatMul(W), x


def embedding(problem: Problem) -> Prepared:
    return (layers.Embedding(problem.inputs["W"]),)


def output_product(problem: Problem) -> Prepared:
    """Return a MatMul of h and W_out that has been forward, and the gradient of the scores."""
    h, target = example(problem)
    layer, loss = layers.MatMul(np.ascontiguousarray(problem.inputs["W_out"].T)), layers.SoftmaxWithLoss()
    loss.forward(layer.forward(h), target)
    return layer, loss.backward()


def scores(problem: Problem) -> Prepared:
    h, _ = example(problem)
    return layers.SoftmaxWithLoss(), h @ problem.inputs["W_out"].T


def dot(problem: Problem) -> Prepared:
    """Return an EmbeddingDot that has been forward, and the gradient of the scores."""
    layer, loss, (h, target) = layers.EmbeddingDot(problem.inputs["W_out"]), layers.SigmoidWithLoss(), example(problem)
    loss.forward(layer.forward(h, target), np.ones(len(h), bool))
    return layer, loss.backward()


def score(problem: Problem) -> Prepared:
    h, target = example(problem)
    return layers.SigmoidWithLoss(), np.sum(problem.inputs["W_out"][target] * h, axis=1), np.ones(len(h), bool)


SOFTMAX, NEGATIVE = "output.softmax", "output.negative-sampling"
METHODS = {
    "MatMul.forward": LayerMethod("lookup", one_hot, lambda W, idx, made: made[0].forward(made[1])),
    "Embedding.forward": LayerMethod("lookup", embedding, lambda W, idx, made: made[0].forward(idx)),
    "MatMul.backward": LayerMethod(SOFTMAX, output_product, lambda h, W, target, made: made[0].backward(made[1])),
    "SoftmaxWithLoss.forward": LayerMethod(SOFTMAX, scores, lambda h, W, t, made: made[0].forward(made[1], t)),
    "EmbeddingDot.forward": LayerMethod(NEGATIVE, dot, lambda h, W, t, negatives, made: made[0].forward(h, t)),
    "EmbeddingDot.backward": LayerMethod(NEGATIVE, dot, lambda h, W, t, negatives, made: made[0].backward(made[1])),
    "SigmoidWithLoss.forward": LayerMethod(
        NEGATIVE, score, lambda h, W, t, negatives, made: made[0].forward(*made[1:])
    ),
}
"""The methods that can be measured, by name."""


def method_calls(kernel: Kernel, names: Sequence[str]) -> dict[str, MethodCalls]:
    """Return methods of layers as what the engine measures, by the names of their variants."""
    found = {}
    for name in names:
        owner, _, method = name.partition(".")
        its, variant = METHODS[name], LAYER + name
        methods = {variant: getattr(getattr(layers, owner), method)}
        found[variant] = MethodCalls(
            kernel=kernel, slug=name, title=name, function=its.call, prepare=its.prepare, methods=methods
        )
    return found
