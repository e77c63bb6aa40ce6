"""The checks of the book's layers: MatMul, the two losses, Embedding and EmbeddingDot, on examples that can be worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from w2vbench.impls.interface import Array

from . import expected
from .expected import added, inputs
from .tested import Tested
from .trial import Result, Trial

V, H = 4, 2
REPEATED = (1, 0, 1)
PASSES = (REPEATED, (2,), (3, 3, 0, 3, 2), REPEATED)
"""Word ids of successive steps: with a repeated word, with one row, and again with repeated ones."""


def weights(trial: Trial, rows: int, columns: int) -> Array:
    """Return weights that are all different, of both signs."""
    numbers = np.arange(1, rows * columns + 1) * 0.25
    return np.asarray((numbers * (-1) ** np.arange(rows * columns)).reshape(rows, columns), trial.dtype)


def counted(trial: Trial, *shape: int, start: int = 1) -> Array:
    """Return start, start + 1, … in a shape."""
    return np.asarray(np.arange(start, start + int(np.prod(shape))).reshape(shape), trial.dtype)


def trained(trial: Trial, W: Array) -> Array:
    """Change the weights between two steps, in place, as an optimizer does. Returns what they were."""
    before = W.copy()
    if trial.later:
        W *= 2
    return before


def scattered(W: Array, idx: Array, rows: Array, mistakes: dict[str, Any], shaped: str = "") -> Result:
    """Return dW, to which rows are added at idx, with what mistakes in adding give after those named."""
    want, assigned, last = added(V, idx, rows), np.zeros((V, H)), np.zeros((V, H))
    assigned[idx], last[idx[-1]] = rows, rows[-1]
    in_adding = {
        "assigned": assigned,
        "added-n-times": len(idx) * want,
        "mean-of-rows": want / len(idx),
        "only-first": added(V, idx[:1], rows[:1]),
        "only-last": last,
    }
    return Result("dW", want, mistakes | in_adding, W, n=len(idx), shaped=shaped)


def embedding(trial: Trial) -> None:
    W = weights(trial, V, H)
    tested = Tested(trial, W, W=W)
    for words in trial.steps(PASSES):
        idx, dout = np.array(words), counted(trial, len(words), H, start=len(words))
        earlier = trained(trial, W)
        trial.example = inputs(W=W, idx=idx)
        rows = tested.call("forward", idx=idx)
        mistakes = {"weights-not-used": earlier[idx]}
        tested.compare("forward", rows, Result("the result", W[idx], mistakes, dtype="float64", returned="W[idx]"))
        trial.example = inputs(idx=idx, dout=dout)
        tested.compare("backward", tested.call("backward", dout=dout), scattered(W, idx, dout, {}))


def embedding_dot(trial: Trial) -> None:
    W, shaped = weights(trial, V, H), " as a column: dout.reshape(-1, 1)"
    tested = Tested(trial, W, W=W)
    for words in trial.steps(PASSES):
        idx, n, earlier = np.array(words), len(words), trained(trial, W)
        h, dout = counted(trial, n, H), counted(trial, n, start=2)
        trial.example = inputs(W=W, h=h, idx=idx)
        score = tested.call("forward", h=h, idx=idx)
        rows, column = W[idx].astype(np.float64), dout[:, None].astype(np.float64)
        mistakes = {
            "all-pairs": h @ rows.T,
            "wrong-axis": (rows * h).sum(axis=0),
            "weights-not-used": (earlier[idx] * h).sum(axis=1),
        }
        want = (rows * h).sum(axis=1)
        tested.compare("forward", score, Result("the score", want, mistakes, dtype="float64", n=n, returned="out"))
        trial.example = inputs(W=W, h=h, idx=idx, dout=dout)
        mistakes = {"dout-forgotten": rows, "factors-swapped": column * h}
        of_W = {"dout-forgotten": added(V, idx, h), "factors-swapped": added(V, idx, column * rows)}
        tested.compare(
            "backward",
            tested.call("backward", dout=dout),
            Result("dh", column * rows, mistakes, dtype="float64", shaped=shaped),
            scattered(W, idx, column * h, of_W, shaped),
        )


def matmul(trial: Trial) -> None:
    W = weights(trial, V, 3)
    tested = Tested(trial, W, W=W)
    for rows in trial.steps((2, 1, 3, 2)):
        x, dout = counted(trial, rows, V) / V, counted(trial, rows, 3, start=2)
        x, earlier = np.asarray(x, trial.dtype), trained(trial, W)
        trial.example = inputs(W=W, x=x)
        out = tested.call("forward", x=x)
        mistakes = {"weights-not-used": x @ earlier}
        tested.compare(
            "forward", out, Result("the result", x.astype(float) @ W, mistakes, dtype="float64", returned="out")
        )
        trial.example = inputs(x=x, dout=dout)
        want = x.T.astype(float) @ dout
        tested.compare(
            "backward",
            tested.call("backward", dout=dout),
            Result("dx", dout.astype(float) @ W.T),
            Result("dW", want, {"mean-of-rows": want / rows}, W),
        )


THREE = (1.0, -2.0, 0.5)
BINARY = ((THREE, (1, 0, 0), 1.0), ((2.0,), (0,), 1.0), ((0.5, 1.5), (1, 1), 2.0), (THREE, (0, 0, 1), 1.0))
"""Scores, answers and dout of successive steps."""


def sigmoid_with_loss(trial: Trial) -> None:
    tested = Tested(trial)
    for scores, answers, dout in trial.steps(BINARY):
        x, t = np.array(scores, trial.dtype), np.array(answers)
        y, loss = expected.sigmoid(x), expected.binary_loss(x, t)
        mistakes = {
            **averaging(loss, len(t)),
            "half-loss": float(-np.mean(t * np.log(y))),
            "columns-swapped": expected.binary_loss(x, 1 - t),
        }
        compare_loss(tested, x, t, dout, Result("the loss", loss, mistakes, returned="loss"), y, t)


CHOICE = ((1.0, 2.0, 0.5), (0.0, -1.0, 1.5))


def softmax_with_loss(trial: Trial) -> None:
    tested = Tested(trial)
    for scores, words, dout in trial.steps(((CHOICE, (1, 2), 1.0), (CHOICE[:1], (0,), 1.0), (CHOICE, (2, 0), 2.0))):
        x, t = np.array(scores, trial.dtype), expected.one_hot(np.array(words), 3)
        loss = expected.softmax_loss(x, np.array(words))
        result = Result("the loss", loss, averaging(loss, len(t)), returned="loss")
        compare_loss(tested, x, t, dout, result, expected.softmax(x), t)
    if not trial.wrong:
        takes_ids(trial)
        overflows(trial)


def averaging(want: Any, n: int) -> dict[str, Any]:
    """Return what mistakes in averaging n rows give, and a wrong sign."""
    return {"not-averaged": n * want, "averaged-twice": want / n, "sign": -want}


def compare_loss(tested: Tested, x: Array, t: Array, dout: float, loss: Result, y: Array, labels: Array) -> None:
    """Compare loss and gradient of a loss layer. y, labels: the probabilities that it gives, and those that it should."""
    n, trial = len(x), tested.trial
    trial.example = inputs(x=x, t=t)
    got = tested.call("forward", x=x, t=t)
    trial.compare("forward", got, loss)
    trial.example = inputs(x=x, t=t, dout=dout)
    want = (y - labels) / n
    mistakes = {"dout-forgotten": want, **averaging(dout * want, n), "label-forgotten": dout * y / n}
    dx = tested.call("backward", dout=dout)
    trial.compare("backward", dx, Result("dx", dout * want, mistakes, dtype="float64-as-the-book"))


def takes_ids(trial: Trial) -> None:
    """Remark on a layer that takes one-hot answers only."""
    layer, x, ids = trial.make(), np.array(CHOICE, trial.dtype), np.array([1, 2])
    trial.example = inputs(x=x, t=ids)
    try:
        loss = float(layer.forward(x, ids))
        right = abs(loss - expected.softmax_loss(x, ids)) < 1e-3 * loss
        dx = np.asarray(layer.backward(1))
        right &= bool(np.allclose(dx, (expected.softmax(x) - expected.one_hot(ids, 3)) / 2, atol=1e-4))
    except Exception:
        right = False
    if not right:
        trial.report("one-hot-only", "forward")


def overflows(trial: Trial) -> None:
    """Remark on a softmax whose exp overflows."""
    x = np.array([[1000.0, 0.0]], trial.dtype)
    trial.example = inputs(x=x)
    loss = trial.call(trial.make(), "forward", x, np.array([[1, 0]]))
    if not np.isfinite(loss):
        trial.report("overflow", "forward", score="1000", got=loss)
