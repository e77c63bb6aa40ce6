"""The compiled steps of training against plain arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from impls.compiled import compiled
from impls.interface import Array
from impls.training import steps
from impls.training.compiled import SLOTS
from impls.training.rows import UNIT_FLOATS, floats_of_slopes
from impls.vectors import LINE_FLOATS, aligned
from tests.impls.texts import V


def skip_gram_reference(W_in: Array, W_out: Array, contexts: Array, targets: Array, alpha: float) -> None:
    """All contexts against all targets, by rows as they were. A word that is in the window twice then changes twice, in turn."""
    rows = W_out[targets]
    slopes = alpha * ((np.arange(len(targets)) == 0) - 1 / (1 + np.exp(-W_in[contexts] @ rows.T)))
    changes = np.zeros_like(rows)
    for context, slope in zip(contexts, slopes, strict=True):
        changes += slope[:, None] * W_in[context]
        W_in[context] += slope @ rows
    np.add.at(W_out, targets, changes)


def cbow_reference(W_in: Array, W_out: Array, windows: list[Array], targets: list[Array], alpha: float) -> None:
    """Windows that are given together are scored by the rows as they were; then each row changes by one pair after another."""
    means = [W_in[contexts].mean(axis=0) for contexts in windows]
    slopes = [
        alpha * ((np.arange(len(its)) == 0) - 1 / (1 + np.exp(-W_out[its] @ h)))
        for its, h in zip(targets, means, strict=True)
    ]
    changes = np.zeros_like(means)
    for change, its, h, slope in zip(changes, targets, means, slopes, strict=True):
        for target, factor in zip(its, slope, strict=True):
            change += factor * W_out[target]
            W_out[target] += factor * h
    for contexts, change in zip(windows, changes, strict=True):
        np.add.at(W_in, contexts, change)


# a step itself can only be called by a compiled function


def skip_gram_call(given: Any, windows: Any) -> None:
    steps.skip_gram_slopes(given, windows[0])
    steps.skip_gram_moves(given, windows[0])


def cbow_call(given: Any, windows: Any) -> None:
    steps.cbow_slopes(given, windows)
    steps.cbow_moves(given, windows)


def stepped(
    call: Callable[..., None], H: int, line: list[int], windows: list[tuple[int, int, int]], targets: list[list[int]],
    own: int, seed: int,
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
    pairs, most = len(targets[0]), max(len(line), 4)
    in_slots = np.zeros((SLOTS, pairs), np.int32)
    for (_, at, _), its in zip(windows, targets, strict=True):
        in_slots[at % SLOTS] = its
    arguments = (
        *tables, *owns, np.array(line, np.int32), in_slots, np.float32(0.1), np.zeros(floats_of_slopes(most, pairs), np.float32),
        np.zeros(most, np.int64), aligned(4, width), (0,) * pairs, (0,) * -(-H // UNIT_FLOATS),
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


@pytest.mark.parametrize(("skip_gram", "centres"), [(True, 1), (False, 1), (False, 2)])
@pytest.mark.parametrize(("H", "K"), [(20, 5), (1, 1), (16, 5), (100, 5), (7, 5), (300, 5), (40, 20), (400, 3)])
@settings(max_examples=10)
@given(data=st.data())
def test_a_step_is_the_arithmetic_it_claims(skip_gram: bool, centres: int, H: int, K: int, data: st.DataObject) -> None:
    """With repeated contexts, windows that overlap, and negatives that repeat or are the target."""
    line = data.draw(st.lists(ids, min_size=2, max_size=14))
    windows = [data.draw(windows_in(len(line))) for _ in range(centres)]
    assume(len({at % SLOTS for _, at, _ in windows}) == centres)
    targets = [data.draw(st.lists(ids, min_size=K + 1, max_size=K + 1)) for _ in range(centres)]
    own, seed = data.draw(st.sampled_from([0, 5])), data.draw(st.integers(0, 2**32))
    W_in, W_out, got_in, got_out = stepped(
        skip_gram_call if skip_gram else cbow_call, H, line, windows, targets, own, seed
    )
    contexts = [np.array(line[low:at] + line[at + 1 : high]) for low, at, high in windows]
    if skip_gram:
        for its, words in zip(contexts, targets, strict=True):
            skip_gram_reference(W_in, W_out, its, np.array(words), 0.1)
    else:
        cbow_reference(W_in, W_out, contexts, [np.array(words) for words in targets], 0.1)
    np.testing.assert_allclose(got_in, W_in, atol=1e-5)
    np.testing.assert_allclose(got_out, W_out, atol=1e-5)
