"""lookup.bag: sums of rows by bags of words. W (V, H), idx (N,), offsets (B,) -> (B, H).

``bags`` says which words are in which bag. The sum of an empty bag is 0. Divided by the number of words, a bag's sum is the
hidden vector of CBOW. It is also the most used embedding operator of recommenders (torch.nn.EmbeddingBag). Chapter 3 of the
book multiplies one-hot rows by W and adds the products, which is one product of W with a row of word counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiling.functions import makes_no_arrays
from .compiling.intrinsics.rows import prefetch_row, read_row
from .compiling.intrinsics.sums import add_rows
from .corpus.batches import RotatingBatches, rotating_batch_count, rotating_problem, stream_length
from .corpus.words import Corpus
from .interface import Array, Kernel, Measured, Problem, Work, Wrong, importing
from .interface.arrays import normals
from .interface.case import Size
from .interface.checks import check_close, check_dtype
from .lookup import row_buffer
from .parts.bags import SIZES, BagOffsets
from .parts.jax_peers import Program, jax_bags, on_jax, program
from .parts.torch_peers import tensors, torch_on


def make(size: Size, corpus: Corpus, rng: np.random.Generator) -> Problem:
    W, words = normals(rng, (size.V, size.H), size.float_type), size.B * size.K
    number = rotating_batch_count(size, size.H * size.float_type.itemsize, words)
    return rotating_problem(
        size,
        {"W": W},
        lambda idx, offsets: (W, idx, offsets),
        RotatingBatches(number, words, (corpus.stream(size, stream_length(number, words), rng),), rng),
        BagOffsets(size, number, rng),
    )


def check(call: Any, W: Array, idx: Array, offsets: Array) -> None:
    """Compare every bag's sum with the reference."""
    check_sums(call(W, idx, offsets), W, idx, offsets, np.arange(len(offsets)))


def verify(problem: Problem, calls: Any, result: Any, rng: np.random.Generator, history: Any) -> None:
    """Compare some sums of a timed call's result with the reference."""
    W, idx, offsets = calls[-1]
    check_sums(result, W, idx, offsets, rng.integers(len(offsets), size=min(16, len(offsets))))


def check_sums(got: Any, W: Array, idx: Array, offsets: Array, bags: Array) -> None:
    """Raise Wrong unless got has the shape and dtype of the sums, and the sums of these bags."""
    got = np.asarray(got)
    if got.shape != (len(offsets), W.shape[1]):
        raise Wrong(f"the sums have shape {got.shape}, not {(len(offsets), W.shape[1])}")
    check_dtype("the sums", got, W.dtype)
    total, magnitude, most = reference(W, idx, offsets, bags)
    check_close("the sums", got[bags], total, magnitude, most)


def reference(W: Array, idx: Array, offsets: Array, bags: Array) -> tuple[Array, Array, int]:
    """Return the reference for some bags, in float64: sums, sums of absolute values, and the most words of a bag."""
    ends = np.append(offsets[1:], len(idx))
    total = np.zeros((len(bags), W.shape[1]))
    magnitude, most = np.zeros_like(total), 1
    for at, bag in enumerate(bags):
        rows = W[idx[offsets[bag] : ends[bag]]].astype(np.float64)
        total[at], magnitude[at] = rows.sum(axis=0), np.abs(rows).sum(axis=0)
        most = max(most, len(rows))
    return total, magnitude, most


def work(size: Size) -> Work:
    words, row = size.B * size.K, size.H * size.float_type.itemsize
    ids = (words + size.B) * size.index_type.itemsize
    return Work(words * row + ids, size.B * row, float(words * size.H))


bag = Kernel(
    "lookup.bag",
    "sums of rows of W, by bags of words",
    ("W", "idx", "offsets"),
    make,
    check,
    work,
    SIZES,
    dimensions="VHBK",
    verify=verify,
    shapes=("VH", "i*", "iB"),
    place=11,
    about="bag: the sum of each bag of words",
    unit="bag",
    diagram="lookup.bag",
    measured=Measured(at="flat", batches=True, quick=False),
)


@bag.implementation(
    "loop", "Python loop over the bags", summary="summing each bag's rows in a Python loop", baseline=True
)
def loop(W: Array, idx: Array, offsets: Array) -> Array:
    out = np.empty((len(offsets), W.shape[1]), W.dtype)
    ends = np.append(offsets[1:], len(idx))
    for b in range(len(offsets)):
        out[b] = W[idx[offsets[b] : ends[b]]].sum(axis=0)
    return out


def reads_table_once(size: Size) -> Work:
    """The whole batch reads W and the matrix of word counts once."""
    item, counts = size.float_type.itemsize, size.B * size.V
    return Work((size.V * size.H + counts) * item, (counts + size.B * size.H) * item, 2.0 * counts * size.H)


@bag.implementation(
    "bag-of-words",
    "matrix of word counts × W",
    summary="multiplying a matrix of word counts by the whole table",
    textbook=True,
    grows_with="V",
    temporaries="BV",
    traffic=reads_table_once,
)
def bag_of_words(W: Array, idx: Array, offsets: Array) -> Array:
    bag_of = np.repeat(np.arange(len(offsets)), np.diff(offsets, append=len(idx)))
    counts = np.zeros((len(offsets), W.shape[0]), W.dtype)
    np.add.at(counts, (bag_of, idx), 1)
    return np.asarray(counts @ W)


@bag.implementation(
    "add-at", "W[idx], np.add.at", summary="picking the rows and adding them with np.add.at", temporaries="BKH"
)
def add_at(W: Array, idx: Array, offsets: Array) -> Array:
    out = np.zeros((len(offsets), W.shape[1]), W.dtype)
    np.add.at(out, np.repeat(np.arange(len(offsets)), np.diff(offsets, append=len(idx))), W[idx])
    return out


@bag.implementation(
    "padded-einsum",
    "bags padded to the longest, einsum",
    summary="padding all bags to the longest and summing with einsum",
    temporaries="2BKH",
)
def padded_einsum(W: Array, idx: Array, offsets: Array) -> Array:
    lengths = np.diff(offsets, append=len(idx))
    present = np.arange(lengths.max(initial=0)) < lengths[:, None]
    padded = np.zeros(present.shape, idx.dtype)
    padded[present] = idx
    return np.asarray(np.einsum("bl,blh->bh", present.astype(W.dtype), W[padded]))


@bag.implementation(
    "gather-reduceat",
    "W[idx], np.add.reduceat",
    summary="picking the rows and summing them with np.add.reduceat",
    temporaries="BKH",
)
def gather_reduceat(W: Array, idx: Array, offsets: Array) -> Array:
    # reduceat knows no empty bag: it would give it a row of the next bag, and raise where no row follows
    out = np.zeros((len(offsets), W.shape[1]), W.dtype)
    filled = np.flatnonzero(np.diff(offsets, append=len(idx)))
    if len(filled):
        out[filled] = np.add.reduceat(W[idx], offsets[filled], axis=0)
    return out


@bag.implementation(
    "csr",
    "CSR matrix of the bags × W",
    summary="multiplying a sparse matrix of the bags by the table",
    prepare=importing("scipy.sparse"),
)
def csr(W: Array, idx: Array, offsets: Array, sparse: Any) -> Array:
    ones = np.ones(len(idx), W.dtype)
    ends = np.append(offsets, idx.dtype.type(len(idx)))
    return np.asarray(sparse.csr_array((ones, idx, ends), shape=(len(offsets), W.shape[0])) @ W)


@bag.implementation(
    "numba",
    "compiled loop",
    summary="summing the rows in a compiled loop",
    jit=True,
    prepare=row_buffer,
    returns=(0,),
)
@makes_no_arrays
def numba(W: Array, idx: Array, offsets: Array, out: Array) -> Array:
    for b in range(len(offsets)):
        end = offsets[b + 1] if b + 1 < len(offsets) else len(idx)
        for j in range(W.shape[1]):
            out[b, j] = 0
        for i in range(offsets[b], end):
            row = idx[i]
            for j in range(W.shape[1]):
                out[b, j] += W[row, j]
    return out


AHEAD = 16
"""How many rows ahead to prefetch, and how many to add at a time."""


@bag.implementation(
    "numba-prefetch",
    "compiled loop that prefetches rows, sums in registers",
    summary="summing the rows in registers, in a compiled loop that prefetches them",
    jit=True,
    prepare=row_buffer,
    returns=(0,),
)
@makes_no_arrays
def numba_prefetch(W: Array, idx: Array, offsets: Array, out: Array) -> Array:
    n = len(idx)
    for i in range(min(AHEAD, n)):
        prefetch_row(W, idx[i])
    for b in range(len(offsets)):
        i, end = offsets[b], offsets[b + 1] if b + 1 < len(offsets) else n
        out[b] = 0
        while i < end:
            stop = min(i + AHEAD, end)
            for k in range(i + AHEAD, min(stop + AHEAD, n)):
                prefetch_row(W, idx[k])
            add_rows(out[b], W, idx[i:stop])
            i = stop
    return out


@bag.implementation(
    "torch",
    "torch embedding_bag",
    summary="summing the rows with torch",
    requires=("torch",),
    prepare=torch_on,
    adapt=tensors,
)
def torch(W: Any, idx: Any, offsets: Any, torch: Any) -> Any:
    return torch.nn.functional.embedding_bag(idx, W, offsets, mode="sum")


def jax_bag_sums(W: Any, idx: Any, offsets: Any) -> Any:
    from jax.ops import segment_sum

    bag_of = jax_bags(idx, offsets)
    return segment_sum(W[idx], bag_of, num_segments=len(offsets), indices_are_sorted=True)


@bag.implementation(
    "jax",
    "JAX: W[idx], segment_sum",
    summary="picking the rows and summing them with JAX",
    temporaries="BKH",
    requires=("jax",),
    prepare=program(jax_bag_sums, bag.shapes),
    adapt=on_jax,
    source_functions=(jax_bag_sums, jax_bags),
)
def jax(W: Any, idx: Any, offsets: Any, program: Program) -> Any:
    return program.run(W, idx, offsets).block_until_ready()


# what any implementation must move


@bag.floor("rows", prepare=row_buffer)
def bags_read(W: Array, idx: Array, offsets: Array, out: Array) -> None:
    for b in range(len(offsets)):
        end = offsets[b + 1] if b + 1 < len(offsets) else len(idx)
        for i in range(offsets[b], end):
            read_row(W, idx[i])
        out[b] = 0


@bag.floor("rows.ahead", prepare=row_buffer)
def bags_read_ahead(W: Array, idx: Array, offsets: Array, out: Array) -> None:
    n = len(idx)
    for b in range(len(offsets)):
        end = offsets[b + 1] if b + 1 < len(offsets) else n
        for i in range(offsets[b], end):
            if i + AHEAD < n:
                prefetch_row(W, idx[i + AHEAD])
            read_row(W, idx[i])
        out[b] = 0
