"""update.sgd: W (V, H), rows (n,), values (n, H), lr -> W -= lr · gradient, in place.

Slide 11 remarks on it: with a gradient of W's shape, the step goes over all V rows although only n of them change.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from ..compiling.functions import makes_no_arrays
from ..compiling.intrinsics.rows import copy_row, prefetch_row
from ..interface import Array, Kernel, Measured, Problem
from ..interface.checks import new_tables
from ..parts.jax_peers import Padded, Program, Table, on_jax, program
from .contract import (
    AHEAD,
    SGD_RATE,
    SIZES,
    block,
    check_sgd,
    make_with,
    rows_work,
    tables_work,
    verify_sgd,
    zeros,
    zeros_and_scratch,
)
from .peers import Steps, parameters, steps

sgd = Kernel(
    "update.sgd",
    "a step of gradient descent, in place",
    ("W", "rows", "values", "lr"),
    make_with(("W",), SGD_RATE),
    check_sgd,
    rows_work(1, 2),
    SIZES,
    mutates=("W",),
    checks="VH",
    verify=verify_sgd,
    result=new_tables,
    shapes=("VH", "iB", "BH", "real"),
    ragged=True,
    place=50,
    about="one step of the optimizer",
    diagram="update",
    measured=Measured(at="tables"),
)


@sgd.implementation(
    "dense",
    "W -= lr * dW",
    summary="subtracting a gradient for the whole table",
    slide=11,
    baseline=True,
    grows_with="V",
    temporaries="VH",
    shares="VH",
    prepare=zeros,
    traffic=tables_work(3, 2, 2),
)
def dense(W: Array, rows: Array, values: Array, lr: float, dW: Array) -> None:
    dW[rows] = values
    W -= lr * dW
    dW[rows] = 0


@sgd.implementation(
    "dense-out",
    "lr * dW into a buffer",
    summary="subtracting a gradient for the whole table through a buffer",
    grows_with="V",
    shares="VH+VH",
    prepare=zeros_and_scratch,
    traffic=tables_work(3, 2, 2),
)
def dense_out(W: Array, rows: Array, values: Array, lr: float, workspace: tuple[Array, Array]) -> None:
    dW, step = workspace
    dW[rows] = values
    np.multiply(dW, lr, out=step)
    W -= step
    dW[rows] = 0


def zeros_and_block(problem: Problem) -> tuple[Array, Array]:
    return zeros(problem), block(problem)


@sgd.implementation(
    "dense-blocks",
    "W -= lr * dW, in blocks that fit the cache",
    summary="subtracting a gradient for the whole table block by block",
    grows_with="V",
    shares="VH",
    prepare=zeros_and_block,
    traffic=tables_work(2, 1, 2),
)
def dense_blocks(W: Array, rows: Array, values: Array, lr: float, workspace: tuple[Array, Array]) -> None:
    dW, buffer = workspace
    dW[rows] = values
    for start in range(0, len(W), len(buffer)):
        part = slice(start, start + len(buffer))
        step = np.multiply(dW[part], lr, out=buffer[: len(W) - start])
        W[part] -= step
    dW[rows] = 0


def zeros_and_blas(problem: Problem) -> tuple[Array, Any]:
    blas = import_module("scipy.linalg.blas")
    return zeros(problem), blas.saxpy if problem.size.dtype == "f32" else blas.daxpy


@sgd.implementation(
    "dense-axpy",
    "BLAS axpy over V × H",
    summary="subtracting a gradient for the whole table by BLAS",
    grows_with="V",
    shares="VH",
    prepare=zeros_and_blas,
    traffic=tables_work(2, 1, 2),
)
def dense_axpy(W: Array, rows: Array, values: Array, lr: float, workspace: tuple[Array, Any]) -> None:
    # one pass without a temporary; BLAS writes into W itself, since W is contiguous and has BLAS's dtype
    dW, axpy = workspace
    dW[rows] = values
    axpy(dW.reshape(-1), W.reshape(-1), a=-lr)
    dW[rows] = 0


@sgd.implementation(
    "subtract-at",
    "np.subtract.at",
    summary="subtracting the rows that have a gradient with np.subtract.at",
    temporaries="BH",
)
def subtract_at(W: Array, rows: Array, values: Array, lr: float) -> None:
    # right even where a row comes twice, which no caller needs here
    np.subtract.at(W, rows, lr * values)


@sgd.implementation(
    "rows",
    "W[rows] -= lr * values",
    summary="subtracting only the rows that have a gradient",
    slide=11,
    temporaries="BH+BH",
)
def sparse(W: Array, rows: Array, values: Array, lr: float) -> None:
    W[rows] -= lr * values


@sgd.implementation(
    "numba",
    "compiled loop over rows",
    summary="subtracting the rows that have a gradient in a compiled loop",
    jit=True,
)
@makes_no_arrays
def numba(W: Array, rows: Array, values: Array, lr: float) -> None:
    step = W.dtype.type(lr)
    for i in range(len(rows)):
        row = rows[i]
        for j in range(W.shape[1]):
            W[row, j] -= step * values[i, j]


@sgd.implementation(
    "torch",
    "torch.optim.SGD, sparse gradient",
    summary="torch's optimizer and a sparse gradient",
    requires=("torch",),
    prepare=steps(lambda torch, W: torch.optim.SGD([W])),
    adapt=parameters,
)
def torch(W: Any, rows: Any, values: Any, lr: float, steps: Steps) -> None:
    W.grad = steps.sparse(W, rows, values)
    steps.of(W, lr=lr).step()


def jax_step(W: Any, rows: Any, values: Any, lr: Any) -> Any:
    return W.at[rows].add(-lr.astype(W.dtype) * values, mode="drop", indices_are_sorted=True, unique_indices=True)


@sgd.implementation(
    "jax",
    "JAX: W.at[rows].add",
    summary="adding to the rows that have a gradient with JAX",
    temporaries="VH+VH+BH",
    requires=("jax",),
    prepare=program(jax_step, sgd.shapes, tables=(0,), padded=(1, 2)),
    adapt=on_jax,
    source_functions=(jax_step,),
)
def jax(W: Table, rows: Padded, values: Padded, lr: Any, program: Program) -> Any:
    W.array = program.run(W.array, rows.array, values.array, lr).block_until_ready()
    program.stale = True
    return W.array


# what any implementation must move


@sgd.floor("rows")
def step_written(W: Array, rows: Array, values: Array, lr: float) -> None:
    for i in range(len(rows)):
        copy_row(W, rows[i], values, i)


@sgd.floor("rows.ahead")
def step_written_ahead(W: Array, rows: Array, values: Array, lr: float) -> None:
    n = len(rows)
    for i in range(-AHEAD, n):
        if i + AHEAD < n:
            prefetch_row(W, rows[i + AHEAD])
        if i >= 0:
            copy_row(W, rows[i], values, i)
