"""The checks of NegativeSamplingLoss and of the models SimpleCBOW, CBOW and SkipGram.

Which negatives a layer has drawn is recorded at its sampler, whatever that draws, so that loss and gradients can be computed.
Where no sampler is found, the gradient is compared with the slope of the loss that forward itself returns.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from impls.interface import Array

from . import expected
from .layers import counted, weights
from .lists import Gradients, check_lists, is_of
from .sampling import corpus_of, seeded
from .trial import Stop, Trial, as_numbers, inputs, reachable

COUNTS = (3, 2, 2, 1, 1, 2, 1, 3)
V, H, WINDOW = len(COUNTS), 3, 1
CORPUS = corpus_of(COUNTS)
SLOPE, NEAR = 1e-2, 2e-2
"""The step of a numerical slope in float32, and how near it must be."""

Draws = list[tuple[Array, Array]]
"""The targets and negatives of each call of a sampler."""


def record_draws(layer: Any) -> Draws | None:
    """Record what the samplers of a layer draw from here on; None if it has none."""
    drawn: Draws = []
    samplers = [one for one in reachable(layer) if callable(getattr(type(one), "get_negative_sample", None))]
    for sampler in samplers:

        def recording(target: Array, draw: Callable[..., Any] = sampler.get_negative_sample) -> Any:
            negatives = draw(target)
            drawn.append((np.array(target), np.array(negatives)))
            return negatives

        try:
            sampler.get_negative_sample = recording
        except AttributeError:
            return None
    return drawn if samplers else None


def check_drawn(trial: Trial, drawn: Draws, K: int, targets: Sequence[Array]) -> None:
    """Check that the negatives are those of these targets, K for each, and never a target. Raises Stop if not."""
    for target, negatives in drawn:
        if negatives.ndim != 2 or negatives.shape[1] != K or negatives.dtype.kind not in "iu":
            raise Stop  # the sampler's own check has said so
        if (negatives == target[:, None]).any():
            trial.report("target-drawn", "forward")
            raise Stop
    if [target.tolist() for target, _ in drawn] != [target.tolist() for target in targets]:
        trial.report("wrong-value", "forward", what="the target for which negatives are drawn")
        raise Stop


def labels(K: int) -> Array:
    return np.array([1.0] + [0.0] * K)


def negative_sampling_loss(trial: Trial) -> None:
    for K in (2, 1):
        one_sample_size(trial, K)
        if trial.wrong:
            return


def one_sample_size(trial: Trial, K: int) -> None:
    """Check NegativeSamplingLoss with K negatives, on several batches."""
    W = weights(trial, V, H) / 4
    W = np.asarray(W, trial.dtype)
    with seeded(2):
        layer = trial.make(W, CORPUS, 0.75, K)
    check_lists(trial, layer, W)
    drawn, gradients = record_draws(layer), Gradients(trial, layer)
    for number, words in enumerate(((3, 0, 3), (5,), (1, 6, 1, 2))):
        trial.later = number > 0
        target, dout = np.array(words), (1.0, 1.0, 2.0)[number]
        h = np.asarray(counted(trial, len(words), H) / 8, trial.dtype)
        before = {"W": W.copy(), "h": h.copy()}
        if drawn is None:
            if not is_slope(trial, layer, (h, target), (W,), gradients):
                return
            continue
        drawn.clear()
        with seeded(number):
            loss = trial.call(layer, "forward", h, target)
        check_drawn(trial, drawn, K, [target])
        trial.unchanged("forward", W=(W, before["W"]), h=(h, before["h"]))
        everything = np.column_stack([target, drawn[0][1]])
        trial.example = inputs(target=target, negatives=drawn[0][1])
        step = expected.negative_sampling(h, W, everything, labels(K))
        same = compare_losses(trial, loss, [(h, W, everything)], step, K)
        dh = trial.call(layer, "backward", dout)
        trial.unchanged("backward", W=(W, before["W"]), h=(h, before["h"]))
        same &= trial.same(
            "backward", "dh", dh, dout * step.dh.sum(axis=0),
            sums_of_layers(dout * step.dh) | {"dout-forgotten": step.dh.sum(axis=0)},
            returned="dh", n=K + 1, shaped=": pass it to each loss layer's backward",
        )  # fmt: skip
        same &= gradients.same("dW", W, dout * step.dW.sum(axis=0), sums_of_layers(dout * step.dW), n=K + 1)
        if not same:
            break
    trial.later = False


def sums_of_layers(parts: Array) -> dict[str, Any]:
    """Return what mistakes in adding up layers give, of the parts by layer."""
    return {
        "only-last-layer": parts[-1],
        "only-first-layer": parts[0],
        "layers-averaged": parts.mean(axis=0),
    }


def compare_losses(
    trial: Trial, loss: Any, layers: Sequence[tuple[Array, Array, Array]], step: expected.Step, K: int
) -> bool:
    """Compare the loss of one or more NegativeSamplingLoss layers, each (h, W, words), with what wrong labels would give."""

    def with_labels(answers: Array) -> float:
        return float(sum(expected.negative_sampling(*one, answers).losses.sum() for one in layers))

    want, right = float(step.losses.sum()), labels(K)
    mistakes = {
        "negatives-labelled-yes": with_labels(np.ones(K + 1)),
        "target-labelled-no": with_labels(np.zeros(K + 1)),
        "labels-swapped": with_labels(1 - right),
        "layers-averaged": want / (K + 1),
        "only-last-layer": step.losses[-1],
        "only-first-layer": step.losses[0],
        "not-averaged": want * len(layers[0][0]),
    }
    return trial.same("forward", "the loss", loss, want, mistakes, returned="loss", n=K + 1)


def is_slope(
    trial: Trial, layer: Any, arguments: tuple[Array, ...], tables: Sequence[Array], gradients: Gradients
) -> bool:
    """Compare the gradients of tables with slopes of the layer's own loss, always drawing the same negatives."""

    def loss(one: Any) -> float:
        with seeded(4):
            return float(trial.call(one, "forward", *arguments))

    h = [one for one in arguments if one.dtype.kind == "f"]

    def slope(W: Array, at: tuple[int, ...]) -> float:
        ends = []
        for step in (SLOPE, -SLOPE):
            held = W[at]
            W[at] += step
            ends.append(loss(copy.deepcopy(layer)))  # its own generator would draw others the next time
            W[at] = held
        return (ends[0] - ends[1]) / (2 * SLOPE)

    want = [np.array([slope(W, at) for at in np.ndindex(W.shape)]).reshape(W.shape) for W in (*h, *tables)]
    loss(layer)
    dh = trial.call(layer, "backward", 1)
    got = [*(as_numbers(dh) for _ in h), *map(gradients.seen, tables)]
    trial.example = inputs(target=arguments[-1])
    for gradient, slopes in zip(got, want, strict=True):
        off = np.inf if gradient is None or gradient.shape != slopes.shape else np.abs(gradient - slopes).max()
        if off > NEAR * (0.1 + np.abs(slopes).max()):
            trial.report("not-the-slope", "backward", f"a number of the gradient is off by {off:.2g}")
            return False
    return True


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
        trial.report("word-vecs", "__init__", what="there is no self.word_vecs, from which the vectors are taken after training")
    elif not isinstance(vectors, np.ndarray) or not any(is_of(one, vectors) and one.shape == (V, H) for one in distinct):
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
    fill(W_in, 0.8)
    fill(W_out, 0.7)
    return model, W_in, W_out, Gradients(trial, model, rebinding=True), record_draws(model)


BATCHES = ((((0, 3), (2, 3), (3, 3)), (1, 4, 2)), (((5, 1),), (7,)), (((6, 6), (0, 1)), (0, 5)))
"""Context words and targets of successive batches: with repeated words, and with one row."""


def cbow(trial: Trial) -> None:
    """Check CBOW, window 1."""
    model, W_in, W_out, gradients, drawn = make_model(trial, V, H, WINDOW, CORPUS)
    K = 5

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
    K, places = 5, 2 * WINDOW

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
