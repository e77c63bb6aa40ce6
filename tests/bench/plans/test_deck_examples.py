"""The deck's worked examples: what they show is right, by other ways to compute it."""

from __future__ import annotations

import math

import numpy as np
from w2vbench.bench.plans.run.deck_examples import SHOWN_LAYERS, examples
from w2vbench.reports.file.schema.deck import Deck


def test_assigning_loses_a_gradient_where_a_word_repeats_and_adding_does_not() -> None:
    one = examples().repeated
    assert one is not None
    assert len(set(one.idx)) < len(one.idx)
    want = np.zeros_like(one.added)
    np.add.at(want, one.idx, np.array(one.dout))
    assert one.added == want.tolist()
    last = dict(zip(one.idx, one.dout, strict=True))
    assert one.assigned == [last.get(word, [0.0, 0.0]) for word in range(len(want))]
    assert one.assigned != one.added


def test_two_outputs_are_one_score_only_where_that_is_their_difference() -> None:
    one = examples().two_outputs
    assert one is not None
    rounding = max(one.loss_difference, one.yes_gradient_difference, one.no_gradient_difference, one.zero_difference)
    assert rounding < 1e-13
    assert one.one_score_difference > 1
    for pair in one.examples:
        a, b = math.exp(pair.a), math.exp(pair.b)
        assert math.isclose(pair.softmax, -math.log(a / (a + b)), rel_tol=1e-6)  # the book adds 1e-7 to a probability
        assert math.isclose(pair.sigmoid_one, math.log1p(1 / a), rel_tol=1e-6)
        assert math.isclose(pair.sigmoid_difference, pair.softmax, rel_tol=1e-12)


def test_embedding_dot_agrees_with_matmul_and_the_law_is_the_books() -> None:
    dots, law = examples().dots, examples().powers
    assert dots is not None
    assert law is not None
    assert max(dots.score_difference, dots.dh_difference, dots.table_difference) < 1e-14
    raised = [share**law.power for share in law.shares]
    assert np.allclose(law.drawn, np.array(raised) / sum(raised))


def test_they_survive_a_file_and_have_the_code_of_each_layer_that_a_slide_shows() -> None:
    found = examples()
    assert Deck.model_validate_json(found.model_dump_json()) == found
    assert set(found.layers) == set(SHOWN_LAYERS)
    assert all(code.startswith(f"def {name.partition('.')[2]}(self") for name, code in found.layers.items())
