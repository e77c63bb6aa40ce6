"""update: every implementation takes the step that the formula says, and lazy Adam is not Adam."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from w2vbench.impls.catalogue.discovery import kernels, own
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Array, Implementation, Kernel, Wrong
from w2vbench.impls.interface.case import Size
from w2vbench.impls.update import adam, difference, lazy_adam, scatter_sgd, sgd
from w2vbench.impls.update.contract import BLOCK_ROWS, CHECKED_BLOCKS, DRAWN_ENTRIES, check_adam, rate, starts_of_blocks

from tests.impls.calling import called, for_every, implementations, sized, verdict_of

Step = tuple[Array, Array, Array, Array, Array]
"""W, m, v (V, H), rows (n,) and values (n, H)."""

FOUND = [i for i in own() if i.kernel.name.startswith("update.")]
KERNELS = kernels(FOUND)
SGD, ADAM, LAZY, SCATTER_SGD = map(
    implementations, ("update.sgd", "update.adam", "update.lazy-adam", "update.scatter-sgd")
)


def take_step(implementation: Implementation, *arguments: Any) -> None:
    W, values, rows = arguments[0], arguments[-2], arguments[-3]
    called(implementation, sized(values, rows, len(W)), *arguments)


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """Tables and a gradient in float64, at no row, some or all."""
    V, H = draw(st.integers(2, 8)), draw(st.integers(1, 4))
    rows = np.array(sorted(draw(st.sets(st.integers(0, V - 1)))), draw(st.sampled_from(["i4", "i8"])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    W, m, v = rng.standard_normal((3, V, H))
    return W, m, v * v, rows, rng.standard_normal((len(rows), H)) * 10.0 ** draw(st.integers(-2, 3))


def adam_by_hand(w: float, m: float, v: float, g: float, t: int) -> tuple[float, float, float]:
    """Kingma and Ba (2015), algorithm 1 with the order of section 2: one number, step t."""
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return w - 0.001 * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (math.sqrt(v) + 1e-7), m, v


@for_every(SGD, step=steps(), lr=st.floats(-2, 2))
def test_gradient_descent_moves_the_rows_that_have_a_gradient(
    implementation: Implementation, step: Step, lr: float
) -> None:
    W, _, _, rows, values = step
    want = W.copy()
    for row, gradient in zip(rows.tolist(), values, strict=True):
        want[row] -= lr * gradient
    take_step(implementation, W, rows, values, lr)
    np.testing.assert_allclose(W, want, rtol=1e-12, atol=1e-13)


@st.composite
def batches(draw: st.DrawFn) -> tuple[Array, Array, Array]:
    """A table, gradients and words in float64; words repeat, and there may be none."""
    V, H, B = draw(st.integers(2, 8)), draw(st.integers(1, 4)), draw(st.integers(0, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    idx = rng.integers(V, size=B).astype(draw(st.sampled_from(["i4", "i8"])))
    return rng.standard_normal((V, H)), rng.standard_normal((B, H)), idx


@for_every(SCATTER_SGD, batch=batches(), lr=st.floats(0, 2))
def test_gradients_of_a_word_that_repeats_add_up_in_the_table(
    implementation: Implementation, batch: tuple[Array, Array, Array], lr: float
) -> None:
    W, dout, idx = batch
    want = W.copy()
    for word, gradient in zip(idx.tolist(), dout, strict=True):
        want[word] -= lr * gradient
    called(implementation, sized(dout, idx, len(W)), W, dout, idx, lr)
    np.testing.assert_allclose(W, want, rtol=1e-12, atol=1e-13)


@for_every([*ADAM, *LAZY], examples=40, step=steps(), t=st.integers(1, 10_000))
def test_adam_is_what_its_paper_says(implementation: Implementation, step: Step, t: int) -> None:
    """All rows, those without a gradient with one of zero; lazily, only those that have one."""
    W, m, v, rows, values = step
    gradient = np.zeros_like(W)
    gradient[rows] = values
    moved = rows.tolist() if implementation.kernel.name == "update.lazy-adam" else range(len(W))
    want = np.array([W, m, v])
    for row in moved:
        for h in range(W.shape[1]):
            want[:, row, h] = adam_by_hand(W[row, h], m[row, h], v[row, h], gradient[row, h], t)
    take_step(implementation, W, m, v, rows, values, t)
    np.testing.assert_allclose([W, m, v], want, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("implementation", ADAM)
def test_the_first_moment_of_a_word_that_stays_away_stops_short_of_zero(implementation: Implementation) -> None:
    """Below the smallest normal float32, where the decay is rounded away. XLA, which compiles for JAX, rounds such numbers to zero."""
    W, m, v = (np.full((3, 1), start, np.float32) for start in (0, 0.01, 1e-4))
    tiny = np.finfo(np.float32).tiny
    for t in range(1, 1_200):
        take_step(implementation, W, m, v, np.empty(0, int), np.empty((0, 1), np.float32), t)
        if t == 700:
            assert (m > tiny).all()
    assert (m < tiny).all()
    assert (m > 0).all() or "jax" in implementation.requires


# inputs


def touched_by(kernel: Kernel, arguments: tuple[Any, ...]) -> int:
    """How many rows a call changes."""
    named = dict(zip(kernel.parameters, arguments, strict=True))
    return len(named["rows"]) if "rows" in named else len(np.unique(named["idx"]))


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
@pytest.mark.parametrize(
    "size",
    [
        Size(400, 3, 60),
        Size(50, DRAWN_ENTRIES // 20, 8, index="i32"),
        Size(30, 2, 0),
        Size(20_000, 4, 20, words="repeat"),
    ],
)
def test_reset_restores_every_table_to_the_last_bit(kernel: Kernel, size: Size, corpus: Corpus) -> None:
    """Also where a table repeats the rows that were drawn; and after the check, whose rows may be in no batch that is timed."""
    baseline = next(i for i in FOUND if i.kernel is kernel and i.baseline)
    problem = kernel.make(size, corpus, np.random.default_rng(0))
    assert problem.touched == np.mean([touched_by(kernel, arguments) for arguments in problem.batches[:32]])
    before = {name: problem.inputs[name].copy() for name in kernel.mutates}
    function, last = baseline.start(problem)
    for batches in (problem.batches[:3], problem.checked):
        for arguments in batches:
            function(*arguments, *last)
        changed = [name for name in kernel.mutates if not np.array_equal(problem.inputs[name], before[name])]
        assert changed == ([] if size.B == 0 and kernel is not adam.adam else list(kernel.mutates))
        problem.reset()
        for name in kernel.mutates:
            np.testing.assert_array_equal(problem.inputs[name], before[name])


# what the contract finds


def all_rows_dense(W: Array, m: Array, v: Array, rows: Array, values: Array, t: int) -> None:
    adam.decay(W, m, v, rows, values, t, np.empty_like(W))


def of_another_step(later: Callable[[int], int]) -> Callable[..., None]:
    """Lazy Adam with the bias correction of another step."""
    return lambda W, m, v, rows, values, t: lazy_adam.all_rows(W, m, v, rows, values, later(t))


def epsilon_inside_the_root(W: Array, m: Array, v: Array, rows: Array, values: Array, t: int) -> None:
    new = W[rows].copy()
    lazy_adam.all_rows(W, m, v, rows, values, t)
    W[rows] = new - rate(t) * m[rows] / np.sqrt(v[rows] + 1e-7)


def weight_decay(W: Array, rows: Array, values: Array, lr: float) -> None:
    W *= 1 - 1e-4
    sgd.sparse(W, rows, values, lr)


@pytest.mark.parametrize(
    ("kernel", "function", "status"),
    [
        (adam.adam, all_rows_dense, "ok"),
        (lazy_adam.lazy_adam, all_rows_dense, "wrong"),
        (lazy_adam.lazy_adam, lazy_adam.all_rows.function, "ok"),
        (adam.adam, lazy_adam.all_rows.function, "wrong"),
        (lazy_adam.lazy_adam, of_another_step(lambda t: t // 2), "wrong"),
        (lazy_adam.lazy_adam, of_another_step(lambda t: 2 * t), "wrong"),
        (lazy_adam.lazy_adam, epsilon_inside_the_root, "wrong"),
        (sgd.sgd, weight_decay, "wrong"),
        (scatter_sgd.scatter_sgd, scatter_sgd.subtract_at.function, "ok"),
        (scatter_sgd.scatter_sgd, scatter_sgd.assign.function, "wrong"),
    ],
    ids=lambda part: getattr(part, "__name__", None) or getattr(part, "name", None),
)
def test_the_contract_tells_one_rule_from_another(
    kernel: Kernel, function: Callable[..., Any], status: str, corpus: Corpus
) -> None:
    assert verdict_of(kernel, function, corpus).status == status


# lazy Adam is not Adam


def test_a_word_seen_once_is_moved_ten_times_as_far_by_adam() -> None:
    """Of a gradient g, the k-th step after it moves lr · 0.1 · 0.9ᵏ g / √(0.001 · 0.999ᵏ g²): a geometric series, of
    which lazy Adam takes the first term."""
    late = 10**6  # bias correction is over
    one, other = ([np.zeros((1, 1)) for _ in range(3)] for _ in range(2))
    word, nothing = (np.array([0]), np.ones((1, 1))), (np.empty(0, int), np.empty((0, 1)))
    for k in range(300):
        rows, values = word if k == 0 else nothing
        adam.decay(*one, rows, values, late + k, np.empty((1, 1)))
        lazy_adam.all_rows(*other, rows, values, late + k)
    first = 0.001 * 0.1 / math.sqrt(0.001)
    assert -other[0].item() == pytest.approx(first, rel=1e-5)
    assert -one[0].item() == pytest.approx(first / (1 - 0.9 / math.sqrt(0.999)), rel=1e-5)
    assert one[0].item() / other[0].item() == pytest.approx(10, rel=0.01)


def test_lazy_adam_is_not_adam_and_by_how_much(corpus: Corpus) -> None:
    """After the first step they agree; on text most words stay away, so they part, by about as far as Adam moves."""
    size = Size(2_000, 10, 100)
    first, later = (difference.difference(size, corpus, n) for n in (1, 100))
    assert first.max_apart <= 4 * np.finfo(np.float32).eps
    assert later.max_apart > 0.001  # more than one step's worth
    assert later.lazy_moved < 0.5 * later.adam_moved
    assert later.apart > 0.5 * later.adam_moved


def test_the_difference_is_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """``python -m w2vbench.impls.update.difference``"""
    monkeypatch.setattr(difference, "STEPS", (1, 3))
    difference.main()
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == ["1", "3"]


# -- what is compared of a large table

LARGE = BLOCK_ROWS * (CHECKED_BLOCKS + 10) + 5


def test_of_a_large_table_the_ends_and_blocks_with_gradients_are_compared_among_others() -> None:
    rows = np.array([3 * BLOCK_ROWS + 1, 3 * BLOCK_ROWS + 2, 30 * BLOCK_ROWS])
    starts = starts_of_blocks(LARGE, rows)
    assert starts == sorted(set(starts)) == starts_of_blocks(LARGE, rows)
    assert {0, 3 * BLOCK_ROWS, 30 * BLOCK_ROWS, LARGE - 5} <= set(starts)
    assert len(starts) > 4  # blocks without a gradient too
    many = starts_of_blocks(LARGE, np.arange(0, LARGE, 7))
    assert CHECKED_BLOCKS // 2 <= len(many) <= CHECKED_BLOCKS + 2
    assert all(start % BLOCK_ROWS == 0 for start in many)
    assert {0, LARGE - 5} <= set(starts_of_blocks(LARGE, np.array([], np.int64)))


def test_a_small_table_is_compared_as_a_whole() -> None:
    V = BLOCK_ROWS * CHECKED_BLOCKS
    assert starts_of_blocks(V, np.array([5])) == list(range(0, V, BLOCK_ROWS))


@pytest.mark.parametrize(
    "left", [slice(-5, None), slice(0, 1), slice(7, 8)], ids=["the last", "the first", "a gradient"]
)
def test_an_implementation_that_leaves_a_part_of_a_large_table_is_found_wrong(left: slice) -> None:
    rng = np.random.default_rng(0)
    W, m, v = rng.standard_normal((3, LARGE, 1))
    rows, values = np.array([7, 5000]), rng.standard_normal((2, 1))

    dense = next(i for i in FOUND if i.key == "update.adam/dense")

    def leaves(*arguments: Any) -> None:
        kept = arguments[0][left].copy()
        take_step(dense, *arguments)
        arguments[0][left] = kept

    check_adam(lambda *arguments: take_step(dense, *arguments), W, m, v * v, rows, values, 1)
    with pytest.raises(Wrong):
        check_adam(leaves, W, m, v * v, rows, values, 1)
