"""What skip-gram and CBOW share: the settings, the inputs, the model that a step trains, and the check that it learns.

words (B,) int32, starts (S + 1,) int64 -> the model, trained on them. ``starts`` has where each line begins and the last
ends; windows never reach across lines. An implementation's ``prepare`` makes the model from a problem.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from ..corpus.batches import rotating_batch_count
from ..corpus.words import Corpus, Floats, Ints
from ..interface import Array, Kernel, Measured, Problem, Work, Wrong
from ..interface.case import Size
from ..interface.checks import as_arrays
from .pairs import pair_accuracy, pairs_in
from .settings import EVERY_PAIR, Settings

LONGEST = 10_000
"""Longest line in words, as in gensim. A longer one is cut."""


class Model(Protocol):
    """Word vectors in training, which an implementation's ``prepare`` makes from a problem as its workspace.

    It must train by ``problem.inputs["settings"]``: windows and subsampling belong to the problem. In whole runs the
    problem has no batches.

    Attributes
    ----------
    alpha
        The rate of the next step, for implementations whose rate falls.
    W_in, W_out
        Word vectors and output rows, (V, H) float32.

    Notes
    -----
    A model may also have these:

    - ``stages(words, starts)`` takes a step, and returns the seconds in each of its parts by name.
    - ``at_once`` is how many words a piece of a whole run should have.
    - ``rates`` is set before a piece's step to the rates at the piece's beginning and end.
    """

    alpha: float

    @property
    def W_in(self) -> Array: ...
    @property
    def W_out(self) -> Array: ...


def training_problem(
    size: Size,
    counts: Floats,
    batches: Sequence[tuple[Ints, Ints]],
    rng: np.random.Generator,
    settings: Settings | None = None,
) -> Problem:
    """Make the inputs of a training run.

    Parameters
    ----------
    size
        The problem's size.
    counts
        Counts of all words, (V,).
    batches
        Pieces of text, each with its words and the starts of its lines.
    rng
        Draws the seed.
    settings
        How to train.
    """
    inputs = {"counts": counts, "settings": settings or Settings(), "seed": int(rng.integers(2**63))}
    touched = float(np.mean([len(np.unique(words)) for words, _ in batches[:32]])) if batches else 0.0
    return Problem(size, inputs, batches, touched)


def initial(problem: Problem) -> Array:
    """Draw initial word vectors, (V, H) float32: uniform within 1 / H, as in gensim. word2vec.c's 0.5 / H costs CBOW analogies."""
    size = problem.size
    rng = np.random.default_rng(problem.inputs["seed"])
    return np.asarray((2 * rng.random((size.V, size.H), np.float32) - 1) / np.float32(size.H))


def make(size: Size, corpus: Corpus, rng: np.random.Generator) -> Problem:
    """Make successive pieces of B words, in lines of at most LONGEST words, with full windows."""
    text = corpus.rotating_batches(size, min(64, rotating_batch_count(size, size.H * 4, size.B)), rng)
    starts = np.array([*range(0, size.B, LONGEST), size.B], np.int64)
    batches, check_batches = (
        [(words.astype(np.int32), starts) for (words,) in parts] for parts in (text.batches, text.check_batches)
    )

    def renew(first: int, count: int) -> None:
        text.renew(first, count)
        part = slice(first, first + count)
        for (words, _), (fresh,) in zip(batches[part], text.batches[part], strict=True):
            words[:] = fresh

    problem = training_problem(size, corpus.expected_counts(size.V), batches, rng, EVERY_PAIR)
    return replace(problem, checked=check_batches, renew=renew)


def covers(size: Size) -> dict[str, float]:
    """Return the pairs of a centre and a context that a call learns from, and the words of text that they come from."""
    whole, rest = divmod(size.B, LONGEST)
    pairs = whole * pairs_in(LONGEST, EVERY_PAIR.window) + pairs_in(rest, EVERY_PAIR.window)
    return {"pairs": float(pairs), "words": float(size.B)}


PASSES, MOST_PASSES, PASSES_S = 60, 600, 20.0
"""How often the check trains on the topic text: PASSES times, and up to MOST_PASSES within PASSES_S seconds of CPU time.

Torch's CBOW takes one step of Adam a pass and needs up to 262 of them; all others, at most 35 (12 seeds each).
"""
LEARNT_ACCURACY = 0.64
"""The ``pair_accuracy`` that a model must then reach. Chance and constant scores give 0.5."""


def topic_text(
    V: int, rng: np.random.Generator, lines: int = 200, length: int = 5, topics: int = 3
) -> tuple[Ints, Ints]:
    """Make a text in which each line has the words of one topic. A model can learn it from a few thousand words."""
    topic = rng.integers(topics, size=(lines, 1))
    words = rng.integers(V // topics, size=(lines, length)) * topics + topic
    return words.astype(np.int32).reshape(-1), np.arange(lines + 1, dtype=np.int64) * length


def check_model(problem: Problem, model: Any) -> None:
    """Check that a model's tables have H numbers for each word: fewer would be faster, and not comparable."""
    check_tables(model, (problem.size.V, problem.size.H))


def check_tables(model: Any, shape: tuple[int, ...]) -> None:
    """Raise Wrong unless a model has two finite float32 tables of this shape."""
    for name, W in zip(("W_in", "W_out"), tables_of(model, shape), strict=True):
        if not np.isfinite(W).all():
            raise Wrong(f"the model's {name} is not finite")


def tables_of(model: Any, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Return a model's two tables. Raises Wrong unless they are plain float32 arrays of this shape."""
    tables = tuple(as_arrays(getattr(model, name, None)) for name in ("W_in", "W_out"))
    for name, W in zip(("W_in", "W_out"), tables, strict=True):
        if not isinstance(W, np.ndarray) or W.dtype != np.float32 or W.shape != shape:
            given = f"{W.dtype} of shape {W.shape}" if isinstance(W, np.ndarray) else f"a {type(W).__name__}"
            raise Wrong(f"the model's {name} is {given}, and must be float32 of shape {shape}")
    return tables


def same_model(model: Any) -> Any:
    """Return a step's result as it is: checks read the model itself."""
    return model


def check(call: Any, words: Ints, starts: Ints) -> None:
    """Check that a model's tables stay finite and keep their shape, and at small V that it learns a topic text.

    There is no exact reference: implementations draw their own negatives and follow their own rules.
    """
    model = call(words, starts)
    shape = np.shape(model.W_in)
    check_tables(model, shape)
    V = shape[0] if shape else 0
    if 12 <= V < 100:
        words, starts = topic_text(V, np.random.default_rng(1))
        counts = np.bincount(words, minlength=V).astype(np.float64)
        best, passes, started = 0.0, 0, time.process_time()
        while passes < PASSES or (passes < MOST_PASSES and time.process_time() - started < PASSES_S):
            passes += 1
            model = call(words, starts)
            check_tables(model, shape)
            best = max(best, pair_accuracy(np.asarray(model.W_in), np.asarray(model.W_out), words, starts, counts))
            if best >= LEARNT_ACCURACY:
                return
        raise Wrong(
            f"does not learn: in {passes} passes over a simple text, pairs scored above noise in at most {best:.0%} of cases "
            "(50% is chance)"
        )


WATCHED_ROWS = 64
"""How many rows of each table, of the most frequent words, are watched for change from sample to sample."""


def verify(problem: Problem, calls: Any, model: Any, rng: np.random.Generator, history: list[Any]) -> None:
    """Check that some rows of a model's tables are finite, and that most of those of the sample's words moved since the last check.

    A few steps do not show what a model has learnt: ``w2vbench quality`` judges whole runs.
    """
    size = problem.size
    rows = np.arange(min(WATCHED_ROWS, size.V))
    parts = [np.array(table[rows]) for table in tables_of(model, (size.V, size.H))]
    if not all(np.isfinite(part).all() for part in parts):
        raise Wrong("the model's tables are not finite")
    if history:
        occurs = np.isin(rows, np.concatenate([words for words, _ in calls]))
        for name, part, before in zip(("W_in", "W_out"), parts, history, strict=True):
            moved = (part != before).any(axis=1)
            if occurs.any() and moved[occurs].mean() < 0.5:
                raise Wrong(
                    f"a step leaves {name} as it was at {int((~moved[occurs]).sum())} of {int(occurs.sum())} words of the text"
                )
    history[:] = parts


def work(skip_gram: bool) -> Callable[[Size], Work]:
    """Return the least work: each word of the text is read, and its rows in both tables are read and written.

    Flops: skip-gram scores each pair against K + 1 rows. CBOW scores each word's mean, after adding the rows of its window,
    and adds the change to each of them.
    """

    def least(size: Size) -> Work:
        rows, pairs = 2.0 * size.B * size.H * 4, covers(size)["pairs"]
        per_input = 6.0 * (1 + size.K) * size.H
        flops = pairs * per_input if skip_gram else size.B * per_input + 2 * pairs * size.H
        return Work(rows + 4.0 * size.B, rows, flops)

    return least


def training_kernel(name: str, title: str, *, skip_gram: bool, **facts: Any) -> Kernel:
    """Make a kernel of training. The two differ only in what they learn from a window."""
    return Kernel(
        name,
        title,
        ("words", "starts"),
        make,
        check,
        work(skip_gram),
        (
            Size(12, 128, 40, 5, index="i32"),
            Size(300, 20, 700, 2, index="i32"),
            Size(9, 1, 1, 1, index="i32"),
            Size(9, 4, 0, 3, index="i32"),
        ),
        dimensions="VHBK",
        inputs="",
        min_batch=20,  # words with no neighbours left teach nothing
        check_workspace=check_model,
        covers=covers,
        verify=verify,
        result=same_model,
        diagram="training",
        measured=Measured(at="text"),
        **facts,
    )
