"""scatter.dense: dout (B, H), idx (B,), dW (V, H) -> dW holds the gradient of W, with zeros in the rows of all other words.

dW may hold anything before the call: the book's layer keeps its gradient from step to step (slide 11). Zeroing it is
part of the call. That is why the time of every implementation here grows with V, however fast it adds. The result must be
in dW itself. A new array from np.zeros costs almost nothing until it is read, and would hide the V × H zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiling.functions import makes_no_arrays
from ..interface import Array, Deck, Kernel, Measured, Problem, importing
from ..interface.case import Size
from ..interface.checks import new_tables
from ..parts.jax_peers import Program, Table, on_jax, program
from ..parts.torch_peers import tensors, torch_on
from .contract import SIZES, check_dense, gradient_work, make_with, rows_written, rows_written_ahead, verify_dense

dense = Kernel(
    "scatter.dense",
    "gradient as a whole V × H matrix, zeroed first",
    ("dout", "idx", "dW"),
    make_with(buffer=True, dirty=True),
    check_dense,
    gradient_work(True, lambda size: size.H),
    SIZES,
    mutates=("dW",),
    verify=verify_dense,
    result=new_tables,
    shapes=("BH", "iB", "VH"),
    place=20,
    about="scatter-add of gradients; dense: a new V × H one",
    unit="word",
    diagram="scatter",
    measured=Measured(at="tables", batches=True),
    deck=Deck(sizes=tuple(Size(V, dtype="f64") for V in (10**5, 10**4)), beside=("numba",)),
)


@dense.implementation(
    "assign",
    "zero, dW[idx] = dout",
    slide=11,
    textbook=True,
    grows_with="V",
    wrong="where a word repeats, a later gradient overwrites an earlier one (slide 12)",
)
def assign(dout: Array, idx: Array, dW: Array) -> None:
    dW[...] = 0
    dW[idx] = dout


@dense.implementation(
    "loop",
    "zero, Python loop",
    summary="adding rows to a zeroed gradient in a Python loop",
    slide=12,
    baseline=True,
    grows_with="V",
)
def loop(dout: Array, idx: Array, dW: Array) -> None:
    dW[...] = 0
    for i, word in enumerate(idx):
        dW[word] += dout[i]


@dense.implementation(
    "add-at",
    "zero, np.add.at, 2-D",
    summary="adding rows to a zeroed gradient with np.add.at",
    slide=13,
    grows_with="V",
)
def add_at(dout: Array, idx: Array, dW: Array) -> None:
    dW[...] = 0
    np.add.at(dW, idx, dout)


@dense.implementation(
    "add-at-flat",
    "zero, np.add.at, flattened to 1-D",
    summary="adding single numbers to a zeroed gradient with np.add.at",
    grows_with="V",
    temporaries="BH",
)
def add_at_flat(dout: Array, idx: Array, dW: Array) -> None:
    dW[...] = 0
    H = dW.shape[1]
    entries = idx.astype(np.intp)[:, None] * H + np.arange(H)
    np.add.at(dW.reshape(-1), entries.reshape(-1), dout.reshape(-1))


@dense.implementation(
    "bincount",
    "np.bincount over V × H",
    summary="summing every number of the gradient with np.bincount",
    grows_with="V",
    temporaries="VH64",
)
def bincount(dout: Array, idx: Array, dW: Array) -> None:
    # bincount always sums in float64
    V, H = dW.shape
    entries = idx.astype(np.intp)[:, None] * H + np.arange(H)
    summed = np.bincount(entries.reshape(-1), weights=dout.reshape(-1), minlength=V * H)
    dW[...] = summed.reshape(V, H)


@dense.implementation(
    "sort-reduceat",
    "zero, sort, np.add.reduceat",
    summary="sorting the words and summing the rows of each",
    grows_with="V",
    temporaries="BH",
)
def sort_reduceat(dout: Array, idx: Array, dW: Array) -> None:
    dW[...] = 0
    if len(idx):
        order = np.argsort(idx, kind="stable")
        words = idx[order]
        starts = np.flatnonzero(np.r_[True, words[1:] != words[:-1]])
        dW[words[starts]] = np.add.reduceat(dout[order], starts, axis=0)


@dense.implementation(
    "csr",
    "CSR product into V × H, copied",
    summary="multiplying by a sparse matrix and copying the gradient",
    grows_with="V",
    temporaries="VH",
    prepare=importing("scipy.sparse"),
)
def csr(dout: Array, idx: Array, dW: Array, sparse: Any) -> None:
    ones = np.ones(len(idx), dout.dtype)
    spread = sparse.csc_array((ones, idx, np.arange(len(idx) + 1)), shape=(len(dW), len(idx)))
    dW[...] = spread @ dout


@dense.implementation(
    "unique-csr",
    "zero, np.unique, CSR product",
    summary="summing each word's rows by a sparse product",
    grows_with="V",
    temporaries="BH",
    prepare=importing("scipy.sparse"),
)
def unique_csr(dout: Array, idx: Array, dW: Array, sparse: Any) -> None:
    dW[...] = 0
    rows, row_of = np.unique(idx, return_inverse=True)
    ones = np.ones(len(idx), dout.dtype)
    spread = sparse.csc_array((ones, row_of, np.arange(len(idx) + 1)), shape=(len(rows), len(idx)))
    dW[rows] = spread @ dout


@dense.implementation(
    "numba",
    "compiled: zero, loop",
    summary="zeroing the gradient and adding rows in a compiled loop",
    grows_with="V",
    jit=True,
)
@makes_no_arrays
def numba(dout: Array, idx: Array, dW: Array) -> None:
    dW[:] = 0
    for i in range(len(idx)):
        row = idx[i]
        for j in range(dW.shape[1]):
            dW[row, j] += dout[i, j]


@dense.implementation(
    "torch",
    "torch: zero_, index_add_",
    summary="adding rows to a zeroed gradient with torch",
    grows_with="V",
    requires=("torch",),
    prepare=torch_on,
    adapt=tensors,
)
def torch(dout: Any, idx: Any, dW: Any, torch: Any) -> None:
    dW.zero_().index_add_(0, idx, dout)


def jax_zero_and_add(dout: Any, idx: Any, dW: Any) -> Any:
    import jax.numpy as jnp

    return jnp.zeros_like(dW).at[idx].add(dout)


@dense.implementation(
    "jax",
    "JAX: zeros, .at[idx].add",
    summary="adding rows to a zeroed gradient with JAX",
    grows_with="V",
    temporaries="VH+VH",
    requires=("jax",),
    prepare=program(jax_zero_and_add, dense.shapes, tables=(2,)),
    adapt=on_jax,
    source_functions=(jax_zero_and_add,),
)
def jax(dout: Any, idx: Any, dW: Table, program: Program) -> Any:
    dW.array = program.run(dout, idx, dW.array).block_until_ready()
    program.stale = True
    return dW.array


# what any implementation must move


@dense.floor("table", jit=False)
def table_filled(dout: Array, idx: Array, dW: Array) -> None:
    dW.fill(0)


@dense.floor("table.compiled")
def table_zeroed(dout: Array, idx: Array, dW: Array) -> None:
    dW[:] = 0


def untouched_zeros(problem: Problem) -> Array:
    """Return zeros (V, H) in pages that nobody ever writes: the system shows one page of zeros in the place of all."""
    return np.zeros((problem.size.V, problem.size.H), problem.size.float_type)


@dense.floor("table.copied", prepare=untouched_zeros, jit=False)
def zeros_copied(dout: Array, idx: Array, dW: Array, zeros: Array) -> None:
    # reads a page that is in cache, and writes past the caches, as a memset need not
    np.copyto(dW, zeros)


ROWS = dense.floor("rows")(rows_written), dense.floor("rows.ahead")(rows_written_ahead)
