"""update.adam: W, m, v (V, H), rows (n,), values (n, H), step t -> W, m, v after step t of Adam, in place.

Kingma and Ba (2015), as the book writes it. A row without a gradient moves too, because of its moments. Every
implementation must therefore go over three tables; only the gradient need not be a table.

The moments are those of a training run in progress. In a long run, m of a word that does not come falls below float32's
smallest normal number within some 800 steps, and stays there. Many processors compute several times slower with such
numbers.
"""

from __future__ import annotations

import numpy as np

from ..interface import Array, Kernel
from .contract import (
    BETA1,
    BETA2,
    EPSILON,
    SIZES,
    STEP,
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
    shapes=("VH", "VH", "VH", "iB", "BH", ""),
    ragged=True,
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


def descend(W: Array, m: Array, v: Array, lr: float, step: Array) -> None:
    """Compute W -= lr m / (√v + ε) through a buffer of W's shape."""
    np.sqrt(v, out=step)
    step += EPSILON
    np.divide(m, step, out=step)
    step *= lr
    W -= step
