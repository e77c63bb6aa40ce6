"""Vector registers in compiled functions: exponentials, products in blocks, a row against rows at random places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from w2vbench.impls.compiling.functions import compiled
from w2vbench.impls.compiling.intrinsics.losses import add_powers, logistic_losses, softmax_losses
from w2vbench.impls.compiling.intrinsics.products import blocks, gradients, product, product_way, row_units, scores
from w2vbench.impls.interface.arrays import aligned


def call_powers(totals: Any, scores: Any, tops: Any) -> None:
    add_powers(totals, scores, tops)


def exponentials(row: Any, less: Any) -> None:
    """row = exp(row - less), by the function that sums them too."""
    compiled(call_powers)(np.zeros_like(row), row[None], less)


def call_logistic(scores: Any, scale: Any) -> Any:
    return logistic_losses(scores, 0, scores.size, scale)


def call_softmax(scores: Any, scale: Any) -> Any:
    return softmax_losses(scores, scale)


@pytest.mark.parametrize(("dtype", "end", "error"), [("f4", 87, 3e-7), ("f8", 700, 5e-16)])
def test_exponentials_are_accurate_over_the_whole_range(dtype: str, end: float, error: float) -> None:
    x = np.linspace(-end, end, 1 << 16).astype(dtype)
    row, less = x + 1, np.ones_like(x)
    given = (row - less).astype(np.longdouble)
    exponentials(row, less)
    np.testing.assert_allclose(row, np.exp(given), rtol=error)
    assert not np.any(np.diff(row) < 0)


def test_exponentials_of_extreme_numbers_are_zero_or_finite() -> None:
    row = np.array([-np.inf, -1e30, 1e30, np.inf, 0, -100, 100, -0.0], np.float32)
    exponentials(row, np.zeros(8, np.float32))
    assert np.isfinite(row).all()
    assert not row[[0, 1, 5]].any()
    assert (row[[2, 3, 6]] > 1e37).all()
    assert row[4] == row[7] == 1


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_logistic_losses_and_slopes_are_numpys(dtype: str) -> None:
    """Also of scores whose exponentials overflow, and of -inf, which pads whole units."""
    x = np.array([0, 1, -1, 30, -30, 500, -500, -np.inf] * 3, dtype)
    got = x.copy()
    loss, product = compiled(call_logistic)(got, np.dtype(dtype).type(0.5))
    wide = x.astype(np.float64)
    assert loss + np.log(product) == pytest.approx(np.logaddexp(0, wide).sum(), rel=1e-6)
    np.testing.assert_allclose(got, 0.25 * (1 + np.tanh(wide / 2)), rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_softmax_losses_and_slopes_are_numpys(dtype: str) -> None:
    """Also where a candidate is left out, where all but the first are, and where scores are far apart."""
    x = np.random.default_rng(0).normal(size=(5, 16)).astype(dtype) * 10
    x[2, 3] = x[1:, 4] = -np.inf
    x[3, 5] = 1000
    got = x.copy()
    loss, product = compiled(call_softmax)(got, np.dtype(dtype).type(0.5))
    wide = x - x.max(axis=0).astype(np.float64)
    powers = np.exp(wide)
    p = powers / powers.sum(axis=0)
    p[0] -= 1
    assert loss + np.log(product) == pytest.approx((np.log(powers.sum(axis=0)) - wide[0]).sum(), rel=1e-6)
    np.testing.assert_allclose(got, p / 2, rtol=1e-5, atol=1e-6)


@settings(max_examples=60)
@given(
    rows=st.integers(0, 40),
    n=st.sampled_from([1, 7]),  # compiled in where it is told
    columns=st.sampled_from([1, 36, 104]),  # each is compiled anew
    dtype=st.sampled_from(["f4", "f8"]),
    add=st.booleans(),
    turned=st.booleans(),
    told=st.booleans(),
    pace=st.sampled_from([0, 4]),
)
def test_a_product_is_that_of_its_whole_matrices(
    rows: int, n: int, columns: int, dtype: str, add: bool, turned: bool, told: bool, pace: int
) -> None:
    """Of any shape, with the first matrix transposed or not, its rows' distance told or not, and nothing written beyond the rows."""
    rng = np.random.default_rng(rows)
    high, wide, across = blocks(columns, np.dtype(dtype).itemsize)
    A, X, out = rng.normal(size=(rows, n)).astype(dtype), aligned(n, across, dtype), aligned(rows + 1, across, dtype)
    X[:] = rng.normal(size=X.shape)
    out[:] = rng.normal(size=out.shape)
    want = A @ X + (out[:rows] if add else 0)
    last = out[rows].copy()
    given = np.asfortranarray(A) if turned else A
    way = product_way(high, wide, (1 if turned else n) * told, pace)
    compiled(product)(out[:rows], given, X, way, add, A)
    np.testing.assert_allclose(out[:rows], want, atol=1e-4 if dtype == "f4" else 1e-12)
    np.testing.assert_array_equal(out[rows], last)


@settings(max_examples=20)
@given(
    rows=st.integers(1, 9),
    n=st.sampled_from([1, 5]),
    columns=st.sampled_from([19, 300]),
    dtype=st.sampled_from(["f4", "f8"]),
    pace=st.sampled_from([0, 100]),
)
def test_a_product_takes_rows_that_are_no_whole_blocks_if_others_are_behind(
    rows: int, n: int, columns: int, dtype: str, pace: int
) -> None:
    """Those of X and of out; of the rows behind, only the beginning of the first is written."""
    rng = np.random.default_rng(rows)
    high, wide, across = blocks(columns, np.dtype(dtype).itemsize)
    A, X = rng.normal(size=(rows, n)).astype(dtype), rng.normal(size=(n + 1, columns)).astype(dtype)
    behind = -(-across // columns)
    X, out = np.concatenate([X] * (1 + behind)), np.zeros((rows + behind + 1, columns), dtype)
    compiled(product)(out[:rows], A, X[:n], product_way(high, wide, n, pace), False, A)
    np.testing.assert_allclose(out[:rows], A @ X[:n], atol=1e-4 if dtype == "f4" else 1e-12)
    assert not out[rows:].reshape(-1)[across - columns :].any()


@settings(max_examples=60)
@given(
    H=st.sampled_from([1, 19, 100]),  # each is compiled anew
    words=st.lists(st.integers(0, 4), max_size=14),
    kind=st.sampled_from([("f4", "i4"), ("f8", "i8")]),
    add=st.booleans(),
    grow=st.sampled_from([(), (0,)]),
)
def test_scores_and_gradients_of_a_row_against_rows_at_random_places(
    H: int, words: list[int], kind: tuple[str, str], add: bool, grow: tuple[int, ...]
) -> None:
    """Shorter than a register, as long, longer with a rest and of many; any number of them, with repeats; and nothing is
    written beyond."""
    rng, n, (dtype, index) = np.random.default_rng(H), len(words), kind
    table, x, dx = (rng.normal(size=shape).astype(dtype) for shape in ((5, H), H, H))
    out, slopes, values = (rng.normal(size=shape).astype(dtype) for shape in (n + 1, n + 1, (n + 1, H)))
    ids, parts = np.array(words, index), row_units(H, np.dtype(dtype).itemsize)
    beyond, before, rows = (out[n], values[n].copy()), values[:n].copy(), table[ids]
    compiled(scores)(out, x, table, ids, *parts)
    tolerance = 1e-4 if dtype == "f4" else 1e-12
    np.testing.assert_allclose(out[:n], rows @ x, atol=tolerance)
    was = dx.copy()
    compiled(gradients)(dx, values, x, table, ids, slopes, *parts, add, grow)
    if n:  # without words nothing is done
        np.testing.assert_allclose(dx, slopes[:n] @ rows + (was if add else 0), atol=tolerance)
    np.testing.assert_allclose(values[:n], slopes[:n, None] * x + (before if grow else 0), atol=tolerance)
    assert out[n] == beyond[0]
    np.testing.assert_array_equal(values[n], beyond[1])


def test_rows_with_gaps_are_refused_when_compiled() -> None:
    from numba.core.errors import TypingError

    table = np.zeros((4, 8), np.float32, order="F")
    with pytest.raises(TypingError):
        compiled(scores)(np.zeros(2, np.float32), np.zeros(8, np.float32), table, np.arange(2), (0,), ())
