"""What the torch implementations of update share: an optimizer of torch on the tables of a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..interface import Array, Problem
from ..parts.torch_peers import tensors, torch_on


@dataclass
class Steps:
    """An optimizer for each table, made once, as a program does it, and outside of the clock."""

    torch: Any  # the package
    optimizer: Callable[..., Any]  # ``optimizer(torch, W, m, v)`` returns an optimizer of W with these moments
    zeros: Any = None  # a gradient of zeros for the whole table, (V, H); None where gradients are sparse
    known: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    """By the address of a table: the tables as tensors, which keep it alive, and the optimizer."""

    def of(self, W: Any, **settings: float) -> Any:
        """Return the optimizer of a table, with these settings."""
        optimizer = self.known[W.data_ptr()][1]
        optimizer.param_groups[0].update(settings)
        return optimizer

    def sparse(self, W: Any, rows: Any, values: Any) -> Any:
        """Return a gradient as torch keeps that of an embedding with ``sparse=True``."""
        return self.torch.sparse_coo_tensor(rows[None, :], values, W.shape, check_invariants=False)


def torch_with_optimizers(problem: Problem) -> Any:
    """A ``prepare``: import torch, and what it imports in an optimizer's first step, some of which looks at frames."""
    torch = torch_on(problem)
    number = torch.zeros(1, requires_grad=True)
    number.grad = torch.zeros(1)
    torch.optim.SGD([number]).step()
    return torch


def steps(optimizer: Callable[..., Any], *, whole_gradient: bool = False) -> Callable[[Problem], Steps]:
    """Return a ``prepare`` for an optimizer. whole_gradient: whether it takes no sparse one."""

    def prepare(problem: Problem) -> Steps:
        torch = torch_with_optimizers(problem)
        shape = (problem.size.V, problem.size.H)
        return Steps(
            torch, optimizer, torch.from_numpy(problem.buffer("gradient of zeros", shape)) if whole_gradient else None
        )

    return prepare


def parameters(steps: Steps, *batch: Any) -> tuple[Any, ...]:
    """An ``adapt``: turn arrays into tensors that share their memory. The tables are the same tensors in every call."""
    *tables, rows, values, last = batch
    W: Array = tables[0]
    address = W.ctypes.data
    if address not in steps.known:
        shared = tensors(steps.torch, *tables)
        steps.known[address] = shared, steps.optimizer(steps.torch, *shared)
    return (*steps.known[address][0], *tensors(steps.torch, rows, values), last)
