"""The compiled steps of training against plain arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from w2vbench.impls.compiling.functions import compiled
from w2vbench.impls.compiling.intrinsics import training_steps as steps
from w2vbench.impls.compiling.intrinsics.training_rows import UNIT_FLOATS, floats_of_slopes, rows_together
from w2vbench.impls.compiling.intrinsics.vectors import LINE_FLOATS
from w2vbench.impls.interface import Array
from w2vbench.impls.interface.arrays import aligned
from w2vbench.impls.parts.random import integer_alias_table, state
from w2vbench.impls.training.compiled import SLOTS, CompiledModel, centres_of_a_step, draw_targets

from tests.impls.corpus.texts import V, problem_of


def skip_gram_reference(W_in: Array, W_out: Array, windows: list[Array], targets: list[int], alpha: float) -> None:
    """A step's contexts are scored by the rows as they were; then they change in turn, and the output rows by their changes.

    targets: the word at each centre, which meets the contexts of its own window, and negatives, which meet all. A centre's row
    changes after its window, the negatives' after all windows.
    """
    centres, negatives = targets[: len(windows)], targets[len(windows) :]
    slopes = [
        alpha
        * ((np.arange(1 + len(negatives)) == 0) - 1 / (1 + np.exp(-W_in[contexts] @ W_out[[centre, *negatives]].T)))
        for centre, contexts in zip(centres, windows, strict=True)
    ]
    rows, changes = W_out[negatives], np.zeros((len(negatives), W_out.shape[1]))
    for centre, contexts, its in zip(centres, windows, slopes, strict=True):
        target, change = W_out[centre].copy(), np.zeros(W_out.shape[1])
        for context, slope in zip(contexts, its, strict=True):
            change += slope[0] * W_in[context]
            changes += slope[1:, None] * W_in[context]
            W_in[context] += slope[0] * target + slope[1:] @ rows
        W_out[centre] += change
    np.add.at(W_out, negatives, changes)


def cbow_reference(W_in: Array, W_out: Array, windows: list[Array], targets: list[int], alpha: float) -> None:
    """A step's windows are scored by the rows as they were; then each row changes after another.

    targets: the word at each centre, which meets the mean of its own window, and negatives, which meet all means.
    """
    means = [W_in[contexts].mean(axis=0) for contexts in windows]
    every = range(len(windows))
    meets = [(target, [i]) for i, target in enumerate(targets[: len(windows)])]
    meets += [(negative, list(every)) for negative in targets[len(windows) :]]
    slopes = [
        {i: alpha * ((at < len(windows)) - 1 / (1 + np.exp(-W_out[word] @ means[i]))) for i in its}
        for at, (word, its) in enumerate(meets)
    ]
    changes = np.zeros_like(means)
    for (word, its), slope in zip(meets, slopes, strict=True):
        was = W_out[word].copy()
        for i in its:
            changes[i] += slope[i] * was
            W_out[word] += slope[i] * means[i]
    for contexts, change in zip(windows, changes, strict=True):
        np.add.at(W_in, contexts, change)


# a step itself can only be called by a compiled function


def skip_gram_call(given: Any, windows: Any) -> None:
    steps.skip_gram_slopes(given, windows)
    steps.skip_gram_moves(given, windows)


def cbow_call(given: Any, windows: Any) -> None:
    steps.cbow_slopes(given, windows)
    steps.cbow_moves(given, windows)


def stepped(
    call: Callable[..., None], H: int, line: list[int], windows: list[tuple[int, int, int]], targets: list[int],
    centres: int, own: int, seed: int,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    """Both tables before (float64) and after a step with some rows in tables of the thread's own."""
    rng = np.random.default_rng(seed)
    width = -(-H // LINE_FLOATS) * LINE_FLOATS
    tables = []
    for _ in range(2):
        table = aligned(V, width)
        table[:, :H] = rng.normal(size=(V, H)) * 0.5
        tables.append(table)
    before = [table.astype(np.float64) for table in tables]
    owns = [aligned(own, width) for _ in range(2)]
    for table, mine in zip(tables, owns, strict=True):
        mine[:] = table[:own]
    most = 2 * max(len(line), 4)
    pairs = len(targets) - centres + 1
    in_rows, out_rows = (
        np.array([(mine if word < own else table)[word:].ctypes.data for word in words], np.int64)
        for words, table, mine in zip((line, targets), tables, owns, strict=True)
    )
    in_slots = np.zeros((SLOTS, len(targets)), np.int64)
    in_slots[windows[0][1] % SLOTS] = out_rows
    arguments = (
        in_rows, in_slots, np.float32(0.1), np.zeros(floats_of_slopes(most, pairs), np.float32),
        np.zeros(most, np.int64), aligned(4, width), (0,) * centres, (0,) * pairs, (0,) * -(-H // UNIT_FLOATS),
    )  # fmt: skip
    compiled(call)(arguments, tuple(windows))
    for table, mine, was in zip(tables, owns, before, strict=True):
        np.testing.assert_array_equal(table[:own], was[:own].astype(np.float32))  # the shared rows are left alone
        table[:own] = mine
        assert not table[:, H:].any()
    return before[0], before[1], tables[0], tables[1]


ids = st.integers(0, V - 1)


@st.composite
def windows_in(draw: st.DrawFn, length: int) -> tuple[int, int, int]:
    """A window of a line: its begin, its centre and its end, with at least one context."""
    low = draw(st.integers(0, length - 2))
    high = draw(st.integers(low + 2, min(length, low + 11)))
    return low, draw(st.integers(low, high - 1)), high


@pytest.mark.parametrize(("skip_gram", "centres"), [(True, 1), (True, 2), (False, 1), (False, 2)])
@pytest.mark.parametrize(("H", "K"), [(20, 5), (1, 1), (16, 5), (100, 5), (7, 5), (300, 5), (40, 20), (400, 3)])
@settings(max_examples=10)
@given(data=st.data())
def test_a_step_is_the_arithmetic_it_claims(skip_gram: bool, centres: int, H: int, K: int, data: st.DataObject) -> None:
    """With repeated contexts, windows that overlap, fewer windows than centres, and negatives that repeat or, of one centre, are
    the target. Skip-gram gets two windows, of which the second may be empty."""
    line = data.draw(st.lists(ids, min_size=2, max_size=14))
    windows = [data.draw(windows_in(len(line))) for _ in range(data.draw(st.integers(1, centres)))]
    words = data.draw(st.lists(ids, min_size=centres, max_size=centres))
    other_words = ids.filter(lambda word: word not in words) if skip_gram and centres == 2 else ids
    negatives = data.draw(st.lists(other_words, min_size=K, max_size=K))
    own, seed = data.draw(st.sampled_from([0, 5])), data.draw(st.integers(0, 2**32))
    empty = [(0, 0, 1)] if skip_gram and len(windows) == 1 else []
    W_in, W_out, got_in, got_out = stepped(
        skip_gram_call if skip_gram else cbow_call, H, line, windows + empty, words + negatives, centres, own, seed
    )
    contexts = [np.array(line[low:at] + line[at + 1 : high]) for low, at, high in windows]
    reference = skip_gram_reference if skip_gram else cbow_reference
    reference(W_in, W_out, contexts, words[: len(windows)] + negatives, 0.1)
    np.testing.assert_allclose(got_in, W_in, atol=1e-5)
    np.testing.assert_allclose(got_out, W_out, atol=1e-5)


def draws(step: int, steps: int, line: Any, targets: Any, state: Any, aliases: Any, rest: tuple[Any, ...]) -> None:
    W, own, centres, pairs, units = rest
    given = (0, targets, 0, 0, 0, 0, centres, pairs, units)
    draw_targets(step, steps, line, state, aliases, (W, W, own, own), given)


@pytest.mark.parametrize("centres", [1, 2])
@given(line=st.lists(st.integers(0, 3), min_size=2, max_size=9), data=st.data())
@settings(max_examples=20)
def test_a_step_has_its_centres_and_negatives_that_are_other_words(
    centres: int, line: list[int], data: st.DataObject
) -> None:
    """Two centres are half a line apart; at the end of an odd line one is left. Of words whose rows are a thread's own, it has these."""
    K, steps = 5, -(-len(line) // centres)
    at = data.draw(st.integers(0, steps - 1))
    targets = np.full((SLOTS, centres + K), -1, np.int64)
    table, own = aligned(4, LINE_FLOATS), aligned(data.draw(st.integers(0, 3)), LINE_FLOATS)
    rest = table, own, (0,) * centres, (0,) * (K + 1), (0,)
    aliases = integer_alias_table(np.array([8.0, 4, 2, 1]))
    compiled(draws)(at, steps, np.array(line, np.int32), targets, state(1), aliases, rest)
    words = [line[place] for place in range(at, len(line), steps)]
    addresses = [(own if word < len(own) else table)[word:].ctypes.data for word in range(4)]
    slot = np.array([addresses.index(address) for address in targets[at % SLOTS]])
    assert slot[: len(words)].tolist() == words
    assert not {*slot[centres:].tolist()} & set(words)
    assert slot[centres:].min() >= 0
    assert (np.delete(targets, at % SLOTS, axis=0) == -1).all()


def test_negatives_are_found_in_a_text_of_two_words() -> None:
    """Taken together, two centres could be both words, and no word would be left."""
    words, starts = np.array([0] * 30 + [1] * 30, np.int32), np.array([0, 60])
    model = CompiledModel(problem_of((words, starts), K=5), skip_gram=False)
    for skip_gram in (False, True):
        assert [centres_of_a_step(np.array(law), 5, skip_gram) for law in ([5.0, 3.0], [1e9, 1e9, 1.0])] == [1, 1]
    assert centres_of_a_step(np.ones(100), 5, skip_gram=False) == min(2, rows_together(6))
    assert centres_of_a_step(np.ones(100), 100, skip_gram=True) == 2
    assert np.isfinite(model.step(words, starts).W_in).all()
