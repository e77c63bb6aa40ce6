"""The checks of NegativeSamplingLoss, SimpleCBOW, CBOW and SkipGram.

Which negatives a layer has drawn is recorded at its sampler, whatever that draws, so that loss and gradients can be computed.
Where no sampler is found, the gradient is compared with the slope of the loss that forward itself returns.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from w2vbench.impls.interface import Array

from .expected import added, as_numbers, binary_loss, inputs, one_hot, sigmoid, softmax, softmax_loss
from .layer_checks import counted, weights
from .sampler_check import corpus_of, seeded
from .tested import Tested, is_of
from .trial import Result, Stop, Trial, reachable

COUNTS = (3, 2, 2, 1, 1, 2, 1, 3)
V, H, WINDOW, NEGATIVES = len(COUNTS), 3, 1, 5
CORPUS = corpus_of(COUNTS)
SLOPE, NEAR = 1e-2, 2e-2
"""The step of a numerical slope in float32, and how near it must be."""
STEPS = (((3, 0, 3), 1.0), ((5,), 1.0), ((1, 6, 1, 2), 2.0))
"""Targets and dout of successive steps of NegativeSamplingLoss."""
BATCHES = ((((0, 3), (2, 3), (3, 3)), (1, 4, 2)), (((5, 1),), (7,)), (((6, 6), (0, 1)), (0, 5)))
"""Context words and targets of successive steps of a model: with repeated words, and with one row."""

Draws = list[tuple[Array, Array]]
"""The targets and negatives of each call of a sampler."""


class Step(NamedTuple):
    """The loss of each output layer with its gradients, of h (B, H) and of the output matrix."""

    losses: Array
    dh: Array
    dW: Array  # noqa: N815 - the field's name for the gradient of W


Output = Callable[..., Step]
"""What output layers give for h, and for other labels of the target and of the negatives than (1, 0)."""


def negative_sampling(W: Array, words: Sequence[Array]) -> Output:
    """Return the output of NegativeSamplingLoss layers, each with words (B, K + 1): of several layers, each one's sums."""

    def of_words(h: Array, one: Array, labels: tuple[int, int]) -> Step:
        parts = []
        for place, column in enumerate(one.T):
            label, rows = labels[min(place, 1)], W[column].astype(np.float64)
            score = np.sum(h * rows, axis=1)
            dscore = (sigmoid(score) - label)[:, None] / len(h)
            loss = np.array(binary_loss(score, np.full(len(h), label)))
            parts.append((loss, dscore * rows, added(len(W), column, dscore * h)))
        return Step(*map(np.array, zip(*parts, strict=True)))

    def output(h: Array, labels: tuple[int, int] = (1, 0)) -> Step:
        steps = [of_words(np.asarray(h, np.float64), one, labels) for one in words]
        if len(steps) == 1:
            return steps[0]
        return Step(*(np.array([part.sum(axis=0) for part in parts]) for parts in zip(*steps, strict=True)))

    return output


def output_softmax(W: Array, target: Array) -> Output:
    """Return the output of chapter 3's layer, which has no labels. W is (H, V), or transposed."""

    def output(h: Array, labels: tuple[int, int] = (1, 0)) -> Step:
        table = W.astype(np.float64) if W.shape == (H, V) else W.T.astype(np.float64)
        dscore = (softmax(h @ table) - one_hot(target, V)) / len(h)
        dW = h.T @ dscore
        loss = np.array([softmax_loss(h @ table, target)])
        return Step(loss, (dscore @ table.T)[None], (dW if W.shape == (H, V) else dW.T)[None])

    return output


def sums_of_layers(parts: Array) -> dict[str, Any]:
    """Return what mistakes in adding up layers give, of the parts by layer."""
    return {"only-last-layer": parts[-1], "only-first-layer": parts[0], "layers-averaged": parts.mean(axis=0)}


def loss_of(output: Output, h: Array, mistakes: dict[str, Any]) -> Result:
    """Return the loss at h, with what wrong labels and sums give after the mistakes named."""
    losses = output(h).losses
    others = {
        "negatives-labelled-yes": output(h, (1, 1)).losses.sum(),
        "target-labelled-no": output(h, (0, 0)).losses.sum(),
        "labels-swapped": output(h, (0, 1)).losses.sum(),
        **sums_of_layers(losses),
        "not-averaged": losses.sum() * len(h),
        "averaged-twice": losses.sum() / len(h),
    }
    return Result("the loss", losses.sum(), mistakes | others, n=len(losses), returned="loss")


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


def forward(
    tested: Tested, drawn: Draws, K: int, targets: Sequence[Array], seed: int, **given: Array
) -> tuple[Any, list[Array]]:
    """Return what forward returns, and the words (B, K + 1) of each sampler: a target, then its negatives.

    Raises Stop if they are not drawn for these targets, K for each and never a target.
    """
    drawn.clear()
    tested.trial.example = inputs(**{name: given[name] for name in ("contexts", "target") if name in given})
    with seeded(seed):
        loss = tested.call("forward", **given)
    for target, negatives in drawn:
        if negatives.ndim != 2 or negatives.shape[1] != K or negatives.dtype.kind not in "iu":
            raise Stop  # the sampler's own check has said so
        if (negatives == target[:, None]).any():
            tested.stop("target-drawn", "forward")
    if [target.tolist() for target, _ in drawn] != [target.tolist() for target in targets]:
        tested.stop("wrong-value", "forward", what="the target for which negatives are drawn")
    return loss, [np.column_stack(pair) for pair in drawn]


def negative_sampling_loss(trial: Trial) -> None:
    for K in (2, 1):
        W = np.asarray(weights(trial, V, H) / 4, trial.dtype)
        with seeded(2):
            tested = Tested(trial, W, CORPUS, 0.75, K, W=W)
        drawn = record_draws(tested.layer)
        for words, dout in trial.steps(STEPS):
            h, target = np.asarray(counted(trial, len(words), H) / 8, trial.dtype), np.array(words)
            if drawn is None:
                compare_with_slope(tested, h, h=h, target=target)
                continue
            loss, each = forward(tested, drawn, K, [target], STEPS.index((words, dout)), h=h, target=target)
            trial.example = inputs(target=target, negatives=drawn[0][1])
            output = negative_sampling(W, each)
            step = output(h)
            trial.compare("forward", loss, loss_of(output, h, {}))
            dh, parts = tested.call("backward", dout=dout), dout * step.dh
            forgotten = {"dout-forgotten": step.dh.sum(axis=0)}
            shaped = ": pass it to each loss layer's backward"
            tested.compare(
                "backward",
                dh,
                Result("dh", parts.sum(axis=0), sums_of_layers(parts) | forgotten, n=K + 1, shaped=shaped),
                Result("dW", dout * step.dW.sum(axis=0), sums_of_layers(dout * step.dW), W, n=K + 1),
            )
        if trial.wrong:
            return


def simple_cbow(trial: Trial) -> None:
    """Check SimpleCBOW, which gets one-hot contexts and targets, and has a softmax over all words."""
    tested, W_out = model(trial, (H, V), V, H)
    for contexts, target in batches(trial):
        trial.example = f"{inputs(contexts=contexts, target=target)} (ids, given as one-hot rows)"
        loss = tested.call("forward", contexts=one_hot(contexts, V), target=one_hot(target, V))
        compare_model(tested, loss, contexts, output_softmax(W_out, target))


def cbow(trial: Trial) -> None:
    """Check CBOW, window 1."""
    sampling_model(trial, lambda contexts, target: (contexts, [target]))


def skip_gram(trial: Trial) -> None:
    """Check SkipGram, window 1: a NegativeSamplingLoss for each context place."""
    sampling_model(trial, lambda contexts, target: (target[:, None], list(contexts.T)))


def sampling_model(trial: Trial, words: Callable[[Array, Array], tuple[Array, list[Array]]]) -> None:
    """Check a model with negative sampling. words: its input words (B, places), and the targets of its output layers."""
    tested, W_out = model(trial, (V, H), V, H, WINDOW, CORPUS)
    drawn = record_draws(tested.layer)
    for contexts, target in batches(trial):
        if drawn is None:
            compare_with_slope(tested, contexts=contexts, target=target)
            continue
        ids, targets = words(contexts, target)
        loss, each = forward(tested, drawn, NEGATIVES, targets, 5, contexts=contexts, target=target)
        compare_model(tested, loss, ids, negative_sampling(W_out, each))


def batches(trial: Trial) -> Iterator[tuple[Array, Array]]:
    return trial.steps([(np.array(contexts), np.array(target)) for contexts, target in BATCHES])


def model(trial: Trial, shape_out: tuple[int, int], *arguments: Any) -> tuple[Tested, Array]:
    """Return a model, with larger numbers in W_in and W_out than the book's first ones, which hide most mistakes, and W_out."""
    with seeded(3):
        tested = Tested(trial, *arguments, rebinding=True)
    W_in, W_out = tables_of(tested, shape_out)
    if not W_in.any() and not W_out.any():
        trial.report("weights-zero", "__init__")
    for W, scale in ((W_in, 0.8), (W_out, 0.7)):
        W[...] = np.random.default_rng(W.size + W.shape[0]).standard_normal(W.shape) * scale
    tested.weights = {"W_in": W_in, "W_out": W_out}
    return tested, W_out


def tables_of(tested: Tested, shape_out: tuple[int, int]) -> tuple[Array, Array]:
    """Return a model's W_in, as word_vecs names it, and W_out. Raises Stop if missing."""
    vectors = getattr(tested.layer, "word_vecs", None)
    distinct: list[Array] = []
    for param in tested.params:
        if isinstance(param, np.ndarray) and not any(is_of(param, other) for other in distinct):
            distinct.append(param)
    inner = [one for one in distinct if one.shape == (V, H)]
    if not inner or len(distinct) < 2:
        tested.stop("weights-missing", shape=shape_out if inner else (V, H))
    named = [one for one in inner if is_of(vectors, one)]
    if vectors is None:
        what = "there is no self.word_vecs, from which the vectors are taken after training"
        tested.trial.report("word-vecs", "__init__", what=what)
    elif not named:
        what = "self.word_vecs is not one of the weights that are trained"
        tested.trial.report("word-vecs", "__init__", what=what)
    W_in = (named or inner)[0]
    W_out = next(one for one in distinct if one is not W_in)
    if W_out.shape not in ((V, H), (H, V)):
        tested.stop("weights-missing", shape=shape_out)
    return W_in, W_out


def compare_model(tested: Tested, loss: Any, ids: Array, output: Output) -> None:
    """Compare loss and gradients of a model with those of its output layers at the mean of its input words' vectors, ids (B, places)."""
    W_in, W_out = tested.weights.values()
    rows, n = W_in[ids].astype(np.float64), ids.shape[1]
    h = rows.mean(axis=1)
    mistakes = {
        "contexts-not-averaged": output(n * h).losses.sum(),
        "contexts-averaged-twice": output(h / n).losses.sum(),
        "first-context-only": output(rows[:, 0]).losses.sum(),
    }
    tested.compare("forward", loss, loss_of(output, h, mistakes))
    step = output(h)
    by_place = np.array([added(V, column, step.dh.sum(axis=0)) / n for column in ids.T])
    by_layer = np.array([added(V, ids[:, 0], dh) for dh in step.dh])
    want, parts = by_place.sum(axis=0), by_place if n > 1 else by_layer
    mistakes = {
        "gradient-not-divided": n * want,
        "gradient-divided-twice": want / n,
        "first-context-only": by_place[0],
        **sums_of_layers(parts),
    }
    tested.compare(
        "backward",
        tested.call("backward"),
        Result("dW_in", want, mistakes, W_in, n=len(parts)),
        Result("dW_out", step.dW.sum(axis=0), sums_of_layers(step.dW), W_out, n=len(step.dW)),
    )


def compare_with_slope(tested: Tested, *inner: Array, **given: Array) -> None:
    """Compare gradients, of inner ones of forward's inputs too, with slopes of the loss, always drawing the same negatives."""
    trial = tested.trial
    trial.example = inputs(target=given["target"])

    def loss(layer: Any) -> float:
        with seeded(4):
            return float(trial.call(layer, "forward", *given.values()))

    def slope(W: Array, at: tuple[int, ...]) -> float:
        ends, held = [], W[at]
        for step in (SLOPE, -SLOPE):
            W[at] = held + step
            ends.append(loss(copy.deepcopy(tested.layer)))  # its own generator would draw others the next time
        W[at] = held
        return (ends[0] - ends[1]) / (2 * SLOPE)

    tables = tuple(tested.weights.values())
    want = [np.array([slope(W, at) for at in np.ndindex(W.shape)]).reshape(W.shape) for W in (*inner, *tables)]
    loss(tested.layer)
    dh = trial.call(tested.layer, "backward", 1)
    got = [*(as_numbers(dh) for _ in inner), *map(tested.seen, tables)]
    for gradient, slopes in zip(got, want, strict=True):
        off = np.inf if gradient is None or gradient.shape != slopes.shape else np.abs(gradient - slopes).max()
        if off > NEAR * (0.1 + np.abs(slopes).max()):
            trial.report("not-the-slope", "backward", f"a number of the gradient is off by {off:.2g}")
            trial.failed = True
            return
