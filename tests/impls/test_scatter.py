"""scatter: whatever the words, gradients add up, in every form and by every implementation."""

from __future__ import annotations

from math import fsum
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from impls.case import Size
from impls.catalogue import missing, own
from impls.interface import Implementation, Problem

Array = NDArray[Any]

FORMS = ("scatter.dense", "scatter.accumulate", "scatter.rows")
SCATTERS = [pytest.param(i, id=i.key) for i in own() if i.kernel.name in FORMS and not i.wrong]
SCALARS = [pytest.param(i, id=i.key) for i in own() if i.kernel.name == "scatter.scalar" and not i.wrong]
ROWS = [pytest.param(i, id=i.slug) for i in own() if i.kernel.name == "scatter.rows" and not i.wrong]
ASSIGNED = [pytest.param(i, id=i.key) for i in own() if i.kernel.name.startswith("scatter") and i.slug == "assign"]

Batch = tuple[int, Array, Array]
"""V, idx (B,) and dout (B, H)."""


def called(implementation: Implementation, *arguments: Any, size: Size) -> Any:
    """Call an implementation with the workspace that it asks for."""
    if lacking := missing(implementation):
        pytest.skip(f"needs {', '.join(lacking)}")
    if implementation.prepare is None:
        return implementation(*arguments)
    inputs = dict(zip(implementation.kernel.parameters, arguments, strict=True))
    return implementation(*arguments, implementation.prepare(Problem(size, inputs, [arguments], 1.0)))


def gradient(implementation: Implementation, V: int, idx: Array, dout: Array) -> Array:
    """The gradient of W, (V, H), by any form: what a dense one leaves, what is added to zeros, or the rows put in place."""
    size = Size(V, dout.shape[1], len(idx), dtype=f"f{8 * dout.itemsize}", index=f"i{8 * idx.itemsize}")
    dW = np.zeros((V, dout.shape[1]), dout.dtype)
    if implementation.kernel.name == "scatter.rows":
        rows, sums = called(implementation, dout, idx, size=size)
        dW[rows] = sums
        return dW
    if implementation.kernel.name == "scatter.dense":
        dW.fill(9)  # as an earlier step may have left it
    called(implementation, dout, idx, dW, size=size)
    return dW


def summed_by_hand(V: int, idx: Array, dout: Array) -> Array:
    """Word by word, and each sum exact (math.fsum)."""
    return np.array([[fsum(dout[idx == word, h]) for h in range(dout.shape[1])] for word in range(V)])


@st.composite
def batches(draw: st.DrawFn, longest: int = 24) -> Batch:
    """A batch in float64 whose words repeat or do not."""
    V, H, B = draw(st.integers(2, 10)), draw(st.integers(1, 5)), draw(st.integers(0, longest))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    top = draw(st.integers(1, V))
    idx = rng.integers(top, size=B).astype(draw(st.sampled_from(["i4", "i8"])))
    return V, idx, rng.standard_normal((B, H))


def near(got: Array | float, want: Array | float, terms: float) -> None:
    """Equal but for rounding in float64."""
    assert np.max(np.abs(np.asarray(got) - want), initial=0) <= 1e-13 * (1 + terms)


ordinary = settings(max_examples=25, deadline=None)


@pytest.mark.parametrize("implementation", SCATTERS)
@ordinary
@given(batch=batches())
def test_every_form_adds_up_the_gradients_of_each_word(implementation: Implementation, batch: Batch) -> None:
    V, idx, dout = batch
    near(gradient(implementation, V, idx, dout), summed_by_hand(V, idx, dout), float(np.abs(dout).sum()))


@pytest.mark.parametrize("implementation", SCATTERS)
@ordinary
@given(batch=batches(), seed=st.integers(0, 99))
def test_scatter_is_what_backpropagation_through_a_lookup_asks_for(
    implementation: Implementation, batch: Batch, seed: int
) -> None:
    """Adjoint: <W[idx], dout> = <W, scatter(dout, idx)> for any W."""
    V, idx, dout = batch
    W = np.random.default_rng(seed).standard_normal((V, dout.shape[1]))
    terms = float((np.abs(W[idx]) * np.abs(dout)).sum())
    near(float((W * gradient(implementation, V, idx, dout)).sum()), float((W[idx] * dout).sum()), terms)


@pytest.mark.parametrize("implementation", SCATTERS)
@ordinary
@given(batch=batches(), a=st.floats(-10, 10), b=st.floats(-10, 10), seed=st.integers(0, 99))
def test_scatter_is_linear(implementation: Implementation, batch: Batch, a: float, b: float, seed: int) -> None:
    V, idx, x = batch
    y = np.random.default_rng(seed).standard_normal(x.shape)
    whole = gradient(implementation, V, idx, a * x + b * y)
    near(
        whole,
        a * gradient(implementation, V, idx, x) + b * gradient(implementation, V, idx, y),
        20 * float(np.abs(x).sum() + np.abs(y).sum()),
    )


@pytest.mark.parametrize("implementation", SCATTERS)
@ordinary
@given(batch=batches(), seed=st.integers(0, 99))
def test_the_order_of_a_batch_does_not_matter(implementation: Implementation, batch: Batch, seed: int) -> None:
    V, idx, dout = batch
    order = np.random.default_rng(seed).permutation(len(idx))
    near(
        gradient(implementation, V, idx[order], dout[order]),
        gradient(implementation, V, idx, dout),
        float(np.abs(dout).sum()),
    )


@pytest.mark.parametrize("implementation", SCATTERS)
@ordinary
@given(batch=batches())
def test_words_that_are_not_in_the_batch_get_no_gradient(implementation: Implementation, batch: Batch) -> None:
    V, idx, dout = batch
    assert not gradient(implementation, V, idx, dout)[~np.isin(np.arange(V), idx)].any()


@pytest.mark.parametrize("implementation", SCATTERS)
@ordinary
@given(batch=batches())
def test_float32_gradients_stay_near_the_exact_sums(implementation: Implementation, batch: Batch) -> None:
    """Adding n numbers in float32 errs by at most n · 2⁻²³ of the sum of their sizes (Higham 2002)."""
    V, idx, dout = batch
    single = dout.astype(np.float32)
    got = gradient(implementation, V, idx, single)
    assert got.dtype == np.float32
    bound = (len(idx) + 1) * 2.0**-23 * summed_by_hand(V, idx, np.abs(single.astype(np.float64)))
    assert np.all(np.abs(got - summed_by_hand(V, idx, single.astype(np.float64))) <= bound)


@pytest.mark.parametrize("implementation", ROWS)
@ordinary
@given(batch=batches())
def test_rows_name_each_word_of_the_batch_once(implementation: Implementation, batch: Batch) -> None:
    """Slide 11: keeping the rows is enough; they are as many as the distinct words, never V."""
    V, idx, dout = batch
    size = Size(V, dout.shape[1], len(idx), dtype="f64")
    rows, sums = called(implementation, dout, idx, size=size)
    assert sorted(rows.tolist()) == sorted(set(idx.tolist()))
    assert sums.shape == (len(set(idx.tolist())), dout.shape[1])


@pytest.mark.parametrize("implementation", [p for p in SCATTERS if "accumulate" in str(p.id)])
@ordinary
@given(batch=batches())
def test_what_was_accumulated_before_is_kept(implementation: Implementation, batch: Batch) -> None:
    V, idx, dout = batch
    before = np.random.default_rng(0).standard_normal((V, dout.shape[1]))
    dW = before.copy()
    called(implementation, dout, idx, dW, size=Size(V, dout.shape[1], len(idx), dtype="f64"))
    near(dW, before + summed_by_hand(V, idx, dout), float(np.abs(dout).sum() + np.abs(before).sum()))


@pytest.mark.parametrize("implementation", SCALARS)
@ordinary
@given(batch=batches())
def test_one_number_a_word_is_a_column_of_the_gradient(implementation: Implementation, batch: Batch) -> None:
    """Slide 13's own case: H = 1."""
    V, idx, dout = batch
    before = np.linspace(-1, 1, V)
    dW = before.copy()
    called(implementation, dout[:, 0].copy(), idx, dW, size=Size(V, 1, len(idx), dtype="f64"))
    near(dW, before + summed_by_hand(V, idx, dout[:, :1])[:, 0], float(np.abs(dout).sum() + V))


@pytest.mark.parametrize("implementation", ASSIGNED)
def test_assignment_is_right_without_repeated_words_and_wrong_with_them(implementation: Implementation) -> None:
    """Slides 11 and 12."""
    dout = np.array([[1.0], [2.0], [4.0]])
    assert gradient(implementation, 4, np.array([0, 2, 3]), dout).ravel().tolist() == [1, 0, 2, 4]
    assert gradient(implementation, 4, np.array([0, 2, 0]), dout).ravel().tolist() == [4, 0, 2, 0]
    assert implementation.wrong
    assert summed_by_hand(4, np.array([0, 2, 0]), dout).ravel().tolist() == [5, 0, 2, 0]


def test_one_word_ten_thousand_times_is_added_up_by_all() -> None:
    """The most frequent word of a real batch comes often: small integers add up exactly, in any order."""
    idx, dout = np.zeros(10_000, np.int64), np.ones((10_000, 2), np.float32)
    for implementation in (p.values[0] for p in SCATTERS):
        assert isinstance(implementation, Implementation)
        assert gradient(implementation, 3, idx, dout).tolist() == [[10_000, 10_000], [0, 0], [0, 0]]
