"""Bags of words: every bag's sum, also of no words, and its gradient, by every implementation."""

from __future__ import annotations

from collections.abc import Callable
from math import fsum
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from w2vbench.impls.choosing.dispatch_table import DispatchTable, KernelTimes
from w2vbench.impls.choosing.offered import candidates
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Array, Implementation, Kernel
from w2vbench.impls.interface.case import Size
from w2vbench.impls.lookup_bag import bag as lookup_bag
from w2vbench.impls.lookup_bag import bag_of_words, numba_prefetch
from w2vbench.impls.lookup_bag import loop as bag_sums
from w2vbench.impls.parts.bags import BagOffsets
from w2vbench.impls.scatter.bag import bag as scatter_bag

import w2vbench
from tests.impls.calling import available, called, for_every, implementations, slopes, verdict_of
from tests.impls.choosing.dispatched import function_of, table_of

LOOKUPS, SCATTERS = implementations("lookup.bag"), implementations("scatter.bag")
KERNELS = [pytest.param(kernel, id=kernel.name) for kernel in (lookup_bag, scatter_bag)]

Bags = tuple[int, Array, Array]
"""V, idx (N,) and offsets (B,)."""


def begun(lengths: list[int], dtype: Any = np.int64) -> Array:
    """Where bags of these lengths begin."""
    return np.cumsum([0, *lengths])[: len(lengths)].astype(dtype)


@st.composite
def bags(draw: st.DrawFn) -> Bags:
    """Bags of any lengths, of words that repeat or do not, in both types of ids."""
    V, lengths = draw(st.integers(2, 10)), draw(st.lists(st.integers(0, 7), max_size=9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dtype = draw(st.sampled_from(["i4", "i8"]))
    return V, rng.integers(draw(st.integers(1, V)), size=sum(lengths)).astype(dtype), begun(lengths, dtype)


def words_of(idx: Array, offsets: Array) -> list[list[int]]:
    """The words of each bag, as the definition has it."""
    ends = [*offsets.tolist()[1:], len(idx)]
    return [idx[start:end].tolist() for start, end in zip(offsets.tolist(), ends, strict=False)]


def size_of(rows: Array, idx: Array, offsets: Array, V: int) -> Size:
    K = len(idx) // max(1, len(offsets))
    return Size(V, rows.shape[1], len(offsets), K, dtype=f"f{8 * rows.itemsize}", index=f"i{8 * idx.itemsize}")


def sums(implementation: Implementation, W: Array, idx: Array, offsets: Array) -> Array:
    return np.array(called(implementation, size_of(W, idx, offsets, len(W)), W, idx, offsets))


def add(implementation: Implementation, dout: Array, idx: Array, offsets: Array, dW: Array) -> Array:
    called(implementation, size_of(dout, idx, offsets, len(dW)), dout, idx, offsets, dW)
    return dW


def summed_by_hand(W: Array, idx: Array, offsets: Array) -> Array:
    """Number by number, and each sum exact (math.fsum)."""
    exact = [[fsum(W[words, h]) for h in range(W.shape[1])] for words in words_of(idx, offsets)]
    return np.array(exact).reshape(len(offsets), W.shape[1])


def added_by_hand(V: int, dout: Array, idx: Array, offsets: Array) -> Array:
    terms: list[list[Array]] = [[] for _ in range(V)]
    for row, words in zip(dout, words_of(idx, offsets), strict=True):
        for word in words:
            terms[word].append(row)
    return np.array([[fsum(row[h] for row in rows) for h in range(dout.shape[1])] for rows in terms])


def normal_rows(number: int, seed: int = 0, H: int = 3) -> Array:
    return np.random.default_rng(seed).standard_normal((number, H))


def near(got: Array, want: Array, terms: float, eps: float = 2.0**-52) -> None:
    """Equal but for rounding: adding n numbers errs by at most n · eps of the sum of their sizes (Higham 2002)."""
    np.testing.assert_allclose(got, want, rtol=0, atol=100 * eps * terms)


# sums


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@for_every(LOOKUPS, examples=60, some=bags())
def test_each_bag_has_the_sum_of_its_words_rows(implementation: Implementation, some: Bags, dtype: str) -> None:
    V, idx, offsets = some
    W = normal_rows(V).astype(dtype)
    got = sums(implementation, W, idx, offsets)
    assert got.dtype == W.dtype
    near(got, summed_by_hand(W.astype(np.float64), idx, offsets), np.abs(W).max() * 7, float(np.finfo(dtype).eps))
    assert not got[[not words for words in words_of(idx, offsets)]].any()


@pytest.mark.parametrize(
    "lengths", [[0, 2, 1], [2, 0, 1], [2, 0, 0, 1], [2, 1, 0], [0, 0, 3, 0, 0], [0], [0, 0, 0], []], ids=str
)
@pytest.mark.parametrize("implementation", LOOKUPS)
def test_empty_bags_have_the_sum_0_wherever_they_are(implementation: Implementation, lengths: list[int]) -> None:
    idx = np.arange(sum(lengths))
    got = sums(implementation, np.full((4, 2), 5.0, np.float32), idx, begun(lengths))
    assert got.tolist() == [[5.0 * length] * 2 for length in lengths]


@pytest.mark.parametrize("implementation", LOOKUPS)
def test_a_bag_of_many_words_beside_others_of_few(implementation: Implementation) -> None:
    """Small integers add up exactly, in any order."""
    lengths = [3, 2000, 0, 1]
    got = sums(implementation, np.ones((3, 2), np.float32), np.zeros(sum(lengths), np.int64), begun(lengths))
    assert got[:, 0].tolist() == lengths


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("H", [*range(1, 18), 31, 33, 64, 100, 127, 300])
def test_rows_of_any_width_are_summed_in_registers(H: int, dtype: str) -> None:
    """In blocks of whole vectors, then half a vector, then single numbers. Rows are no multiple of any of these."""
    rng = np.random.default_rng(H)
    W, idx, offsets = (
        rng.standard_normal((12, H)).astype(dtype),
        rng.integers(12, size=60),
        begun([0, 1, 7, 8, 9, 35, 0]),
    )
    got = sums(numba_prefetch, W, idx, offsets)
    near(got, summed_by_hand(W.astype(np.float64), idx, offsets), 35 * np.abs(W).max(), float(np.finfo(dtype).eps))


@pytest.mark.parametrize("implementation", LOOKUPS)
def test_a_bags_mean_is_the_hidden_vector_of_cbow(implementation: Implementation) -> None:
    """Chapter 3: the mean of one-hot vectors times W."""
    W, contexts = normal_rows(9), np.array([[1, 2, 4, 5], [8, 8, 0, 3]])
    one_hot = np.eye(9)[contexts]
    got = sums(implementation, W, contexts.reshape(-1), np.array([0, 4]))
    np.testing.assert_allclose(got / 4, (one_hot @ W).mean(axis=1), rtol=1e-12)


def test_only_the_product_with_word_counts_reads_all_of_the_table() -> None:
    small, large = Size(1000, K=5), Size(100_000, K=5)
    assert lookup_bag.work(small) == lookup_bag.work(large)
    assert [i.values[0].slug for i in LOOKUPS if i.values[0].grows_with] == ["bag-of-words"]
    assert bag_of_words.traffic is not None
    few, many = (bag_of_words.traffic(size).read_bytes for size in (small, large))
    assert many / few == pytest.approx(100)


# their gradient


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@for_every(SCATTERS, examples=60, some=bags())
def test_each_word_gets_the_rows_of_its_bags_as_often_as_it_is_in_them(
    implementation: Implementation, some: Bags, dtype: str
) -> None:
    """On top of what was there. Words that are in no bag get exactly nothing."""
    V, idx, offsets = some
    before, dout = normal_rows(V, 1).astype(dtype), normal_rows(len(offsets)).astype(dtype)
    dW = add(implementation, dout, idx, offsets, before.copy())
    want = before + added_by_hand(V, dout.astype(np.float64), idx, offsets)
    near(dW, want, 1 + 7 * float(np.abs(dout).sum()), float(np.finfo(dtype).eps))
    absent = ~np.isin(np.arange(V), idx)
    np.testing.assert_array_equal(dW[absent], before[absent])


@for_every(SCATTERS, some=bags())
def test_the_gradient_of_a_loss_of_the_sums(implementation: Implementation, some: Bags) -> None:
    """Against finite differences of a loss that is not linear."""
    V, idx, offsets = some
    W = normal_rows(V)
    out = sums(bag_sums, W, idx, offsets)
    dW = add(implementation, np.cos(out), idx, offsets, np.zeros_like(W))
    by_differences = slopes(lambda: float(np.sin(sums(bag_sums, W, idx, offsets)).sum()), W)
    np.testing.assert_allclose(dW, by_differences, atol=1e-5)


@pytest.mark.parametrize("implementation", LOOKUPS)
def test_sums_and_gradient_belong_together(implementation: Implementation) -> None:
    """The sums are linear in W, and scatter.bag is their transpose: sum(sums(W) · dout) = sum(W · dW)."""
    rng = np.random.default_rng(3)
    idx, offsets = rng.integers(30, size=200), np.sort(np.r_[0, rng.integers(200, size=39)])
    W, dout = normal_rows(30), normal_rows(40, 1)
    products = (sums(implementation, W, idx, offsets) * dout).sum()
    for scatter in SCATTERS:
        dW = add(available(scatter.values[0]), dout, idx, offsets, np.zeros_like(W))
        assert (W * dW).sum() == pytest.approx(products, rel=1e-12)


# what is wrong is found


def reduceat_alone(W: Array, idx: Array, offsets: Array) -> Array:
    """Knows no empty bags. A row of zeros follows the last one, so that it does not raise."""
    rows = np.concatenate([W[idx], np.zeros((1, W.shape[1]), W.dtype)])
    return np.asarray(np.add.reduceat(rows, offsets, axis=0))


def wrong_at_the_end(W: Array, idx: Array, offsets: Array) -> Array:
    """Wrong in the last bag alone, and only if that is empty."""
    out = sums(bag_sums, W, idx, offsets)
    if len(idx) and offsets[-1] == len(idx):
        out[-1] = W[idx[-1]]
    return out


def ends_early(W: Array, idx: Array, offsets: Array) -> Array:
    return sums(bag_sums, W, idx[:-1], np.minimum(offsets, max(0, len(idx) - 1)))


WRONG_SUMS: dict[str, Callable[..., Any]] = {
    "reduceat alone": reduceat_alone,
    "wrong in an empty last bag": wrong_at_the_end,
    "without the last word": ends_early,
    "means": lambda W, idx, offsets: (
        bag_sums(W, idx, offsets) / np.maximum(1, np.diff(offsets, append=len(idx)))[:, None].astype(W.dtype)
    ),
    "each word once": lambda W, idx, offsets: np.array(
        [W[sorted({*words})].sum(axis=0) for words in words_of(idx, offsets)], W.dtype
    ).reshape(len(offsets), W.shape[1]),
    "bags of equal length": lambda W, idx, offsets: bag_sums(
        W, idx, np.arange(len(offsets)) * (len(idx) // max(1, len(offsets)))
    ),
}


@pytest.mark.parametrize("name", WRONG_SUMS)
def test_wrong_sums_are_found_wrong(name: str, corpus: Corpus) -> None:
    assert verdict_of(lookup_bag, WRONG_SUMS[name], corpus).status == "wrong"


def assigned(dout: Array, idx: Array, offsets: Array, dW: Array) -> None:
    dW[idx] += np.repeat(dout, np.diff(offsets, append=len(idx)), axis=0)


def each_word_once_a_bag(dout: Array, idx: Array, offsets: Array, dW: Array) -> None:
    for row, words in zip(dout, words_of(idx, offsets), strict=True):
        dW[np.unique(np.array(words, np.int64))] += row


def divided(dout: Array, idx: Array, offsets: Array, dW: Array) -> None:
    """The gradient of the mean."""
    lengths = np.diff(offsets, append=len(idx))
    np.add.at(dW, idx, np.repeat(dout / np.maximum(1, lengths)[:, None].astype(dout.dtype), lengths, axis=0))


def equal_bags(dout: Array, idx: Array, offsets: Array, dW: Array) -> None:
    np.add.at(dW, idx, np.repeat(dout, len(idx) // max(1, len(offsets)), axis=0))


@pytest.mark.parametrize(
    "function", [assigned, each_word_once_a_bag, divided, equal_bags], ids=lambda one: one.__name__
)
def test_wrong_gradients_are_found_wrong(function: Callable[..., Any], corpus: Corpus) -> None:
    assert verdict_of(scatter_bag, function, corpus).status == "wrong"


# batches


@pytest.mark.parametrize(("B", "K"), [(100, 5), (7, 3), (1, 4), (2, 1), (0, 3), (5, 0)])
@pytest.mark.parametrize("index", ["i32", "i64"])
def test_bags_of_every_batch_have_all_words_and_lengths_that_vary(B: int, K: int, index: str) -> None:
    size = Size(50, B=B, K=K, index=index)
    source = BagOffsets(size, 6, np.random.default_rng(0))
    lengths = []
    for _ in range(5):
        for (offsets,) in (*source.batches, *source.check_batches):
            assert offsets.dtype == size.index_type
            assert offsets.shape == (B,)
            lengths.append(np.diff(offsets, append=B * K))
            assert (offsets[:1] == 0).all()
            assert ((lengths[-1] >= 0) & (lengths[-1] <= 2 * K)).all()
        source.renew(0, 6)
        source.renew(2, 3)
    if B > 2 and K:
        every = np.concatenate(lengths)
        assert set(every.tolist()) == set(range(2 * K + 1))
        assert len({one.tobytes() for one in lengths}) > 20


def test_a_check_has_empty_bags_at_both_ends() -> None:
    for (offsets,) in BagOffsets(Size(50, B=6, K=4), 3, np.random.default_rng(0)).check_batches:
        lengths = np.diff(offsets, append=24)
        assert lengths[[0, 1, -2, -1]].tolist() == [0, 8, 8, 0]


@pytest.mark.parametrize("kernel", KERNELS)
def test_batches_rotate_and_are_renewed_in_place(kernel: Kernel, corpus: Corpus) -> None:
    problem = kernel.make(Size(200, 4, 20, 5), corpus, np.random.default_rng(0))
    at = [kernel.parameters.index(name) for name in ("idx", "offsets")]
    arrays = [batch[one] for batch in problem.batches for one in at]
    before = [array.copy() for array in arrays]
    problem.renew(0, len(problem.batches))
    again = [batch[one] for batch in problem.batches for one in at]
    assert all(one is other for one, other in zip(arrays, again, strict=True))
    assert np.mean([np.array_equal(array, old) for array, old in zip(arrays, before, strict=True)]) < 0.05


# what a program gets


@pytest.mark.parametrize("slug", candidates("lookup.bag"))
def test_one_function_serves_bags_of_any_lengths(slug: str) -> None:
    call, W = function_of("lookup.bag", slug), normal_rows(40)
    rng = np.random.default_rng(0)
    for lengths in ([3, 0, 4], [300, 1, 2], [0, 0, 0], [1, 1, 0], [2], [], [5] * 60, [3, 0, 5]):
        idx, offsets = rng.integers(40, size=sum(lengths)), begun(lengths)
        np.testing.assert_allclose(call(W, idx, offsets), bag_sums(W, idx, offsets), atol=1e-12)


@pytest.mark.parametrize("slug", candidates("scatter.bag"))
def test_one_function_adds_for_bags_of_any_lengths(slug: str) -> None:
    call, rng = function_of("scatter.bag", slug), np.random.default_rng(0)
    for lengths in ([3, 0, 4], [300, 1, 2], [0, 0, 0], [1, 1, 0], [2], [], [5] * 60, [3, 0, 5]):
        idx, offsets, dout, dW = (
            rng.integers(40, size=sum(lengths)),
            begun(lengths),
            normal_rows(len(lengths)),
            normal_rows(40),
        )
        want = dW + added_by_hand(40, dout, idx, offsets)
        call(dout, idx, offsets, dW)
        np.testing.assert_allclose(dW, want, atol=1e-11)


BAD: list[tuple[Callable[[Array, Array], tuple[Any, Any]], str]] = [
    (lambda idx, offsets: (idx.tolist(), offsets), "idx must be a NumPy array, not list"),
    (lambda idx, offsets: (idx, offsets.tolist()), "offsets must be a NumPy array, not list"),
    (lambda idx, offsets: (idx[:, None], offsets), "idx must have 1 axis, not 2"),
    (lambda idx, offsets: (idx, offsets[:, None]), "offsets must have 1 axis, not 2"),
    (lambda idx, offsets: (idx.reshape(2, -1), offsets), "idx must have 1 axis, not 2"),
    (lambda idx, offsets: (idx[0], offsets), "idx must be a NumPy array, not int64"),
    (lambda idx, offsets: (idx.astype(np.float64), offsets), "idx must be int32 or int64, not float64"),
    (lambda idx, offsets: (idx, offsets.astype(np.int32)), "idx and offsets must have one dtype, not i64 and i32"),
    (lambda idx, offsets: (idx.astype(np.int32), offsets), "idx and offsets must have one dtype, not i32 and i64"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message for _, message in BAD])
@pytest.mark.parametrize("slug", ["gather-reduceat", "numba-prefetch"])
def test_other_arguments_are_refused_also_after_right_ones(
    change: Callable[[Array, Array], tuple[Any, Any]], message: str, slug: str
) -> None:
    W, idx, offsets = normal_rows(40), np.arange(6), np.array([0, 2, 2])
    call = function_of("lookup.bag", slug)
    for _ in range(2):
        with pytest.raises(TypeError) as raised:
            call(W, *change(idx, offsets))
        assert str(raised.value) == message
        np.testing.assert_allclose(call(W, idx, offsets), bag_sums(W, idx, offsets))


def test_rows_and_bags_that_do_not_fit_together_are_refused() -> None:
    for slug in candidates("scatter.bag"):
        call, dW, idx = function_of("scatter.bag", slug), np.zeros((9, 3)), np.arange(6)
        call(normal_rows(2), idx, np.array([0, 4]), dW)
        with pytest.raises(ValueError, match="dout and offsets do not fit together: B is 3 and 2"):
            call(normal_rows(3), idx, np.array([0, 4]), dW)


def test_what_is_ready_for_a_mean_length_serves_all_numbers_of_words_near_it(monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_of("lookup.bag", "numba")
    call = w2vbench.best("lookup.bag", V=40, H=3, B=8, K=4, dtype=np.float64, table=table)
    call.warm()
    monkeypatch.setattr("w2vbench.impls.compiling.functions.ready", lambda *arguments: pytest.fail("it compiles"))
    for words in (32, 17, 25):  # all above 16 and up to 32
        idx, offsets = np.arange(words), np.arange(8)
        np.testing.assert_allclose(call(normal_rows(40), idx, offsets), bag_sums(normal_rows(40), idx, offsets))


def test_dispatch_chooses_by_the_mean_length() -> None:
    few, many = Size(100, 10, 8, 1), Size(100, 10, 8, 64)
    times = {few: {"loop": 1e-6, "csr": 5e-6}, many: {"loop": 5e-6, "csr": 1e-6}}
    either = w2vbench.dispatch("lookup.bag", table=DispatchTable({"lookup.bag": KernelTimes(("loop", "csr"), times)}))
    assert [either.slug(V=100, H=10, B=8, K=K) for K in (1, 2, 40, 64)] == ["loop", "loop", "csr", "csr"]
