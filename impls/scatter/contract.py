"""What the forms of scatter share: inputs, reference, checks and work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..compiling.intrinsics.rows import copy_row, prefetch_row
from ..corpus.batches import RotatingBatches, SlidingInput, rotating_batch_count, rotating_problem, stream_length
from ..corpus.words import Corpus
from ..interface import Array, Problem, Work, Wrong
from ..interface.arrays import normals, resident_zeros
from ..interface.case import Size
from ..interface.checks import check_close, check_dtype, check_integers, equal_elsewhere, tables_after


class RepeatedWords(RotatingBatches):
    """Batches of words in which the last word repeats the first: a scatter must sum where words repeat."""

    def renew(self, first: int, count: int) -> None:
        super().renew(first, count)
        for idx in (self.windows[0][first : first + count], *(idx[None] for (idx,) in self.check_batches)):
            idx[:, -1:] = idx[:, :1]


DIRTY_ROWS = 64
"""Random rows of dW that hold other numbers than 0 before a sample."""


def make_with(
    buffer: bool, one_number: bool = False, dirty: bool = False
) -> Callable[[Size, Corpus, np.random.Generator], Problem]:
    """Return the ``make`` of a form, whose inputs are dout, idx and perhaps dW.

    Parameters
    ----------
    buffer
        Whether the form writes into a given dW.
    one_number
        Whether dout has one number per word instead of a row.
    dirty
        Whether some rows of dW are not zero before a sample: the form must zero them itself.
    """

    def make(size: Size, corpus: Corpus, rng: np.random.Generator) -> Problem:
        width = () if one_number else (size.H,)
        row_bytes = size.float_type.itemsize * (1 if one_number else size.H)
        number = rotating_batch_count(size, row_bytes, size.B)
        dout = SlidingInput(number, size.B, lambda rows: normals(rng, (rows, *width), size.float_type, scale=1.0), rng)
        stream = corpus.stream(size, stream_length(number, size.B), rng)
        words = RepeatedWords(number, size.B, (stream,), rng)
        if not buffer:
            return rotating_problem(size, {}, lambda idx, dout: (dout, idx), words, dout)
        dW = resident_zeros((size.V, *width), size.float_type)
        touched = np.unique(stream)
        verify_data, row_rng = {"dirty": np.zeros(0, np.int64)}, rng.spawn(1)[0]

        def reset() -> None:
            dW[verify_data["dirty"]] = 0
            dW[touched] = 0
            if dirty:
                verify_data["dirty"] = rows = row_rng.integers(size.V, size=DIRTY_ROWS)
                dW[rows] = 7

        def arguments(idx: Array, dout: Array) -> tuple[Any, ...]:
            return dout, idx, dW

        return rotating_problem(size, {"dW": dW}, arguments, words, dout, reset=reset, verify_data=verify_data)

    return make


def reference(dout: Array, idx: Array) -> tuple[Array, Array, Array, int]:
    """Return the reference in float64: touched rows, their sums, their sums of absolute values, and the most terms of a row."""
    rows, counts = np.unique(idx, return_counts=True)
    total = np.zeros((len(rows), *dout.shape[1:]))
    magnitude = np.zeros_like(total)
    for row, gradient in zip(np.searchsorted(rows, idx), dout.astype(np.float64), strict=True):
        total[row] += gradient
        magnitude[row] += np.abs(gradient)
    return rows, total, magnitude, int(counts.max(initial=1))


def check_gradient(dW: Array, before: float, dout: Array, idx: Array) -> None:
    """Compare dW, which held one number everywhere before: the sums are added at touched rows, all others are unchanged."""
    rows, total, magnitude, most = reference(dout, idx)
    check_close("dW at the touched rows", dW[rows], before + total, abs(before) + magnitude, most + 1)
    if not equal_elsewhere(dW, rows, before):
        raise Wrong(f"dW is not {before:g} at rows that are not in idx")


def check_dense(call: Any, dout: Array, idx: Array, dW: Array) -> None:
    """Check that dW holds the gradient alone, whatever it held before."""
    dW.fill(7)
    (got,) = tables_after(call(dout, idx, dW), dW)
    check_gradient(got, 0.0, dout, idx)
    dW.fill(0)


def check_accumulate(call: Any, dout: Array, idx: Array, dW: Array) -> None:
    """Check that the gradient is added to what dW held before."""
    dW.fill(0.5)
    (got,) = tables_after(call(dout, idx, dW), dW)
    check_gradient(got, 0.5, dout, idx)
    dW.fill(0)


def check_rows(call: Any, dout: Array, idx: Array) -> None:
    """Check that each touched row comes once, in any order, with its sum."""
    got_rows, got_sums = (np.asarray(part) for part in call(dout, idx))
    rows, total, magnitude, most = reference(dout, idx)
    check_integers("the rows", got_rows)
    order = np.argsort(got_rows, kind="stable")
    if not np.array_equal(got_rows[order], rows):
        raise Wrong(f"the rows are not the distinct words of idx ({len(got_rows)} rows, {len(rows)} distinct words)")
    check_dtype("the sums", got_sums, dout.dtype)
    if len(got_sums) != len(rows):
        raise Wrong(f"{len(rows)} rows come with {len(got_sums)} sums")
    check_close("the sums", got_sums[order], total, magnitude, most)


# timed calls


def own_row(call: tuple[Any, ...], places: Array) -> Array:
    """Return which rows of dout belong to places of idx: the same ones."""
    return places


def reference_at(
    words: Array, calls: Sequence[tuple[Any, ...]], row_of: Callable[[tuple[Any, ...], Array], Array] = own_row
) -> tuple[Array, Array, int]:
    """Return the reference for several calls together at some words: sums, sums of absolute values, and the most terms of a word.

    row_of: given a call and places of its idx, returns which rows of dout belong to them.
    """
    idx = np.concatenate([call[1] for call in calls])
    ends = np.cumsum([len(call[1]) for call in calls])
    total = np.zeros((len(words), *calls[0][0].shape[1:]))
    magnitude, most = np.zeros_like(total), 0
    for row, word in enumerate(words):
        places = np.flatnonzero(idx == word)
        most = max(most, len(places))
        at = np.searchsorted(ends, places, side="right")
        for call in np.unique(at):
            here = places[at == call] - ends[call] + len(calls[call][1])
            gradients = calls[call][0][row_of(calls[call], here)]
            total[row] += gradients.sum(axis=0, dtype=np.float64)
            magnitude[row] += np.abs(gradients).sum(axis=0, dtype=np.float64)
    return total, magnitude, most


MAX_TERMS = 500
"""Occurrences of a word that are summed quickly. More frequent words are verified only where there are no others."""


def choose_words(calls: Sequence[tuple[Any, ...]], rng: np.random.Generator) -> Array:
    """Choose distinct words from the batches of the first, the last and some other calls, without very frequent ones if possible."""
    chosen = {0, len(calls) - 1, *rng.integers(len(calls), size=4).tolist()}
    words = np.unique([rng.choice(calls[at][1]) for at in chosen])
    idx = np.concatenate([call[1] for call in calls])
    places = np.array([np.count_nonzero(idx == word) for word in words])
    return np.asarray(words[places <= max(MAX_TERMS, places.min())])


def verify_dense(problem: Problem, calls: Any, result: Any, rng: np.random.Generator, history: Any) -> None:
    """Check the last call's sums at some of its words, and zeros at dirty rows and at words of an earlier call."""
    _, idx, dW = calls[-1]
    (dW,) = tables_after(result, dW)
    words = np.unique(rng.choice(idx, size=4))
    total, magnitude, most = reference_at(words, calls[-1:])
    check_close("dW at the touched rows", dW[words], total, magnitude, most + 1)
    others = np.concatenate([problem.verify_data["dirty"], calls[int(rng.integers(len(calls)))][1][:DIRTY_ROWS]])
    if dW[np.setdiff1d(others, idx)].any():
        raise Wrong("dW is not 0 at rows that are not in idx")


def verify_accumulate(
    problem: Problem,
    calls: Any,
    result: Any,
    rng: np.random.Generator,
    history: Any,
    row_of: Callable[[tuple[Any, ...], Array], Array] = own_row,
) -> None:
    """Check the sums of all of the sample's calls at some of their words, and zeros at rows of other words."""
    (dW,) = tables_after(result, calls[-1][-1])
    words = choose_words(calls, rng)
    total, magnitude, most = reference_at(words, calls, row_of)
    check_close("dW at the touched rows", dW[words], total, magnitude, most + 1)
    others = rng.integers(len(dW), size=DIRTY_ROWS)
    if dW[others[~np.isin(others, np.concatenate([call[1] for call in calls]))]].any():
        raise Wrong("dW is not 0 at rows that are not in idx")


def verify_rows(problem: Problem, calls: Any, result: Any, rng: np.random.Generator, history: Any) -> None:
    """Check the number of rows of the last call, and some of them with their sums."""
    _, idx = calls[-1]
    rows, got = result
    check_integers("the rows", rows)
    if len(rows) != len(np.unique(idx)) or len(rows) != len(got):
        raise Wrong(f"{len(rows)} rows with {len(got)} sums, of {len(np.unique(idx))} distinct words")
    words = np.unique(rng.choice(idx, size=4))
    total, magnitude, most = reference_at(words, calls[-1:])
    for word, want, terms in zip(words, total, magnitude, strict=True):
        at = np.flatnonzero(rows == word)
        if len(at) != 1:
            raise Wrong(f"word {word} is {len(at)} times in the rows")
        check_close("the sums", got[at[0]], want, terms, most)


def gradient_work(whole_table: bool, width: Callable[[Size], int]) -> Callable[[Size], Work]:
    """Return the least work of a form: dout and idx are read, and every row (or every touched row) is written."""

    def work(size: Size) -> Work:
        item = size.float_type.itemsize
        batch = size.B * width(size) * item
        written = size.V * width(size) * item if whole_table else batch
        return Work(batch + size.B * size.index_type.itemsize, written, float(size.B * width(size)))

    return work


SIZES = (Size(7, 3, 12), Size(40, 100, 90), Size(3, 1, 1), Size(9, 4, 0), Size(300, 17, 500, dtype="f64", index="i32"))


FLOOR_AHEAD = 8
"""How many rows ahead to prefetch."""


def rows_written(dout: Array, idx: Array, dW: Array) -> None:
    for i in range(len(idx)):
        copy_row(dW, idx[i], dout, i)


def rows_written_ahead(dout: Array, idx: Array, dW: Array) -> None:
    n = len(idx)
    for i in range(-FLOOR_AHEAD, n):
        if i + FLOOR_AHEAD < n:
            prefetch_row(dW, idx[i + FLOOR_AHEAD])
        if i >= 0:
            copy_row(dW, idx[i], dout, i)
