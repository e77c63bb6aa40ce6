"""scatter.accumulate: dout (B, H), idx (B,), dW (V, H) -> dW, with every dout[i] added to dW[idx[i]].

Only touched rows are read and written, so that no implementation's time grows with V.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiling.functions import makes_no_arrays
from ..compiling.intrinsics.rows import prefetch_row
from ..interface import Array, Deck, Kernel, Measured, importing
from ..interface.case import Size
from ..interface.checks import new_tables
from ..parts.jax_peers import Program, Table, jax_add, on_jax, program
from ..parts.torch_peers import tensors, torch_on
from .contract import (
    SIZES,
    check_accumulate,
    gradient_work,
    make_with,
    rows_written,
    rows_written_ahead,
    verify_accumulate,
)

accumulate = Kernel(
    "scatter.accumulate",
    "gradient added into a given V × H matrix",
    ("dout", "idx", "dW"),
    make_with(buffer=True),
    check_accumulate,
    gradient_work(False, lambda size: size.H),
    SIZES,
    mutates=("dW",),
    verify=verify_accumulate,
    result=new_tables,
    shapes=("BH", "iB", "VH"),
    place=21,
    about="accumulate: into yours",
    unit="word",
    diagram="scatter",
    measured=Measured(at="flat", batches=True),
    deck=Deck(sizes=(Size(10**6, B=10_000, dtype="f64"),), beside=("sort-reduceat", "csr", "numba")),
)


@accumulate.implementation(
    "assign",
    "dW[idx] += dout",
    slide=11,
    textbook=True,
    wrong="where a word repeats, only its last gradient is kept (slide 12)",
)
def assign(dout: Array, idx: Array, dW: Array) -> None:
    dW[idx] += dout


@accumulate.implementation("loop", "Python loop", summary="adding rows in a Python loop", slide=12, baseline=True)
def loop(dout: Array, idx: Array, dW: Array) -> None:
    for i, word in enumerate(idx):
        dW[word] += dout[i]


@accumulate.implementation("add-at", "np.add.at, 2-D", summary="adding rows with np.add.at", slide=13)
def add_at(dout: Array, idx: Array, dW: Array) -> None:
    np.add.at(dW, idx, dout)


@accumulate.implementation(
    "add-at-flat", "np.add.at, flattened to 1-D", summary="adding single numbers with np.add.at", temporaries="BH"
)
def add_at_flat(dout: Array, idx: Array, dW: Array) -> None:
    # the fast path of np.add.at takes one-dimensional operands only
    H = dW.shape[1]
    entries = idx.astype(np.intp)[:, None] * H + np.arange(H)
    np.add.at(dW.reshape(-1), entries.reshape(-1), dout.reshape(-1))


@accumulate.implementation(
    "sort-reduceat",
    "sort, np.add.reduceat",
    summary="sorting the words and summing the rows of each",
    temporaries="BH",
)
def sort_reduceat(dout: Array, idx: Array, dW: Array) -> None:
    if len(idx) == 0:
        return
    order = np.argsort(idx, kind="stable")
    words = idx[order]
    starts = np.flatnonzero(np.r_[True, words[1:] != words[:-1]])
    dW[words[starts]] += np.add.reduceat(dout[order], starts, axis=0)


@accumulate.implementation(
    "csr",
    "np.unique, CSR product",
    summary="summing each word's rows by a sparse product",
    prepare=importing("scipy.sparse"),
)
def csr(dout: Array, idx: Array, dW: Array, sparse: Any) -> None:
    rows, row_of = np.unique(idx, return_inverse=True)
    ones = np.ones(len(idx), dout.dtype)
    spread = sparse.csc_array((ones, row_of, np.arange(len(idx) + 1)), shape=(len(rows), len(idx)))
    dW[rows] += spread @ dout


@accumulate.implementation("numba", "compiled loop", summary="adding rows in a compiled loop", jit=True)
@makes_no_arrays
def numba(dout: Array, idx: Array, dW: Array) -> None:
    for i in range(len(idx)):
        row = idx[i]
        for j in range(dW.shape[1]):
            dW[row, j] += dout[i, j]


AHEAD = 4
"""How many rows ahead to prefetch."""


@accumulate.implementation(
    "numba-prefetch",
    "compiled loop that prefetches rows",
    summary="adding rows in a compiled loop that prefetches them",
    jit=True,
)
@makes_no_arrays
def numba_prefetch(dout: Array, idx: Array, dW: Array) -> None:
    n = len(idx)
    for i in range(-AHEAD, n):
        if i + AHEAD < n:
            prefetch_row(dW, idx[i + AHEAD])
        if i >= 0:
            row = idx[i]
            for j in range(dW.shape[1]):
                dW[row, j] += dout[i, j]


@accumulate.implementation(
    "torch", "torch index_add_", summary="adding rows with torch", requires=("torch",), prepare=torch_on, adapt=tensors
)
def torch(dout: Any, idx: Any, dW: Any, torch: Any) -> None:
    dW.index_add_(0, idx, dout)


@accumulate.implementation(
    "jax",
    "JAX: dW.at[idx].add",
    summary="adding rows with JAX",
    temporaries="VH+VH",
    requires=("jax",),
    prepare=program(jax_add, accumulate.shapes, tables=(2,)),
    adapt=on_jax,
    source_functions=(jax_add,),
)
def jax(dout: Any, idx: Any, dW: Table, program: Program) -> Any:
    dW.array = program.run(dout, idx, dW.array).block_until_ready()
    program.stale = True
    return dW.array


# what any implementation must move


ROWS = accumulate.floor("rows")(rows_written), accumulate.floor("rows.ahead")(rows_written_ahead)
