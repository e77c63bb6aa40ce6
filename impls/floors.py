"""Floors: the memory traffic that no implementation of a kernel can avoid. Roofline limits are measured with them.

A floor moves the rows of the same batches that are timed, in their order, and computes nothing. Words of real text repeat,
so that the time to read their rows depends on this text and on the caches, and the bandwidth of random rows would not
predict it. A slug's part before the dot is what is moved. Of several ways to move it, the fastest counts. They are in one file,
because several kernels share a floor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiling.intrinsics.rows import copy_row, prefetch_row, read_row
from .interface import Array, Kernel, Problem
from .lookup import lookup, row_buffer
from .lookup_bag import AHEAD as BAG_AHEAD
from .lookup_bag import bag as lookup_bag
from .output.contract import gradient_buffer
from .output.hierarchical import Tree, hierarchical
from .output.nce import nce
from .output.negative_sampling import negative_sampling
from .output.sampled_softmax import sampled_softmax
from .output.shared_negatives import shared_negatives
from .output.softmax import softmax
from .parts.random import next_bits
from .sampling.contract import alias_workspace
from .sampling.with_replacement import with_replacement
from .sampling.without_replacement import without_replacement
from .scatter.accumulate import accumulate
from .scatter.bag import bag as scatter_bag
from .scatter.dense import dense
from .scatter.rows import rows as gradient_rows
from .scatter.scalar import scalar
from .update.adam import adam
from .update.lazy_adam import lazy_adam
from .update.scatter_sgd import scatter_sgd
from .update.sgd import sgd

AHEAD = 8
"""How many rows ahead to prefetch."""


# rows of a table, read into a buffer


@lookup.floor("rows", prepare=row_buffer)
def rows_read(W: Array, idx: Array, out: Array) -> None:
    for i in range(len(idx)):
        copy_row(out, i, W, idx[i])


@lookup.floor("rows.ahead", prepare=row_buffer)
def rows_read_ahead(W: Array, idx: Array, out: Array) -> None:
    n = len(idx)
    for i in range(-AHEAD, n):
        if i + AHEAD < n:
            prefetch_row(W, idx[i + AHEAD])
        if i >= 0:
            copy_row(out, i, W, idx[i])


@lookup_bag.floor("rows", prepare=row_buffer)
def bags_read(W: Array, idx: Array, offsets: Array, out: Array) -> None:
    for b in range(len(offsets)):
        end = offsets[b + 1] if b + 1 < len(offsets) else len(idx)
        for i in range(offsets[b], end):
            read_row(W, idx[i])
        out[b] = 0


@lookup_bag.floor("rows.ahead", prepare=row_buffer)
def bags_read_ahead(W: Array, idx: Array, offsets: Array, out: Array) -> None:
    n = len(idx)
    for b in range(len(offsets)):
        end = offsets[b + 1] if b + 1 < len(offsets) else n
        for i in range(offsets[b], end):
            if i + BAG_AHEAD < n:
                prefetch_row(W, idx[i + BAG_AHEAD])
            read_row(W, idx[i])
        out[b] = 0


# gradients of rows, written to where they belong


@dense.floor("table", jit=False)
def table_filled(dout: Array, idx: Array, dW: Array) -> None:
    dW.fill(0)


@dense.floor("table.compiled")
def table_zeroed(dout: Array, idx: Array, dW: Array) -> None:
    dW[:] = 0


def untouched_zeros(problem: Problem) -> Array:
    """Return zeros (V, H) in pages that nobody ever writes: the system shows one page of zeros in the place of all."""
    return np.zeros((problem.size.V, problem.size.H), problem.size.float_type)


@dense.floor("table.copied", prepare=untouched_zeros, jit=False)
def zeros_copied(dout: Array, idx: Array, dW: Array, zeros: Array) -> None:
    # reads a page that is in cache, and writes past the caches, as a memset need not
    np.copyto(dW, zeros)


def rows_written(dout: Array, idx: Array, dW: Array) -> None:
    for i in range(len(idx)):
        copy_row(dW, idx[i], dout, i)


def rows_written_ahead(dout: Array, idx: Array, dW: Array) -> None:
    n = len(idx)
    for i in range(-AHEAD, n):
        if i + AHEAD < n:
            prefetch_row(dW, idx[i + AHEAD])
        if i >= 0:
            copy_row(dW, idx[i], dout, i)


DENSE = dense.floor("rows")(rows_written), dense.floor("rows.ahead")(rows_written_ahead)
ACCUMULATE = accumulate.floor("rows")(rows_written), accumulate.floor("rows.ahead")(rows_written_ahead)


@scatter_bag.floor("rows")
def bags_written(dout: Array, idx: Array, offsets: Array, dW: Array) -> None:
    for b in range(len(offsets)):
        end = offsets[b + 1] if b + 1 < len(offsets) else len(idx)
        for i in range(offsets[b], end):
            copy_row(dW, idx[i], dout, b)


@scatter_bag.floor("rows.ahead")
def bags_written_ahead(dout: Array, idx: Array, offsets: Array, dW: Array) -> None:
    n = len(idx)
    for b in range(len(offsets)):
        end = offsets[b + 1] if b + 1 < len(offsets) else n
        for i in range(offsets[b], end):
            if i + AHEAD < n:
                prefetch_row(dW, idx[i + AHEAD])
            copy_row(dW, idx[i], dout, b)


def touched_rows(problem: Problem) -> Array:
    """Return a buffer with as many rows as a batch touches on average."""
    return np.empty((max(1, round(problem.touched)), problem.size.H), problem.size.float_type)


@gradient_rows.floor("rows", prepare=touched_rows)
def rows_gathered(dout: Array, idx: Array, out: Array) -> None:
    n = len(out)
    for i in range(len(idx)):
        copy_row(out, i % n, dout, i)


@scalar.floor("rows")
def numbers_written(dout: Array, idx: Array, dW: Array) -> None:
    for i in range(len(idx)):
        dW[idx[i]] = dout[i]


# rows of W_out that are scored, and their gradients


@softmax.floor("table", jit=False, prepare=gradient_buffer)
def table_copied(h: Array, W_out: Array, target: Array, dW: Array) -> None:
    np.copyto(dW, W_out)


@softmax.floor("table.compiled", prepare=gradient_buffer)
def table_copied_compiled(h: Array, W_out: Array, target: Array, dW: Array) -> None:
    for row in range(len(dW)):
        copy_row(dW, row, W_out, row)


def candidate_rows(problem: Problem) -> Array:
    """Return a buffer with a row for each candidate of each row of h."""
    size = problem.size
    return np.empty((size.B * (1 + size.K), size.H), size.float_type)


@negative_sampling.floor("rows", prepare=candidate_rows)
def candidates_read(h: Array, W_out: Array, target: Array, negatives: Array, values: Array) -> None:
    n, K = negatives.shape
    for b in range(n):
        at = b * (1 + K)
        copy_row(values, at, W_out, target[b])
        for k in range(K):
            copy_row(values, at + 1 + k, W_out, negatives[b, k])


@negative_sampling.floor("rows.ahead", prepare=candidate_rows)
def candidates_read_ahead(h: Array, W_out: Array, target: Array, negatives: Array, values: Array) -> None:
    n, K = negatives.shape
    for b in range(-1, n):
        if b + 1 < n:
            prefetch_row(W_out, target[b + 1])
            for k in range(K):
                prefetch_row(W_out, negatives[b + 1, k])
        if b >= 0:
            at = b * (1 + K)
            copy_row(values, at, W_out, target[b])
            for k in range(K):
                copy_row(values, at + 1 + k, W_out, negatives[b, k])


def shared_rows(problem: Problem) -> Array:
    """Return a buffer with a row for each target and each shared negative."""
    size = problem.size
    return np.empty((size.B + size.K, size.H), size.float_type)


def shared_read(W_out: Array, target: Array, negatives: Array, values: Array) -> None:
    n = len(target)
    for b in range(n):
        copy_row(values, b, W_out, target[b])
    for k in range(len(negatives)):
        copy_row(values, n + k, W_out, negatives[k])


def shared_read_ahead(W_out: Array, target: Array, negatives: Array, values: Array) -> None:
    n = len(target)
    for k in range(len(negatives)):
        prefetch_row(W_out, negatives[k])
    for b in range(-AHEAD, n):
        if b + AHEAD < n:
            prefetch_row(W_out, target[b + AHEAD])
        if b >= 0:
            copy_row(values, b, W_out, target[b])
    for k in range(len(negatives)):
        copy_row(values, n + k, W_out, negatives[k])


@shared_negatives.floor("rows", prepare=shared_rows)
def shared_candidates_read(h: Array, W_out: Array, target: Array, negatives: Array, values: Array) -> None:
    shared_read(W_out, target, negatives, values)


@shared_negatives.floor("rows.ahead", prepare=shared_rows)
def shared_candidates_read_ahead(h: Array, W_out: Array, target: Array, negatives: Array, values: Array) -> None:
    shared_read_ahead(W_out, target, negatives, values)


def corrected_candidates_read(
    h: Array, W_out: Array, target: Array, negatives: Array, log_q_target: Array, log_q: Array, values: Array
) -> None:
    shared_read(W_out, target, negatives, values)


def corrected_candidates_read_ahead(
    h: Array, W_out: Array, target: Array, negatives: Array, log_q_target: Array, log_q: Array, values: Array
) -> None:
    shared_read_ahead(W_out, target, negatives, values)


def corrected_floors(kernel: Kernel) -> tuple[Any, ...]:
    """Make the floors of an objective whose scores are corrected by log(K p)."""
    ways = (("rows", corrected_candidates_read), ("rows.ahead", corrected_candidates_read_ahead))
    return tuple(kernel.floor(slug, prepare=shared_rows)(way) for slug, way in ways)


SAMPLED_SOFTMAX, NCE = corrected_floors(sampled_softmax), corrected_floors(nce)


def path_rows(problem: Problem) -> Array:
    """Return a buffer with a row for each node of a batch's paths, as if all were the longest."""
    size, offsets = problem.size, problem.inputs["tree"].offsets
    return np.empty((size.B * int(np.diff(offsets).max(initial=1)), size.H), size.float_type)


@hierarchical.floor("rows", prepare=path_rows)
def paths_read(h: Array, W_out: Array, target: Array, tree: Tree, values: Array) -> None:
    offsets, nodes = tree.offsets, tree.nodes
    at = 0
    for b in range(len(target)):
        for i in range(offsets[target[b]], offsets[target[b] + 1]):
            copy_row(values, at, W_out, nodes[i])
            at += 1


@hierarchical.floor("rows.ahead", prepare=path_rows)
def paths_read_ahead(h: Array, W_out: Array, target: Array, tree: Tree, values: Array) -> None:
    offsets, nodes = tree.offsets, tree.nodes
    at = 0
    for b in range(-1, len(target)):
        if b + 1 < len(target):
            for i in range(offsets[target[b + 1]], offsets[target[b + 1] + 1]):
                prefetch_row(W_out, nodes[i])
        if b >= 0:
            for i in range(offsets[target[b]], offsets[target[b] + 1]):
                copy_row(values, at, W_out, nodes[i])
                at += 1


# draws


def numbers_drawn(targets: Array, K: int, p: Array, rng: Any, tables: tuple[Array, Array, Array]) -> None:
    _, state, negatives = tables
    for b in range(len(targets)):
        for k in range(K):
            negatives[b, k] = next_bits(state)


WITH_REPLACEMENT = (with_replacement.floor("numbers", prepare=alias_workspace)(numbers_drawn),)
WITHOUT_REPLACEMENT = (without_replacement.floor("numbers", prepare=alias_workspace)(numbers_drawn),)


# steps of an optimizer


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


@scatter_sgd.floor("rows")
def gradients_written(W: Array, dout: Array, idx: Array, lr: float) -> None:
    for i in range(len(idx)):
        copy_row(W, idx[i], dout, i)


@scatter_sgd.floor("rows.ahead")
def gradients_written_ahead(W: Array, dout: Array, idx: Array, lr: float) -> None:
    n = len(idx)
    for i in range(-AHEAD, n):
        if i + AHEAD < n:
            prefetch_row(W, idx[i + AHEAD])
        if i >= 0:
            copy_row(W, idx[i], dout, i)


@adam.floor("table")
def tables_swapped(W: Array, m: Array, v: Array, rows: Array, values: Array, t: int) -> None:
    for i in range(len(W)):
        for j in range(W.shape[1]):
            W[i, j], m[i, j], v[i, j] = m[i, j], v[i, j], W[i, j]


@lazy_adam.floor("rows")
def rows_swapped(W: Array, m: Array, v: Array, rows: Array, values: Array, t: int) -> None:
    for i in range(len(rows)):
        row = rows[i]
        for j in range(W.shape[1]):
            W[row, j], m[row, j], v[row, j] = m[row, j], v[row, j], W[row, j]


@lazy_adam.floor("rows.ahead")
def rows_swapped_ahead(W: Array, m: Array, v: Array, rows: Array, values: Array, t: int) -> None:
    for i in range(len(rows)):
        if i + AHEAD < len(rows):
            for table in (W, m, v):
                prefetch_row(table, rows[i + AHEAD])
        row = rows[i]
        for j in range(W.shape[1]):
            W[row, j], m[row, j], v[row, j] = m[row, j], v[row, j], W[row, j]
