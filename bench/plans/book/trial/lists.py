"""What an optimizer gets of a layer: the lists params and grads. An array of grads must stay the same one, and hold the gradient."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from w2vbench.impls.interface import Array

from .comparing import close, difference
from .trial import Stop, Trial, reachable


def check_lists(trial: Trial, layer: Any, *weights: Array) -> None:
    """Check that params and grads are lists in pairs, and that params has these arrays themselves. Raises Stop if not."""
    for name in ("params", "grads"):
        value = getattr(layer, name, None)
        if value is None:
            trial.report("no-lists", "__init__", name=name)
            raise Stop
        if not isinstance(value, list | tuple):
            item = "W" if name == "params" else "np.zeros_like(W)"
            trial.report("params-no-list", "__init__", name=name, item=item, kind=kind_of(value))
            raise Stop
    params, grads = layer.params, layer.grads
    if len(params) != len(grads):
        trial.report("lists-differ", "__init__", params=len(params), grads=len(grads))
        raise Stop
    for W, dW in zip(params, grads, strict=True):
        if isinstance(dW, np.ndarray) and dW.shape != np.shape(W):
            trial.report("gradient-shape", "__init__", got=dW.shape, want=np.shape(W))
            raise Stop
    for W in weights:
        if not any(is_of(param, W) for param in params):
            copied = any(np.shape(param) == W.shape for param in params)
            trial.report("weights-copied" if copied else "weights-missing", "__init__", shape=W.shape)
            raise Stop


def kind_of(value: Any) -> str:
    return f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"


def is_of(param: Any, W: Array) -> bool:
    """Whether a parameter is this array, or shares its memory."""
    return isinstance(param, np.ndarray) and bool(np.shares_memory(param, W))


def is_rows_and_values(dW: Any) -> bool:
    """Whether a gradient is kept as rows and values, (n,) and (n, H)."""
    if not isinstance(dW, list | tuple) or len(dW) != 2:
        return False
    return np.ndim(dW[0]) == 1 and np.ndim(dW[1]) == 2 and np.asarray(dW[0]).dtype.kind in "iu"


def dense(dW: Any, shape: tuple[int, ...]) -> Array | None:
    """Return a gradient in float64 as an array of its weights' shape; None if it is no gradient."""
    if is_rows_and_values(dW):
        total = np.zeros(shape)
        np.add.at(total, np.asarray(dW[0]), np.asarray(dW[1], np.float64))
        return total
    if isinstance(dW, np.ndarray) and dW.dtype.kind in "fiu" and dW.shape == shape:
        return dW.astype(np.float64)
    return None


def total_gradient(params: Sequence[Any], grads: Sequence[Any], W: Array) -> Array:
    """Return the sum of the gradients of all params that are W, as the book's trainer adds them."""
    parts = [dense(dW, W.shape) for param, dW in zip(params, grads, strict=True) if is_of(param, W)]
    return np.asarray(sum((part for part in parts if part is not None), np.zeros(W.shape)))


class Gradients:
    """The gradients of a layer, as a model's optimizer sees them: in the arrays that were there when the layer was made.

    Parameters
    ----------
    trial, layer
        Whose they are.
    rebinding
        Whether grads may get new arrays: of a whole model, whose list the trainer reads at each step.
    """

    def __init__(self, trial: Trial, layer: Any, *, rebinding: bool = False) -> None:
        self.trial, self.layer, self.rebinding = trial, layer, rebinding
        self.params, self.listed = list(layer.params), list(layer.grads)
        self.last = [copy.deepcopy(dW) for dW in self.listed]

    def seen(self, W: Array) -> Array:
        """Return the gradient of W that an optimizer sees."""
        now = list(self.layer.grads)
        sparse = any(map(is_rows_and_values, now))
        return total_gradient(self.params, now if self.rebinding or sparse else self.listed, W)

    def same(
        self,
        what: str,
        W: Array,
        want: Array,
        mistakes: Mapping[str, Any] | None = None,
        /,
        *,
        method: str = "backward",
        **values: Any,
    ) -> bool:
        """Compare the gradient of W with what it must be. If it is wrong, report the mistake that gives just that."""
        trial = self.trial
        if not isinstance(self.layer.grads, list | tuple) or len(self.layer.grads) != len(self.params):
            count = len(self.layer.grads) if isinstance(self.layer.grads, list | tuple) else "no"
            trial.report("lists-differ", method, params=len(self.params), grads=count)
            raise Stop
        got = self.seen(W)
        want = np.asarray(want, np.float64)
        its = [at for at, param in enumerate(self.params) if is_of(param, W)]
        untouched = all(np.array_equal(self.last[at], self.listed[at]) for at in its)
        for at in its:
            self.last[at] = copy.deepcopy(self.listed[at])
        if any(map(is_rows_and_values, self.layer.grads)):
            trial.report("rows-and-values", method)
        if close(got, want):
            self.check_dtypes(method)
            return True
        seen = difference(what, got, want)
        state = "0" if not np.any(got) else "as after the step before"
        if close(total_gradient(self.params, list(self.layer.grads), W), want):
            trial.report("gradient-rebound", method, seen)
        elif name := self.elsewhere(want):
            trial.report("gradient-elsewhere", method, seen, name=name, held=state)
        elif untouched and np.any(want):
            trial.report("gradient-not-stored", method, seen, held=state)
        else:
            trial.same(method, what, got, want, mistakes, **values)
        return False

    def elsewhere(self, want: Array) -> str:
        """Return the attribute that has the gradient in place of grads, as in ``dW`` or ``embed.grads``; empty if none has."""
        names = {id(value): f"{name}." for name, value in getattr(self.layer, "__dict__", {}).items()}
        for owner in reachable(self.layer):
            for name, value in getattr(owner, "__dict__", {}).items():
                if value is self.layer.params or value is self.layer.grads:
                    continue
                for one in value if isinstance(value, list | tuple) else (value,):
                    is_own = any(is_of(param, one) for param in self.params if isinstance(one, np.ndarray))
                    if isinstance(one, np.ndarray) and not is_own and close_to(one, want):
                        return f"{names.get(id(owner), '')}{name}"
        return ""

    def check_dtypes(self, method: str) -> None:
        """Report a gradient with more bytes a number than its weights."""
        for W, dW in zip(self.params, self.layer.grads, strict=False):
            kept = dW[1] if is_rows_and_values(dW) else dW
            if isinstance(kept, np.ndarray) and isinstance(W, np.ndarray) and kept.dtype.itemsize > W.dtype.itemsize:
                self.trial.report("gradient-float64", "__init__", got=kept.dtype, want=W.dtype)
                return


def checked_passes(trial: Trial, passes: Sequence[Any], one_pass: Callable[..., bool]) -> None:
    """Make several passes with one layer, until one is wrong: what was right at first, and is not later, depends on the first."""
    for number, arguments in enumerate(passes):
        trial.later = number > 0
        if not one_pass(*arguments):
            break
    trial.later = False


def close_to(array: Array, want: Array) -> bool:
    return array.dtype.kind == "f" and close(array.astype(np.float64), want)
