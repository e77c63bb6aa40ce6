"""Check a reader's classes one after the other, in the order in which they build on each other: a job of the engine's workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numpy as np
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.machine.process import limit_memory
from w2vbench.bench.engine.protocol import BookChecked, BookFault, Status, StepBegins
from w2vbench.bench.engine.worker.checking.contract import Fault
from w2vbench.impls.catalogue.discovery import CatalogueError

from . import layer_checks, model_checks, sampler_check
from .loading import BOOK, load_classes
from .trial import Stop, Trial

LOADING = "loading the file"
CHECKS: Mapping[str, Callable[[Trial], None]] = {
    "MatMul": layer_checks.matmul,
    "SoftmaxWithLoss": layer_checks.softmax_with_loss,
    "SigmoidWithLoss": layer_checks.sigmoid_with_loss,
    "Embedding": layer_checks.embedding,
    "EmbeddingDot": layer_checks.embedding_dot,
    "UnigramSampler": sampler_check.unigram_sampler,
    "NegativeSamplingLoss": model_checks.negative_sampling_loss,
    "SimpleCBOW": model_checks.simple_cbow,
    "CBOW": model_checks.cbow,
    "SkipGram": model_checks.skip_gram,
}


@dataclass(frozen=True)
class Weights:
    """The dtype of the weights that layers get, and whether the reader's own models make such."""

    dtype: np.dtype[Any]
    has_models: bool


def check(job: protocol.CheckBook, emit: protocol.Emit) -> None:
    """Check the classes of a reader's file that no earlier process has checked. Raises Fault if it cannot be loaded."""
    limit_memory(job.settings.memory_limit_bytes)
    emit(StepBegins(name=LOADING))
    try:
        classes = load_classes(Path(job.file))
    except CatalogueError as error:
        raise Fault(Status.ERROR, str(error)) from error
    emit(protocol.BookLoaded(classes=tuple(classes)))

    def begin(name: str, step: str) -> None:  # so that a method that hangs is known
        emit(StepBegins(name=step, variant=name))

    wrong = set(job.wrong)
    weights = weights_of({name: kind for name, kind in classes.items() if name not in wrong}, begin)
    emit(protocol.BookWeights(dtype=f"{weights.dtype.kind}{8 * weights.dtype.itemsize}"))
    for name, kind in classes.items():
        if name in job.done:
            continue
        begin(name, name)
        if below := wrong & built_on(kind):
            checked = BookChecked(name=name, built_on=tuple(sorted(below)))
        else:
            checked = BookChecked(name=name, faults=check_class(name, kind, weights, partial(begin, name)))
        wrong.update({name} if checked.wrong else ())
        emit(checked)


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


def weights_of(classes: Mapping[str, type], begin: Callable[[str, str], None] = lambda name, step: None) -> Weights:
    """Return what weights a reader's own models make, which their layers may count on; without models the book's, float32.

    begin: told each model, and its constructor, before it is made.
    """
    made = []
    for name, *sizes in (("SimpleCBOW", 3, 2), ("CBOW", 8, 2, 1), ("SkipGram", 8, 2, 1)):
        if name in classes:
            begin(name, f"{name}.__init__")
            corpus = [] if name == "SimpleCBOW" else [model_checks.CORPUS.copy()]
            with suppress(BaseException), sampler_check.seeded(0):  # its own check will say why
                made.append(classes[name](*sizes, *corpus).params[0].dtype)
    return Weights(np.dtype(np.float64) if np.float64 in made else np.dtype(np.float32), bool(made))
