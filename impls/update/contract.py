"""What the three variants of update share: inputs, references, checks and work.

The gradient comes as rows (n,), sorted and distinct, and values (n, H). All other rows have none. The book's optimizers
take it as a whole V × H matrix instead, only so that one optimizer serves all layers (slide 11). Implementations that do
so write the rows into a matrix of zeros, and zero them again after the step, so that each call can have another batch.
That is 2 n rows of traffic beside whole tables. The book's layer also zeroes a V × H gradient; that belongs to
``scatter.dense``. B is the number of words of a batch before np.unique, so that n is smaller where words repeat.

Inputs and checks are in one file, because a check begins with the rows that the inputs were drawn from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np

from ..corpus.batches import CHECK_BATCHES, Batch, SlidingInput, distinct, rotating_batch_count, rotating_problem
from ..corpus.words import Corpus
from ..interface import Array, Problem, Work, Wrong
from ..interface.arrays import normals
from ..interface.case import Size
from ..interface.checks import check_close, tables_after

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-7
"""The book's Adam: decay rates of both moments, and the constant that avoids a division by zero."""

SGD_RATE, ADAM_RATE = 0.01, 0.001
"""Learning rates: the book's defaults."""

STEP = 1000
"""The step number of every call, so that all do the same work. Moments are those of a training run in progress."""

DRAWN_ENTRIES = 300_007
"""Numbers drawn for a table. A larger one repeats these rows, so that any row can be restored without a second table."""

BLOCK_BYTES = 256 << 10
"""A table's block in a step that goes block by block: the four arrays of a block stay in a 1 MB cache."""

BLOCK_ROWS, CHECKED_BLOCKS = 1024, 24
"""Rows that a check compares at a time, and blocks of a large table that it compares."""

AHEAD = 8
"""How many rows ahead to prefetch."""


def rate(t: int) -> float:
    """Return Adam's learning rate at step t, with the bias correction of both moments: lr √(1 − β₂ᵗ) / (1 − β₁ᵗ)."""
    return ADAM_RATE * sqrt(1 - BETA2**t) / (1 - BETA1**t)


def adam_row(W: Array, m: Array, v: Array, gradient: Array, lr: Any) -> None:
    """Compute a step of Adam in one row with a gradient, (H,) each, in place. lr: ``rate(t)`` in W's dtype."""
    gain1, gain2, epsilon = W.dtype.type(1 - BETA1), W.dtype.type(1 - BETA2), W.dtype.type(EPSILON)
    for j in range(len(W)):
        m[j] += gain1 * (gradient[j] - m[j])
        v[j] += gain2 * (gradient[j] * gradient[j] - v[j])
        W[j] -= lr * m[j] / (np.sqrt(v[j]) + epsilon)


def make_with(
    tables: tuple[str, ...], last: float, everywhere: bool = False
) -> Callable[[Size, Corpus, np.random.Generator], Problem]:
    """Return the ``make`` of a variant.

    Parameters
    ----------
    tables
        Names of the tables (V, H) that come first in a call; rows and values of a gradient follow.
    last
        The last argument: a learning rate or a step number.
    everywhere
        Whether calls change every row, so that every row is restored between samples.
    """

    def make(size: Size, corpus: Corpus, rng: np.random.Generator) -> Problem:
        drawn = {name: draw_rows(name, size, rng) for name in tables}
        arrays = {name: np.empty((size.V, size.H), size.float_type) for name in tables}
        number = rotating_batch_count(size, size.H * size.float_type.itemsize, size.B)
        batches = distinct(np.array(corpus.batches(size, POOLS * number + CHECK_BATCHES, rng)))
        rows_source = SortedRows(number, batches, rng)
        values = SlidingInput(number, size.B, lambda rows: normals(rng, (rows, size.H), size.float_type), rng)
        touched = np.unique(np.concatenate(batches))

        def fill() -> None:
            for name, rows in drawn.items():
                for start in range(0, size.V, len(rows)):
                    arrays[name][start : start + len(rows)] = rows[: size.V - start]

        at_first = {name: rows[touched % len(rows)] for name, rows in drawn.items() if not everywhere}

        def reset() -> None:
            for name, rows in at_first.items():
                arrays[name][touched] = rows

        fill()

        def arguments(rows: Array, values: Array) -> tuple[Any, ...]:
            return (*arrays.values(), rows, values[: len(rows)], last)

        problem = rotating_problem(
            size,
            dict(arrays),
            arguments,
            rows_source,
            values,
            reset=fill if everywhere else reset,
            verify_data={"drawn": drawn},
        )

        def renew(first: int, count: int) -> None:  # another number of rows is another array
            rows_source.renew(first, count)
            values.renew(first, count)
            for at in range(first, first + count):
                problem.batches[at] = arguments(rows_source.batches[at][0], values.at(at))  # type: ignore[index]

        return replace(problem, renew=renew)

    return make


POOLS = 2
"""The pool has this many times as many batches as rotate."""


class SortedRows:
    """Rotating batches of distinct, sorted words, (n,) each, where n differs from batch to batch.

    Parameters
    ----------
    number
        How many batches rotate.
    batches
        The words of each batch. The last ones are for the check, the others are the pool.
    rng
        Chooses what a renewal writes.
    """

    def __init__(self, number: int, batches: list[Array], rng: np.random.Generator) -> None:
        self.check_batches: list[Batch] = [(rows.copy(),) for rows in batches[-CHECK_BATCHES:]]
        self.pool, self.rng = batches[:-CHECK_BATCHES], rng.spawn(1)[0]
        self.places = np.empty((number, max(map(len, self.pool))), batches[0].dtype)
        self.batches: list[Batch] = [()] * number
        self.renew(0, number)

    def renew(self, first: int, count: int) -> None:
        """Write other batches of the pool into these."""
        start = int(self.rng.integers(len(self.pool)))
        for at in range(first, first + count):
            rows = self.pool[(start + at) % len(self.pool)]
            place = self.places[at, : len(rows)]
            place[:] = rows
            self.batches[at] = (place,)


def draw_rows(name: str, size: Size, rng: np.random.Generator) -> Array:
    """Draw the first rows of a table: normal numbers for W and m, their squares plus 1e-4 for v, which is not near zero."""
    rows = normals(rng, (min(size.V, max(1, DRAWN_ENTRIES // size.H)), size.H), size.float_type)
    return rows * rows + 1e-4 if name == "v" else rows


def zeros(problem: Problem) -> Array:
    """Return a shared (V, H) matrix of zeros for a whole gradient. Each call restores the zeros."""
    return problem.buffer("gradient of zeros", (problem.size.V, problem.size.H))


def zeros_and_scratch(problem: Problem) -> tuple[Array, Array]:
    """Return two (V, H) matrices: zeros for a whole gradient, and one for intermediate results."""
    return zeros(problem), scratch(problem)


def scratch(problem: Problem) -> Array:
    """Return a shared (V, H) matrix for intermediate results."""
    return problem.buffer("scratch", (problem.size.V, problem.size.H))


def block(problem: Problem) -> Array:
    """Return a buffer for one block of rows, (r, H)."""
    size = problem.size
    rows = max(1, BLOCK_BYTES // (size.H * size.float_type.itemsize))
    return np.empty((min(size.V, rows), size.H), size.float_type)


# references and checks


def check_sgd(call: Any, W: Array, rows: Array, values: Array, lr: float) -> None:
    """Check W − lr · gradient at the rows with a gradient, and that the others are unchanged to the last bit."""
    before = W.copy()
    (W,) = tables_after(call(W, rows, values, lr), W)
    step = lr * values.astype(np.float64)
    check_close("W at the rows with a gradient", W[rows], before[rows] - step, np.abs(before[rows]) + np.abs(step), 3)
    check_unchanged("W", W, before, rows)


def check_adam(call: Any, W: Array, m: Array, v: Array, rows: Array, values: Array, t: int) -> None:
    """Check every row of W, m and v, and of large tables some blocks of rows: those with a gradient, the ends, and others.

    A row without a gradient has a gradient of zero, and moves too.
    """
    before = [table.copy() for table in (W, m, v)]
    W, m, v = tables_after(call(W, m, v, rows, values, t), W, m, v)
    for start in starts_of_blocks(len(W), rows):
        part = slice(start, start + BLOCK_ROWS)
        first, last = np.searchsorted(rows, [start, start + BLOCK_ROWS])
        gradient = np.zeros(W[part].shape)
        gradient[rows[first:last] - start] = values[first:last]
        where = f" (rows from {start:,} on)" if start else ""
        check_step([W[part], m[part], v[part]], [table[part] for table in before], gradient, t, where)


def starts_of_blocks(V: int, rows: Array) -> list[int]:
    """Return where the blocks of rows begin that are checked: all of them, or some of a large table."""
    starts = np.arange(0, V, BLOCK_ROWS)
    if len(starts) <= CHECKED_BLOCKS:
        return starts.tolist()
    rng = np.random.default_rng(rows[:1])
    with_gradient = np.unique(rows // BLOCK_ROWS * BLOCK_ROWS)
    some = rng.choice(with_gradient, min(len(with_gradient), CHECKED_BLOCKS // 2), replace=False)
    return np.unique([0, starts[-1], *some, *rng.choice(starts, CHECKED_BLOCKS // 2, replace=False)]).tolist()  # type: ignore[no-any-return]


def check_lazy(call: Any, W: Array, m: Array, v: Array, rows: Array, values: Array, t: int) -> None:
    """Check Adam's step at the rows with a gradient, and that the others are unchanged to the last bit."""
    before = [table.copy() for table in (W, m, v)]
    W, m, v = tables_after(call(W, m, v, rows, values, t), W, m, v)
    where = " at the rows with a gradient"
    check_step([table[rows] for table in (W, m, v)], [table[rows] for table in before], values, t, where)
    for name, table, was in zip("Wmv", (W, m, v), before, strict=True):
        check_unchanged(name, table, was, rows)


def check_step(got: list[Array], before: list[Array], gradient: Array, t: int, where: str) -> None:
    """Compare some rows of W, m and v after a step of Adam with the step in float64."""
    W, m, v = (table.astype(np.float64) for table in before)
    g = gradient.astype(np.float64)
    new_m, m_terms = m + (1 - BETA1) * (g - m), np.abs(m) + (1 - BETA1) * (np.abs(g) + np.abs(m))
    new_v, v_terms = v + (1 - BETA2) * (g * g - v), v + (1 - BETA2) * (g * g + v)
    size = rate(t) / (np.sqrt(new_v) + EPSILON)
    check_close(f"m{where}", got[1], new_m, m_terms, 4)
    check_close(f"v{where}", got[2], new_v, v_terms, 5)
    check_close(f"W{where}", got[0], W - size * new_m, np.abs(W) + size * m_terms, 10)


def initial_rows(problem: Problem, name: str, rows: Array) -> Array:
    """Return some rows of a table as they are before a sample, in float64."""
    drawn = problem.verify_data["drawn"][name]
    return np.asarray(drawn[rows % len(drawn)], np.float64)


def gradients_at(row: int, calls: Sequence[tuple[Any, ...]]) -> Iterator[Array | None]:
    """Yield the gradient of a row in each call, (H,) float64, or None where it has none."""
    for *_, rows, values, _ in calls:
        at = int(np.searchsorted(rows, row))
        yield values[at].astype(np.float64) if at < len(rows) and rows[at] == row else None


def choose_rows(problem: Problem, calls: Sequence[tuple[Any, ...]], rng: np.random.Generator) -> list[int]:
    """Choose rows with a gradient in the first, the last and a random call, and a random row."""
    chosen = {0, len(calls) - 1, int(rng.integers(len(calls)))}
    return sorted({int(rng.choice(calls[at][-3])) for at in chosen} | {int(rng.integers(problem.size.V))})


def verify_sgd(problem: Problem, calls: Any, result: Any, rng: np.random.Generator, history: Any) -> None:
    """Check some rows of W after all calls of a sample."""
    W, *_, lr = calls[-1]
    (W,) = tables_after(result, W)
    for row in choose_rows(problem, calls, rng):
        want = initial_rows(problem, "W", np.array([row]))[0]
        terms, steps = np.abs(want), 1
        for gradient in filter(lambda one: one is not None, gradients_at(row, calls)):
            want, terms, steps = want - lr * gradient, terms + np.abs(lr * gradient), steps + 1
        check_close(f"W[{row}]", W[row], want, terms, 3 * steps)


def verify_adam(
    problem: Problem, calls: Any, result: Any, rng: np.random.Generator, history: Any, lazy: bool = False
) -> None:
    """Check some rows of W, m and v after all calls of a sample. lazy: a call without a gradient for a row leaves it alone."""
    *given, _, _, t = calls[-1]
    tables = tables_after(result, *given)
    for row in choose_rows(problem, calls, rng):
        W, m, v = (initial_rows(problem, name, np.array([row]))[0] for name in "Wmv")
        terms, m_terms, steps = np.abs(W), np.abs(m), 1
        for gradient in gradients_at(row, calls):
            if gradient is None and lazy:
                continue
            g = np.zeros_like(W) if gradient is None else gradient
            m, v = m + (1 - BETA1) * (g - m), v + (1 - BETA2) * (g * g - v)
            m_terms = BETA1 * m_terms + (1 - BETA1) * (np.abs(g) + np.abs(m))
            size = rate(t) / (np.sqrt(v) + EPSILON)
            W, terms, steps = W - size * m, terms + size * m_terms, steps + 1
        for name, table, want, of in zip("Wmv", tables, (W, m, v), (terms, m_terms, v), strict=True):
            check_close(f"{name}[{row}]", table[row], want, of, 10 * steps)


def check_unchanged(name: str, table: Array, before: Array, rows: Array) -> None:
    """Raise Wrong unless all other rows are as before. It overwrites ``before`` at these rows."""
    before[rows] = table[rows]
    if not np.array_equal(table, before):
        raise Wrong(f"{name} has changed at rows without a gradient")


# work


def rows_work(tables: int, flops: float) -> Callable[[Size], Work]:
    """Return the least work at the gradient's rows: gradient and tables are read there, and the tables written.

    It counts as if all words of a batch differed.
    """

    def work(size: Size) -> Work:
        rows = min(size.B, size.V)
        table = rows * size.H * size.float_type.itemsize
        read = (tables + 1) * table + rows * size.index_type.itemsize
        return Work(read, tables * table, flops * rows * size.H)

    return work


def tables_work(reads: int, writes: int, flops: float) -> Callable[[Size], Work]:
    """Return the work of reading and writing V × H tables this often, and of reading the gradient."""

    def work(size: Size) -> Work:
        gradient, table = rows_work(0, 0)(size).read_bytes, size.V * size.H * size.float_type.itemsize
        return Work(reads * table + gradient, writes * table, flops * size.V * size.H)

    return work


SIZES = (
    Size(7, 3, 12),
    Size(40, 100, 90),
    Size(3, 1, 1),
    Size(9, 4, 0),
    Size(300, 17, 500, dtype="f64", index="i32"),
    Size(1_500, 100, 40),  # some blocks, the last one short
)
