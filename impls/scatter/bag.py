"""scatter.bag: dout (B, H), idx (N,), offsets (B,), dW (V, H) -> dW, with dout[b] added at every word of bag b.

This is the gradient of ``lookup.bag``. ``bags`` says which words are in which bag. A word gets a bag's row as often as it is
in the bag, and the rows of all bags that it is in.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..compiling.functions import makes_no_arrays
from ..compiling.intrinsics.rows import copy_row, prefetch_row
from ..corpus.batches import SlidingInput, rotating_batch_count, rotating_problem, stream_length
from ..corpus.words import Corpus
from ..interface import Array, Kernel, Measured, Problem, Work, importing
from ..interface.arrays import normals, resident_zeros
from ..interface.case import Size
from ..interface.checks import new_tables, tables_after
from ..parts.bags import SIZES, BagOffsets
from ..parts.jax_peers import Program, Table, jax_bags, on_jax, program
from ..parts.torch_peers import tensors, torch_on
from .accumulate import AHEAD
from .contract import FLOOR_AHEAD, RepeatedWords, check_gradient, verify_accumulate


def make(size: Size, corpus: Corpus, rng: np.random.Generator) -> Problem:
    words = size.B * size.K
    number = rotating_batch_count(size, size.H * size.float_type.itemsize, words)
    stream = corpus.stream(size, stream_length(number, words), rng)
    dW = resident_zeros((size.V, size.H), size.float_type)
    touched = np.unique(stream)

    def reset() -> None:
        dW[touched] = 0

    return rotating_problem(
        size,
        {"dW": dW},
        lambda idx, offsets, dout: (dout, idx, offsets, dW),
        RepeatedWords(number, words, (stream,), rng),
        BagOffsets(size, number, rng),
        SlidingInput(number, size.B, lambda rows: normals(rng, (rows, size.H), size.float_type, scale=1.0), rng),
        reset=reset,
    )


def check(call: Any, dout: Array, idx: Array, offsets: Array, dW: Array) -> None:
    """Check that every bag's row is added to what dW held before, at each of the bag's words."""
    dW.fill(0.5)
    (got,) = tables_after(call(dout, idx, offsets, dW), dW)
    bag_of = np.repeat(np.arange(len(offsets)), np.diff(offsets, append=len(idx)))
    check_gradient(got, 0.5, dout[bag_of], idx)
    dW.fill(0)


def bag_at(call: tuple[Any, ...], places: Array) -> Array:
    """Return which bags of a call have these places of idx: the last one that begins there or before."""
    return np.searchsorted(call[2], places, side="right") - 1


def work(size: Size) -> Work:
    words, row = size.B * size.K, size.H * size.float_type.itemsize
    ids = (words + size.B) * size.index_type.itemsize
    return Work(size.B * row + ids, words * row, float(words * size.H))


bag = Kernel(
    "scatter.bag",
    "gradient of bags' sums, added into a given V × H matrix",
    ("dout", "idx", "offsets", "dW"),
    make,
    check,
    work,
    SIZES,
    mutates=("dW",),
    dimensions="VHBK",
    checks="BKH+BKH64",
    verify=partial(verify_accumulate, row_of=bag_at),
    result=new_tables,
    shapes=("BH", "i*", "iB", "VH"),
    place=24,
    about="bag: a row for each bag of words",
    unit="bag",
    diagram="scatter.bag",
    measured=Measured(at="flat", batches=True, quick=False),
)


@bag.implementation("loop", "Python loop over the words", summary="adding rows in a Python loop", baseline=True)
def loop(dout: Array, idx: Array, offsets: Array, dW: Array) -> None:
    ends = np.append(offsets[1:], len(idx))
    for b in range(len(offsets)):
        for word in idx[offsets[b] : ends[b]]:
            dW[word] += dout[b]


@bag.implementation(
    "repeat-add-at",
    "np.repeat, np.add.at",
    summary="repeating each bag's row and adding with np.add.at",
    temporaries="BKH",
)
def repeat_add_at(dout: Array, idx: Array, offsets: Array, dW: Array) -> None:
    np.add.at(dW, idx, np.repeat(dout, np.diff(offsets, append=len(idx)), axis=0))


@bag.implementation(
    "sort-reduceat",
    "sort, np.add.reduceat",
    summary="sorting the words and summing the rows of each",
    temporaries="BKH",
)
def sort_reduceat(dout: Array, idx: Array, offsets: Array, dW: Array) -> None:
    if len(idx) == 0:
        return
    bag_of = np.repeat(np.arange(len(offsets)), np.diff(offsets, append=len(idx)))
    order = np.argsort(idx, kind="stable")
    words = idx[order]
    starts = np.flatnonzero(np.r_[True, words[1:] != words[:-1]])
    dW[words[starts]] += np.add.reduceat(dout[bag_of[order]], starts, axis=0)


@bag.implementation(
    "csr",
    "np.unique, product with the bags' matrix",
    summary="multiplying the transposed sparse matrix of the bags by the rows",
    prepare=importing("scipy.sparse"),
)
def csr(dout: Array, idx: Array, offsets: Array, dW: Array, sparse: Any) -> None:
    # a column for each bag, so that no row of dout is repeated
    rows, row_of = np.unique(idx, return_inverse=True)
    ones, ends = np.ones(len(idx), dout.dtype), np.append(offsets, len(idx))
    dW[rows] += sparse.csc_array((ones, row_of, ends), shape=(len(rows), len(offsets))) @ dout


@bag.implementation("numba", "compiled loop", summary="adding rows in a compiled loop", jit=True)
@makes_no_arrays
def numba(dout: Array, idx: Array, offsets: Array, dW: Array) -> None:
    for b in range(len(offsets)):
        end = offsets[b + 1] if b + 1 < len(offsets) else len(idx)
        for i in range(offsets[b], end):
            row = idx[i]
            for j in range(dW.shape[1]):
                dW[row, j] += dout[b, j]


@bag.implementation(
    "numba-prefetch",
    "compiled loop that prefetches rows",
    summary="adding rows in a compiled loop that prefetches them",
    jit=True,
)
@makes_no_arrays
def numba_prefetch(dout: Array, idx: Array, offsets: Array, dW: Array) -> None:
    n = len(idx)
    for i in range(min(AHEAD, n)):
        prefetch_row(dW, idx[i])
    for b in range(len(offsets)):
        end = offsets[b + 1] if b + 1 < len(offsets) else n
        for i in range(offsets[b], end):
            if i + AHEAD < n:
                prefetch_row(dW, idx[i + AHEAD])
            row = idx[i]
            for j in range(dW.shape[1]):
                dW[row, j] += dout[b, j]


@bag.implementation(
    "torch",
    "torch index_add_ of repeated rows",
    summary="repeating the rows and adding them with torch",
    requires=("torch",),
    prepare=torch_on,
    adapt=tensors,
    temporaries="BKH",
)
def torch(dout: Any, idx: Any, offsets: Any, dW: Any, torch: Any) -> None:
    lengths = torch.diff(offsets, append=offsets.new_tensor([len(idx)]))
    dW.index_add_(0, idx, torch.repeat_interleave(dout, lengths, dim=0, output_size=len(idx)))


def jax_add_bags(dout: Any, idx: Any, offsets: Any, dW: Any) -> Any:
    return dW.at[idx].add(dout[jax_bags(idx, offsets)])


@bag.implementation(
    "jax",
    "JAX: dW.at[idx].add of repeated rows",
    summary="repeating the rows and adding them with JAX",
    temporaries="VH+VH+BKH",
    requires=("jax",),
    prepare=program(jax_add_bags, bag.shapes, tables=(3,)),
    adapt=on_jax,
    source_functions=(jax_add_bags, jax_bags),
)
def jax(dout: Any, idx: Any, offsets: Any, dW: Table, program: Program) -> Any:
    dW.array = program.run(dout, idx, offsets, dW.array).block_until_ready()
    program.stale = True
    return dW.array


# what any implementation must move


@bag.floor("rows")
def bags_written(dout: Array, idx: Array, offsets: Array, dW: Array) -> None:
    for b in range(len(offsets)):
        end = offsets[b + 1] if b + 1 < len(offsets) else len(idx)
        for i in range(offsets[b], end):
            copy_row(dW, idx[i], dout, b)


@bag.floor("rows.ahead")
def bags_written_ahead(dout: Array, idx: Array, offsets: Array, dW: Array) -> None:
    n = len(idx)
    for b in range(len(offsets)):
        end = offsets[b + 1] if b + 1 < len(offsets) else n
        for i in range(offsets[b], end):
            if i + FLOOR_AHEAD < n:
                prefetch_row(dW, idx[i + FLOOR_AHEAD])
            copy_row(dW, idx[i], dout, b)
