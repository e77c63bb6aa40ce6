"""update.scatter-sgd: W (V, H), dout (B, H), idx (B,), lr -> W[idx[i]] -= lr · dout[i] for every i, in place.

It is ``scatter`` and ``update.sgd`` in one: where a word repeats, its gradients add up, and no gradient is kept. Training loops
do this, and FBGEMM calls it exact SGD.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiling.functions import makes_no_arrays
from ..compiling.intrinsics.rows import copy_row, prefetch_row
from ..corpus.batches import SlidingInput, rotating_batch_count, rotating_problem, stream_length
from ..corpus.words import Corpus
from ..interface import Array, Kernel, Measured, Problem, Work, Wrong, importing
from ..interface.arrays import normals
from ..interface.case import Size
from ..interface.checks import check_close, new_tables, tables_after
from ..parts.jax_peers import Program, Table, on_jax, program
from ..parts.torch_peers import tensors, torch_on
from ..scatter.contract import RepeatedWords, choose_words, reference, reference_at
from .contract import AHEAD, SGD_RATE, SIZES, check_unchanged, draw_rows, initial_rows, tables_work, zeros
from .peers import torch_with_optimizers

OTHER_ROWS = 64
"""Random rows that a verified sample must not have changed."""


def make(size: Size, corpus: Corpus, rng: np.random.Generator) -> Problem:
    drawn = draw_rows("W", size, rng)
    W = np.empty((size.V, size.H), size.float_type)
    for start in range(0, size.V, len(drawn)):
        W[start : start + len(drawn)] = drawn[: size.V - start]
    number = rotating_batch_count(size, size.H * size.float_type.itemsize, size.B)
    dout = SlidingInput(number, size.B, lambda rows: normals(rng, (rows, size.H), size.float_type), rng)
    stream = corpus.stream(size, stream_length(number, size.B), rng)
    touched = np.unique(stream)
    at_first = drawn[touched % len(drawn)]

    def reset() -> None:
        W[touched] = at_first

    return rotating_problem(
        size,
        {"W": W},
        lambda idx, dout: (W, dout, idx, SGD_RATE),
        RepeatedWords(number, size.B, (stream,), rng),
        dout,
        reset=reset,
        verify_data={"drawn": {"W": drawn}},
    )


def check(call: Any, W: Array, dout: Array, idx: Array, lr: float) -> None:
    """Check that each word's row has moved by all of its gradients, and that the others are unchanged to the last bit."""
    before = W.copy()
    (W,) = tables_after(call(W, dout, idx, lr), W)
    rows, total, magnitude, most = reference(dout, idx)
    check_close(
        "W at the words of idx", W[rows], before[rows] - lr * total, np.abs(before[rows]) + lr * magnitude, most + 3
    )
    check_unchanged("W", W, before, rows)


def verify(problem: Problem, calls: Any, result: Any, rng: np.random.Generator, history: Any) -> None:
    """Check some rows of W after all calls of a sample, and that rows of other words are as they were."""
    W, _, _, lr = calls[-1]
    (W,) = tables_after(result, W)
    gradients = [(dout, idx) for _, dout, idx, _ in calls]
    words = choose_words(gradients, rng)
    total, magnitude, most = reference_at(words, gradients)
    before = initial_rows(problem, "W", words)
    check_close("W at the words of idx", W[words], before - lr * total, np.abs(before) + lr * magnitude, 3 * (most + 1))
    others = np.setdiff1d(rng.integers(len(W), size=OTHER_ROWS), np.concatenate([idx for _, idx in gradients]))
    if not np.array_equal(W[others], initial_rows(problem, "W", others)):
        raise Wrong("W has changed at rows that are not in idx")


def work(size: Size) -> Work:
    """Gradients and ids are read, and each of the rows is read and written, as if all words of a batch differed."""
    rows = size.B * size.H * size.float_type.itemsize
    return Work(2 * rows + size.B * size.index_type.itemsize, rows, 2.0 * size.B * size.H)


scatter_sgd = Kernel(
    "update.scatter-sgd",
    "gradients of words straight into the table, in place",
    ("W", "dout", "idx", "lr"),
    make,
    check,
    work,
    SIZES,
    mutates=("W",),
    checks="VH",
    verify=verify,
    result=new_tables,
    shapes=("VH", "BH", "iB", "real"),
    place=53,
    diagram="update",
    measured=Measured(at="tables", quick=False),
)


@scatter_sgd.implementation(
    "dense",
    "a gradient for the whole table",
    summary="adding up a gradient for the whole table",
    textbook=True,
    slide=11,
    grows_with="V",
    temporaries="VH",
    shares="VH",
    prepare=zeros,
    traffic=tables_work(4, 3, 2),
)
def dense(W: Array, dout: Array, idx: Array, lr: float, dW: Array) -> None:
    np.add.at(dW, idx, dout)
    W -= lr * dW
    dW[...] = 0


@scatter_sgd.implementation("loop", "Python loop", summary="subtracting row by row in a Python loop", baseline=True)
def loop(W: Array, dout: Array, idx: Array, lr: float) -> None:
    for word, gradient in zip(idx, dout, strict=True):
        W[word] -= lr * gradient


@scatter_sgd.implementation(
    "assign",
    "W[idx] -= lr * dout",
    temporaries="BH+BH",
    wrong="where a word repeats, only its last gradient is subtracted (slide 12)",
)
def assign(W: Array, dout: Array, idx: Array, lr: float) -> None:
    W[idx] -= lr * dout


@scatter_sgd.implementation(
    "subtract-at", "np.subtract.at", summary="subtracting rows with np.subtract.at", temporaries="BH"
)
def subtract_at(W: Array, dout: Array, idx: Array, lr: float) -> None:
    np.subtract.at(W, idx, lr * dout)


@scatter_sgd.implementation(
    "sort-reduceat",
    "sort, np.add.reduceat",
    summary="sorting the words and summing the rows of each",
    temporaries="BH+BH+BH",
)
def sort_reduceat(W: Array, dout: Array, idx: Array, lr: float) -> None:
    if len(idx) == 0:
        return
    order = np.argsort(idx, kind="stable")
    words = idx[order]
    starts = np.flatnonzero(np.r_[True, words[1:] != words[:-1]])
    W[words[starts]] -= lr * np.add.reduceat(dout[order], starts, axis=0)


@scatter_sgd.implementation(
    "csr",
    "np.unique, CSR product",
    summary="summing each word's rows by a sparse product",
    temporaries="BH+BH",
    prepare=importing("scipy.sparse"),
)
def csr(W: Array, dout: Array, idx: Array, lr: float, sparse: Any) -> None:
    words, row_of = np.unique(idx, return_inverse=True)
    steps = np.full(len(idx), lr, dout.dtype)
    spread = sparse.csc_array((steps, row_of, np.arange(len(idx) + 1)), shape=(len(words), len(idx)))
    W[words] -= spread @ dout


@scatter_sgd.implementation("numba", "compiled loop", summary="subtracting row by row in a compiled loop", jit=True)
@makes_no_arrays
def numba(W: Array, dout: Array, idx: Array, lr: float) -> None:
    step = W.dtype.type(lr)
    for i in range(len(idx)):
        row = idx[i]
        for j in range(W.shape[1]):
            W[row, j] -= step * dout[i, j]


@scatter_sgd.implementation(
    "numba-prefetch",
    "compiled loop that prefetches rows",
    summary="subtracting row by row in a compiled loop that prefetches them",
    jit=True,
)
@makes_no_arrays
def numba_prefetch(W: Array, dout: Array, idx: Array, lr: float) -> None:
    step = W.dtype.type(lr)
    n = len(idx)
    for i in range(min(AHEAD, n)):
        prefetch_row(W, idx[i])
    for i in range(n):
        if i + AHEAD < n:
            prefetch_row(W, idx[i + AHEAD])
        row = idx[i]
        for j in range(W.shape[1]):
            W[row, j] -= step * dout[i, j]


@scatter_sgd.implementation(
    "torch",
    "torch index_add_",
    summary="subtracting rows with torch's index_add_",
    requires=("torch",),
    prepare=torch_on,
    adapt=tensors,
)
def torch(W: Any, dout: Any, idx: Any, lr: float, torch: Any) -> None:
    W.index_add_(0, idx, dout, alpha=-lr)


@scatter_sgd.implementation(
    "torch-sparse",
    "torch.optim.SGD with a sparse gradient",
    summary="a sparse gradient and torch's optimizer",
    requires=("torch",),
    prepare=torch_with_optimizers,
    adapt=tensors,
)
def torch_sparse(W: Any, dout: Any, idx: Any, lr: float, torch: Any) -> None:
    W.grad = torch.sparse_coo_tensor(idx[None, :], dout, W.shape, check_invariants=False)
    torch.optim.SGD([W], lr=lr).step()
    W.grad = None


def jax_step(W: Any, dout: Any, idx: Any, lr: Any) -> Any:
    return W.at[idx].add(-lr.astype(W.dtype) * dout)


@scatter_sgd.implementation(
    "jax",
    "JAX: W.at[idx].add",
    summary="adding to the words' rows with JAX",
    temporaries="VH+VH+BH",
    requires=("jax",),
    prepare=program(jax_step, scatter_sgd.shapes, tables=(0,)),
    adapt=on_jax,
    source_functions=(jax_step,),
)
def jax(W: Table, dout: Any, idx: Any, lr: Any, program: Program) -> Any:
    W.array = program.run(W.array, dout, idx, lr).block_until_ready()
    program.stale = True
    return W.array


# what any implementation must move


@scatter_sgd.floor("rows")
def gradients_written(W: Array, dout: Array, idx: Array, lr: float) -> None:
    for i in range(len(idx)):
        copy_row(W, idx[i], dout, i)


@scatter_sgd.floor("rows.ahead")
def gradients_written_ahead(W: Array, dout: Array, idx: Array, lr: float) -> None:
    n = len(idx)
    for i in range(-AHEAD, n):
        if i + AHEAD < n:
            prefetch_row(W, idx[i + AHEAD])
        if i >= 0:
            copy_row(W, idx[i], dout, i)
