"""A reader's methods as implementations of our kernels, so that the engine checks, times and profiles them beside ours.

Each is called as the book's training does: a layer is made once, outside the clock, and its methods are called with each batch.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
from w2vbench.bench.engine.worker.variants.extensions import MethodCalls
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface import Array, Kernel, Problem

from .expected import sigmoid, softmax
from .loading import load_classes
from .trial import reachable

Classes = Mapping[str, Any]
CORPUS_WORDS = 200_000
"""Tokens of the corpus that a sampler is made from: the frequencies of the kernel's words, to a few in a hundred."""
LARGEST = 1e-6
"""The largest number inside of a loss's logarithm that is no mistake, or the least probability that is left as it is."""
ROUNDING = 1e-5
"""Relative, of the loss: far above rounding in float32, and far below any mistake."""


class NotTimed(Exception):
    """A method that cannot be called as the kernel is. The message says why."""


def layer_on_W(name: str) -> Callable[[Problem, Classes], Any]:
    return lambda problem, classes: classes[name](problem.inputs["W"])


def forward_rows(W: Array, idx: Array, layer: Any) -> Any:
    return layer.forward(idx)


def backward_rows(dout: Array, idx: Array, dW: Array, prepared: tuple[Any, str]) -> None:
    layer, name = prepared
    setattr(layer, name, idx)
    layer.backward(dout)


def made_scatter(problem: Problem, classes: Classes) -> tuple[Any, str]:
    """Return an Embedding whose gradient is the kernel's dW, and the attribute that keeps its word ids. Raises NotTimed without one."""
    dW, idx = problem.inputs["dW"], np.array([1, 0, 1])
    layer = classes["Embedding"](dW)
    own = layer.grads[0]
    for owner in reachable(layer):
        if isinstance(owner, list):
            owner[:] = [dW if one is own else one for one in owner]
        for name, value in getattr(owner, "__dict__", {}).items():
            if value is own:
                setattr(owner, name, dW)
    layer.forward(idx)
    for name, value in vars(layer).items():
        if value is idx:
            return layer, name
    raise NotTimed("it does not keep the array of word ids itself")


def one_hot_rows(W: Array, idx: Array, layer: Any) -> Any:
    x = np.zeros((len(idx), len(W)), W.dtype)
    x[np.arange(len(idx)), idx] = 1
    return layer.forward(x)


def softmax_step(h: Array, W_out: Array, target: Array, layers: tuple[Any, Any]) -> tuple[Any, ...]:
    product, loss_layer = layers
    loss = loss_layer.forward(product.forward(h), target)
    dh = product.backward(loss_layer.backward())
    return loss, np.asarray(dh, h.dtype), product.grads[0].T


def made_softmax(problem: Problem, classes: Classes) -> tuple[Any, Any]:
    W = np.ascontiguousarray(problem.inputs["W_out"].T)  # the book stores W_out as H × V here
    return classes["MatMul"](W), classes["SoftmaxWithLoss"]()


def drawn_negatives(targets: Array, K: int, p: Array, rng: Any, sampler: Any) -> Any:
    return sampler.get_negative_sample(targets)


def made_sampler(problem: Problem, classes: Classes) -> Any:
    """Return a sampler of a corpus that has the kernel's words as often as p says: p is of counts to a power."""
    p, power = problem.inputs["p"], 0.75
    shares = p ** (1 / power)
    counts = np.maximum(1, np.round(shares / shares.sum() * CORPUS_WORDS)).astype(np.int64)
    seed = int(np.random.default_rng(problem.inputs["rng"].bit_generator.seed_seq).integers(1 << 31))
    np.random.seed(seed)
    random.seed(seed)
    sampler = classes["UnigramSampler"](np.repeat(np.arange(len(p)), counts), power, problem.size.K)
    if isinstance(getattr(sampler, "word_p", None), np.ndarray) and sampler.word_p.shape == p.shape:
        sampler.word_p = p.copy()  # exactly, where it is kept as in the book
    return sampler


@dataclass
class Given:
    """What stands for a sampler: it returns the negatives that the kernel gives."""

    negatives: Array

    def get_negative_sample(self, target: Array) -> Array:
        return self.negatives


def negative_step(
    h: Array, W_out: Array, target: Array, negatives: Array, prepared: tuple[Any, Given]
) -> tuple[Any, ...]:
    layer, given = prepared
    given.negatives = negatives
    loss = layer.forward(h, target)
    dh = layer.backward()
    dW, *others = layer.grads  # the book's trainer adds those of the same matrix
    for other in others:
        dW += other
    return np.asarray(loss, h.dtype)[()], np.asarray(dh, h.dtype), dW


def made_negative(problem: Problem, classes: Classes) -> tuple[Any, Given]:
    size = problem.size
    layer = classes["NegativeSamplingLoss"](problem.inputs["W_out"], np.arange(size.V), 0.75, size.K)
    given = Given(np.zeros((1, size.K), np.int64))
    samplers = [one for one in reachable(layer) if callable(getattr(type(one), "get_negative_sample", None))]
    for one in samplers:
        one.get_negative_sample = given.get_negative_sample
    if not samplers:
        raise NotTimed("it draws its negatives itself, and the kernel gives them")
    return layer, given


@dataclass(frozen=True)
class Timing:
    """Which methods are timed as an implementation of which kernel, under which slug, and how they are called."""

    kernel: str
    slug: str
    methods: tuple[str, ...]
    # the implementation's, and its ``prepare``, which gets the reader's classes too
    function: Callable[..., Any]
    made: Callable[..., Any]

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(method.partition(".")[0] for method in self.methods))


def both(*classes: str) -> tuple[str, ...]:
    return tuple(f"{name}.{method}" for name in classes for method in ("forward", "backward"))


DRAWS = ("UnigramSampler", ("UnigramSampler.get_negative_sample",), drawn_negatives, made_sampler)
NEGATIVE = "NegativeSamplingLoss"
TIMINGS = (
    Timing("lookup", "MatMul.forward", ("MatMul.forward",), one_hot_rows, layer_on_W("MatMul")),
    Timing("lookup", "Embedding.forward", ("Embedding.forward",), forward_rows, layer_on_W("Embedding")),
    Timing("scatter.dense", "Embedding.backward", ("Embedding.backward",), backward_rows, made_scatter),
    Timing("output.softmax", "SoftmaxWithLoss", both("MatMul", "SoftmaxWithLoss"), softmax_step, made_softmax),
    Timing("sampling.without-replacement", *DRAWS),
    Timing("sampling.with-replacement", *DRAWS),
    Timing("output.negative-sampling", NEGATIVE, both(NEGATIVE), negative_step, made_negative),
)
"""What can be timed; a sampler by the law that it follows.

EmbeddingDot and SigmoidWithLoss are parts of NegativeSamplingLoss, and have no kernel of their own.
"""


def implementations_of(file: Path) -> list[MethodCalls]:
    """Return a reader's methods as implementations. Raises CatalogueError."""
    classes = load_classes(file)
    kernels = {one.kernel.name: one.kernel for one in catalogue.own()}
    return [
        MethodCalls(
            kernel=forgiving(kernels[timing.kernel]),
            slug=timing.slug,
            title=f"your {timing.slug}",
            function=timing.function,
            prepare=partial(timing.made, classes=classes),
            methods=methods_of(timing, classes),
            checked_by=forgiving,
        )
        for timing in TIMINGS
        if all(name in classes for name in timing.classes)
    ]


def methods_of(timing: Timing, classes: Classes) -> dict[str, FunctionType]:
    """Return the functions whose lines are profiled, by method."""
    parts = ((name, *name.split(".")) for name in timing.methods)
    found = {name: getattr(classes[kind], method, None) for name, kind, method in parts}
    return {name: function for name, function in found.items() if isinstance(function, FunctionType)}


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
    """Return a kernel whose checks take the book's loss, -log(y + 1e-7), for the exact one; the kernel itself, if it has no such loss.

    In float32 the two are the same within rounding for most words. In float64, and for a word that is improbable, they are not,
    so a kernel's own check would find right layers wrong.
    """
    if kernel.name not in PROBABILITIES:
        return kernel

    def exact(result: Any, batch: Sequence[Any]) -> Any:
        """The result, with the exact loss in place of the book's."""
        loss, *gradients = result
        y = PROBABILITIES[kernel.name](*batch)
        most, least = (float(-np.log(y + within).sum() / max(1, len(y))) for within in (0.0, LARGEST))
        is_the_books = least - ROUNDING * most <= loss <= most + ROUNDING * most
        return (np.float64(most) if is_the_books else loss, *gradients)

    def check(call: Any, *batch: Any) -> None:
        kernel.check(lambda *arguments: exact(call(*arguments), arguments), *batch)

    def verify(problem: Any, calls: Any, result: Any, rng: Any, history: Any) -> None:
        kernel.verify(problem, calls, exact(result, calls[-1]), rng, history)

    return replace(kernel, check=check, verify=verify)
