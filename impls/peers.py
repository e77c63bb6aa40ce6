"""What the rungs of other libraries share: NumPy's arrays as torch's tensors, on the same memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from .interface import Array, Problem


class Tensors:
    """torch, and tensors for a problem's arrays: made once, since converting them costs as much as a small kernel."""

    def __init__(self, problem: Problem) -> None:
        import torch

        torch.set_num_threads(problem.size.threads)
        self.torch = torch
        arrays = {id(part): part for batch in problem.batches for part in batch if isinstance(part, np.ndarray)}
        self.known = {key: (part, torch.from_numpy(part)) for key, part in arrays.items()}

    def __call__(self, array: Array) -> Any:
        """An array's tensor, on its memory."""
        known = self.known.get(id(array))
        return known[1] if known else self.torch.from_numpy(array)

    def leaf(self, array: Array) -> Any:
        """The same as a leaf whose gradient is wanted."""
        return self(array).detach().requires_grad_()
