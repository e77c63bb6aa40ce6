"""The book's training scripts on our layers: the book's own losses, and the same ones with every option."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from w2vbench.impls.catalogue.discovery import own
from w2vbench.impls.interface import Array, Implementation
from w2vbench.impls.layers import CBOW, Embedding, SkipGram, UnigramSampler
from w2vbench.impls.lookup import gather, lookup, take_out
from w2vbench.impls.scatter import accumulate, dense

from tests.impls.book import SENTENCE, SGD, Adam, batches, corpus_of, small, train, windows
from tests.impls.calling import available, implementations

Model = type[CBOW | SkipGram]
MODELS: tuple[Model, ...] = (CBOW, SkipGram)


V, H = 15, 8


def trained(model: Model, length: int, optimizer: Any, **options: Any) -> list[float]:
    corpus = corpus_of(V, length)
    np.random.seed(3)
    return train(model(V, H, 2, corpus, **options), optimizer, *windows(corpus, 2), epochs=2, batch=20)


def weights(*shape: int) -> Array:
    """The book's first weights, which are float32, in float64."""
    return (0.01 * np.random.randn(*shape).astype(np.float32)).astype(np.float64)


def plain_word2vec(skip_gram: bool, length: int, optimizer: Any) -> list[float]:
    """Chapter 4's training written out in float64, without layers, drawing from NumPy's global generator in the book's order."""
    corpus = corpus_of(V, length)
    np.random.seed(3)
    W_in, W_out, losses = weights(V, H), weights(V, H), []
    law = np.array([(corpus == word).sum() for word in range(V)]) ** 0.75
    for around, center in batches(*windows(corpus, 2), epochs=2, batch=20):
        h = W_in[center] if skip_gram else W_in[around].mean(axis=1)
        loss, dh, dW_in, dW_out = 0.0, np.zeros_like(h), np.zeros_like(W_in), np.zeros_like(W_out)
        for wanted in around.T if skip_gram else [center]:
            words = np.empty((len(center), 6), np.int64)
            for i, word in enumerate(wanted):
                others = np.where(np.arange(V) == word, 0, law)
                words[i] = [word, *np.random.choice(V, size=5, replace=False, p=others / others.sum())]
            y = 1 / (1 + np.exp(-np.einsum("bh,bkh->bk", h, W_out[words])))
            yes = np.arange(6) == 0
            loss -= np.log(np.where(yes, y, 1 - y) + 1e-7).sum() / len(center)
            d = (y - yes) / len(center)
            dh += np.einsum("bk,bkh->bh", d, W_out[words])
            np.add.at(dW_out, words, d[:, :, None] * h[:, None])
        if skip_gram:
            np.add.at(dW_in, center, dh)
        else:
            np.add.at(dW_in, around, dh[:, None] / 4)
        optimizer.update([W_in, W_out], [dW_in, dW_out])
        losses.append(loss)
    return losses


def plain_simple_cbow(optimizer: Any) -> list[float]:
    """Chapter 3's training written out in float64, without layers."""
    np.random.seed(3)
    W_in, W_out, losses = weights(7, 5), weights(5, 7), []
    for around, center in batches(*windows(SENTENCE, 1), epochs=20, batch=3):
        h = W_in[around].mean(axis=1)
        y = np.exp(h @ W_out)
        y /= y.sum(axis=1, keepdims=True)
        losses.append(-np.log(y[np.arange(3), center] + 1e-7).mean())
        d = (y - np.eye(7)[center]) / 3
        dW_in = np.zeros_like(W_in)
        np.add.at(dW_in, around, (d @ W_out.T)[:, None] / 2)
        optimizer.update([W_in, W_out], [dW_in, h.T @ d])
    return losses


@pytest.mark.parametrize("optimizer", [SGD, Adam])
@pytest.mark.parametrize("model", MODELS)
def test_chapter_4_gives_the_books_losses(model: Model, optimizer: type[SGD | Adam]) -> None:
    got = trained(model, 204, optimizer())
    assert len(got) == 20
    assert got[-1] < got[0]
    np.testing.assert_allclose(got, plain_word2vec(model is SkipGram, 204, optimizer()), rtol=2e-6)


@pytest.mark.parametrize("optimizer", [SGD, Adam])
def test_chapter_3_gives_the_books_losses(optimizer: type[SGD | Adam]) -> None:
    np.random.seed(3)
    model, contexts, target = small("SimpleCBOW", H=5)
    got = train(model, optimizer(), contexts, target, epochs=20, batch=3)
    np.testing.assert_allclose(got, plain_simple_cbow(optimizer()), rtol=2e-6)


# options


@pytest.fixture(scope="module")
def usual() -> dict[Model, list[float]]:
    """The losses of a short training without options."""
    return {model: trained(model, 64, SGD()) for model in MODELS}


COPIES = "lookup/jax"


@pytest.mark.parametrize("implementation", [i for i in implementations("lookup", "scatter.dense") if i.id != COPIES])
@pytest.mark.parametrize("model", MODELS)
def test_every_lookup_and_scatter_gives_the_same_losses(
    model: Model, implementation: Implementation, usual: dict[Model, list[float]]
) -> None:
    option = {implementation.kernel.name.removesuffix(".dense"): available(implementation)}
    for name in implementation.requires:
        import_module(name)  # JAX draws from NumPy's global generator when it is imported
    assert trained(model, 64, SGD(), **option) == pytest.approx(usual[model], rel=1e-6)


def test_a_layer_takes_no_lookup_that_copies_the_table() -> None:
    """It would not see what training changes."""
    (copies,) = (i for i in own() if i.key == COPIES)
    with pytest.raises(TypeError, match="JAX copies a table once"):
        trained(CBOW, 64, SGD(), lookup=copies)


@pytest.mark.parametrize("draw", implementations("sampling.without-replacement", "sampling.with-replacement"))
@pytest.mark.parametrize("model", MODELS)
def test_every_sampler_trains(model: Model, draw: Implementation, usual: dict[Model, list[float]]) -> None:
    losses = trained(model, 64, SGD(), draw=available(draw))
    assert losses[0] == pytest.approx(usual[model][0], rel=1e-3)
    assert losses[-1] < losses[0]
    assert losses == trained(model, 64, SGD(), draw=draw)  # np.random.seed rules these negatives too


@pytest.mark.parametrize(("make", "of_words", "draws"), [(CBOW, 8, 1), (SkipGram, 13, 2)])
def test_options_reach_every_layer(make: Model, of_words: int, draws: int) -> None:
    """As plain functions."""
    seen = Counter[str]()

    def look_up(W: Array, idx: Array) -> Array:
        seen["lookup"] += 1
        return np.asarray(W[idx])

    def scatter(dout: Array, idx: Array, dW: Array) -> None:
        seen["scatter"] += 1
        dense.add_at(dout, idx, dW)

    def draw(targets: Array, K: int, p: Array, rng: np.random.Generator) -> Array:
        seen["draw"] += 1
        assert p.sum() == pytest.approx(1)
        return (targets[:, None] + 1 + np.arange(K)) % len(p)

    model = make(7, 4, 1, SENTENCE, lookup=look_up, scatter=scatter, draw=draw)
    model.forward(*windows(SENTENCE, 1))
    model.backward()
    assert seen == {"lookup": of_words, "scatter": of_words, "draw": draws}


def test_a_scatter_may_return_the_gradient_instead_of_writing_it() -> None:
    def scatter(dout: Array, idx: Array, dW: Array) -> Array:
        return np.array([dout[idx == word].sum(axis=0) for word in range(len(dW))])

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

    @lookup.implementation("mine", "for this test", prepare=made.append)
    def mine(W: Array, idx: Array, workspace: None) -> Array:
        return np.asarray(W[idx])

    W = np.zeros((6, 2), np.float32)
    layer = Embedding(W, lookup=mine)
    for _ in range(3):
        layer.forward(np.array([1, 2]))
    (problem,) = made
    assert problem.inputs["W"] is W
    assert str(problem.size) == "V=6,H=2,B=2,f32,i64,zipf,t1"


def test_an_implementation_of_another_kernel_is_refused() -> None:
    with pytest.raises(TypeError, match=r"lookup= takes .* not one of scatter\.dense"):
        Embedding(np.zeros((7, 2)), lookup=dense.add_at)
    with pytest.raises(TypeError, match=r"scatter= takes .* not one of scatter\.accumulate"):
        CBOW(7, 2, 1, SENTENCE, scatter=accumulate.add_at)
    with pytest.raises(TypeError, match=r"draw= takes .* or sampling\.with-replacement, not one of lookup"):
        UnigramSampler(SENTENCE, 0.75, 2, draw=gather)
