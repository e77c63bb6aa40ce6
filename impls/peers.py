"""What the implementations by torch share: torch itself, and NumPy's arrays as its tensors, on the same memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from .interface import Problem


def torch_on(problem: Problem) -> Any:
    """A ``prepare`` that imports torch, for as many threads as the problem is measured on."""
    import torch

    torch.set_num_threads(problem.size.threads)
    return torch


def tensors(torch: Any, *batch: Any) -> tuple[Any, ...]:
    """An ``adapt`` that gives arrays as tensors: on the arrays' own memory, so that nothing is copied."""
    return tuple(torch.from_numpy(part) if isinstance(part, np.ndarray) else part for part in batch)


def leaf(tensor: Any) -> Any:
    """A tensor as one whose gradient is wanted."""
    return tensor.detach().requires_grad_()
