"""The checks of the book's layers: MatMul, the two losses, Embedding and EmbeddingDot, on examples that can be worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from w2vbench.impls.interface import Array

from . import expected
from .comparing import inputs
from .lists import Gradients, check_lists, checked_passes
from .trial import Stop, Trial

V, H = 4, 2
REPEATED = (1, 0, 1)
PASSES = (REPEATED, (2,), (3, 3, 0, 3, 2), REPEATED)
"""Word ids of successive steps: with a repeated word, with one row, and again with repeated ones."""


def weights(trial: Trial, rows: int = V, columns: int = H) -> Array:
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


def embedding(trial: Trial) -> None:
    W = weights(trial)
    layer = trial.make(W)
    check_lists(trial, layer, W)
    gradients = Gradients(trial, layer)

    def one_pass(*words: int) -> bool:
        idx, dout = np.array(words), counted(trial, len(words), H, start=len(words))
        earlier = trained(trial, W)
        before = (W.copy(), idx.copy(), dout.copy())
        trial.example = inputs(W=W, idx=idx)
        rows = trial.call(layer, "forward", idx)
        trial.unchanged("forward", W=(W, before[0]), idx=(idx, before[1]))
        if not trial.same(
            "forward",
            "the result",
            rows,
            W[idx],
            {"weights-not-used": earlier[idx], "transposed": W[idx].T},
            returned="W[idx]",
        ):
            raise Stop
        trial.keeps_dtype("forward", "the result", rows)
        trial.example = inputs(idx=idx, dout=dout)
        trial.call(layer, "backward", dout)
        trial.unchanged("backward", W=(W, before[0]), idx=(idx, before[1]), dout=(dout, before[2]))
        want = expected.added(V, idx, dout)
        assigned, last = np.zeros((V, H)), np.zeros((V, H))
        assigned[idx], last[idx[-1]] = dout, dout[-1]
        mistakes = {
            "assigned": assigned,
            "added-n-times": len(idx) * want,
            "mean-of-rows": want / len(idx),
            "only-first": expected.added(V, idx[:1], dout[:1]),
            "only-last": last,
            **({"gradient-kept": want + kept[0]} if kept else {}),
            "transposed": want.T,
        }
        same = gradients.same("dW", W, want, mistakes, n=len(idx))
        kept[:] = [want]
        return same

    kept: list[Array] = []
    checked_passes(trial, PASSES, one_pass)


def embedding_dot(trial: Trial) -> None:
    W = weights(trial)
    layer = trial.make(W)
    check_lists(trial, layer, W)
    gradients = Gradients(trial, layer)

    def one_pass(*words: int) -> bool:
        idx, n, earlier = np.array(words), len(words), trained(trial, W)
        h, dout = counted(trial, n, H), counted(trial, n, start=2)
        before = {name: value.copy() for name, value in (("W", W), ("h", h), ("idx", idx), ("dout", dout))}
        trial.example = inputs(W=W, h=h, idx=idx)
        score = trial.call(layer, "forward", h, idx)
        rows = W[idx].astype(np.float64)
        pairs = h @ rows.T
        mistakes: dict[str, Any] = {"all-pairs": pairs, "wrong-axis": (rows * h).sum(axis=0)}
        mistakes |= {"weights-not-used": (earlier[idx] * h).sum(axis=1), "wrong-shape": (rows * h).sum(axis=1)[:, None]}
        trial.unchanged("forward", W=(W, before["W"]), h=(h, before["h"]), idx=(idx, before["idx"]))
        if not trial.same("forward", "the score", score, (rows * h).sum(axis=1), mistakes, returned="out", B=n,
                          got=np.shape(score), want=(n,)):  # fmt: skip
            raise Stop
        trial.keeps_dtype("forward", "the score", score)
        trial.example = inputs(W=W, h=h, idx=idx, dout=dout)
        dh = trial.call(layer, "backward", dout)
        trial.unchanged("backward", W=(W, before["W"]), h=(h, before["h"]), dout=(dout, before["dout"]))
        column = dout[:, None].astype(np.float64)
        same = trial.same(
            "backward", "dh", dh, column * rows,
            {"dout-forgotten": rows, "factors-swapped": column * h},
            returned="dh", shaped=" as a column: dout.reshape(-1, 1)",
        )  # fmt: skip
        if same:
            trial.keeps_dtype("backward", "dh", dh)
        want = expected.added(V, idx, column * h)
        assigned = np.zeros((V, H))
        assigned[idx] = column * h
        mistakes = {
            "dout-forgotten": expected.added(V, idx, h),
            "factors-swapped": expected.added(V, idx, column * rows),
            "assigned": assigned,
            "added-n-times": n * want,
            **({"gradient-kept": want + kept[0]} if kept else {}),
        }
        same &= gradients.same("dW", W, want, mistakes, n=n, shaped=" as a column: dout.reshape(-1, 1)")
        kept[:] = [want]
        return same

    kept: list[Array] = []
    checked_passes(trial, PASSES, one_pass)


def matmul(trial: Trial) -> None:
    W = weights(trial, V, 3)
    layer = trial.make(W)
    check_lists(trial, layer, W)
    gradients = Gradients(trial, layer)

    def one_pass(rows: int) -> bool:
        x, dout = counted(trial, rows, V) / V, counted(trial, rows, 3, start=2)
        x, earlier = np.asarray(x, trial.dtype), trained(trial, W)
        before = {"W": W.copy(), "x": x.copy(), "dout": dout.copy()}
        trial.example = inputs(W=W, x=x)
        out = trial.call(layer, "forward", x)
        trial.unchanged("forward", W=(W, before["W"]), x=(x, before["x"]))
        if not trial.same(
            "forward", "the result", out, x.astype(float) @ W, {"weights-not-used": x @ earlier}, returned="out"
        ):
            raise Stop
        trial.keeps_dtype("forward", "the result", out)
        trial.example = inputs(x=x, dout=dout)
        dx = trial.call(layer, "backward", dout)
        trial.unchanged("backward", W=(W, before["W"]), x=(x, before["x"]), dout=(dout, before["dout"]))
        same = trial.same("backward", "dx", dx, dout.astype(float) @ W.T, {"transposed": W @ dout.T}, returned="dx")
        want = x.T.astype(float) @ dout
        mistakes = {
            **({"gradient-kept": want + kept[0]} if kept else {}),
            "mean-of-rows": want / rows,
            "transposed": want.T,
        }
        same &= gradients.same("dW", W, want, mistakes)
        kept[:] = [want]
        return same

    kept: list[Array] = []
    checked_passes(trial, [(2,), (1,), (3,), (2,)], one_pass)


def sigmoid_with_loss(trial: Trial) -> None:
    layer = trial.make()
    check_lists(trial, layer)
    trial.check_default(layer)

    def one_pass(scores: tuple[float, ...], answers: tuple[int, ...], dout: float) -> bool:
        x, t, n = np.array(scores, trial.dtype), np.array(answers), len(scores)
        before = x.copy()
        trial.example = inputs(x=x, t=t)
        loss = trial.call(layer, "forward", x, t)
        trial.unchanged("forward", x=(x, before))
        y = expected.sigmoid(x)
        want = expected.binary_loss(x, t)
        yes = float(-np.sum(t * np.log(y)) / n)
        same = trial.same(
            "forward", "the loss", loss, want,
            {
                "not-averaged": n * want,
                "averaged-twice": want / n,
                "sign": -want,
                "half-loss": yes,
                "wrong-value": want - yes,
                "columns-swapped": expected.binary_loss(x, 1 - t),
            },
            returned="loss", which="-t log y",
        )  # fmt: skip
        trial.example = inputs(x=x, t=t, dout=dout)
        dx = trial.call(layer, "backward", dout)
        return check_slope_of_loss(trial, "dx", dx, (y - t) / n, y / n, n, dout) and same

    checked_passes(
        trial,
        [((1.0, -2.0, 0.5), (1, 0, 0), 1.0), ((2.0,), (0,), 1.0), ((0.5, 1.5), (1, 1), 2.0), ((1.0, -2.0, 0.5), (0, 0, 1), 1.0)],
        one_pass,
    )  # fmt: skip


def softmax_with_loss(trial: Trial) -> None:
    layer = trial.make()
    check_lists(trial, layer)
    trial.check_default(layer)

    def one_pass(scores: tuple[tuple[float, ...], ...], ids: tuple[int, ...], dout: float, one_hot: bool) -> bool:
        x, words, n = np.array(scores, trial.dtype), np.array(ids), len(ids)
        t, before = expected.one_hot(words, x.shape[1]) if one_hot else words, x.copy()
        trial.example = inputs(x=x, t=t)
        trial.later = trial.later and one_hot
        loss = trial.call(layer, "forward", x, t)
        trial.unchanged("forward", x=(x, before))
        want, y = expected.softmax_loss(x, words), expected.softmax(x)
        same = trial.same(
            "forward", "the loss", loss, want,
            {"not-averaged": n * want, "averaged-twice": want / n, "sign": -want},
            returned="loss",
        )  # fmt: skip
        trial.example = inputs(x=x, t=t, dout=dout)
        dx = trial.call(layer, "backward", dout)
        labels = expected.one_hot(words, x.shape[1])
        return check_slope_of_loss(trial, "dx", dx, (y - labels) / n, y / n, n, dout) and same

    three = ((1.0, 2.0, 0.5), (0.0, -1.0, 1.5))
    checked_passes(
        trial,
        [(three, (1, 2), 1.0, True), (three[:1], (0,), 1.0, True), (three, (2, 0), 2.0, True)],
        one_pass,
    )
    takes_ids(trial, three)
    overflows(trial)


def takes_ids(trial: Trial, scores: tuple[tuple[float, ...], ...]) -> None:
    """Remark on a layer that takes one-hot answers only."""
    layer, x, ids = trial.make(), np.array(scores, trial.dtype), np.array([1, 2])
    trial.example = inputs(x=x, t=ids)
    try:
        loss = float(layer.forward(x, ids))
        right = abs(loss - expected.softmax_loss(x, ids)) < 1e-3 * loss
        dx = np.asarray(layer.backward(1))
        right &= bool(np.allclose(dx, (expected.softmax(x) - expected.one_hot(ids, 3)) / 2, atol=1e-4))
    except Exception:
        right = False
    if not right and not trial.wrong:
        trial.report("one-hot-only", "forward")


def overflows(trial: Trial) -> None:
    """Remark on a softmax whose exp overflows."""
    if trial.wrong:
        return
    x = np.array([[1000.0, 0.0]], trial.dtype)
    trial.example = inputs(x=x)
    loss = trial.call(trial.make(), "forward", x, np.array([[1, 0]]))
    if not np.isfinite(loss):
        trial.report("overflow", "forward", score="1000", got=loss)


def check_slope_of_loss(trial: Trial, what: str, dx: Any, want: Array, unlabelled: Array, n: int, dout: float) -> bool:
    """Check the gradient of a loss layer's scores. want and unlabelled: with dout = 1, the right one and the one without t."""
    mistakes = {
        "dout-forgotten": want,
        "not-averaged": n * dout * want,
        "averaged-twice": dout * want / n,
        "sign": -dout * want,
        "label-forgotten": dout * unlabelled,
    }
    same = trial.same("backward", what, dx, dout * want, mistakes, returned="dx", shaped="")
    dtype = getattr(dx, "dtype", trial.dtype)
    if same and dtype.itemsize > trial.dtype.itemsize:
        trial.report("float64-as-the-book", "backward", what=what)
    return same
