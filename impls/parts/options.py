"""The implementation that one of the book's layers uses, as its user chose it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..interface import Implementation, Kernel, Problem
from ..interface.case import Size

Call = Callable[..., Any]
"""Type of an option: an Implementation, or a plain function with the kernel's signature."""


class Option:
    """The implementation that a layer uses, with its workspace.

    Its ``prepare`` gets a Problem made from the layer's own arguments, at the first batch and again when the batch size
    changes. Buffers, compiled code and tables of p stay valid while W is trained; a copy of W would not.

    Parameters
    ----------
    name
        The keyword, for messages.
    call
        The keyword's value.
    kernels
        Kernels that it may belong to. A plain function belongs to the first.

    Raises
    ------
    TypeError
        For an implementation of another kernel, and for JAX's lookup.
    """

    def __init__(self, name: str, call: Call, *kernels: Kernel) -> None:
        self.call = call
        implementation = call if isinstance(call, Implementation) else None
        self.kernel: Kernel = implementation.kernel if implementation else kernels[0]
        if self.kernel.name not in [kernel.name for kernel in kernels]:
            raise TypeError(
                f"{name}= takes an implementation of {' or '.join(kernel.name for kernel in kernels)}, not one of {self.kernel.name}"
            )
        if implementation and "jax" in implementation.requires and "W" in self.kernel.parameters:
            raise TypeError(
                f"{name}= cannot be {implementation.key}: JAX copies a table once, and would not see what training changes"
            )
        self.prepare: Callable[[Problem], Any] | None = implementation.prepare if implementation else None
        self.size: Size | None = None
        self.workspace: Any = None

    def __call__(self, *arguments: Any) -> Any:
        if self.prepare is None:
            return self.call(*arguments)
        inputs = dict(zip(self.kernel.parameters, arguments, strict=True))
        size = size_of(inputs)
        if size != self.size:
            self.size = size
            self.workspace = self.prepare(Problem(size, inputs, (), touched=float(size.B * max(1, size.K))))
        return self.call(*arguments, self.workspace)


def size_of(inputs: dict[str, Any]) -> Size:
    """Return the size of a problem from a kernel's arguments. Raises BadName for a dtype that no kernel takes."""
    if "p" in inputs:
        return Size(len(inputs["p"]), 1, len(inputs["targets"]), inputs["K"])
    idx, table = inputs["idx"], inputs["W"] if "W" in inputs else inputs["dW"]
    V, H = table.shape
    dtype, index = (f"{array.dtype.kind}{8 * array.dtype.itemsize}" for array in (table, idx))
    return Size(V, H, len(idx), dtype=dtype, index=index)
