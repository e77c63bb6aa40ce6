"""The book's layers: true gradients, float32 kept, the book's own losses, its training loop, and every option."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chisquare

from impls import layers
from impls.catalogue import missing, own
from impls.interface import Implementation
from impls.layers import (
    CBOW,
    Embedding,
    EmbeddingDot,
    MatMul,
    NegativeSamplingLoss,
    SigmoidWithLoss,
    SimpleCBOW,
    SkipGram,
    SoftmaxWithLoss,
    UnigramSampler,
)
from impls.lookup import gather, take_out
from impls.sampling.with_replacement import alias
from impls.scatter import accumulate, dense

Array = NDArray[Any]
FOUND = list(own())
SENTENCE = np.array([0, 1, 2, 3, 4, 1, 5, 6])  # you say goodbye and i say hello .


@pytest.fixture(autouse=True)
def seed() -> None:
    np.random.seed(0)


def some(*kernels: str) -> list[Any]:
    """Parameters for every implementation of some kernels that is not marked wrong."""
    return [pytest.param(found, id=found.slug) for found in FOUND if found.kernel.name in kernels and not found.wrong]


LOOKUPS, SCATTERS = some("lookup"), some("scatter.dense")
DIFFERENT, INDEPENDENT = some("sampling.without-replacement"), some("sampling.with-replacement")


def available(implementation: Implementation) -> Implementation:
    if lacking := missing(implementation):
        pytest.skip(f"needs {', '.join(lacking)}")
    return implementation


def corpus_of(V: int, length: int, seed: int = 0) -> Array:
    """Word ids that all occur, frequent ones often."""
    rng = np.random.default_rng(seed)
    ids = np.concatenate([np.arange(V), np.floor(V * rng.random(length - V) ** 3).astype(np.int64)])
    return np.asarray(rng.permutation(ids))


def windows(corpus: Array, window: int) -> tuple[Array, Array]:
    """The book's create_contexts_target: contexts (n, 2 * window) and targets (n,)."""
    spans = np.lib.stride_tricks.sliding_window_view(corpus, 2 * window + 1)
    return np.delete(spans, window, axis=1), corpus[window:-window]


def leaves(model: Any) -> list[Any]:
    """The layers of a model that hold a matrix."""
    if isinstance(model, SimpleCBOW):
        return [model.in_layer0, model.in_layer1, model.out_layer]
    if isinstance(model, NegativeSamplingLoss):
        return [dot.embed for dot in model.embed_dot_layers]
    if isinstance(model, CBOW):
        return [*model.in_layers, *leaves(model.ns_loss)]
    return [model.in_layer, *(leaf for loss in model.loss_layers for leaf in leaves(loss))]


# gradients


def slopes(loss: Callable[[], float], at: Array) -> Array:
    """Central finite differences of a loss by every entry of an array, which is put back."""
    result = np.empty(at.shape)
    for i in np.ndindex(at.shape):
        kept, ends = at[i], []
        for step in (1e-5, -1e-5):
            at[i] = kept + step
            ends.append(float(loss()))
        at[i] = kept
        result[i] = (ends[0] - ends[1]) / 2e-5
    return result


def assert_slopes(got: Array, loss: Callable[[], float], at: Array) -> None:
    want = slopes(loss, at)
    assert np.abs(want).max() > 1e-4
    # the gradient, like the book's, leaves out the 1e-7 inside the logarithm
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-8)


def test_gradients_of_matmul() -> None:
    rng = np.random.default_rng(1)
    x, W, dout = rng.standard_normal((4, 3)), rng.standard_normal((3, 5)), rng.standard_normal((4, 5))
    layer = MatMul(W)

    def loss() -> float:
        return float((layer.forward(x) * dout).sum())

    loss()
    dx = layer.backward(dout)
    assert_slopes(dx, loss, x)
    assert_slopes(layer.grads[0], loss, W)


@pytest.mark.parametrize("one_hot", [False, True])
def test_gradients_of_softmax_with_loss(one_hot: bool) -> None:
    x, t = np.random.default_rng(1).standard_normal((4, 3)), np.array([2, 0, 2, 1])
    layer = SoftmaxWithLoss()
    target = np.eye(3, dtype=np.int32)[t] if one_hot else t
    assert layer.forward(x, target) == pytest.approx(
        np.mean([math.log(np.exp(x[i]).sum()) - x[i, t[i]] for i in range(4)]), rel=1e-6
    )
    assert_slopes(layer.backward(), lambda: float(layer.forward(x, target)), x)


def test_gradients_of_sigmoid_with_loss() -> None:
    x, t = np.array([-2.0, 0.3, 1.5, 4.0]), np.array([1, 0, 1, 0])
    layer = SigmoidWithLoss()
    assert layer.forward(x, t) == pytest.approx(
        np.mean([math.log1p(math.exp(-s if yes else s)) for s, yes in zip(x, t, strict=True)]), rel=1e-5
    )
    assert_slopes(layer.backward(2.5) / 2.5, lambda: float(layer.forward(x, t)), x)


def test_gradients_of_embedding() -> None:
    rng = np.random.default_rng(1)
    W, dout, idx = rng.standard_normal((5, 3)), rng.standard_normal((6, 3)), np.array([4, 0, 4, 4, 2, 0])
    layer = Embedding(W)

    def loss() -> float:
        return float((layer.forward(idx) * dout).sum())

    loss()
    layer.backward(dout)
    assert_slopes(layer.grads[0], loss, W)


def test_gradients_of_embedding_dot() -> None:
    rng = np.random.default_rng(1)
    W, h, dout, idx = (
        rng.standard_normal((5, 3)),
        rng.standard_normal((4, 3)),
        rng.standard_normal(4),
        np.array([4, 0, 4, 2]),
    )
    layer = EmbeddingDot(W)

    def loss() -> float:
        return float((layer.forward(h, idx) * dout).sum())

    loss()
    dh = layer.backward(dout)
    assert_slopes(dh, loss, h)
    assert_slopes(layer.grads[0], loss, W)


def same_negatives(forward: Callable[..., Any], *arguments: Array) -> Callable[[], float]:
    """A forward pass that draws the same negatives at every call."""

    def loss() -> float:
        np.random.seed(5)
        return float(forward(*arguments))

    return loss


def test_gradients_of_negative_sampling_loss() -> None:
    rng = np.random.default_rng(1)
    W, h, target = rng.standard_normal((7, 3)), rng.standard_normal((4, 3)), np.array([1, 6, 1, 0])
    layer = NegativeSamplingLoss(W, SENTENCE, sample_size=3)
    loss = same_negatives(layer.forward, h, target)
    loss()
    dh = layer.backward()
    assert_slopes(dh, loss, h)
    assert_slopes(np.sum(layer.grads, axis=0), loss, W)


@pytest.mark.parametrize("dout", [1, 0.25])
@pytest.mark.parametrize("name", ["SimpleCBOW", "CBOW", "SkipGram"])
def test_gradients_of_models(name: str, dout: float) -> None:
    contexts, target = windows(SENTENCE, 1)
    model: Any = SimpleCBOW(7, 4) if name == "SimpleCBOW" else getattr(layers, name)(7, 4, 1, SENTENCE)
    if name == "SimpleCBOW":
        contexts, target = np.eye(7, dtype=np.int32)[contexts], np.eye(7, dtype=np.int32)[target]
    twins: dict[int, Array] = {}
    for leaf in leaves(model):  # the same model in float64, with weights of some size
        leaf.params[0] = twins.setdefault(id(leaf.params[0]), 40.0 * leaf.params[0].astype(np.float64))
        leaf.grads[0] = np.zeros_like(leaf.params[0])
    assert len(twins) == 2
    loss = same_negatives(model.forward, contexts, target)
    loss()
    model.backward(dout)
    for W in twins.values():
        gradient = np.sum([leaf.grads[0] for leaf in leaves(model) if leaf.params[0] is W], axis=0)
        assert_slopes(gradient / dout, loss, W)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_repeated_words_add_up(dtype: type) -> None:
    layer = Embedding(np.zeros((4, 2), dtype))
    layer.forward(np.array([3, 1, 3, 3]))
    for _ in range(2):  # the second time finds the first gradient in its way
        layer.backward(np.array([[1, 10], [2, 20], [4, 40], [8, 80]], dtype))
        assert layer.grads[0].tolist() == [[0, 0], [2, 20], [0, 0], [13, 130]]


def test_the_first_try_of_slide_11_loses_repeated_words() -> None:
    layer = Embedding(np.zeros((4, 2), np.float32), scatter=dense.assign)
    layer.forward(np.array([3, 1, 3]))
    layer.backward(np.array([[1, 1], [2, 2], [4, 4]], np.float32))
    assert layer.grads[0][3].tolist() == [4, 4]


# dtypes and awkward batches


@pytest.mark.parametrize("dout", [1, np.float64(1)])
@pytest.mark.parametrize("name", ["SimpleCBOW", "CBOW", "SkipGram"])
def test_float32_stays_float32(name: str, dout: float, monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[Any] = []
    for layer in (MatMul, Embedding, EmbeddingDot, SoftmaxWithLoss, SigmoidWithLoss, NegativeSamplingLoss):
        backward = layer.backward

        def noting(self: Any, dout: Any = 1, backward: Any = backward) -> Any:
            dx = backward(self, dout)
            passed.extend(array for array in (dout, dx) if isinstance(array, np.ndarray))
            return dx

        monkeypatch.setattr(layer, "backward", noting)
    contexts, target = windows(SENTENCE, 1)
    if name == "SimpleCBOW":
        contexts = np.eye(7, dtype=np.int32)[contexts]
    model: Any = SimpleCBOW(7, 4) if name == "SimpleCBOW" else getattr(layers, name)(7, 4, 1, SENTENCE)
    loss = model.forward(contexts, target)
    model.backward(dout)
    assert loss.dtype == np.float32
    assert len(passed) > 4
    assert {array.dtype for array in [*passed, *model.params, *model.grads]} == {np.dtype(np.float32)}


@pytest.mark.filterwarnings("error")
def test_an_empty_batch_has_no_loss_and_no_gradient() -> None:
    nothing, W = np.zeros(0, np.int64), np.ones((7, 3), np.float32)
    for scatter in (dense.add_at, dense.sort_reduceat):
        layer = Embedding(W, scatter=scatter)
        layer.grads[0][...] = 9
        assert layer.forward(nothing).shape == (0, 3)
        layer.backward(np.zeros((0, 3), np.float32))
        assert not layer.grads[0].any()
    dot = EmbeddingDot(W)
    dot.grads[0][...] = 9
    assert dot.forward(np.zeros((0, 3), np.float32), nothing).shape == (0,)
    assert dot.backward(np.zeros(0, np.float32)).shape == (0, 3)
    assert not dot.grads[0].any()
    for loss in (SoftmaxWithLoss(), NegativeSamplingLoss(W, SENTENCE)):
        assert loss.forward(np.zeros((0, 3), np.float32), nothing) == 0
        assert loss.backward().shape == (0, 3)


def test_a_batch_of_one_row() -> None:
    W = np.arange(6, dtype=np.float32).reshape(3, 2)
    dot = EmbeddingDot(W)
    assert dot.forward(np.array([[10, 1]], np.float32), np.array([2])).tolist() == [45]
    assert dot.backward(np.array([2], np.float32)).tolist() == [[8, 10]]
    assert dot.grads[0].tolist() == [[0, 0], [0, 0], [20, 2]]


@pytest.mark.filterwarnings("error")
def test_huge_scores_cost_at_most_the_book_s_limit() -> None:
    x = np.array([-1e4, 1e4], np.float32)
    for t in (np.array([1, 0]), np.array([0, 1])):
        loss = SigmoidWithLoss().forward(x, t)
        assert loss == pytest.approx(-math.log(1e-7) if t[0] else 0, abs=1e-5)


# slide 16

SCORES = st.floats(-40, 40)


@settings(deadline=None)
@given(SCORES, SCORES, st.booleans())
def test_two_softmax_neurons_are_one_sigmoid_of_their_difference(a: float, b: float, yes: bool) -> None:
    softmax, sigmoid = SoftmaxWithLoss(), SigmoidWithLoss()
    of_two = softmax.forward(np.array([[a, b]]), np.array([0 if yes else 1]))
    of_difference = sigmoid.forward(np.array([a - b]), np.array([int(yes)]))
    y = 1 / (1 + math.exp(b - a))
    formula = -math.log((y if yes else 1 / (1 + math.exp(a - b))) + 1e-7)
    assert of_two == pytest.approx(formula, rel=1e-12, abs=1e-15)
    assert of_difference == pytest.approx(formula, rel=1e-12, abs=1e-15)
    (dx,) = sigmoid.backward()
    np.testing.assert_allclose(dx, y - yes, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(softmax.backward(), [[dx, -dx]], rtol=1e-12, atol=1e-15)


@settings(deadline=None)
@given(st.floats(-10, 10), st.floats(0.01, 10), st.sampled_from([-1, 1]), st.booleans())
def test_one_neuron_s_score_is_not_the_sigmoid_s_unless_the_other_is_zero(
    a: float, size: float, sign: int, yes: bool
) -> None:
    sigmoid = SigmoidWithLoss().forward(np.array([a]), np.array([int(yes)]))
    for b, equal in ((0.0, True), (sign * size, False)):
        softmax = SoftmaxWithLoss().forward(np.array([[a, b]]), np.array([0 if yes else 1]))
        assert (abs(softmax - sigmoid) < 1e-12) == equal


def test_the_counterexample_to_slide_16() -> None:
    both_one = SoftmaxWithLoss().forward(np.array([[1.0, 1.0]]), np.array([0]))
    assert both_one == pytest.approx(math.log(2), rel=1e-6)
    assert SigmoidWithLoss().forward(np.array([1.0]), np.array([1])) == pytest.approx(
        math.log(1 + math.exp(-1)), rel=1e-6
    )


# the book's training loop


@dataclass
class SGD:
    lr: float = 1.0

    def update(self, params: list[Array], grads: list[Array]) -> None:
        for i in range(len(params)):
            params[i] -= self.lr * grads[i]


@dataclass
class Adam:
    lr: float = 0.001
    steps: int = 0
    moments: dict[int, tuple[Array, Array]] = field(default_factory=dict)

    def update(self, params: list[Array], grads: list[Array]) -> None:
        self.steps += 1
        rate = self.lr * math.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        for i, (W, dW) in enumerate(zip(params, grads, strict=True)):
            m, v = self.moments.setdefault(i, (np.zeros_like(W), np.zeros_like(W)))
            m += 0.1 * (dW - m)
            v += 0.001 * (dW * dW - v)
            W -= rate * m / (np.sqrt(v) + 1e-7)


def remove_duplicate(params: list[Array], grads: list[Array]) -> tuple[list[Array], list[Array]]:
    """Each shared matrix once, the gradients of its sharers added into the first one's in place; a transpose counts as the matrix."""
    kept: list[tuple[Array, Array]] = []
    for W, dW in zip(params, grads, strict=True):
        for known, total in kept:
            if known is W:
                total += dW
                break
            if known.shape == W.T.shape and np.array_equal(known, W.T):
                total += dW.T
                break
        else:
            kept.append((W, dW))
    return [W for W, _ in kept], [dW for _, dW in kept]


def train(model: Any, optimizer: Any, contexts: Array, target: Array, epochs: int = 2, batch: int = 20) -> list[float]:
    """The loop of the book's Trainer.fit: the loss of every step."""
    losses = []
    for _ in range(epochs):
        order = np.random.permutation(np.arange(len(contexts)))
        contexts, target = contexts[order], target[order]
        for start in range(0, len(contexts) // batch * batch, batch):
            losses.append(model.forward(contexts[start : start + batch], target[start : start + batch]))
            model.backward()
            optimizer.update(*remove_duplicate(model.params, model.grads))
    return [float(loss) for loss in losses]


@pytest.mark.parametrize("model", [CBOW, SkipGram])
def test_the_book_s_chapter_4_script(model: type[CBOW | SkipGram]) -> None:
    window_size, hidden_size, batch_size, max_epoch = 2, 10, 20, 12
    corpus = corpus_of(12, 200)
    contexts, target = windows(corpus, window_size)
    made = model(12, hidden_size, window_size, corpus)
    before = made.word_vecs.copy()
    losses = train(made, Adam(0.01), contexts, target, max_epoch, batch_size)
    answers = 6 * (1 if model is CBOW else 2 * window_size)
    assert losses[0] == pytest.approx(answers * math.log(2), rel=1e-3)
    assert np.mean(losses[-9:]) < 0.85 * losses[0]
    assert made.word_vecs is made.params[0]
    assert (made.word_vecs != before).any(axis=1).all()


def test_the_book_s_chapter_3_script() -> None:
    contexts, target = (np.eye(7, dtype=np.int32)[ids] for ids in windows(SENTENCE, 1))
    losses = train(SimpleCBOW(7, 5), Adam(), contexts, target, epochs=1000, batch=3)
    assert losses[0] == pytest.approx(math.log(7), rel=1e-3)
    assert np.mean(losses[-20:]) < 1


@pytest.mark.parametrize("name", ["SimpleCBOW", "CBOW", "SkipGram"])
def test_gradients_are_written_in_place(name: str) -> None:
    contexts, target = windows(SENTENCE, 1)
    model: Any = (
        SimpleCBOW(7, 4) if name == "SimpleCBOW" else getattr(layers, name)(7, 4, 1, SENTENCE, scatter=dense.csr)
    )
    contexts = np.eye(7, dtype=np.int32)[contexts] if name == "SimpleCBOW" else contexts
    listed = list(model.grads)
    for _ in range(2):
        model.forward(contexts, target)
        model.backward()
    assert all(now is then for now, then in zip(model.grads, listed, strict=True))
    assert all(
        leaf.grads[0] is dW and leaf.params[0] is W
        for leaf, W, dW in zip(leaves(model), model.params, model.grads, strict=True)
    )
    assert len({id(W) for W in model.params}) == 2
    assert len({id(dW) for dW in model.grads}) == len(model.grads)
    assert all(dW.any() for dW in model.grads)


def test_weights_tied_by_transpose() -> None:
    W = np.random.default_rng(0).standard_normal((5, 3))
    first, last = Embedding(W), MatMul(W.T)
    idx, dout = np.array([1, 4, 1]), np.ones((3, 5))

    def loss() -> float:
        return float((last.forward(first.forward(idx)) * dout).sum())

    loss()
    first.backward(last.backward(dout))
    params, grads = remove_duplicate(first.params + last.params, first.grads + last.grads)
    assert len(params) == 1
    assert_slopes(grads[0], loss, W)


# the book's losses


def plain_word2vec(
    skip_gram: bool, V: int, H: int, window: int, corpus: Array, optimizer: Any, epochs: int, batch: int
) -> list[float]:
    """Chapter 4's training written out in float64, without layers, drawing from NumPy's global generator in the book's order."""
    W_in, W_out = ((0.01 * np.random.randn(V, H).astype(np.float32)).astype(np.float64) for _ in range(2))
    law = np.array([(corpus == word).sum() for word in range(V)]) ** 0.75
    contexts, targets = windows(corpus, window)
    losses = []
    for _ in range(epochs):
        order = np.random.permutation(len(targets))
        contexts, targets = contexts[order], targets[order]
        for start in range(0, len(targets) // batch * batch, batch):
            around, center = contexts[start : start + batch], targets[start : start + batch]
            h = W_in[center] if skip_gram else W_in[around].mean(axis=1)
            loss, dh, dW_in, dW_out = 0.0, np.zeros_like(h), np.zeros_like(W_in), np.zeros_like(W_out)
            for wanted in around.T if skip_gram else [center]:
                words = np.empty((batch, 6), np.int64)
                for i, word in enumerate(wanted):
                    others = np.where(np.arange(V) == word, 0, law)
                    words[i] = [word, *np.random.choice(V, size=5, replace=False, p=others / others.sum())]
                y = 1 / (1 + np.exp(-np.einsum("bh,bkh->bk", h, W_out[words])))
                yes = np.arange(6) == 0
                loss -= np.log(np.where(yes, y, 1 - y) + 1e-7).sum() / batch
                d = (y - yes) / batch
                dh += np.einsum("bk,bkh->bh", d, W_out[words])
                np.add.at(dW_out, words, d[:, :, None] * h[:, None])
            if skip_gram:
                np.add.at(dW_in, center, dh)
            else:
                np.add.at(dW_in, around, dh[:, None] / (2 * window))
            optimizer.update([W_in, W_out], [dW_in, dW_out])
            losses.append(loss)
    return losses


def plain_simple_cbow(V: int, H: int, corpus: Array, optimizer: Any, epochs: int, batch: int) -> list[float]:
    """Chapter 3's training written out in float64, without layers."""
    W_in, W_out = ((0.01 * np.random.randn(*shape).astype(np.float32)).astype(np.float64) for shape in ((V, H), (H, V)))
    contexts, targets = windows(corpus, 1)
    losses = []
    for _ in range(epochs):
        order = np.random.permutation(len(targets))
        contexts, targets = contexts[order], targets[order]
        for start in range(0, len(targets) // batch * batch, batch):
            around, center = contexts[start : start + batch], targets[start : start + batch]
            h = W_in[around].mean(axis=1)
            y = np.exp(h @ W_out)
            y /= y.sum(axis=1, keepdims=True)
            losses.append(-np.log(y[np.arange(batch), center] + 1e-7).mean())
            d = (y - np.eye(V)[center]) / batch
            dW_in = np.zeros_like(W_in)
            np.add.at(dW_in, around, (d @ W_out.T)[:, None] / 2)
            optimizer.update([W_in, W_out], [dW_in, h.T @ d])
    return losses


@pytest.mark.parametrize("optimizer", [SGD, Adam])
@pytest.mark.parametrize("name", ["CBOW", "SkipGram"])
def test_chapter_4_gives_the_book_s_losses(name: str, optimizer: type[SGD | Adam]) -> None:
    V, H, window, corpus = 15, 8, 2, corpus_of(15, 204)
    np.random.seed(3)
    want = plain_word2vec(name == "SkipGram", V, H, window, corpus, optimizer(), epochs=2, batch=20)
    np.random.seed(3)
    got = train(getattr(layers, name)(V, H, window, corpus), optimizer(), *windows(corpus, window), epochs=2, batch=20)
    assert len(got) == 20
    np.testing.assert_allclose(got, want, rtol=2e-6)


@pytest.mark.parametrize("optimizer", [SGD, Adam])
def test_chapter_3_gives_the_book_s_losses(optimizer: type[SGD | Adam]) -> None:
    np.random.seed(3)
    want = plain_simple_cbow(7, 5, SENTENCE, optimizer(), epochs=20, batch=3)
    np.random.seed(3)
    contexts, target = (np.eye(7, dtype=np.int32)[ids] for ids in windows(SENTENCE, 1))
    got = train(SimpleCBOW(7, 5), optimizer(), contexts, target, epochs=20, batch=3)
    np.testing.assert_allclose(got, want, rtol=2e-6)


# options


def short_training(model: Any, **options: Any) -> list[float]:
    corpus = corpus_of(15, 64)
    np.random.seed(3)
    return train(model(15, 8, 2, corpus, **options), SGD(), *windows(corpus, 2), epochs=2, batch=20)


@pytest.mark.parametrize("lookup", LOOKUPS)
@pytest.mark.parametrize("model", [CBOW, SkipGram])
def test_every_lookup_gives_the_same_losses(model: Any, lookup: Implementation) -> None:
    np.testing.assert_allclose(short_training(model, lookup=available(lookup)), short_training(model), rtol=1e-6)


@pytest.mark.parametrize("scatter", SCATTERS)
@pytest.mark.parametrize("model", [CBOW, SkipGram])
def test_every_scatter_gives_the_same_losses(model: Any, scatter: Implementation) -> None:
    np.testing.assert_allclose(short_training(model, scatter=available(scatter)), short_training(model), rtol=1e-6)


@pytest.mark.parametrize("draw", DIFFERENT + INDEPENDENT)
@pytest.mark.parametrize("model", [CBOW, SkipGram])
def test_every_sampler_trains(model: Any, draw: Implementation) -> None:
    losses = short_training(model, draw=available(draw))
    assert losses[0] == pytest.approx(short_training(model)[0], rel=1e-3)
    assert losses[-1] < losses[0]
    assert losses == short_training(model, draw=draw)  # np.random.seed rules these negatives too


def test_options_reach_every_layer() -> None:
    calls = {"lookup": 0, "scatter": 0, "draw": 0}

    def lookup(W: Array, idx: Array) -> Array:
        calls["lookup"] += 1
        return np.asarray(W[idx])

    def scatter(dout: Array, idx: Array, dW: Array) -> None:
        calls["scatter"] += 1
        dW[...] = 0
        np.add.at(dW, idx, dout)

    def draw(targets: Array, K: int, p: Array, rng: np.random.Generator) -> Array:
        calls["draw"] += 1
        assert p.sum() == pytest.approx(1)
        return (targets[:, None] + 1 + np.arange(K)) % len(p)

    contexts, target = windows(SENTENCE, 1)
    for make, expected in (
        (CBOW, {"lookup": 8, "scatter": 8, "draw": 1}),
        (SkipGram, {"lookup": 13, "scatter": 13, "draw": 2}),
    ):
        calls.update(lookup=0, scatter=0, draw=0)
        model = make(7, 4, 1, SENTENCE, lookup=lookup, scatter=scatter, draw=draw)
        model.forward(contexts, target)
        model.backward()
        assert calls == expected


def test_a_scatter_may_write_or_return_the_gradient() -> None:
    def writes(dout: Array, idx: Array, dW: Array) -> None:
        dW[...] = 0
        np.add.at(dW, idx, dout)

    def returns(dout: Array, idx: Array, dW: Array) -> Array:
        fresh = np.zeros_like(dW)
        np.add.at(fresh, idx, dout)
        return fresh

    for scatter in (writes, returns):
        layer = Embedding(np.zeros((3, 1), np.float32), scatter=scatter)
        layer.forward(np.array([2, 0, 2]))
        for _ in range(2):
            layer.backward(np.array([[1], [2], [4]], np.float32))
            assert layer.grads[0].tolist() == [[2], [0], [5]]


def test_workspaces_follow_the_batch() -> None:
    W = np.arange(12, dtype=np.float64).reshape(6, 2)
    layer = Embedding(W, lookup=take_out, scatter=dense.unique_csr)
    for idx in (np.array([5, 0, 5]), np.array([1]), np.array([2, 3, 3, 4, 5]), np.array([0, 1, 0], np.int32)):
        assert layer.forward(idx).tolist() == W[idx].tolist()
        layer.backward(np.ones((len(idx), 2)))
        assert layer.grads[0][:, 0].tolist() == np.bincount(idx, minlength=6).tolist()


def test_a_workspace_is_made_once() -> None:
    made: list[Any] = []

    def prepare(problem: Any) -> str:
        made.append(problem)
        return "workspace"

    @gather.kernel.implementation("mine", "for this test", prepare=prepare)
    def mine(W: Array, idx: Array, workspace: str) -> Array:
        assert workspace == "workspace"
        return np.asarray(W[idx])

    W = np.zeros((6, 2), np.float32)
    layer = Embedding(W, lookup=mine)
    for _ in range(3):
        layer.forward(np.array([1, 2]))
    (problem,) = made
    assert problem.inputs["W"] is W
    assert str(problem.size) == "V=6,H=2,B=2,f32,i64,zipf,t1"


def test_wrong_options_are_refused() -> None:
    W = np.zeros((7, 2), np.float32)
    with pytest.raises(TypeError, match=r"lookup= takes an implementation of lookup, not one of scatter.dense"):
        Embedding(W, lookup=dense.add_at)
    with pytest.raises(
        TypeError, match=r"scatter= takes an implementation of scatter.dense, not one of scatter.accumulate"
    ):
        CBOW(7, 2, 1, SENTENCE, scatter=accumulate.add_at)
    with pytest.raises(
        TypeError,
        match=r"draw= takes an implementation of sampling.without-replacement or sampling.with-replacement, not one of lookup",
    ):
        UnigramSampler(SENTENCE, 0.75, 2, draw=gather)


def test_constructors_are_the_book_s() -> None:
    book = {
        "MatMul": "W",
        "SoftmaxWithLoss": "",
        "SigmoidWithLoss": "",
        "Embedding": "W",
        "EmbeddingDot": "W",
        "UnigramSampler": "corpus power sample_size",
        "NegativeSamplingLoss": "W corpus power=0.75 sample_size=5",
        "SimpleCBOW": "vocab_size hidden_size",
        "CBOW": "vocab_size hidden_size window_size corpus",
        "SkipGram": "vocab_size hidden_size window_size corpus",
    }
    for name, parameters in book.items():
        given = inspect.signature(getattr(layers, name)).parameters.values()
        positional = [
            p.name if p.default is p.empty else f"{p.name}={p.default}"
            for p in given
            if p.kind is p.POSITIONAL_OR_KEYWORD
        ]
        assert positional == parameters.split(), name
        assert all(p.kind is p.KEYWORD_ONLY for p in given if p.name in ("lookup", "scatter", "draw"))


# the sampler

DRAWS = [pytest.param(None, id="the book's"), *DIFFERENT]


def test_the_law_is_frequency_to_the_power() -> None:
    corpus = np.repeat([0, 1, 2, 3], [70, 29, 1, 100])
    for power in (0.75, 1, 0, -1):
        want = np.array([0.35, 0.145, 0.005, 0.5]) ** power
        sampler = UnigramSampler(corpus, power, 2)
        np.testing.assert_allclose(sampler.word_p, want / want.sum(), rtol=1e-12)
        assert sampler.word_p.sum() == pytest.approx(1, abs=1e-12)
    assert (sampler.vocab_size, sampler.sample_size) == (4, 2)


def test_words_that_do_not_occur_are_never_drawn() -> None:
    for power in (0.75, 0):
        sampler = UnigramSampler(np.array([1, 1, 4, 2, 5]), power, 3)
        assert sampler.word_p[[0, 3]].tolist() == [0, 0]
        assert sorted(sampler.get_negative_sample(np.array([4]))[0].tolist()) == [1, 2, 5]


@pytest.mark.parametrize("draw", DRAWS)
def test_negatives_are_different_words_and_never_the_target(draw: Implementation | None) -> None:
    corpus = corpus_of(9, 100)
    targets = np.tile(np.arange(9), 10)
    for K in (1, 5, 8):
        negatives = UnigramSampler(corpus, 0.75, K, draw=draw and available(draw)).get_negative_sample(targets)
        assert negatives.shape == (90, K)
        assert negatives.dtype.kind == "i"
        rows = np.sort(np.column_stack([targets, negatives]), axis=1)
        assert (np.diff(rows, axis=1) > 0).all()
        assert rows.min() >= 0
        assert rows.max() <= 8


@pytest.mark.parametrize("draw", INDEPENDENT)
def test_independent_negatives_are_never_the_target(draw: Implementation) -> None:
    targets = np.tile(np.arange(3), 30)
    negatives = UnigramSampler(corpus_of(3, 50), 0.75, 7, draw=available(draw)).get_negative_sample(targets)
    assert negatives.shape == (90, 7)
    assert set(np.unique(negatives).tolist()) == {0, 1, 2}
    assert not (negatives == targets[:, None]).any()


@pytest.mark.parametrize("draw", DRAWS + INDEPENDENT)
def test_single_negatives_follow_the_law(draw: Implementation | None) -> None:
    counts = np.array([500, 200, 80, 30, 10])
    sampler = UnigramSampler(np.repeat(np.arange(5), counts), 0.75, 1, draw=draw and available(draw))
    drawn = np.bincount(sampler.get_negative_sample(np.ones(5000, np.int64)).ravel(), minlength=5)
    assert drawn[1] == 0

    def fit(power: float) -> float:
        law = np.delete(counts, 1) ** power
        return float(chisquare(np.delete(drawn, 1), 5000 * law / law.sum()).pvalue)

    assert fit(0.75) > 1e-6
    assert fit(1.0) < 1e-6


def test_the_book_s_draws_come_from_numpy_s_global_generator() -> None:
    np.random.seed(2)
    law = np.array([1, 2, 1, 1, 1, 1, 1]) ** 0.75
    law[4] = 0
    want = [np.random.choice(7, size=3, replace=False, p=law / law.sum()).tolist() for _ in range(4)]
    np.random.seed(2)
    assert UnigramSampler(SENTENCE, 0.75, 3).get_negative_sample(np.full(4, 4)).tolist() == want


def test_too_small_a_corpus_is_refused() -> None:
    with pytest.raises(ValueError, match=r"3 distinct words is too small to draw 3 negatives"):
        UnigramSampler(np.array([0, 1, 2, 1]), 0.75, 3)
    with pytest.raises(ValueError, match=r"1 distinct words is too small"):
        UnigramSampler(np.array([0, 0]), 0.75, 3, draw=alias)
    assert UnigramSampler(np.array([0, 1, 2, 1]), 0.75, 3, draw=alias).get_negative_sample(np.array([0])).shape == (
        1,
        3,
    )
    with pytest.raises(ValueError, match=r"word id 6, but W has only 5 rows"):
        CBOW(5, 2, 1, SENTENCE)
