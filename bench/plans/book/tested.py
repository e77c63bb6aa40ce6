"""An instance on trial: what it must leave as it was, and what an optimizer gets of it, the lists params and grads."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
from w2vbench.impls.interface import Array

from .expected import as_numbers, close, difference
from .loading import BOOK
from .trial import Result, Stop, Trial, reachable


class Tested:
    """An instance on trial. Its gradients are looked for where a model has put them: in the arrays that were in grads at first.

    Parameters
    ----------
    trial
        Makes it, and gets its faults. Raises Stop if its lists are wrong.
    arguments
        The constructor's.
    rebinding
        Whether grads may get new arrays: of a whole model, whose list the trainer reads at each step.
    weights
        Arrays that must be in params themselves, by name.
    """

    def __init__(self, trial: Trial, *arguments: Any, rebinding: bool = False, **weights: Array) -> None:
        self.trial, self.rebinding, self.weights = trial, rebinding, weights
        self.layer = trial.make(*arguments)
        self.given: dict[str, Any] = {}
        self.wanted: dict[str, Array] = {}
        self.check_lists()
        self.check_default()
        self.params, self.listed = list(self.layer.params), list(self.layer.grads)
        self.last = copy.deepcopy(self.listed)

    def check_lists(self) -> None:
        """Check that params and grads are lists in pairs, and that params has the weights themselves. Raises Stop if not."""
        for name, item in (("params", "W"), ("grads", "np.zeros_like(W)")):
            value = getattr(self.layer, name, None)
            if value is None:
                self.stop("no-lists", name=name)
            if not isinstance(value, list | tuple):
                is_array = isinstance(value, np.ndarray)
                kind = f"an array of shape {value.shape}" if is_array else f"a {type(value).__name__}"
                self.stop("params-no-list", name=name, item=item, kind=kind)
        params, grads = self.layer.params, self.layer.grads
        if len(params) != len(grads):
            self.stop("lists-differ", params=len(params), grads=len(grads))
        for W, dW in zip(params, grads, strict=True):
            if isinstance(dW, np.ndarray) and dW.shape != np.shape(W):
                self.stop("gradient-shape", got=dW.shape, want=np.shape(W))
        for W in self.weights.values():
            if not any(is_of(param, W) for param in params):
                copied = any(np.shape(param) == W.shape for param in params)
                self.stop("weights-copied" if copied else "weights-missing", shape=W.shape)

    def stop(self, fault: str, method: str = "__init__", **values: Any) -> NoReturn:
        self.trial.report(fault, method, **values)
        raise Stop

    def check_default(self) -> None:
        """Check that backward without an argument is backward(1), where the book calls it so."""
        if "dout=1" not in BOOK[self.trial.name].get("backward", ""):
            return
        try:
            default = inspect.signature(self.layer.backward).parameters["dout"].default
        except (AttributeError, KeyError, TypeError, ValueError):
            return
        if default is not inspect.Parameter.empty and as_numbers(default) is not None and default != 1:
            self.trial.report("default", "backward")

    def call(self, method: str, **given: Any) -> Any:
        """Call a method. Raises Stop if it changes weights, or what it or forward has been given."""
        self.given = given if method == "forward" else self.given | given
        arrays = {name: one for name, one in (self.weights | self.given).items() if isinstance(one, np.ndarray)}
        before = copy.deepcopy(arrays)
        out = self.trial.call(self.layer, method, *given.values())
        for name, array in arrays.items():
            if not np.array_equal(array, before[name]):
                self.stop("weights-changed" if name in self.weights else "input-changed", method, name=name)
        return out

    def compare(self, method: str, got: Any, *results: Result) -> None:
        """Compare what a method has returned, and gradients, with what they must be. Raises Stop if forward is wrong: backward follows it."""
        for result in results:
            if result.W is None:
                self.trial.compare(method, got, result)
            else:
                self.compare_gradient(method, result, result.W)
        if self.trial.failed and method == "forward":
            raise Stop

    def compare_gradient(self, method: str, result: Result, W: Array) -> None:
        """Compare the gradient of W that an optimizer sees. If it is wrong, report where the right one is, or the mistake that gives it."""
        trial, grads = self.trial, self.layer.grads
        if not isinstance(grads, list | tuple) or len(grads) != len(self.params):
            count = len(grads) if isinstance(grads, list | tuple) else "no"
            self.stop("lists-differ", method, params=len(self.params), grads=count)
        got, want = self.seen(W), np.asarray(result.want, np.float64)
        its = [at for at, param in enumerate(self.params) if is_of(param, W)]
        untouched = all(np.array_equal(self.last[at], self.listed[at]) for at in its)
        for at in its:
            self.last[at] = copy.deepcopy(self.listed[at])
        if any(map(is_rows_and_values, grads)):
            trial.report("rows-and-values", method)
        kept = {"gradient-kept": want + self.wanted[result.what]} if result.what in self.wanted else {}
        self.wanted[result.what] = want
        if close(got, want):
            self.check_dtypes()
            return
        seen = difference(result.what, got, want)
        held = "as after the step before" if np.any(got) else "0"
        trial.failed = True
        if close(total_gradient(self.params, grads, W), want):
            trial.report("gradient-rebound", method, seen)
        elif name := self.elsewhere(want):
            trial.report("gradient-elsewhere", method, seen, name=name, held=held)
        elif untouched and np.any(want):
            trial.report("gradient-not-stored", method, seen, held=held)
        else:
            trial.compare(method, got, replace(result, mistakes={**result.mistakes, **kept}))

    def seen(self, W: Array) -> Array:
        """Return the gradient of W that an optimizer sees."""
        now = self.layer.grads
        sparse = any(map(is_rows_and_values, now))
        return total_gradient(self.params, now if self.rebinding or sparse else self.listed, W)

    def elsewhere(self, want: Array) -> str:
        """Return the attribute that has the gradient in place of grads, as in ``dW`` or ``embed.grads``; empty if none has."""
        names = {id(value): f"{name}." for name, value in getattr(self.layer, "__dict__", {}).items()}
        for owner in reachable(self.layer):
            for name, value in getattr(owner, "__dict__", {}).items():
                if value is self.layer.params or value is self.layer.grads:
                    continue
                for one in value if isinstance(value, list | tuple) else (value,):
                    if not isinstance(one, np.ndarray) or any(is_of(param, one) for param in self.params):
                        continue
                    if one.dtype.kind == "f" and close(one.astype(np.float64), want):
                        return f"{names.get(id(owner), '')}{name}"
        return ""

    def check_dtypes(self) -> None:
        """Report a gradient with more bytes a number than its weights."""
        for W, dW in zip(self.params, self.layer.grads, strict=False):
            kept = dW[1] if is_rows_and_values(dW) else dW
            if isinstance(kept, np.ndarray) and isinstance(W, np.ndarray) and kept.dtype.itemsize > W.dtype.itemsize:
                self.trial.report("gradient-float64", "__init__", got=kept.dtype, want=W.dtype)
                return


def is_of(param: Any, W: Array) -> bool:
    """Whether a parameter is this array, or shares its memory."""
    return isinstance(param, np.ndarray) and bool(np.shares_memory(param, W))


def is_rows_and_values(dW: Any) -> bool:
    """Whether a gradient is kept as rows and values, (n,) and (n, H)."""
    if not isinstance(dW, list | tuple) or len(dW) != 2:
        return False
    return np.ndim(dW[0]) == 1 and np.ndim(dW[1]) == 2 and np.asarray(dW[0]).dtype.kind in "iu"


def total_gradient(params: Sequence[Any], grads: Sequence[Any], W: Array) -> Array:
    """Return the sum of the gradients of all params that are W, in float64, as the book's trainer adds them."""
    total = np.zeros(W.shape)
    for param, dW in zip(params, grads, strict=True):
        if not is_of(param, W):
            continue
        if is_rows_and_values(dW):
            np.add.at(total, np.asarray(dW[0]), np.asarray(dW[1], np.float64))
        elif isinstance(dW, np.ndarray) and dW.dtype.kind in "fiu" and dW.shape == W.shape:
            total += dW
    return total
