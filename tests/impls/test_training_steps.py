"""The compiled steps of training against plain arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impls.compiled import compiled
from impls.interface import Array
from impls.training import rows
from impls.vectors import LINE, aligned, register_bytes
from tests.impls.texts import V


def skip_gram_reference(
    W_in: Array, W_out: Array, contexts: Array, targets: Array, alpha: float, together: int = 2
) -> None:
    """Each context against all targets' old rows; contexts two by two, as the implementation goes through them."""
    old = W_out.copy()
    change = np.zeros_like(W_out)
    for first in range(0, len(contexts), together):
        some = contexts[first : first + together]
        h = W_in[some].copy()
        slopes = alpha * ((np.arange(len(targets)) == 0) - 1 / (1 + np.exp(-h @ old[targets].T)))
        np.add.at(W_in, some, slopes @ old[targets])
        np.add.at(change, targets, slopes.T @ h)
    W_out += change


def cbow_reference(W_in: Array, W_out: Array, contexts: Array, targets: Array, alpha: float) -> None:
    h = W_in[contexts].mean(axis=0)
    slopes = alpha * ((np.arange(len(targets)) == 0) - 1 / (1 + np.exp(-W_out[targets] @ h)))
    change = slopes @ W_out[targets]
    np.add.at(W_out, targets, slopes[:, None] * h)
    np.add.at(W_in, contexts, change)


def calling(step: Callable[..., None]) -> Callable[..., None]:
    """A function that may be compiled: a step itself can only be called by one."""

    def call(
        W_in: Array, own_in: Array, W_out: Array, own_out: Array, contexts: Array, targets: Array, alpha: Any,
        scratch: Array, slopes: Array, pairs: Any, lines: Any,
    ) -> None:  # fmt: skip
        step(W_in, own_in, W_out, own_out, contexts, len(contexts), targets, alpha, scratch, slopes, pairs, lines)

    return call


SKIP_GRAM, CBOW = map(calling, (rows.skip_gram_step, rows.cbow_step))


def stepped(
    call: Callable[..., None], H: int, contexts: list[int], targets: list[int], own: int, seed: int
) -> tuple[Array, Array, Array, Array]:
    """Both tables before (float64) and after a step with some rows in tables of the thread's own."""
    rng = np.random.default_rng(seed)
    width = -(-H // LINE) * LINE
    tables = []
    for _ in range(2):
        table = aligned(V, width)
        table[:, :H] = rng.normal(size=(V, H)) * 0.5
        tables.append(table)
    before = [table.astype(np.float64) for table in tables]
    owns = [aligned(own, width) for _ in range(2)]
    for table, mine in zip(tables, owns, strict=True):
        mine[:] = table[:own]
    slot = -(-len(targets) // 8) * 8
    compiled(call)(
        tables[0], owns[0], tables[1], owns[1], np.array(contexts, np.int32), np.array(targets, np.int32),
        np.float32(0.1), aligned(max(2, len(contexts)), width), np.zeros(len(contexts) * slot + 32, np.float32),
        (0,) * len(targets), (0,) * (width // LINE),
    )  # fmt: skip
    for table, mine, was in zip(tables, owns, before, strict=True):
        np.testing.assert_array_equal(table[:own], was[:own].astype(np.float32))  # the shared rows are left alone
        table[:own] = mine
    return before[0], before[1], tables[0], tables[1]


ids = st.integers(0, V - 1)


@pytest.mark.parametrize("skip_gram", [True, False])
@pytest.mark.parametrize(("H", "K"), [(20, 5), (1, 1), (16, 5), (100, 5), (300, 5), (40, 20), (400, 3)])
@settings(max_examples=20)
@given(
    contexts=st.lists(ids, min_size=1, max_size=10),
    targets=st.lists(ids, min_size=21, max_size=21),
    own=st.sampled_from([0, 5]),
    seed=st.integers(0, 2**32),
)
def test_a_step_is_the_arithmetic_it_claims(
    skip_gram: bool, H: int, K: int, contexts: list[int], targets: list[int], own: int, seed: int
) -> None:
    """With repeated contexts, and negatives that repeat or are the target."""
    targets = targets[: K + 1]
    W_in, W_out, got_in, got_out = stepped(SKIP_GRAM if skip_gram else CBOW, H, contexts, targets, own, seed)
    if skip_gram:
        together = 1 if register_bytes() // 2 < 2 * len(targets) + 4 else 2
        skip_gram_reference(W_in, W_out, np.array(contexts), np.array(targets), 0.1, together)
    else:
        cbow_reference(W_in, W_out, np.array(contexts), np.array(targets), 0.1)
    np.testing.assert_allclose(got_in, W_in, atol=1e-5)
    np.testing.assert_allclose(got_out, W_out, atol=1e-5)
