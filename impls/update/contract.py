"""What the update's three variants share: inputs, references, checks and work.

The gradient is given as rows (n,), sorted and distinct, and values (n, H); all other rows have none. The book's
optimizers take it as a whole V × H matrix instead, only so that one optimizer serves all layers (slide 11). Implementations that do
so put the rows into a matrix of zeros and take them out again after the step: 2 n rows of traffic beside whole tables,
so that each call can have a batch of its own. Zeroing a gradient of V × H, which the book's layer does besides, is
``scatter.dense``'s. B is the number of words of a batch before np.unique: n is smaller where they repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np

from ..case import Size
from ..interface import Array, Problem, Work, Wrong, close, normals, ring_length
from ..ring import CHECKED, Batch, Moving, rotating
from ..words import Corpus

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-7
"""The book's Adam: how much of each moment is kept, and what keeps its division from zero."""

LEARNING_RATE = {"sgd": 0.01, "adam": 0.001}
"""The book's defaults."""

STEP = 1000
"""The step that every call takes, so that all do the same work; moments are those of a training under way."""

DRAWN = 300_007
"""Numbers drawn for a table; a longer one repeats these rows, so that any row can be restored without a second table."""

BLOCK_BYTES = 256 << 10
"""A block of a table in a step that goes block by block: the four arrays that it needs at a time stay in a 1 MB cache."""

CHECKED_ROWS = 1024


def rate(t: int) -> float:
    """Adam's learning rate at step t, with both moments' bias corrected: lr √(1 − β₂ᵗ) / (1 − β₁ᵗ)."""
    return LEARNING_RATE["adam"] * sqrt(1 - BETA2**t) / (1 - BETA1**t)


def make_with(
    tables: tuple[str, ...], last: float, everywhere: bool = False
) -> Callable[[Size, Corpus, np.random.Generator], Problem]:
    """Inputs of a variant: tables (V, H), a ring of gradients, and the last argument, a learning rate or a step's number.

    everywhere: calls change every row, so that every row is restored, not only those with a gradient.
    """

    def make(size: Size, corpus: Corpus, rng: np.random.Generator) -> Problem:
        drawn = {name: rows_of(name, size, rng) for name in tables}
        held = {name: np.empty((size.V, size.H), size.float_type) for name in tables}
        number = ring_length(size, size.H * size.float_type.itemsize, size.B)
        ring = Rows(number, [np.unique(words) for words in corpus.batches(size, POOLS * number + CHECKED, rng)], rng)
        values = Moving(number, size.B, lambda rows: normals(rng, (rows, size.H), size.float_type), rng)
        touched = np.unique(np.concatenate([*ring.pool, *(rows for (rows,) in ring.checked)]))

        def fill() -> None:
            for name, rows in drawn.items():
                for start in range(0, size.V, len(rows)):
                    held[name][start : start + len(rows)] = rows[: size.V - start]

        def reset() -> None:
            for name, rows in drawn.items():
                held[name][touched] = rows[touched % len(rows)]

        fill()

        def arguments(rows: Array, values: Array) -> tuple[Any, ...]:
            return (*held.values(), rows, values[: len(rows)], last)

        problem = rotating(
            size, dict(held), arguments, ring, values, reset=fill if everywhere else reset, known={"drawn": drawn}
        )

        def renew(first: int, count: int) -> None:  # rows of another number are another array
            ring.renew(first, count)
            values.renew(first, count)
            for at in range(first, first + count):
                problem.batches[at] = arguments(ring.batches[at][0], values.at(at))  # type: ignore[index]

        return replace(problem, renew=renew)

    return make


POOLS = 2
"""Rings' worth of batches that a ring's contents are taken from."""


class Rows:
    """A ring of distinct, sorted words of a text's batches, (n,) each, which differ in number. pool: what they are taken from."""

    def __init__(self, number: int, batches: list[Array], rng: np.random.Generator) -> None:
        self.checked: list[Batch] = [(rows.copy(),) for rows in batches[-CHECKED:]]
        self.pool, self.rng = batches[:-CHECKED], rng.spawn(1)[0]
        self.places = np.empty((number, max(map(len, self.pool))), batches[0].dtype)
        self.batches: list[Batch] = [()] * number
        self.renew(0, number)

    def renew(self, first: int, count: int) -> None:
        """Write other batches of the pool into the places of these."""
        start = int(self.rng.integers(len(self.pool)))
        for at in range(first, first + count):
            rows = self.pool[(start + at) % len(self.pool)]
            place = self.places[at, : len(rows)]
            place[:] = rows
            self.batches[at] = (place,)


def rows_of(name: str, size: Size, rng: np.random.Generator) -> Array:
    """The first rows of a table: W and m as they are drawn, v a mean of squares, not near zero."""
    rows = normals(rng, (min(size.V, max(1, DRAWN // size.H)), size.H), size.float_type)
    return rows * rows + 1e-4 if name == "v" else rows


def zeros(problem: Problem) -> Array:
    """A (V, H) matrix of zeros for a whole gradient, which implementations share: each call leaves it as it was."""
    return problem.buffer("gradient of zeros", (problem.size.V, problem.size.H))


def zeros_and_scratch(problem: Problem) -> tuple[Array, Array]:
    """Two (V, H) matrices: zeros for a whole gradient, and one for what comes between."""
    return zeros(problem), scratch(problem)


def scratch(problem: Problem) -> Array:
    """A (V, H) matrix for what comes between."""
    return problem.buffer("scratch", (problem.size.V, problem.size.H))


def block(problem: Problem) -> Array:
    """As many rows as make a block, (r, H)."""
    size = problem.size
    rows = max(1, BLOCK_BYTES // (size.H * size.float_type.itemsize))
    return np.empty((min(size.V, rows), size.H), size.float_type)


# references and checks


def check_sgd(call: Any, W: Array, rows: Array, values: Array, lr: float) -> None:
    """W − lr · gradient at the rows that have one; the others to the last bit as they were."""
    before = W.copy()
    call(W, rows, values, lr)
    step = lr * values.astype(np.float64)
    close("W at the rows with a gradient", W[rows], before[rows] - step, np.abs(before[rows]) + np.abs(step), 3)
    unchanged("W", W, before, rows)


def check_adam(call: Any, W: Array, m: Array, v: Array, rows: Array, values: Array, t: int) -> None:
    """Every row of W, m and v: one without a gradient has a gradient of zero, and moves all the same."""
    before = [table.copy() for table in (W, m, v)]
    call(W, m, v, rows, values, t)
    for start in range(0, len(W), CHECKED_ROWS):
        part = slice(start, start + CHECKED_ROWS)
        first, last = np.searchsorted(rows, [start, start + CHECKED_ROWS])
        gradient = np.zeros(W[part].shape)
        gradient[rows[first:last] - start] = values[first:last]
        where = f" (rows from {start:,} on)" if start else ""
        check_step([W[part], m[part], v[part]], [table[part] for table in before], gradient, t, where)


def check_lazy(call: Any, W: Array, m: Array, v: Array, rows: Array, values: Array, t: int) -> None:
    """Adam's step at the rows that have a gradient; the others to the last bit as they were."""
    before = [table.copy() for table in (W, m, v)]
    call(W, m, v, rows, values, t)
    where = " at the rows with a gradient"
    check_step([table[rows] for table in (W, m, v)], [table[rows] for table in before], values, t, where)
    for name, table, was in zip("Wmv", (W, m, v), before, strict=True):
        unchanged(name, table, was, rows)


def check_step(got: list[Array], before: list[Array], gradient: Array, t: int, where: str) -> None:
    """Some rows of W, m and v after a step of Adam, against the step in float64."""
    W, m, v = (table.astype(np.float64) for table in before)
    g = gradient.astype(np.float64)
    new_m, m_terms = m + (1 - BETA1) * (g - m), np.abs(m) + (1 - BETA1) * (np.abs(g) + np.abs(m))
    new_v, v_terms = v + (1 - BETA2) * (g * g - v), v + (1 - BETA2) * (g * g + v)
    size = rate(t) / (np.sqrt(new_v) + EPSILON)
    close(f"m{where}", got[1], new_m, m_terms, 4)
    close(f"v{where}", got[2], new_v, v_terms, 5)
    close(f"W{where}", got[0], W - size * new_m, np.abs(W) + size * m_terms, 10)


def starting(problem: Problem, name: str, rows: Array) -> Array:
    """Some rows of a table before a sample, in float64."""
    drawn = problem.known["drawn"][name]
    return np.asarray(drawn[rows % len(drawn)], np.float64)


def gradients_at(row: int, calls: Sequence[tuple[Any, ...]]) -> Iterator[Array | None]:
    """The gradient of a row in each call, (H,) float64; None where it has none."""
    for *_, rows, values, _ in calls:
        at = int(np.searchsorted(rows, row))
        yield values[at].astype(np.float64) if at < len(rows) and rows[at] == row else None


def some_rows(problem: Problem, calls: Sequence[tuple[Any, ...]], rng: np.random.Generator) -> list[int]:
    """Rows with a gradient in the first, the last and another call, and one that may have none."""
    chosen = {0, len(calls) - 1, int(rng.integers(len(calls)))}
    return sorted({int(rng.choice(calls[at][-3])) for at in chosen} | {int(rng.integers(problem.size.V))})


def verify_sgd(problem: Problem, calls: Any, result: Any, rng: np.random.Generator, kept: Any) -> None:
    """Some rows of W after all calls of a sample."""
    W, *_, lr = calls[-1]
    for row in some_rows(problem, calls, rng):
        want = starting(problem, "W", np.array([row]))[0]
        terms, many = np.abs(want), 1
        for gradient in filter(lambda one: one is not None, gradients_at(row, calls)):
            want, terms, many = want - lr * gradient, terms + np.abs(lr * gradient), many + 1
        close(f"W[{row}]", W[row], want, terms, 3 * many)


def verify_adam(
    problem: Problem, calls: Any, result: Any, rng: np.random.Generator, kept: Any, lazy: bool = False
) -> None:
    """Some rows of W, m and v after all calls of a sample. lazy: a call in which a row has no gradient leaves it alone."""
    *tables, _, _, t = calls[-1]
    for row in some_rows(problem, calls, rng):
        W, m, v = (starting(problem, name, np.array([row]))[0] for name in "Wmv")
        terms, m_terms, many = np.abs(W), np.abs(m), 1
        for gradient in gradients_at(row, calls):
            if gradient is None and lazy:
                continue
            g = np.zeros_like(W) if gradient is None else gradient
            m, v = m + (1 - BETA1) * (g - m), v + (1 - BETA2) * (g * g - v)
            m_terms = BETA1 * m_terms + (1 - BETA1) * (np.abs(g) + np.abs(m))
            size = rate(t) / (np.sqrt(v) + EPSILON)
            W, terms, many = W - size * m, terms + size * m_terms, many + 1
        for name, table, want, of in zip("Wmv", tables, (W, m, v), (terms, m_terms, v), strict=True):
            close(f"{name}[{row}]", table[row], want, of, 10 * many)


def unchanged(name: str, table: Array, before: Array, rows: Array) -> None:
    """Raise Wrong unless all other rows are as before, which is overwritten at these."""
    before[rows] = table[rows]
    if not np.array_equal(table, before):
        raise Wrong(f"{name} has changed at rows without a gradient")


# work


def rows_work(tables: int, flops: float) -> Callable[[Size], Work]:
    """The gradient and its rows of some tables are read, and these are written; as if all words of a batch differed."""

    def work(size: Size) -> Work:
        rows = min(size.B, size.V)
        table = rows * size.H * size.float_type.itemsize
        read = (tables + 1) * table + rows * size.index_type.itemsize
        return Work(read, tables * table, flops * rows * size.H)

    return work


def tables_work(reads: int, writes: int, flops: float) -> Callable[[Size], Work]:
    """So many V × H tables are read and written, and the gradient's rows besides."""

    def work(size: Size) -> Work:
        given, table = rows_work(0, 0)(size).read_bytes, size.V * size.H * size.float_type.itemsize
        return Work(reads * table + given, writes * table, flops * size.V * size.H)

    return work


SIZES = (
    Size(7, 3, 12),
    Size(40, 100, 90),
    Size(3, 1, 1),
    Size(9, 4, 0),
    Size(300, 17, 500, dtype="f64", index="i32"),
    Size(1_500, 100, 40),  # some blocks, the last one short
)
