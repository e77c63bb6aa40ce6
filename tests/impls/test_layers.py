"""The book's layers: true gradients, float32 kept, awkward batches, and the book's own constructors."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.impls import layers
from w2vbench.impls.interface import Array
from w2vbench.impls.layers import (
    Embedding,
    EmbeddingDot,
    MatMul,
    NegativeSamplingLoss,
    SigmoidWithLoss,
    SoftmaxWithLoss,
)
from w2vbench.impls.scatter import dense

from tests.impls.book import MODELS, SENTENCE, small
from tests.impls.calling import slopes


@pytest.fixture(autouse=True)
def seed() -> None:
    np.random.seed(0)


def normal(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).standard_normal(shape)


# gradients


def assert_slopes(got: Array, loss: Callable[[], Any], at: Array) -> None:
    want = slopes(loss, at)
    assert np.abs(want).max() > 1e-4
    # the gradient, like the book's, leaves out the 1e-7 inside the logarithm
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-8)


REPEATED = np.array([4, 0, 4, 2])


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (MatMul(normal(3, 5)), [normal(4, 3)]),
        (Embedding(normal(5, 3)), [REPEATED]),
        (EmbeddingDot(normal(5, 3)), [normal(4, 3), REPEATED]),
        (EmbeddingDot(normal(5, 3)), [normal(1, 3), REPEATED[:1]]),
    ],
    ids=lambda part: type(part).__name__,
)
def test_gradients_of_a_layer_are_slopes(layer: Any, inputs: list[Array]) -> None:
    dout = normal(*layer.forward(*inputs).shape)

    def loss() -> Any:
        return (layer.forward(*inputs) * dout).sum()

    dx = layer.backward(dout)
    assert_slopes(layer.grads[0], loss, layer.params[0])
    if not isinstance(layer, Embedding):  # a word id has no gradient
        assert_slopes(dx, loss, inputs[0])


@pytest.mark.parametrize("one_hot", [False, True])
def test_softmax_with_loss_is_the_mean_cross_entropy_and_has_its_gradient(one_hot: bool) -> None:
    x, t = normal(4, 3), np.array([2, 0, 2, 1])
    layer = SoftmaxWithLoss()
    target = np.eye(3, dtype=np.int32)[t] if one_hot else t
    want = np.mean([math.log(np.exp(x[i]).sum()) - x[i, t[i]] for i in range(4)])
    assert layer.forward(x, target) == pytest.approx(want, rel=1e-6)
    assert_slopes(layer.backward(), lambda: layer.forward(x, target), x)


@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_written_in_place_one_for_each_layer_that_shares_a_matrix(name: str) -> None:
    """Those of a model and of NegativeSamplingLoss are in the book's losses, which test_layers_training.py compares. Here: they are times dout."""
    model, contexts, target = small(name)
    listed = list(model.grads)
    model.forward(contexts, target)
    model.backward()
    whole = [dW.copy() for dW in listed]
    model.backward(0.25)
    for dW, now, of_one in zip(listed, model.grads, whole, strict=True):
        assert now is dW
        assert of_one.any()
        np.testing.assert_allclose(dW, 0.25 * of_one, rtol=1e-5)
    assert model.word_vecs is model.params[0]
    assert len({id(W) for W in model.params}) == 2
    assert len({id(dW) for dW in model.grads}) == len(model.grads) == len(model.params)


# dtypes and awkward batches


@pytest.mark.parametrize("dout", [1, np.float64(1)])
@pytest.mark.parametrize("name", MODELS)
def test_float32_stays_float32_in_every_layer(name: str, dout: float, monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[Any] = []
    for layer in (MatMul, Embedding, EmbeddingDot, SoftmaxWithLoss, SigmoidWithLoss, NegativeSamplingLoss):
        backward = layer.backward

        def noting(self: Any, dout: Any = 1, backward: Any = backward) -> Any:
            dx = backward(self, dout)
            passed.extend(array for array in (dout, dx) if isinstance(array, np.ndarray))
            return dx

        monkeypatch.setattr(layer, "backward", noting)
    model, contexts, target = small(name)
    loss = model.forward(contexts, target)
    model.backward(dout)
    assert len(passed) > 4
    assert {array.dtype for array in [loss, *passed, *model.params, *model.grads]} == {np.dtype(np.float32)}


@pytest.mark.filterwarnings("error")
def test_an_empty_batch_has_no_loss_and_no_gradient() -> None:
    nothing, no_rows, W = np.zeros(0, np.int64), np.zeros((0, 3), np.float32), np.ones((7, 3), np.float32)
    table, sorting, dot = Embedding(W), Embedding(W, scatter=dense.sort_reduceat), EmbeddingDot(W)
    for layer, inputs, dout in (
        (table, [nothing], no_rows),
        (sorting, [nothing], no_rows),
        (dot, [no_rows, nothing], np.zeros(0, np.float32)),
    ):
        layer.grads[0][...] = 9
        assert layer.forward(*inputs).shape == dout.shape
        layer.backward(dout)
        assert not layer.grads[0].any()
    for loss in (SoftmaxWithLoss(), NegativeSamplingLoss(W, SENTENCE)):
        assert loss.forward(no_rows, nothing) == 0
        assert loss.backward().shape == (0, 3)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("t", "cost"), [([1, 0], -math.log(1e-7)), ([0, 1], 0)])
def test_huge_scores_cost_at_most_the_books_limit(t: list[int], cost: float) -> None:
    loss = SigmoidWithLoss().forward(np.array([-1e4, 1e4], np.float32), np.array(t))
    assert loss == pytest.approx(cost, abs=1e-5)


# slide 16

SCORES = st.floats(-40, 40)


@given(SCORES, SCORES, st.booleans())
def test_two_softmax_neurons_are_one_sigmoid_of_their_difference(a: float, b: float, yes: bool) -> None:
    softmax, sigmoid = SoftmaxWithLoss(), SigmoidWithLoss()
    of_two = softmax.forward(np.array([[a, b]]), np.array([0 if yes else 1]))
    of_difference = sigmoid.forward(np.array([a - b]), np.array([int(yes)]))
    y = 1 / (1 + math.exp(b - a))
    formula = -math.log((y if yes else 1 / (1 + math.exp(a - b))) + 1e-7)
    assert (of_two, of_difference) == pytest.approx((formula, formula), rel=1e-12, abs=1e-15)
    (dx,) = sigmoid.backward()
    np.testing.assert_allclose(dx, y - yes, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(softmax.backward(), [[dx, -dx]], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    "constructor",
    [
        *("MatMul W", "SoftmaxWithLoss", "SigmoidWithLoss", "Embedding W", "EmbeddingDot W"),
        *("UnigramSampler corpus power sample_size", "NegativeSamplingLoss W corpus power=0.75 sample_size=5"),
        "SimpleCBOW vocab_size hidden_size",
        *(f"{model} vocab_size hidden_size window_size corpus" for model in ("CBOW", "SkipGram")),
    ],
)
def test_constructors_are_the_books(constructor: str) -> None:
    """What we add to them can be given by keyword only."""
    name, *parameters = constructor.split()
    by_place = [
        p.name if p.default is p.empty else f"{p.name}={p.default}"
        for p in inspect.signature(getattr(layers, name)).parameters.values()
        if p.kind is not p.KEYWORD_ONLY
    ]
    assert by_place == parameters
