"""scatter.rows: dout (B, H), idx (B,) -> (rows (U,), sums (U, H)): each word of idx once, with its summed gradient.

Slide 11 remarks that the gradient need not have W's shape. An optimizer that takes rows and values touches U rows
instead of V.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiling.intrinsics.rows import copy_row
from ..interface import Array, Deck, Kernel, Measured, Problem, importing
from ..interface.case import Size
from ..parts.jax_peers import Program, on_jax, program
from ..parts.torch_peers import tensors, torch_on
from .contract import SIZES, check_rows, gradient_work, make_with, verify_rows

rows = Kernel(
    "scatter.rows",
    "gradient as the touched rows and their sums",
    ("dout", "idx"),
    make_with(buffer=False),
    check_rows,
    gradient_work(False, lambda size: size.H),
    SIZES,
    inputs="",
    verify=verify_rows,
    shapes=("BH", "iB"),
    place=22,
    about="rows: touched rows only",
    unit="word",
    diagram="scatter.rows",
    measured=Measured(at="flat", batches=True),
    deck=Deck(sizes=tuple(Size(V, dtype="f64") for V in (10**5, 10**4)), beside=("sort-reduceat", "numba")),
)


@rows.implementation(
    "dict", "Python loop into a dict", summary="summing rows in a Python dictionary", slide=11, baseline=True
)
def dictionary(dout: Array, idx: Array) -> tuple[Array, Array]:
    sums: dict[int, Array] = {}
    for i, word in enumerate(idx.tolist()):
        if word in sums:
            sums[word] += dout[i]
        else:
            sums[word] = dout[i].copy()
    return np.fromiter(sums, idx.dtype, len(sums)), np.array(list(sums.values()), dout.dtype).reshape(-1, dout.shape[1])


@rows.implementation(
    "unique-add-at", "np.unique, np.add.at", summary="numbering the distinct words and adding with np.add.at"
)
def unique_add_at(dout: Array, idx: Array) -> tuple[Array, Array]:
    words, row_of = np.unique(idx, return_inverse=True)
    sums = np.zeros((len(words), dout.shape[1]), dout.dtype)
    np.add.at(sums, row_of, dout)
    return words, sums


@rows.implementation(
    "sort-reduceat",
    "sort, np.add.reduceat",
    summary="sorting the words and summing the rows of each",
    temporaries="BH",
)
def sort_reduceat(dout: Array, idx: Array) -> tuple[Array, Array]:
    if len(idx) == 0:
        return idx, dout
    order = np.argsort(idx, kind="stable")
    words = idx[order]
    starts = np.flatnonzero(np.r_[True, words[1:] != words[:-1]])
    return words[starts], np.add.reduceat(dout[order], starts, axis=0)


@rows.implementation(
    "csr",
    "np.unique, CSR product",
    summary="summing each word's rows by a sparse product",
    prepare=importing("scipy.sparse"),
)
def csr(dout: Array, idx: Array, sparse: Any) -> tuple[Array, Array]:
    words, row_of = np.unique(idx, return_inverse=True)
    ones = np.ones(len(idx), dout.dtype)
    spread = sparse.csc_array((ones, row_of, np.arange(len(idx) + 1)), shape=(len(words), len(idx)))
    return words, np.asarray(spread @ dout)


def numbering(problem: Problem) -> tuple[Array, Array, Array]:
    """Return each word's number among a batch's distinct words, (V,), -1 for none; and buffers for words and sums."""
    size = problem.size
    number_of = np.full(size.V, -1, np.int32)
    return number_of, np.empty(size.B, size.index_type), np.empty((size.B, size.H), size.float_type)


@rows.implementation(
    "numba",
    "compiled loop, numbering words by a table",
    summary="summing rows in a compiled loop that numbers the words by a table",
    jit=True,
    prepare=numbering,
    returns=(1, 2),
)
def numba(dout: Array, idx: Array, tables: tuple[Array, Array, Array]) -> tuple[Array, Array]:
    number_of, words, sums = tables
    count = 0
    for i in range(len(idx)):
        number = number_of[idx[i]]
        if number < 0:
            number_of[idx[i]] = count
            words[count] = idx[i]
            for j in range(dout.shape[1]):
                sums[count, j] = dout[i, j]
            count += 1
        else:
            for j in range(dout.shape[1]):
                sums[number, j] += dout[i, j]
    for number in range(count):
        number_of[words[number]] = -1
    return words[:count], sums[:count]


@rows.implementation(
    "torch",
    "torch: coalesce a sparse tensor",
    summary="coalescing a sparse tensor of torch",
    requires=("torch",),
    prepare=torch_on,
    adapt=tensors,
)
def torch(dout: Any, idx: Any, torch: Any) -> tuple[Any, Any]:
    size = (int(idx.max()) + 1 if len(idx) else 1, dout.shape[1])
    sums = torch.sparse_coo_tensor(idx[None, :], dout, size, check_invariants=False).coalesce()
    return sums.indices()[0], sums.values()


def jax_rows(dout: Any, idx: Any) -> tuple[Any, Any, Any]:
    """Return the distinct words and their sums, filled up to B, and how many words are distinct."""
    import jax.numpy as jnp
    from jax.ops import segment_sum

    if len(idx) == 0:
        return idx, dout, 0
    words, row_of = jnp.unique(idx, return_inverse=True, size=len(idx))
    return words, segment_sum(dout, row_of, num_segments=len(idx)), row_of.max() + 1


@rows.implementation(
    "jax",
    "JAX: unique, segment_sum",
    summary="numbering the distinct words and summing the rows of each with JAX",
    requires=("jax",),
    prepare=program(jax_rows, rows.shapes),
    adapt=on_jax,
    source_functions=(jax_rows,),
)
def jax(dout: Any, idx: Any, program: Program) -> tuple[Array, Array]:
    # a program's results have a fixed shape, so that NumPy cuts them to the number of words
    words, sums, count = map(np.asarray, program.run(dout, idx))
    return words[:count], sums[:count]


# what any implementation must move


def touched_rows(problem: Problem) -> Array:
    """Return a buffer with as many rows as a batch touches on average."""
    return np.empty((max(1, round(problem.touched)), problem.size.H), problem.size.float_type)


@rows.floor("rows", prepare=touched_rows)
def rows_gathered(dout: Array, idx: Array, out: Array) -> None:
    n = len(out)
    for i in range(len(idx)):
        copy_row(out, i % n, dout, i)
