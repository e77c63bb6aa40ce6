"""Problems of training made from small texts, for tests of training's models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from w2vbench.impls.interface import Array, Implementation, Problem
from w2vbench.impls.interface.case import Size
from w2vbench.impls.training.contract import topic_text, training_problem
from w2vbench.impls.training.implementations import CBOW, SKIP_GRAM
from w2vbench.impls.training.settings import Settings

from tests.impls.calling import available

V = 12
EVERY = [*CBOW, *SKIP_GRAM]
NUMBA = pytest.mark.parametrize("implementation", [CBOW[-1], SKIP_GRAM[-1]], ids=lambda i: i.key)


def those(*slugs: str) -> list[Any]:
    """Parameters: these implementations of both kernels."""
    return [pytest.param(i, id=i.key) for i in EVERY if i.slug in slugs]


def problem_of(
    text: tuple[Array, Array],
    H: int = 16,
    K: int = 2,
    *,
    counts: Any = None,
    threads: int = 1,
    seed: int = 0,
    settings: Settings = Settings(sample=0),  # noqa: B008 (it is frozen)
) -> Problem:
    """A text and its lines as a problem of training; its words are counted unless their counts are given."""
    words, starts = text
    counts = np.bincount(words).astype(float) if counts is None else np.asarray(counts, float)
    size = Size(len(counts), H, len(words), K, index="i32", threads=threads)
    return training_problem(size, counts, [(words, starts)], np.random.default_rng(seed), settings)


def model_of(implementation: Implementation, problem: Problem) -> Any:
    _, (model,) = available(implementation).start(problem)
    return model


def text(*words: int, lines: Sequence[int] = ()) -> tuple[Array, Array]:
    """A text of words, in one line unless its lines' beginnings are given."""
    return np.array(words, np.int32), np.array([*(lines or [0]), len(words)], np.int64)


TOPICS = topic_text(V, np.random.default_rng(1))
FAST = Settings(sample=0, alpha=0.05)


def trained(implementation: Implementation, threads: int = 1, passes: int = 12, seed: int = 0) -> Any:
    model = model_of(implementation, problem_of(TOPICS, K=5, threads=threads, seed=seed, settings=FAST))
    for _ in range(passes):
        implementation(*TOPICS, model)
    return model
