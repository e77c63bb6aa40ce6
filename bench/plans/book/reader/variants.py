"""A reader's methods as implementations of our kernels, so that the engine checks, times and profiles them beside ours.

Each is called as the book's training does: a layer is made once, outside the clock, and its methods are called with each batch.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
from w2vbench.bench.engine.worker.variants.extensions import MethodCalls
from w2vbench.bench.plans.book.trial.trial import reachable
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface import Array, Kernel, Problem

from .loading import load_classes
from .losses import forgiving

Classes = Mapping[str, type]
CORPUS_WORDS = 200_000
"""Tokens of the corpus that a sampler is made from: the frequencies of the kernel's words, to a few in a hundred."""


class NotTimed(Exception):
    """A method that cannot be called as the kernel is. The message says why."""


# Embedding


def forward_rows(W: Array, idx: Array, layer: Any) -> Any:
    return layer.forward(idx)


def made_embedding(problem: Problem, classes: Classes) -> Any:
    return classes["Embedding"](problem.inputs["W"])


@dataclass
class Scatter:
    """An Embedding whose gradient is a kernel's dW. name: the attribute that keeps the word ids."""

    layer: Any
    name: str


def backward_rows(dout: Array, idx: Array, dW: Array, scatter: Scatter) -> None:
    setattr(scatter.layer, scatter.name, idx)
    scatter.layer.backward(dout)


def made_scatter(problem: Problem, classes: Classes) -> Scatter:
    dW = problem.inputs["dW"]
    layer = classes["Embedding"](dW)
    take_array(layer, layer.grads[0], dW)
    return Scatter(layer, name_of_ids(layer))


def take_array(layer: Any, old: Any, new: Array) -> None:
    """Put an array in the place of another one, wherever a layer keeps that."""
    for owner in reachable(layer):
        if isinstance(owner, list):
            owner[:] = [new if one is old else one for one in owner]
        for name, value in getattr(owner, "__dict__", {}).items():
            if value is old:
                setattr(owner, name, new)


def name_of_ids(layer: Any) -> str:
    """Return the attribute in which an Embedding keeps its word ids. Raises NotTimed if there is none."""
    idx = np.array([1, 0, 1])
    layer.forward(idx)
    for name, value in vars(layer).items():
        if value is idx:
            return str(name)
    raise NotTimed("it does not keep the array of word ids itself")


# MatMul and SoftmaxWithLoss


def one_hot_rows(W: Array, idx: Array, layer: Any) -> Any:
    x = np.zeros((len(idx), len(W)), W.dtype)
    x[np.arange(len(idx)), idx] = 1
    return layer.forward(x)


def made_matmul(problem: Problem, classes: Classes) -> Any:
    return classes["MatMul"](problem.inputs["W"])


def softmax_step(h: Array, W_out: Array, target: Array, layers: tuple[Any, Any]) -> tuple[Any, ...]:
    product, loss_layer = layers
    loss = loss_layer.forward(product.forward(h), target)
    dh = product.backward(loss_layer.backward())
    return loss, np.asarray(dh, h.dtype), product.grads[0].T


def made_softmax(problem: Problem, classes: Classes) -> tuple[Any, Any]:
    W = np.ascontiguousarray(problem.inputs["W_out"].T)  # the book stores W_out as H × V here
    return classes["MatMul"](W), classes["SoftmaxWithLoss"]()


# sampling


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


# negative sampling


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
    W, size = problem.inputs["W_out"], problem.size
    layer = classes["NegativeSamplingLoss"](W, np.arange(size.V), 0.75, size.K)
    given, samplers = Given(np.zeros((1, size.K), np.int64)), 0
    for one in list(reachable(layer)):
        if callable(getattr(type(one), "get_negative_sample", None)):
            one.get_negative_sample = given.get_negative_sample
            samplers += 1
    if not samplers:
        raise NotTimed("it draws its negatives itself, and the kernel gives them")
    return layer, given


@dataclass(frozen=True)
class Timing:
    """Which methods are timed as an implementation of which kernel, under which slug, and how they are called.

    Attributes
    ----------
    function, made
        The implementation's, and its ``prepare``, which gets the reader's classes too.
    """

    kernel: str
    slug: str
    methods: tuple[str, ...]
    function: Callable[..., Any]
    made: Callable[..., Any]

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(method.partition(".")[0] for method in self.methods))


DRAWS = ("UnigramSampler", ("UnigramSampler.get_negative_sample",), drawn_negatives, made_sampler)
TIMINGS = (
    Timing("lookup", "MatMul.forward", ("MatMul.forward",), one_hot_rows, made_matmul),
    Timing("lookup", "Embedding.forward", ("Embedding.forward",), forward_rows, made_embedding),
    Timing("scatter.dense", "Embedding.backward", ("Embedding.backward",), backward_rows, made_scatter),
    Timing(
        "output.softmax",
        "SoftmaxWithLoss",
        ("MatMul.forward", "MatMul.backward", "SoftmaxWithLoss.forward", "SoftmaxWithLoss.backward"),
        softmax_step,
        made_softmax,
    ),
    Timing("sampling.without-replacement", *DRAWS),
    Timing("sampling.with-replacement", *DRAWS),
    Timing(
        "output.negative-sampling",
        "NegativeSamplingLoss",
        ("NegativeSamplingLoss.forward", "NegativeSamplingLoss.backward"),
        negative_step,
        made_negative,
    ),
)
"""What can be timed; a sampler by the law that it follows.

EmbeddingDot and SigmoidWithLoss are parts of NegativeSamplingLoss, and have no kernel of their own.
"""


def implementations_of(file: Path) -> list[MethodCalls]:
    """Return a reader's methods as implementations. Raises CatalogueError."""
    classes = load_classes(file)
    kernels = {one.kernel.name: one.kernel for one in catalogue.own()}
    return [
        implementation(timing, classes, kernels)
        for timing in TIMINGS
        if all(name in classes for name in timing.classes)
    ]


def implementation(timing: Timing, classes: Classes, kernels: Mapping[str, Kernel]) -> MethodCalls:
    """Return the implementation of one Timing."""
    return MethodCalls(
        kernel=forgiving(kernels[timing.kernel]),
        slug=timing.slug,
        title=f"your {timing.slug}",
        function=timing.function,
        prepare=partial(timing.made, classes=classes),
        methods=methods_of(timing, classes),
        checked_by=forgiving,
    )


def methods_of(timing: Timing, classes: Classes) -> dict[str, FunctionType]:
    """Return the functions whose lines are profiled, by method."""
    found: dict[str, FunctionType] = {}
    for name in timing.methods:
        kind, _, method = name.partition(".")
        function = getattr(classes[kind], method, None)
        if isinstance(function, FunctionType):
            found[name] = function
    return found
