"""What scatter's four forms share: inputs, reference, checks and work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..case import Size
from ..interface import (
    Array,
    Problem,
    Work,
    Wrong,
    close,
    integers,
    normals,
    only_rows,
    resident_zeros,
    ring_length,
    same_dtype,
)
from ..ring import Moving, Ring, rotating, stream_length
from ..words import Corpus


class Repeating(Ring):
    """Words of which every batch of two or more has one twice: that is what a scatter must get right."""

    def renew(self, first: int, count: int) -> None:
        super().renew(first, count)
        for idx in (self.windows[0][first : first + count], *(idx[None] for (idx,) in self.checked)):
            idx[:, -1:] = idx[:, :1]


SOILED = 64
"""Rows of a gradient that hold something before a sample although no word points to them."""


def make_with(
    buffer: bool, one_number: bool = False, soiled: bool = False
) -> Callable[[Size, Corpus, np.random.Generator], Problem]:
    """Inputs of a form: dout and the index ring, and a gradient dW to write into if the form takes one.

    soiled: dW holds something else than zeros before each sample, which the form has to zero itself.
    """

    def make(size: Size, corpus: Corpus, rng: np.random.Generator) -> Problem:
        width = () if one_number else (size.H,)
        row_bytes = size.float_type.itemsize * (1 if one_number else size.H)
        number = ring_length(size, row_bytes, size.B)
        dout = Moving(number, size.B, lambda rows: normals(rng, (rows, *width), size.float_type, scale=1.0), rng)
        stream = corpus.stream(size, stream_length(number, size.B), rng)
        ring = Repeating(number, size.B, (stream,), rng)
        if not buffer:
            return rotating(size, {}, lambda idx, dout: (dout, idx), ring, dout)
        dW = resident_zeros((size.V, *width), size.float_type)
        touched = np.unique(stream)
        known, places = {"soiled": np.zeros(0, np.int64)}, rng.spawn(1)[0]

        def reset() -> None:
            dW[known["soiled"]] = 0
            dW[touched] = 0
            if soiled:
                known["soiled"] = rows = places.integers(size.V, size=SOILED)
                dW[rows] = 7

        return rotating(size, {"dW": dW}, lambda idx, dout: (dout, idx, dW), ring, dout, reset=reset, known=known)

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


# timed calls


def sums_at(words: Array, calls: Sequence[tuple[Any, ...]]) -> tuple[Array, Array, int]:
    """What some calls together add up at some words, in float64; the sums of absolute values; and how many terms a word has at most."""
    idx = np.concatenate([call[1] for call in calls])
    ends = np.cumsum([len(call[1]) for call in calls])
    total = np.zeros((len(words), *calls[0][0].shape[1:]))
    magnitude, most = np.zeros_like(total), 0
    for row, word in enumerate(words):
        places = np.flatnonzero(idx == word)
        most = max(most, len(places))
        at = np.searchsorted(ends, places, side="right")
        for call in np.unique(at):
            gradients = calls[call][0][(places - ends[call])[at == call]]  # counted from its end
            total[row] += gradients.sum(axis=0, dtype=np.float64)
            magnitude[row] += np.abs(gradients).sum(axis=0, dtype=np.float64)
    return total, magnitude, most


FEW = 500
"""Places of a word that are soon added up: words that come oftener are left to samples that have no others."""


def some_words(calls: Sequence[tuple[Any, ...]], rng: np.random.Generator) -> Array:
    """Words of the first, the last and some other calls' batches, each once, and none that comes very often if others do not."""
    chosen = {0, len(calls) - 1, *rng.integers(len(calls), size=4).tolist()}
    words = np.unique([rng.choice(calls[at][1]) for at in chosen])
    idx = np.concatenate([call[1] for call in calls])
    places = np.array([np.count_nonzero(idx == word) for word in words])
    return np.asarray(words[places <= max(FEW, places.min())])


def verify_dense(problem: Problem, calls: Any, result: Any, rng: np.random.Generator, kept: Any) -> None:
    """dW holds the last call's sums alone, at some of its words; and zeros at words of earlier calls and at soiled rows."""
    _, idx, dW = calls[-1]
    words = np.unique(rng.choice(idx, size=4))
    total, magnitude, most = sums_at(words, calls[-1:])
    close("dW at the touched rows", dW[words], total, magnitude, most + 1)
    others = np.concatenate([problem.known["soiled"], calls[int(rng.integers(len(calls)))][1][:SOILED]])
    if dW[np.setdiff1d(others, idx)].any():
        raise Wrong("dW has something else than 0 at rows that are not in idx")


def verify_accumulate(problem: Problem, calls: Any, result: Any, rng: np.random.Generator, kept: Any) -> None:
    """dW, zeros before, holds the sums of all calls of the sample at some of their words, and zeros where none points."""
    dW = calls[-1][2]
    words = some_words(calls, rng)
    total, magnitude, most = sums_at(words, calls)
    close("dW at the touched rows", dW[words], total, magnitude, most + 1)
    others = rng.integers(len(dW), size=SOILED)
    if dW[others[~np.isin(others, np.concatenate([call[1] for call in calls]))]].any():
        raise Wrong("dW has something else than 0 at rows that are not in idx")


def verify_rows(problem: Problem, calls: Any, result: Any, rng: np.random.Generator, kept: Any) -> None:
    """As many rows as the last call has distinct words, and some of them with their sums."""
    _, idx = calls[-1]
    rows, got = result
    integers("the rows", rows)
    if len(rows) != len(np.unique(idx)) or len(rows) != len(got):
        raise Wrong(f"{len(rows)} rows with {len(got)} sums, of {len(np.unique(idx))} distinct words")
    words = np.unique(rng.choice(idx, size=4))
    total, magnitude, most = sums_at(words, calls[-1:])
    for word, want, terms in zip(words, total, magnitude, strict=True):
        at = np.flatnonzero(rows == word)
        if len(at) != 1:
            raise Wrong(f"word {word} stands {len(at)} times in the rows")
        close("the sums", got[at[0]], want, terms, most)


def gradient_work(whole_table: bool, width: Callable[[Size], int]) -> Callable[[Size], Work]:
    """Least traffic of a form: dout and idx are read, and every row (or every touched row) is written."""

    def work(size: Size) -> Work:
        item = size.float_type.itemsize
        batch = size.B * width(size) * item
        written = size.V * width(size) * item if whole_table else batch
        return Work(batch + size.B * size.index_type.itemsize, written, float(size.B * width(size)))

    return work


SIZES = (Size(7, 3, 12), Size(40, 100, 90), Size(3, 1, 1), Size(9, 4, 0), Size(300, 17, 500, dtype="f64", index="i32"))
