"""What the torch implementations share: torch itself, and tensors that share memory with NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..interface import Problem


def torch_on(problem: Problem) -> Any:
    """A ``prepare``: import torch and set its threads to the problem's."""
    import torch

    torch.set_num_threads(problem.size.threads)
    return torch


def tensors(torch: Any, *batch: Any) -> tuple[Any, ...]:
    """An ``adapt``: turn arrays into tensors that share their memory, so that nothing is copied."""
    return tuple(torch.from_numpy(part) if isinstance(part, np.ndarray) else part for part in batch)


def leaf(tensor: Any) -> Any:
    """Return a leaf tensor that records its gradient."""
    return tensor.detach().requires_grad_()


def by_autograd(loss: Any, hidden: Any, weights: Any) -> tuple[Any, Any, tuple[Any, Any]]:
    """Return a loss, its gradient of the hidden layer, and that of the weights as rows and values, by autograd."""
    loss.backward()
    gradient = weights.grad
    return loss.detach(), hidden.grad, (gradient._indices()[0], gradient._values())
