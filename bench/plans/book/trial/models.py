"""The checks of the models: SimpleCBOW, CBOW and SkipGram."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from w2vbench.impls.interface import Array

from . import expected
from .comparing import inputs
from .lists import Gradients, check_lists, is_of
from .negatives import CORPUS, Draws, H, V, check_drawn, compare_losses, is_slope, labels, record_draws, sums_of_layers
from .sampling import seeded
from .trial import Stop, Trial

WINDOW, NEGATIVES = 1, 5


def tables_of(trial: Trial, model: Any, shape_out: tuple[int, ...]) -> tuple[Array, Array]:
    """Return a model's W_in, as word_vecs names it, and W_out, both with larger numbers than at first. Raises Stop if missing."""
    params = [one for one in model.params if isinstance(one, np.ndarray)]
    vectors = getattr(model, "word_vecs", None)
    distinct: list[Array] = []
    for param in params:
        if not any(is_of(param, other) for other in distinct):
            distinct.append(param)
    shapes = [one.shape for one in distinct]
    if (V, H) not in shapes or len(distinct) < 2:
        trial.report("weights-missing", "__init__", shape=(V, H) if (V, H) not in shapes else shape_out)
        raise Stop
    if vectors is None:
        trial.report(
            "word-vecs", "__init__", what="there is no self.word_vecs, from which the vectors are taken after training"
        )
    elif not isinstance(vectors, np.ndarray) or not any(
        is_of(one, vectors) and one.shape == (V, H) for one in distinct
    ):
        trial.report("word-vecs", "__init__", what="self.word_vecs is not one of the weights that are trained")
    owner = next((one for one in distinct if one.shape == (V, H) and vectors is not None and is_of(one, vectors)), None)
    W_in = owner if owner is not None else next(one for one in distinct if one.shape == (V, H))
    W_out = next(one for one in distinct if one is not W_in)
    if W_out.shape not in ((V, H), (H, V)):
        trial.report("weights-missing", "__init__", shape=shape_out)
        raise Stop
    return W_in, W_out


def fill(W: Array, scale: float) -> None:
    """Give weights larger numbers than the first ones of the book, which hide most mistakes: 0.01 · N(0, 1)."""
    W[...] = np.random.default_rng(W.size + W.shape[0]).standard_normal(W.shape) * scale


def make_model(trial: Trial, *arguments: Any) -> tuple[Any, Array, Array, Gradients, Draws | None]:
    """Return a model with its two matrices, its gradients, and the record of its draws."""
    with seeded(3):
        model = trial.make(*arguments)
    check_lists(trial, model)
    W_in, W_out = tables_of(trial, model, (H, V) if trial.name == "SimpleCBOW" else (V, H))
    trial.check_default(model)
    if not W_in.any() and not W_out.any():
        trial.report("weights-zero", "__init__")
    fill(W_in, 0.8)
    fill(W_out, 0.7)
    return model, W_in, W_out, Gradients(trial, model, rebinding=True), record_draws(model)


BATCHES = ((((0, 3), (2, 3), (3, 3)), (1, 4, 2)), (((5, 1),), (7,)), (((6, 6), (0, 1)), (0, 5)))
"""Context words and targets of successive batches: with repeated words, and with one row."""


def cbow(trial: Trial) -> None:
    """Check CBOW, window 1."""
    model, W_in, W_out, gradients, drawn = make_model(trial, V, H, WINDOW, CORPUS)
    K = NEGATIVES

    def one_pass(contexts: Array, target: Array) -> bool:
        if drawn is None:
            return is_slope(trial, model, (contexts, target), (W_in, W_out), gradients)
        drawn.clear()
        with seeded(5):
            loss = trial.call(model, "forward", contexts, target)
        check_drawn(trial, drawn, K, [target])
        words = np.column_stack([target, drawn[0][1]])
        h = W_in[contexts].astype(np.float64).mean(axis=1)
        step = expected.negative_sampling(h, W_out, words, labels(K))
        trial.example = inputs(contexts=contexts, target=target)
        return compare_cbow(trial, model, loss, (W_in, W_out), contexts, gradients, step,
                            lambda h: expected.negative_sampling(h, W_out, words, labels(K)))  # fmt: skip

    passes(trial, one_pass)


def simple_cbow(trial: Trial) -> None:
    """Check SimpleCBOW, which gets one-hot contexts and targets, and has a softmax over all words."""
    model, W_in, W_out, gradients, _ = make_model(trial, V, H)
    table = W_out if W_out.shape == (H, V) else W_out.T

    def one_pass(contexts: Array, target: Array) -> bool:
        loss = trial.call(model, "forward", expected.one_hot(contexts, V), expected.one_hot(target, V))
        trial.example = f"{inputs(contexts=contexts, target=target)} (ids, given as one-hot rows)"
        h = W_in[contexts].astype(np.float64).mean(axis=1)

        def output(h: Array) -> expected.Step:
            step = expected.output_softmax(h, table, target)
            return step if table is W_out else expected.Step(step.losses, step.dh, step.dW.transpose(0, 2, 1))

        return compare_cbow(trial, model, loss, (W_in, W_out), contexts, gradients, output(h), output)

    passes(trial, one_pass)


def compare_cbow(
    trial: Trial,
    model: Any,
    loss: Any,
    tables: tuple[Array, Array],
    contexts: Array,
    gradients: Gradients,
    step: expected.Step,
    output: Callable[[Array], expected.Step],
) -> bool:
    """Compare loss and gradients of a CBOW with those of its output layer at the mean of its context words' vectors."""
    W_in, W_out = tables
    rows, n = W_in[contexts].astype(np.float64), contexts.shape[1]
    before = [W.copy() for W in tables]
    want = float(step.losses.sum())
    mistakes = {
        "contexts-not-averaged": output(rows.sum(axis=1)).losses.sum(),
        "contexts-averaged-twice": output(rows.mean(axis=1) / n).losses.sum(),
        "first-context-only": output(rows[:, 0]).losses.sum(),
        "not-averaged": want * len(contexts),
        "averaged-twice": want / len(contexts),
    }
    if not trial.same("forward", "the loss", loss, want, mistakes, returned="loss", n=n):
        return False
    trial.call(model, "backward")
    trial.unchanged("backward", W=(W_in, before[0]))
    trial.unchanged("backward", W=(W_out, before[1]))
    dh = step.dh.sum(axis=0)
    by_place = np.array([expected.added(V, contexts[:, place], dh) for place in range(n)])
    inner: Mapping[str, Any] = {
        "gradient-not-divided": by_place.sum(axis=0),
        "gradient-divided-twice": by_place.sum(axis=0) / n**2,
        "first-context-only": by_place[0] / n,
        "only-last-layer": by_place[-1] / n,
    }
    same = gradients.same("dW_in", W_in, by_place.sum(axis=0) / n, inner, n=n)
    return gradients.same("dW_out", W_out, step.dW.sum(axis=0), sums_of_layers(step.dW), n=len(step.dW)) and same


def skip_gram(trial: Trial) -> None:
    """Check SkipGram, window 1: a NegativeSamplingLoss for each context place."""
    model, W_in, W_out, gradients, drawn = make_model(trial, V, H, WINDOW, CORPUS)
    K, places = NEGATIVES, 2 * WINDOW

    def one_pass(contexts: Array, target: Array) -> bool:
        if drawn is None:
            return is_slope(trial, model, (contexts, target), (W_in, W_out), gradients)
        drawn.clear()
        with seeded(6):
            loss = trial.call(model, "forward", contexts, target)
        check_drawn(trial, drawn, K, [contexts[:, place] for place in range(places)])
        h = W_in[target].astype(np.float64)
        words = [np.column_stack([contexts[:, place], drawn[place][1]]) for place in range(places)]
        steps = [expected.negative_sampling(h, W_out, one, labels(K)) for one in words]
        summed = expected.Step(
            np.array([step.losses.sum() for step in steps]),
            np.array([step.dh.sum(axis=0) for step in steps]),
            np.array([step.dW.sum(axis=0) for step in steps]),
        )
        trial.example = inputs(contexts=contexts, target=target)
        if not compare_losses(trial, loss, [(h, W_out, one) for one in words], summed, K):
            return False
        trial.call(model, "backward")
        by_place = np.array([expected.added(V, target, dh) for dh in summed.dh])
        same = gradients.same("dW_in", W_in, by_place.sum(axis=0), sums_of_layers(by_place), n=places)
        return gradients.same("dW_out", W_out, summed.dW.sum(axis=0), sums_of_layers(summed.dW), n=places) and same

    passes(trial, one_pass)


def passes(trial: Trial, one_pass: Callable[[Array, Array], bool]) -> None:
    """Make a pass with each of BATCHES, until one is wrong."""
    for number, (contexts, target) in enumerate(BATCHES):
        trial.later = number > 0
        if not one_pass(np.array(contexts), np.array(target)):
            break
    trial.later = False
