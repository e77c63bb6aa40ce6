"""scatter.rows: dout (B, H), idx (B,) -> (rows (U,), sums (U, H)): each word of idx once, with its summed gradient.

Slide 11's remark taken at its word: the gradient need not have W's shape. An optimizer that takes rows and values
then touches U rows instead of V.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..interface import Array, Kernel, importing
from .contract import SIZES, check_rows, gradient_work, make_with

rows = Kernel(
    "scatter.rows",
    "gradient as the touched rows and their sums",
    ("dout", "idx"),
    make_with(buffer=False),
    check_rows,
    gradient_work(False, lambda size: size.H),
    SIZES,
    holds="",
)


@rows.implementation(
    "dict", "Python loop into a dict", plain="adding rows up in a Python dictionary", slide=11, baseline=True
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
    "unique-add-at", "np.unique, np.add.at", plain="numbering the distinct words and adding with np.add.at"
)
def unique_add_at(dout: Array, idx: Array) -> tuple[Array, Array]:
    words, row_of = np.unique(idx, return_inverse=True)
    sums = np.zeros((len(words), dout.shape[1]), dout.dtype)
    np.add.at(sums, row_of, dout)
    return words, sums


@rows.implementation(
    "sort-reduceat", "sort, np.add.reduceat", plain="sorting the words and adding up each one's rows", makes="BH"
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
    plain="adding up each word's rows by a sparse product",
    prepare=importing("scipy.sparse"),
)
def csr(dout: Array, idx: Array, sparse: Any) -> tuple[Array, Array]:
    words, row_of = np.unique(idx, return_inverse=True)
    ones = np.ones(len(idx), dout.dtype)
    spread = sparse.csc_array((ones, row_of, np.arange(len(idx) + 1)), shape=(len(words), len(idx)))
    return words, np.asarray(spread @ dout)
