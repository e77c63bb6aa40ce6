"""Arguments of a dispatched call: right ones of any layout and size, and wrong ones, which never reach machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from w2vbench.impls.catalogue.discovery import own
from w2vbench.impls.choosing.offered import candidates, kernel_of
from w2vbench.impls.interface import Array
from w2vbench.impls.output.hierarchical import huffman

from tests.impls.choosing.dispatched import function_of

BAD: list[tuple[Callable[[Array, Array], tuple[Any, Any]], str]] = [
    (lambda W, idx: (W, idx.tolist()), "idx must be a NumPy array, not list"),
    (lambda W, idx: (W.tolist(), idx), "W must be a NumPy array, not list"),
    (lambda W, idx: (None, idx), "W must be a NumPy array, not NoneType"),
    (lambda W, idx: (W, 3), "idx must be a NumPy array, not int"),
    (lambda W, idx: (W, idx.astype(np.float64)), "idx must be int32 or int64, not float64"),
    (lambda W, idx: (W, idx.astype(np.uint64)), "idx must be int32 or int64, not uint64"),
    (lambda W, idx: (W, idx.astype(">i8")), "idx must be int32 or int64, not >i8"),
    (lambda W, idx: (W.astype(np.float16), idx), "W must be float32 or float64, not float16"),
    (lambda W, idx: (W.view(np.int32), idx), "W must be float32 or float64, not int32"),
    (lambda W, idx: (W.astype(np.complex64), idx), "W must be float32 or float64, not complex64"),
    (lambda W, idx: (W, idx[:, None]), "idx must have 1 axis, not 2"),
    (lambda W, idx: (W[0], idx), "W must have 2 axes, not 1"),
    (lambda W, idx: (W[None], idx), "W must have 2 axes, not 3"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message for _, message in BAD])
@pytest.mark.parametrize("slug", ["gather", "numba-prefetch"])
def test_other_arguments_are_refused_also_after_right_ones(
    change: Callable[[Array, Array], tuple[Any, Any]], message: str, slug: str
) -> None:
    W, idx = np.ones((40, 10), np.float32), np.arange(6)
    call = function_of("lookup", slug)
    for _ in range(2):
        with pytest.raises(TypeError) as raised:
            call(*change(W, idx))
        assert str(raised.value) == message
        np.testing.assert_array_equal(call(W, idx), W[idx])


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    dW, dout, idx = np.zeros((9, 4)), np.ones((5, 4)), np.arange(5)
    for slug in candidates("scatter.accumulate"):
        call = function_of("scatter.accumulate", slug)
        call(dout, idx, dW)
        for bad in ((dout[:3], idx, dW), (dout, idx[:3], dW), (dout[:, :2].copy(), idx, dW)):
            with pytest.raises(ValueError, match="do not fit together"):
                call(*bad)
        with pytest.raises(TypeError, match="one dtype"):
            call(dout.astype(np.float32), idx, dW)


def test_hundreds_of_sizes_in_turn_are_right() -> None:
    """More than stay ready."""
    W = np.random.default_rng(0).standard_normal((400, 3))
    call = function_of("lookup", "numba")
    for n in (*range(300), *range(10)):
        np.testing.assert_array_equal(call(W, np.arange(n)), W[:n])


def test_a_wrong_id_is_not_noticed_by_compiled_code() -> None:
    """As the documents say. What lies beyond these tables is ours, so that nothing foreign is read or written."""
    around = np.arange(90.0).reshape(30, 3)
    W, idx = around[10:20], np.array([10, 12])
    for slug in ("numba", "numba-prefetch"):
        np.testing.assert_array_equal(function_of("lookup", slug)(W, idx), around[20:23:2])
        sums = np.zeros((30, 3))
        function_of("scatter.accumulate", slug)(np.ones((2, 3)), idx, sums[10:20])
        np.testing.assert_array_equal(np.flatnonzero(sums[:, 0]), [20, 22])
    with pytest.raises(IndexError):
        function_of("lookup", "gather")(W, idx)


def misaligned(array: Array) -> Array:
    """A copy whose numbers do not begin at a multiple of their size."""
    shifted = np.frombuffer(bytearray(b"-" + array.tobytes()), array.dtype, offset=1).reshape(array.shape)
    assert not shifted.flags.aligned
    return shifted


def locked(array: Array) -> Array:
    """A copy that may only be read."""
    copy = array.copy()
    copy.setflags(write=False)
    return copy


LAYOUTS: list[Callable[[Array], Array]] = [
    *(np.asfortranarray, misaligned, locked),
    *(lambda array: array[::2], lambda array: array[::-1], lambda array: array.T.copy().T),
]


@pytest.mark.parametrize("slug", candidates("lookup"))
def test_arrays_of_any_layout_give_right_results(slug: str) -> None:
    W, idx = np.random.default_rng(0).standard_normal((60, 10)), np.arange(20)
    call = function_of("lookup", slug)
    call(W[:30].copy(), idx)
    for change in LAYOUTS:
        for table, words in ((change(W), idx), (W, change(idx)), (change(W), change(idx))):
            np.testing.assert_array_equal(call(table, words), table[words])


def test_compiled_code_gets_aligned_arrays_also_read_only_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[Array] = []
    monkeypatch.setattr("w2vbench.impls.compiling.functions.ready", lambda *arguments: lambda *call: got.extend(call))
    call = function_of("scatter.rows", "numba", V=60)
    for change in (misaligned, lambda array: array[::-1]):
        dout, idx = change(np.ones((20, 10))), change(np.arange(20))
        for array in (dout, idx):
            array.setflags(write=False)
        call(dout, idx)
    assert len(got) >= 4
    assert all(array.flags.c_contiguous and array.flags.aligned for array in got if isinstance(array, np.ndarray))


CHANGING = list(dict.fromkeys(i.kernel.name for i in own() if i.kernel.shapes and {*i.kernel.mutates} - {"rng"}))


@pytest.mark.parametrize("name", CHANGING)
def test_what_a_call_changes_must_be_contiguous_aligned_and_writeable(name: str) -> None:
    """Also with NumPy: some write through ``reshape``, which is a copy if the array is not contiguous."""
    kernel = kernel_of(name)
    read: dict[str, Array] = {"dout": np.ones((5, 4)), "values": np.ones((5, 4))}
    read |= {name: np.arange(5) for name in ("idx", "offsets", "rows")}
    if name == "scatter.scalar":
        read["dout"] = np.ones(5)
    shape = (9,) if name == "scatter.scalar" else (9, 4)
    locked = np.zeros(shape)
    locked.setflags(write=False)
    wide = np.zeros((18, 8))
    strided = wide[::2, 0] if name == "scatter.scalar" else wide[::2, ::2]
    for slug in candidates(name):
        call = function_of(name, slug)
        for changed in (parameter for parameter in kernel.parameters if parameter in kernel.mutates):
            for bad in (strided, locked, misaligned(np.zeros(shape))):
                given = {one: np.zeros(shape) for one in kernel.mutates} | read
                call(*(given.get(one, 1) for one in kernel.parameters))
                with pytest.raises(TypeError, match=f"{changed} is changed in place"):
                    call(*({**given, changed: bad}.get(one, 1) for one in kernel.parameters))
                assert not bad.any()


def test_an_updates_rows_may_be_fewer_in_each_call() -> None:
    """Distinct words of a batch: whatever their number, one workspace serves them, and arrays must fit together."""
    rng = np.random.default_rng(0)
    for slug in candidates("update.lazy-adam"):
        call = function_of("update.lazy-adam", slug)
        for n in (5, 8, 6, 0, 7, 1, 300):
            W, m, v = rng.standard_normal((3, 400, 4)) ** 2
            rows, values = np.sort(rng.choice(400, n, replace=False)), rng.standard_normal((n, 4))
            kernel_of("update.lazy-adam").check(call, W, m, v, rows, values, 1000)
            for bad in ((rows, np.ones((n + 1, 4))), (rows, np.ones((n, 3))), (rows, np.ones((n, 4, 1)))):
                with pytest.raises((TypeError, ValueError)):
                    call(W, m, v, *bad, 1000)


SAMPLERS = [
    (f"sampling.{law}", slug)
    for law in ("with-replacement", "without-replacement")
    for slug in candidates(f"sampling.{law}")
]


@pytest.mark.parametrize(("name", "slug"), SAMPLERS)
def test_too_few_words_to_draw_from_are_refused_and_not_waited_for(name: str, slug: str) -> None:
    rng, different = np.random.default_rng(0), name.endswith("without-replacement")
    call = function_of(name, slug)
    few = np.array([0.5, 0.5, 1e-12, 0.0]) if different else np.array([1.0, 1e-12, 0.0, 0.0])
    for p, K in ((few, 2), (np.zeros(4), 1), (np.full(4, np.nan), 1), *([(np.full(4, 0.25), 4)] * different)):
        for _ in range(2):
            with pytest.raises(ValueError, match=r"need|cannot be drawn from 4 words"):
                call(np.zeros(3, np.int64), K, p, rng)
    assert call(np.zeros(3, np.int64), 3, np.full(4, 0.25), rng).shape == (3, 3)


@pytest.mark.parametrize("slug", candidates("output.hierarchical"))
def test_a_tree_of_other_words_is_refused(slug: str) -> None:
    call, tree = function_of("output.hierarchical", slug), huffman(np.arange(9.0, 0, -1))
    h, target = np.ones((2, 3)), np.array([0, 8])
    call(h, np.ones((8, 3)), target, tree)
    cut, beyond = tree._replace(nodes=tree.nodes[:-1]), tree._replace(nodes=tree.nodes + 1)
    for other, rows in ((tree, 7), (tree, 9), (cut, 8), (beyond, 8), (tree._replace(offsets=-tree.offsets), 8)):
        with pytest.raises(ValueError, match="tree"):
            call(h, np.ones((rows, 3)), target, other)
