"""scatter.scalar: dout (B,), idx (B,), dW (V,) -> dW, with one number added per word: the case that slide 13 times."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiling.functions import makes_no_arrays
from ..interface import Array, Deck, Kernel, Measured
from ..interface.case import Size
from ..interface.checks import new_tables
from ..parts.jax_peers import Program, Table, jax_add, on_jax, program
from ..parts.torch_peers import tensors, torch_on
from .contract import SIZES, check_accumulate, gradient_work, make_with, verify_accumulate

scalar = Kernel(
    "scatter.scalar",
    "one number per word, added into a given vector",
    ("dout", "idx", "dW"),
    make_with(buffer=True, one_number=True),
    check_accumulate,
    gradient_work(False, lambda size: 1),
    tuple(Size(s.V, 1, s.B, dtype=s.dtype, index=s.index) for s in SIZES),
    mutates=("dW",),
    dimensions="VB",
    inputs="V",
    verify=verify_accumulate,
    result=new_tables,
    shapes=("B", "iB", "V"),
    place=23,
    about="scalar: a number a word",
    unit="word",
    diagram="scatter.scalar",
    measured=Measured(batches=True),
    deck=Deck(sizes=(Size(10**6, B=10_000, dtype="f64"),), beside=("bincount", "numba")),
)


@scalar.implementation("loop", "Python loop", summary="adding numbers in a Python loop", slide=13, baseline=True)
def loop(dout: Array, idx: Array, dW: Array) -> None:
    for i, word in enumerate(idx):
        dW[word] += dout[i]


@scalar.implementation("add-at", "np.add.at, 1-D", summary="adding numbers with np.add.at", slide=13)
def add_at(dout: Array, idx: Array, dW: Array) -> None:
    np.add.at(dW, idx, dout)


@scalar.implementation(
    "bincount",
    "np.bincount over V",
    summary="summing over the whole vocabulary with np.bincount",
    grows_with="V",
    temporaries="V64",
)
def bincount(dout: Array, idx: Array, dW: Array) -> None:
    dW += np.bincount(idx, weights=dout, minlength=len(dW)).astype(dW.dtype)


@scalar.implementation(
    "unique-bincount", "np.unique, np.bincount over the touched rows", summary="summing over the words that occur"
)
def unique_bincount(dout: Array, idx: Array, dW: Array) -> None:
    words, row_of = np.unique(idx, return_inverse=True)
    dW[words] += np.bincount(row_of, weights=dout, minlength=len(words)).astype(dW.dtype)


@scalar.implementation("numba", "compiled loop", summary="adding numbers in a compiled loop", jit=True)
@makes_no_arrays
def numba(dout: Array, idx: Array, dW: Array) -> None:
    for i in range(len(idx)):
        dW[idx[i]] += dout[i]


@scalar.implementation(
    "torch",
    "torch index_add_",
    summary="adding numbers with torch",
    requires=("torch",),
    prepare=torch_on,
    adapt=tensors,
)
def torch(dout: Any, idx: Any, dW: Any, torch: Any) -> None:
    dW.index_add_(0, idx, dout)


@scalar.implementation(
    "jax",
    "JAX: dW.at[idx].add",
    summary="adding numbers with JAX",
    temporaries="V+V",
    requires=("jax",),
    prepare=program(jax_add, scalar.shapes, tables=(2,)),
    adapt=on_jax,
    source_functions=(jax_add,),
)
def jax(dout: Any, idx: Any, dW: Table, program: Program) -> Any:
    dW.array = program.run(dout, idx, dW.array).block_until_ready()
    program.stale = True
    return dW.array


# what any implementation must move


@scalar.floor("rows")
def numbers_written(dout: Array, idx: Array, dW: Array) -> None:
    for i in range(len(idx)):
        dW[idx[i]] = dout[i]
