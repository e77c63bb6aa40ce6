"""What the machine can do, measured as lanes of the same race: so far, reading memory at the race's own working set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from impls.interface import Problem

READ = "limit.read"


def lanes(problem: Problem) -> list[tuple[str, Callable[[], Any]]]:
    """Lanes that go through the problem's largest matrix as fast as one thread can, by name."""
    arrays = [value for value in problem.inputs.values() if isinstance(value, np.ndarray) and value.ndim == 2]
    if not arrays:
        return []
    largest = max(arrays, key=lambda array: array.nbytes).reshape(-1)
    half = largest.size // 2
    first, second = largest[:half], largest[half : 2 * half]
    return [(READ, lambda: np.dot(first, second))]
