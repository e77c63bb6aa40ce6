"""scatter: whatever the words, gradients add up, in every form and by every implementation."""

from __future__ import annotations

from math import fsum
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from w2vbench.impls.catalogue.discovery import own
from w2vbench.impls.interface import Array, Implementation

from tests.impls.calling import called, for_every, implementations, sized

ROWS, ACCUMULATING = implementations("scatter.rows"), implementations("scatter.accumulate")
SCATTERS = [*implementations("scatter.dense"), *ACCUMULATING, *ROWS]
SCALARS = implementations("scatter.scalar")
ASSIGNED = [pytest.param(i, id=i.key) for i in own() if i.kernel.name.startswith("scatter") and i.slug == "assign"]

Batch = tuple[int, Array, Array]
"""V, idx (B,) and dout (B, H)."""


def gradient(implementation: Implementation, V: int, idx: Array, dout: Array) -> Array:
    """The gradient of W, (V, H), by any form: what a dense one leaves, what is added to zeros, or the rows put in place."""
    size, dW = sized(dout, idx, V), np.zeros((V, dout.shape[1]), dout.dtype)
    if implementation.kernel.name == "scatter.rows":
        rows, sums = called(implementation, size, dout, idx)
        dW[rows] = sums
        return dW
    if implementation.kernel.name == "scatter.dense":
        dW.fill(9)  # as an earlier step may have left it
    called(implementation, size, dout, idx, dW)
    return dW


def summed_by_hand(V: int, idx: Array, dout: Array) -> Array:
    """Word by word, and each sum exact (math.fsum)."""
    return np.array([[fsum(dout[idx == word, h]) for h in range(dout.shape[1])] for word in range(V)])


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """A batch in float64 whose words repeat or do not."""
    V, H, B = draw(st.integers(2, 10)), draw(st.integers(1, 5)), draw(st.integers(0, 24))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    top = draw(st.integers(1, V))
    idx = rng.integers(top, size=B).astype(draw(st.sampled_from(["i4", "i8"])))
    return V, idx, rng.standard_normal((B, H))


def near(got: Array, want: Array, terms: Any) -> None:
    """Equal but for rounding in float64."""
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-13 * (1 + terms))


@for_every(SCATTERS, examples=60, batch=batches())
def test_every_form_adds_up_the_gradients_of_each_word(implementation: Implementation, batch: Batch) -> None:
    """Words that are not in the batch get exactly nothing."""
    V, idx, dout = batch
    got = gradient(implementation, V, idx, dout)
    near(got, summed_by_hand(V, idx, dout), np.abs(dout).sum())
    assert not got[~np.isin(np.arange(V), idx)].any()


@for_every(SCATTERS, batch=batches())
def test_float32_gradients_stay_near_the_exact_sums(implementation: Implementation, batch: Batch) -> None:
    """Adding n numbers in float32 errs by at most n · 2⁻²³ of the sum of their sizes (Higham 2002)."""
    V, idx, dout = batch
    single = dout.astype(np.float32)
    got = gradient(implementation, V, idx, single)
    assert got.dtype == np.float32
    bound = (len(idx) + 1) * 2.0**-23 * summed_by_hand(V, idx, np.abs(single.astype(np.float64)))
    assert np.all(np.abs(got - summed_by_hand(V, idx, single.astype(np.float64))) <= bound)


@for_every(ROWS, batch=batches())
def test_rows_name_each_word_of_the_batch_once(implementation: Implementation, batch: Batch) -> None:
    """Slide 11: keeping the rows is enough; they are as many as the distinct words, never V."""
    V, idx, dout = batch
    rows, sums = called(implementation, sized(dout, idx, V), dout, idx)
    assert sorted(rows.tolist()) == sorted(set(idx.tolist()))
    assert sums.shape == (len(rows), dout.shape[1])


@for_every([*ACCUMULATING, *SCALARS], batch=batches())
def test_what_was_accumulated_before_is_kept(implementation: Implementation, batch: Batch) -> None:
    """One number a word (slide 13's own case, H = 1) is added like a row of one."""
    V, idx, dout = batch
    scalar = implementation.kernel.name == "scatter.scalar"
    dout = dout[:, :1].copy() if scalar else dout
    before = np.random.default_rng(0).standard_normal((V, dout.shape[1]))
    dW = before.copy()
    called(implementation, sized(dout, idx, V), dout[:, 0] if scalar else dout, idx, dW[:, 0] if scalar else dW)
    near(dW, before + summed_by_hand(V, idx, dout), np.abs(dout).sum() + np.abs(before).sum())


@pytest.mark.parametrize("implementation", ASSIGNED)
def test_assignment_is_right_without_repeated_words_and_wrong_with_them(implementation: Implementation) -> None:
    """Slides 11 and 12: the sums of the second batch are 5 and 2."""
    dout = np.array([[1.0], [2.0], [4.0]])
    assert gradient(implementation, 4, np.array([0, 2, 3]), dout).ravel().tolist() == [1, 0, 2, 4]
    assert gradient(implementation, 4, np.array([0, 2, 0]), dout).ravel().tolist() == [4, 0, 2, 0]
    assert implementation.wrong


@pytest.mark.parametrize("implementation", SCATTERS)
def test_one_word_ten_thousand_times_is_added_up(implementation: Implementation) -> None:
    """The most frequent word of a real batch comes often: small integers add up exactly, in any order."""
    idx, dout = np.zeros(10_000, np.int64), np.ones((10_000, 2), np.float32)
    assert gradient(implementation, 3, idx, dout).tolist() == [[10_000, 10_000], [0, 0], [0, 0]]
