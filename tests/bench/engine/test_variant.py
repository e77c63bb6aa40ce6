"""What an implementation may do to the form of its arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from w2vbench.bench.engine.worker.checking.verify import Verifier
from w2vbench.bench.engine.worker.variants.variant import check_same_values, prepare_variant
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Wrong
from w2vbench.impls.interface.case import Size
from w2vbench.impls.update.sgd import sgd, subtract_at

NODES, TURNS = np.arange(3), np.ones(2, np.int8)


def test_copies_of_a_tuple_of_arrays_are_the_same_values() -> None:
    check_same_values(["tree"], ((NODES, TURNS),), ((NODES.copy(), TURNS.copy()),))


@pytest.mark.parametrize("other", [(NODES, -TURNS), (NODES[:2], TURNS), [NODES, TURNS], (NODES,), NODES])
def test_another_part_of_a_tuple_is_another_value(other: Any) -> None:
    with pytest.raises(Wrong, match=r"tree|a tuple of 2"):
        check_same_values(["tree"], ((NODES, TURNS),), (other,))


def test_an_adapted_gradient_keeps_its_rows_until_it_is_used(corpus: Corpus) -> None:
    """Tensors that share a batch's memory have its number of rows. With other words it would have another."""
    shared = sgd.implementation("shared", "adapted in place", adapt=lambda workspace, *batch: batch)(
        subtract_at.function
    )
    problem = sgd.make(Size(2_000, 2, 100), corpus, np.random.default_rng(0))
    variant = prepare_variant("shared", shared, problem)
    verifier = Verifier(variant, np.random.default_rng(1))
    for _ in range(20):
        sample = variant.time_calls(20)
        assert all((np.diff(rows) > 0).all() for _, rows, _, _ in sample.batches)
        verifier.verify(sample, required=True)
        problem.reset()
        variant.advance(20)
