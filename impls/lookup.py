"""lookup: rows of an embedding matrix by word id. W (V, H), idx (B,) -> (B, H).

This is the input layer of word2vec. Chapter 3 of the book multiplies a one-hot row by W, which reads all of W to copy one
row of it (slides 4 to 6). Section 4.1 takes the row by its index (slides 7 to 10).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .compiling.functions import makes_no_arrays
from .compiling.intrinsics.rows import copy_row, prefetch_row
from .corpus.batches import rotating_batch_count, rotating_problem
from .corpus.words import Corpus
from .interface import Array, Deck, Kernel, Measured, Problem, Work, Wrong, importing
from .interface.arrays import normals
from .interface.case import Size
from .interface.checks import check_dtype
from .parts.jax_peers import Program, on_jax, program
from .parts.torch_peers import tensors, torch_on


def make(size: Size, corpus: Corpus, rng: np.random.Generator) -> Problem:
    W = normals(rng, (size.V, size.H), size.float_type)
    number = rotating_batch_count(size, size.H * size.float_type.itemsize, size.B)
    return rotating_problem(size, {"W": W}, lambda idx: (W, idx), corpus.rotating_batches(size, number, rng))


def check(call: Any, W: Array, idx: Array) -> None:
    """Compare every row with the table's, to the last bit: a product with ones and zeros is exact."""
    check_rows(call(W, idx), W, idx, range(len(idx)))


def verify(problem: Problem, calls: Any, result: Any, rng: np.random.Generator, history: Any) -> None:
    """Compare some rows of a timed call's result with the table's."""
    W, idx = calls[-1]
    check_rows(result, W, idx, rng.integers(len(idx), size=min(16, len(idx))).tolist())


def check_rows(got: Any, W: Array, idx: Array, places: Iterable[int]) -> None:
    """Raise Wrong unless got has the shape and dtype of W[idx], and its rows at these places."""
    got = np.asarray(got)
    if got.shape != (len(idx), W.shape[1]):
        raise Wrong(f"the rows have shape {got.shape}, not {(len(idx), W.shape[1])}")
    check_dtype("the rows", got, W.dtype)
    for i in places:
        want = W[idx[i]]
        if not np.array_equal(got[i], want):
            at = int(np.argmax(got[i] != want))
            raise Wrong(f"row {i} is not W[{idx[i]}]: its number {at} is {got[i, at]!s}, not {want[at]!s}")


def work(size: Size) -> Work:
    rows = size.B * size.H * size.float_type.itemsize
    return Work(rows + size.B * size.index_type.itemsize, rows)


lookup = Kernel(
    "lookup",
    "rows of W by word id",
    ("W", "idx"),
    make,
    check,
    work,
    sizes=(
        Size(7, 3, 5),
        Size(50, 100, 40),
        Size(2, 1, 1),
        Size(9, 4, 0),
        Size(300, 17, 128, dtype="f64", index="i32"),
    ),
    verify=verify,
    shapes=("VH", "iB"),
    place=10,
    about="read the rows of the words in a batch",
    unit="word",
    diagram="lookup",
    measured=Measured(at="small"),
    deck=Deck(
        sizes=tuple(Size(V, B=1, dtype="f64") for V in (10**6, 10**5, 10**4)),
        beside=("take", "numba"),
        layers=("MatMul.forward", "Embedding.forward"),
    ),
)


def reads_all_rows(size: Size) -> Work:
    """Each word of the batch reads all of W and its one-hot row."""
    item = size.float_type.itemsize
    return Work(
        size.B * size.V * (size.H + 1) * item, size.B * (size.V + size.H) * item, 2.0 * size.B * size.V * size.H
    )


@lookup.implementation(
    "one-hot-dot",
    "one-hot × W, one row at a time",
    summary="multiplying each one-hot vector by the whole table",
    slide=6,
    baseline=True,
    grows_with="V",
    temporaries="V",
    traffic=reads_all_rows,
)
def one_hot_dot(W: Array, idx: Array) -> Array:
    out = np.empty((len(idx), W.shape[1]), W.dtype)
    for i, word in enumerate(idx):
        one_hot = np.zeros(W.shape[0], W.dtype)
        one_hot[word] = 1
        out[i] = np.dot(one_hot, W)
    return out


@lookup.implementation(
    "one-hot-einsum",
    "one-hot × W by einsum, one row at a time",
    summary="multiplying each one-hot vector by the whole table with einsum",
    textbook=True,
    grows_with="V",
    temporaries="V",
    traffic=reads_all_rows,
)
def one_hot_einsum(W: Array, idx: Array) -> Array:
    # reads as much as one-hot-dot, but without BLAS: its matrix-vector product is slow for short rows on some machines
    out = np.empty((len(idx), W.shape[1]), W.dtype)
    for i, word in enumerate(idx):
        one_hot = np.zeros(W.shape[0], W.dtype)
        one_hot[word] = 1
        np.einsum("v,vh->h", one_hot, W, out=out[i])
    return out


def reads_table_once(size: Size) -> Work:
    """The whole batch reads W and the one-hot matrix once."""
    item = size.float_type.itemsize
    one_hot = size.B * size.V
    return Work((size.V * size.H + one_hot) * item, (one_hot + size.B * size.H) * item, 2.0 * one_hot * size.H)


@lookup.implementation(
    "one-hot-matmul",
    "one-hot × W, the whole batch",
    summary="multiplying all one-hot vectors by the table at once",
    slide=4,
    textbook=True,
    grows_with="V",
    temporaries="BV",
    traffic=reads_table_once,
)
def one_hot_matmul(W: Array, idx: Array) -> Array:
    one_hot = np.zeros((len(idx), W.shape[0]), W.dtype)
    one_hot[np.arange(len(idx)), idx] = 1
    return np.asarray(one_hot @ W)


@lookup.implementation(
    "csr-one-hot",
    "CSR one-hot × W",
    summary="multiplying a sparse one-hot matrix by the table",
    prepare=importing("scipy.sparse"),
)
def csr_one_hot(W: Array, idx: Array, sparse: Any) -> Array:
    ones = np.ones(len(idx), W.dtype)
    one_hot = sparse.csr_array((ones, idx, np.arange(len(idx) + 1)), shape=(len(idx), W.shape[0]))
    return np.asarray(one_hot @ W)


@lookup.implementation("gather", "W[idx]", summary="picking the rows by their index", slide=9)
def gather(W: Array, idx: Array) -> Array:
    return np.asarray(W[idx])


@lookup.implementation("take", "np.take", summary="picking the rows with np.take")
def take(W: Array, idx: Array) -> Array:
    return np.take(W, idx, axis=0)


def row_buffer(problem: Problem) -> Array:
    """Return a (B, H) buffer for the rows."""
    return np.empty((problem.size.B, problem.size.H), problem.size.float_type)


@lookup.implementation(
    "take-out",
    "np.take into a buffer, unchecked",
    summary="picking the rows into a buffer made beforehand",
    prepare=row_buffer,
    returns=(0,),
)
def take_out(W: Array, idx: Array, out: Array) -> Array:
    # mode="clip" drops the bounds check, which would make NumPy copy through a buffer. It is right because all ids are valid
    return np.take(W, idx, axis=0, out=out, mode="clip")


@lookup.implementation(
    "numba",
    "compiled loop",
    summary="copying the rows in a compiled loop",
    jit=True,
    prepare=row_buffer,
    returns=(0,),
)
@makes_no_arrays
def numba(W: Array, idx: Array, out: Array) -> Array:
    for i in range(len(idx)):
        row = idx[i]
        for j in range(W.shape[1]):
            out[i, j] = W[row, j]
    return out


AHEAD = 8
"""How many rows ahead to prefetch, so that several rows are on their way from memory at the same time."""


@lookup.implementation(
    "numba-prefetch",
    "compiled loop that prefetches rows",
    summary="copying the rows in a compiled loop that prefetches them",
    jit=True,
    prepare=row_buffer,
    returns=(0,),
)
@makes_no_arrays
def numba_prefetch(W: Array, idx: Array, out: Array) -> Array:
    n = len(idx)
    for i in range(-AHEAD, n):
        if i + AHEAD < n:
            prefetch_row(W, idx[i + AHEAD])
        if i >= 0:
            copy_row(out, i, W, idx[i])
    return out


@lookup.implementation(
    "torch",
    "torch embedding",
    summary="picking the rows with torch",
    requires=("torch",),
    prepare=torch_on,
    adapt=tensors,
)
def torch(W: Any, idx: Any, torch: Any) -> Any:
    return torch.nn.functional.embedding(idx, W)


def jax_gather(W: Any, idx: Any) -> Any:
    return W[idx]


@lookup.implementation(
    "jax",
    "JAX: W[idx]",
    summary="picking the rows with JAX",
    requires=("jax",),
    prepare=program(jax_gather, lookup.shapes),
    adapt=on_jax,
    source_functions=(jax_gather,),
)
def jax(W: Any, idx: Any, program: Program) -> Any:
    return program.run(W, idx).block_until_ready()


# what any implementation must move


@lookup.floor("rows", prepare=row_buffer)
def rows_read(W: Array, idx: Array, out: Array) -> None:
    for i in range(len(idx)):
        copy_row(out, i, W, idx[i])


rows_read_ahead = lookup.floor("rows.ahead", prepare=row_buffer)(numba_prefetch.function)
