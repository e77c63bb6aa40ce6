"""What scatter's four forms share: inputs, reference, checks and work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..case import Size
from ..interface import (
    Array,
    Problem,
    Work,
    Wrong,
    close,
    distinct,
    integers,
    normals,
    only_rows,
    resident_zeros,
    ring_length,
    same_dtype,
)
from ..words import Corpus, Ints


def with_duplicates(batches: list[Ints]) -> list[Ints]:
    """Make sure that every batch of two or more repeats a word: that is what a scatter must get right."""
    for batch in batches:
        if len(batch) > 1 and len(np.unique(batch)) == len(batch):
            batch[-1] = batch[0]
    return batches


def make_with(buffer: bool, one_number: bool = False) -> Callable[[Size, Corpus, np.random.Generator], Problem]:
    """Inputs of a form: dout and the index ring, and a gradient dW to write into if the form takes one."""

    def make(size: Size, corpus: Corpus, rng: np.random.Generator) -> Problem:
        width = () if one_number else (size.H,)
        row_bytes = size.float_type.itemsize * (1 if one_number else size.H)
        dout = normals(rng, (size.B, *width), size.float_type, scale=1.0)
        batches = with_duplicates(corpus.batches(size, ring_length(size, row_bytes, size.B), rng))
        inputs: dict[str, Any] = {"dout": dout}
        if not buffer:
            return Problem(size, inputs, [(dout, idx) for idx in batches], distinct(batches))
        inputs["dW"] = dW = resident_zeros((size.V, *width), size.float_type)
        touched = np.unique(np.concatenate(batches))

        def reset() -> None:
            dW[touched] = 0

        return Problem(size, inputs, [(dout, idx, dW) for idx in batches], distinct(batches), reset)

    return make


def sums(dout: Array, idx: Array) -> tuple[Array, Array, Array, int]:
    """The reference, in float64: touched rows, their sums, the sums of absolute values, and the most terms a row has."""
    rows, counts = np.unique(idx, return_counts=True)
    total = np.zeros((len(rows), *dout.shape[1:]))
    magnitude = np.zeros_like(total)
    for row, gradient in zip(np.searchsorted(rows, idx), dout.astype(np.float64), strict=True):
        total[row] += gradient
        magnitude[row] += np.abs(gradient)
    return rows, total, magnitude, int(counts.max(initial=1))


def check_gradient(dW: Array, before: float, dout: Array, idx: Array) -> None:
    """dW, which held one number everywhere, must hold it plus the sums at the touched rows, and it alone elsewhere."""
    rows, total, magnitude, most = sums(dout, idx)
    close("dW at the touched rows", dW[rows], before + total, abs(before) + magnitude, most + 1)
    if not only_rows(dW, rows, before):
        raise Wrong(f"dW has something else than {before:g} at rows that are not in idx")


def check_dense(call: Any, dout: Array, idx: Array, dW: Array) -> None:
    """Whatever stood in dW before, it holds the gradient alone afterwards."""
    dW.fill(7)
    call(dout, idx, dW)
    check_gradient(dW, 0.0, dout, idx)
    dW.fill(0)


def check_accumulate(call: Any, dout: Array, idx: Array, dW: Array) -> None:
    """What stood in dW before is kept and added to."""
    dW.fill(0.5)
    call(dout, idx, dW)
    check_gradient(dW, 0.5, dout, idx)
    dW.fill(0)


def check_rows(call: Any, dout: Array, idx: Array) -> None:
    """Each touched row once, in any order, with its sum."""
    got_rows, got_sums = (np.asarray(part) for part in call(dout, idx))
    rows, total, magnitude, most = sums(dout, idx)
    integers("the rows", got_rows)
    order = np.argsort(got_rows, kind="stable")
    if not np.array_equal(got_rows[order], rows):
        raise Wrong(f"the rows are not the distinct words of idx ({len(got_rows)} rows, {len(rows)} distinct words)")
    same_dtype("the sums", got_sums, dout.dtype)
    if len(got_sums) != len(rows):
        raise Wrong(f"{len(rows)} rows come with {len(got_sums)} sums")
    close("the sums", got_sums[order], total, magnitude, most)


def gradient_work(whole_table: bool, width: Callable[[Size], int]) -> Callable[[Size], Work]:
    """Least traffic of a form: dout and idx are read, and every row (or every touched row) is written."""

    def work(size: Size) -> Work:
        item = size.float_type.itemsize
        batch = size.B * width(size) * item
        written = size.V * width(size) * item if whole_table else batch
        return Work(batch + size.B * size.index_type.itemsize, written, float(size.B * width(size)))

    return work


SIZES = (Size(7, 3, 12), Size(40, 100, 90), Size(3, 1, 1), Size(9, 4, 0), Size(300, 17, 500, dtype="f64", index="i32"))
