"""The check of NegativeSamplingLoss, and what the models share with it: which negatives were drawn, and what wrong labels would give.

Which negatives a layer has drawn is recorded at its sampler, whatever that draws, so that loss and gradients can be computed.
Where no sampler is found, the gradient is compared with the slope of the loss that forward itself returns.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from w2vbench.impls.interface import Array

from . import expected
from .comparing import as_numbers, inputs
from .layers import counted, weights
from .lists import Gradients, check_lists
from .sampling import corpus_of, seeded
from .trial import Stop, Trial, reachable

COUNTS = (3, 2, 2, 1, 1, 2, 1, 3)
V, H = len(COUNTS), 3
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
    trial.check_default(layer)
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
