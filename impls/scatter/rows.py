"""scatter.rows: dout (B, H), idx (B,) -> (rows (U,), sums (U, H)): each word of idx once, with its summed gradient.

Slide 11's remark taken at its word: the gradient need not have W's shape. An optimizer that takes rows and values
then touches U rows instead of V.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..interface import Array, Kernel, Problem, importing
from ..peers import tensors, torch_on
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
)


@rows.implementation(
    "dict", "Python loop into a dict", summary="adding rows up in a Python dictionary", slide=11, baseline=True
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
    summary="sorting the words and adding up each one's rows",
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
    summary="adding up each word's rows by a sparse product",
    prepare=importing("scipy.sparse"),
)
def csr(dout: Array, idx: Array, sparse: Any) -> tuple[Array, Array]:
    words, row_of = np.unique(idx, return_inverse=True)
    ones = np.ones(len(idx), dout.dtype)
    spread = sparse.csc_array((ones, row_of, np.arange(len(idx) + 1)), shape=(len(words), len(idx)))
    return words, np.asarray(spread @ dout)


def places(problem: Problem) -> tuple[Array, Array, Array]:
    """Of each word its place among a batch's distinct ones, (V,), -1 for none; and buffers for the words and their sums."""
    size = problem.size
    place = np.full(size.V, -1, np.int32)
    return place, np.empty(size.B, size.index_type), np.empty((size.B, size.H), size.float_type)


@rows.implementation(
    "numba",
    "compiled loop, numbering words by a table",
    summary="adding rows up in a compiled loop that numbers the words by a table",
    jit=True,
    prepare=places,
)
def numba(dout: Array, idx: Array, tables: tuple[Array, Array, Array]) -> tuple[Array, Array]:
    place, words, sums = tables
    found = 0
    for i in range(len(idx)):
        at = place[idx[i]]
        if at < 0:
            place[idx[i]] = found
            words[found] = idx[i]
            for j in range(dout.shape[1]):
                sums[found, j] = dout[i, j]
            found += 1
        else:
            for j in range(dout.shape[1]):
                sums[at, j] += dout[i, j]
    for at in range(found):
        place[words[at]] = -1
    return words[:found], sums[:found]


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
