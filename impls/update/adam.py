"""update.adam: W, m, v (V, H), rows (n,), values (n, H), step t -> W, m, v after step t of Adam, in place.

Kingma and Ba (2015), as the book writes it. A row without a gradient moves too, because of its moments. Every
implementation must therefore go over three tables; only the gradient need not be a table.

The moments are those of a training run in progress. In a long run, m of a word that does not come falls below float32's
smallest normal number within some 800 steps, and stays there. Many processors compute several times slower with such
numbers.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from ..compiling.functions import makes_no_arrays
from ..interface import Array, Deck, Kernel, Measured
from ..interface.case import Size
from ..interface.checks import new_tables
from ..parts.jax_peers import Padded, Program, Table, on_jax, program
from .contract import (
    ADAM_RATE,
    BETA1,
    BETA2,
    EPSILON,
    SIZES,
    STEP,
    adam_row,
    block,
    check_adam,
    make_with,
    rate,
    scratch,
    tables_work,
    verify_adam,
    zeros,
    zeros_and_scratch,
)
from .peers import Steps, parameters, steps

adam = Kernel(
    "update.adam",
    "a step of Adam over the whole table, in place",
    ("W", "m", "v", "rows", "values", "t"),
    make_with(("W", "m", "v"), STEP, everywhere=True),
    check_adam,
    tables_work(3, 3, 7),
    SIZES,
    mutates=("W", "m", "v"),
    inputs="VH+VH+VH",
    checks="VH+VH+VH",
    verify=verify_adam,
    result=new_tables,
    shapes=("VH", "VH", "VH", "iB", "BH", "whole"),
    ragged=True,
    place=51,
    diagram="update.adam",
    measured=Measured(at="tables", quick=False),
    deck=Deck(sizes=tuple(Size(V, dtype="f64") for V in (10**5, 10**4)), beside=("numba",)),
)


@adam.implementation(
    "dense",
    "the book's Adam",
    summary="running Adam as the book writes it",
    baseline=True,
    grows_with="V",
    temporaries="VH+VH",
    shares="VH",
    prepare=zeros,
    traffic=tables_work(18, 12, 12),
)
def dense(W: Array, m: Array, v: Array, rows: Array, values: Array, t: int, dW: Array) -> None:
    dW[rows] = values
    m += (1 - BETA1) * (dW - m)
    v += (1 - BETA2) * (dW**2 - v)
    W -= rate(t) * m / (np.sqrt(v) + EPSILON)
    dW[rows] = 0


@adam.implementation(
    "dense-out",
    "the book's Adam through one buffer",
    summary="running the book's Adam without temporary arrays",
    grows_with="V",
    shares="VH+VH",
    prepare=zeros_and_scratch,
    traffic=tables_work(18, 12, 12),
)
def dense_out(W: Array, m: Array, v: Array, rows: Array, values: Array, t: int, workspace: tuple[Array, Array]) -> None:
    dW, step = workspace
    dW[rows] = values
    np.subtract(dW, m, out=step)
    step *= 1 - BETA1
    m += step
    np.multiply(dW, dW, out=step)
    step -= v
    step *= 1 - BETA2
    v += step
    descend(W, m, v, rate(t), step)
    dW[rows] = 0


@adam.implementation(
    "decay",
    "moments decay everywhere, the gradient is added at its rows",
    summary="letting the moments decay and adding the gradient's rows",
    grows_with="V",
    temporaries="BH+BH",
    shares="VH",
    prepare=scratch,
    traffic=tables_work(9, 7, 7),
)
def decay(W: Array, m: Array, v: Array, rows: Array, values: Array, t: int, step: Array) -> None:
    m *= BETA1
    v *= BETA2
    m[rows] += (1 - BETA1) * values
    v[rows] += (1 - BETA2) * values**2
    descend(W, m, v, rate(t), step)


@adam.implementation(
    "decay-blocks",
    "decay and step in blocks that fit the cache",
    summary="letting the moments decay block by block",
    grows_with="V",
    temporaries="BH+BH",
    prepare=block,
)
def decay_blocks(W: Array, m: Array, v: Array, rows: Array, values: Array, t: int, buffer: Array) -> None:
    # the gradient is added before the decay, and therefore divided by it
    m[rows] += ((1 - BETA1) / BETA1) * values
    v[rows] += ((1 - BETA2) / BETA2) * values**2
    lr = rate(t)
    for start in range(0, len(W), len(buffer)):
        part = slice(start, start + len(buffer))
        m[part] *= BETA1
        v[part] *= BETA2
        descend(W[part], m[part], v[part], lr, buffer[: len(W) - start])


@adam.implementation(
    "numba",
    "compiled: moments and step in one pass",
    summary="moving moments and table in one compiled pass",
    grows_with="V",
    jit=True,
)
@makes_no_arrays
def numba(W: Array, m: Array, v: Array, rows: Array, values: Array, t: int) -> None:
    lr = W.dtype.type(rate(t))
    start = 0
    for i in range(len(rows)):
        row = rows[i]
        decay_rows(W[start:row], m[start:row], v[start:row], lr)
        adam_row(W[row], m[row], v[row], values[i], lr)
        start = row + 1
    decay_rows(W[start:], m[start:], v[start:], lr)


def decay_rows(some_W: Array, some_m: Array, some_v: Array, lr: Any) -> None:
    """Move rows without a gradient, in place. They lie one after another, so that one loop goes over all their numbers."""
    W, m, v = some_W.reshape(-1), some_m.reshape(-1), some_v.reshape(-1)
    decay1, decay2, epsilon = W.dtype.type(BETA1), W.dtype.type(BETA2), W.dtype.type(EPSILON)
    for j in range(len(W)):
        m[j] *= decay1
        v[j] *= decay2
        W[j] -= lr * m[j] / (np.sqrt(v[j]) + epsilon)


def descend(W: Array, m: Array, v: Array, lr: float, step: Array) -> None:
    """Compute W -= lr m / (√v + ε) through a buffer of W's shape."""
    np.sqrt(v, out=step)
    step += EPSILON
    np.divide(m, step, out=step)
    step *= lr
    W -= step


def torch_adam(**how: bool) -> Any:
    """Return what makes torch's Adam."""

    def optimizer(torch: Any, W: Any, m: Any, v: Any) -> Any:
        made = torch.optim.Adam([W], ADAM_RATE, (BETA1, BETA2), **how)
        made.state[W] = {"step": torch.tensor(0.0), "exp_avg": m, "exp_avg_sq": v}
        return made

    return optimizer


def torch_step(W: Any, rows: Any, values: Any, t: int, steps: Steps) -> None:
    """Take step t of torch's Adam, with a gradient for the whole table. It adds epsilon to the corrected √v, the book to v's own."""
    dW, optimizer = steps.zeros, steps.of(W, eps=EPSILON / sqrt(1 - BETA2**t))
    dW[rows] = values
    W.grad = dW
    optimizer.state[W]["step"].fill_(t - 1)
    optimizer.step()
    dW[rows] = 0


@adam.implementation(
    "torch-foreach",
    "torch.optim.Adam, foreach",
    summary="torch's Adam",
    grows_with="V",
    shares="VH",
    temporaries="VH+VH",
    requires=("torch",),
    prepare=steps(torch_adam(foreach=True), whole_gradient=True),
    adapt=parameters,
    source_functions=(torch_step,),
)
def torch_foreach(W: Any, m: Any, v: Any, rows: Any, values: Any, t: int, steps: Steps) -> None:
    torch_step(W, rows, values, t, steps)


@adam.implementation(
    "torch-fused",
    "torch.optim.Adam, fused",
    summary="torch's fused Adam",
    grows_with="V",
    shares="VH",
    requires=("torch",),
    prepare=steps(torch_adam(fused=True), whole_gradient=True),
    adapt=parameters,
    traffic=tables_work(4, 3, 7),
    source_functions=(torch_step,),
)
def torch_fused(W: Any, m: Any, v: Any, rows: Any, values: Any, t: int, steps: Steps) -> None:
    torch_step(W, rows, values, t, steps)


def jax_step(W: Any, m: Any, v: Any, rows: Any, values: Any, t: Any) -> tuple[Any, Any, Any]:
    import jax.numpy as jnp

    lr = (ADAM_RATE * jnp.sqrt(1 - BETA2**t) / (1 - BETA1**t)).astype(W.dtype)
    m = (BETA1 * m).at[rows].add((1 - BETA1) * values, mode="drop", indices_are_sorted=True, unique_indices=True)
    v = (BETA2 * v).at[rows].add((1 - BETA2) * values**2, mode="drop", indices_are_sorted=True, unique_indices=True)
    return W - lr * m / (jnp.sqrt(v) + EPSILON), m, v


@adam.implementation(
    "jax",
    "JAX: moments decay, the gradient is added at its rows",
    summary="letting the moments decay and adding the gradient's rows with JAX",
    grows_with="V",
    temporaries="VH+VH+VH+VH",
    requires=("jax",),
    prepare=program(jax_step, adam.shapes, tables=(0, 1, 2), padded=(3, 4)),
    adapt=on_jax,
    source_functions=(jax_step,),
)
def jax(W: Table, m: Table, v: Table, rows: Padded, values: Padded, t: Any, program: Program) -> Any:
    W.array, m.array, v.array = tables = program.run(W.array, m.array, v.array, rows.array, values.array, t)
    W.array.block_until_ready()
    program.stale = True
    return tables


# what any implementation must move


@adam.floor("table")
def tables_swapped(W: Array, m: Array, v: Array, rows: Array, values: Array, t: int) -> None:
    for i in range(len(W)):
        for j in range(W.shape[1]):
            W[i, j], m[i, j], v[i, j] = m[i, j], v[i, j], W[i, j]
