"""How far lazy Adam ends from Adam with the same gradients: ``python -m w2vbench.impls.update.difference``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..corpus.texts import builtin
from ..corpus.words import Corpus
from ..interface import Array
from ..interface.arrays import normals
from ..interface.case import Size
from .adam import decay
from .lazy_adam import all_rows

STEPS = (1, 10, 100, 1_000)


@dataclass(frozen=True)
class Difference:
    """How far two optimizers move W, and how far apart they end."""

    # mean distance by which each optimizer moved a number of W
    adam_moved: float
    lazy_moved: float
    # mean and maximum distance between the two optimizers' numbers
    apart: float
    max_apart: float


def difference(size: Size, corpus: Corpus, steps: int, seed: int = 0) -> Difference:
    """Run both from the same W and from moments of zero, on the same batches of text with the same random gradients."""
    rng = np.random.default_rng(seed)
    start = normals(rng, (size.V, size.H), size.float_type)
    adam, lazy = ([start.copy(), np.zeros_like(start), np.zeros_like(start)] for _ in range(2))
    scratch = np.empty_like(start)
    for t, words in enumerate(corpus.batches(size, steps, rng), 1):
        rows = np.unique(words)
        values = normals(rng, (len(rows), size.H), size.float_type)
        decay(*adam, rows, values, t, scratch)
        all_rows(*lazy, rows, values, t)
    W, lazy_W = adam[0], lazy[0]
    return Difference(
        mean_distance(W, start), mean_distance(lazy_W, start), mean_distance(W, lazy_W), max_distance(W, lazy_W)
    )


def mean_distance(W: Array, other: Array) -> float:
    return float(np.abs(W - other).mean())


def max_distance(W: Array, other: Array) -> float:
    return float(np.abs(W - other).max(initial=0))


def main() -> None:
    size, corpus = Size(10_000, H=10), builtin()
    print(f"W of V={size.V:,}, H={size.H}, batches of {size.B} words of {corpus.name}; the book's settings, lr = 0.001")
    for steps in STEPS:
        result = difference(size, corpus, steps)
        print(
            f"{steps:>5,} step{'s'[: steps > 1]}: Adam moves a number by {result.adam_moved:.2g}, lazy Adam by {result.lazy_moved:.2g}; "
            f"they end {result.apart:.2g} apart, at most {result.max_apart:.2g}"
        )


if __name__ == "__main__":
    main()
