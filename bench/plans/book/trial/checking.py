"""Check a reader's classes one after the other, in the order in which they build on each other."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

import numpy as np
from w2vbench.bench.engine.protocol import BookFault
from w2vbench.bench.plans.book.reader.loading import BOOK

from . import layers, models, negatives, sampling
from .trial import Stop, Trial

CHECKS: Mapping[str, Callable[[Trial], None]] = {
    "MatMul": layers.matmul,
    "SoftmaxWithLoss": layers.softmax_with_loss,
    "SigmoidWithLoss": layers.sigmoid_with_loss,
    "Embedding": layers.embedding,
    "EmbeddingDot": layers.embedding_dot,
    "UnigramSampler": sampling.unigram_sampler,
    "NegativeSamplingLoss": negatives.negative_sampling_loss,
    "SimpleCBOW": models.simple_cbow,
    "CBOW": models.cbow,
    "SkipGram": models.skip_gram,
}
assert tuple(CHECKS) == BOOK


@dataclass(frozen=True)
class Weights:
    """The dtype of the weights that layers get, and whether the reader's own models make such."""

    dtype: np.dtype[Any]
    has_models: bool


def check_class(
    name: str, kind: type, weights: Weights, begin: Callable[[str], None] = lambda step: None
) -> tuple[BookFault, ...]:
    """Check one class, and return its faults. begin: told before each call what is done."""
    trial = Trial(name, kind, weights.dtype, weights.has_models, begin)
    with suppress(Stop):
        CHECKS[name](trial)
    return tuple(trial.found)


def built_on(kind: type) -> set[str]:
    """Return which of the book's classes the methods of a class name: it cannot be right where they are wrong."""
    waiting = [one.__code__ for base in kind.__mro__ for one in vars(base).values() if isinstance(one, FunctionType)]
    names = {base.__name__ for base in kind.__mro__[1:]}
    while waiting:
        code = waiting.pop()
        names.update(code.co_names)
        waiting += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
    return names.intersection(BOOK)


def weights_of(classes: Mapping[str, type], begin: Callable[[str], None] = lambda name: None) -> Weights:
    """Return what weights a reader's own models make, which their layers may count on; without models the book's, float32.

    begin: told the name of each model before it is made.
    """
    arguments = {"SimpleCBOW": (3, 2), "CBOW": (8, 2, 1, negatives.CORPUS), "SkipGram": (8, 2, 1, negatives.CORPUS)}
    made = []
    for name in arguments:
        if name in classes:
            begin(name)
            with suppress(BaseException), sampling.seeded(0):  # its own check will say why
                made.append(classes[name](*copy.deepcopy(arguments[name])).params[0].dtype)
    return Weights(np.dtype(np.float64) if np.float64 in made else np.dtype(np.float32), bool(made))
