"""Checks of results: how a kernel compares what a call returns with its reference."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .arrays import Array


class Wrong(AssertionError):
    """A result that fails its kernel's check. The message says which part of it is off, and by how much."""


PLAIN_TYPES = frozenset({np.ndarray, int, float, *np.sctypeDict.values()})


def as_arrays(result: Any) -> Any:
    """Return a call's result with tensors of torch and arrays of JAX as NumPy arrays. Numbers and tuples stay as they are.

    Raises
    ------
    Wrong
        For subclasses and proxies of arrays: they could do their work later, when they are read. For arrays of JAX that
        are not ready, the same.
    """
    if result is None or type(result) in PLAIN_TYPES:
        return result
    if type(result) is tuple:
        return tuple(map(as_arrays, result))
    torch = sys.modules.get("torch")
    if torch and type(result) is torch.Tensor and not result.is_sparse and result.device.type == "cpu":
        return result.detach().numpy()
    if is_of_jax(result):
        if not result.is_ready():
            raise Wrong("returns an array that JAX is still computing: call its block_until_ready()")
        return np.asarray(result)
    kind = type(result)
    raise Wrong(f"returns a {kind.__module__}.{kind.__qualname__}, not a plain array: return np.asarray(…) of it")


def is_of_jax(result: Any) -> bool:
    """Whether a result is an array of JAX on the CPU. Programs that have not imported JAX have none."""
    jax = sys.modules.get("jax")
    return (
        jax is not None
        and isinstance(result, jax.Array)
        and type(result) is type(jax.numpy.empty(0))
        and all(device.platform == "cpu" for device in result.devices())
    )


class Tables(tuple[Array, ...]):
    """New tables of a call that cannot change those that it got, in the order of ``Kernel.mutates``."""

    __slots__ = ()


def new_tables(result: Any) -> Tables | None:
    """Return the new tables that a call returns in JAX's arrays, which cannot be changed; None of any other call.

    It is the ``Kernel.result`` of kernels that change their arguments. A call that can change arrays must do so. A new array
    of NumPy's would have pages of zeros that nobody has written.
    """
    arrays = as_arrays(result)
    if is_of_jax(result):
        return Tables((arrays,))
    return Tables(arrays) if type(result) is tuple and result and all(map(is_of_jax, result)) else None


def tables_after(result: Tables | None, *given: Array) -> tuple[Array, ...]:
    """Return the tables as a call has left them: the new ones if it has returned any, otherwise those that it got."""
    if result is None:
        return given
    if [(new.shape, new.dtype) for new in result] != [(old.shape, old.dtype) for old in given]:
        raise Wrong("the new tables have other shapes or dtypes than those that the call got")
    return result


def check_close(part: str, got: Any, want: Array, terms: Array | float, count: int) -> None:
    """Raise Wrong unless ``|got - want| <= 4 * count * eps(dtype of got) * terms`` everywhere, in want's shape.

    Parameters
    ----------
    part
        Which part of the result this is, for the message.
    got
        Part of a result.
    want
        The reference, in float64.
    terms
        For each entry of want, the sum of the absolute values of the terms in its sum.
    count
        The largest number of roundings in sequence.

    References
    ----------
    - Higham, *Accuracy and Stability of Numerical Algorithms*, 2002, section 4.2.
    """
    got = np.asarray(got)
    if got.shape != want.shape:
        raise Wrong(f"{part} has shape {got.shape}, not {want.shape}")
    if not np.issubdtype(got.dtype, np.floating):
        raise Wrong(f"{part} has dtype {got.dtype}, which is not a floating-point type")
    error = np.abs(np.subtract(got, want, dtype=np.float64))
    bound = 4 * count * float(np.finfo(got.dtype).eps) * np.asarray(terms, np.float64)
    bad = ~(error <= bound)
    if bad.any():
        bound = np.broadcast_to(bound, want.shape)
        worst = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error - bound)), want.shape)
        where = f" at {tuple(int(i) for i in worst)}" if want.shape else ""
        raise Wrong(
            f"{part} is {got[worst]:.6g}{where}, not {want[worst]:.6g} "
            f"(error {error[worst]:.2g}, allowed {bound[worst]:.2g}; {int(bad.sum())} of {max(1, bad.size)} entries are off)"
        )


def equal_elsewhere(array: Array, rows: Array, value: float) -> bool:
    """Whether an array (V, ...) equals value outside of some rows. It goes block by block, without a copy of the array."""
    untouched = np.ones(len(array), bool)
    untouched[rows] = False
    for start in range(0, len(array), 8192):
        block = slice(start, start + 8192)
        off = (array[block] != value).reshape(len(array[block]), -1).any(axis=1)
        if (off & untouched[block]).any():
            return False
    return True


def check_integers(part: str, got: Any) -> None:
    """Raise Wrong unless got can index an array."""
    if np.asarray(got).dtype.kind not in "iu":
        raise Wrong(f"{part} have dtype {np.asarray(got).dtype}, which is not an integer type")


def check_dtype(part: str, got: Any, dtype: np.dtype[Any]) -> None:
    """Raise Wrong unless got has the dtype of the inputs: float32 must stay float32."""
    if np.asarray(got).dtype != dtype:
        raise Wrong(f"{part}: {np.asarray(got).dtype} numbers, but the inputs have {dtype}")
