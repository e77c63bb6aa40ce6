"""lookup: every way to take rows of W gives the very rows of W."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from w2vbench.impls.interface import Array, Implementation
from w2vbench.impls.interface.case import Size
from w2vbench.impls.lookup import gather, lookup, one_hot_dot

from tests.impls.calling import called, for_every, implementations, sized

LOOKUPS = implementations("lookup")


def rows_of(implementation: Implementation, W: Array, idx: Array) -> Array:
    return np.asarray(called(implementation, sized(W, idx, len(W)), W, idx))


@st.composite
def tables(draw: st.DrawFn) -> tuple[Array, Array]:
    """Any W (V, H) of finite numbers and any idx (B,), in both dtypes of each."""
    V, H, B = draw(st.integers(2, 12)), draw(st.integers(1, 6)), draw(st.integers(0, 15))
    dtype = draw(st.sampled_from(["f4", "f8"]))
    finite = st.floats(width=32 if dtype == "f4" else 64, allow_nan=False, allow_infinity=False)
    W = draw(arrays(dtype, (V, H), elements=finite))
    idx = draw(arrays(draw(st.sampled_from(["i4", "i8"])), B, elements=st.integers(0, V - 1)))
    return W, idx


@for_every(LOOKUPS, examples=60, table=tables())
def test_each_row_is_the_tables_own(implementation: Implementation, table: tuple[Array, Array]) -> None:
    W, idx = table
    rows = rows_of(implementation, W, idx)
    assert rows.shape == (len(idx), W.shape[1])
    assert rows.dtype == W.dtype
    assert rows.tolist() == [W[word].tolist() for word in idx.tolist()]


@pytest.mark.parametrize("implementation", LOOKUPS)
def test_rows_are_a_copy_so_that_training_cannot_change_them(implementation: Implementation) -> None:
    W = np.ones((4, 3), np.float32)
    rows = rows_of(implementation, W, np.array([1, 1]))
    W[1] = 7
    assert rows.tolist() == [[1, 1, 1], [1, 1, 1]]


def test_only_the_one_hot_product_reads_all_of_the_table() -> None:
    """Slide 5 and 9: O(V) became O(1). The least work does not know V; the baseline's own grows with it."""
    small, large = Size(1000, B=1), Size(100_000, B=1)
    assert lookup.work(small) == lookup.work(large)
    assert one_hot_dot.traffic is not None
    few, many = (one_hot_dot.traffic(size).read_bytes for size in (small, large))
    assert many / few == pytest.approx(100)
    assert many >= 100_000 * 100 * 4
    assert (one_hot_dot.grows_with, gather.grows_with) == ("V", "")
