"""How far lazy Adam ends from Adam when both are given the same gradients: ``python -m impls.update.difference``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..case import Size
from ..interface import Array, normals
from ..words import Corpus, builtin
from .adam import decay
from .lazy_adam import all_rows

STEPS = (1, 10, 100, 1_000)


@dataclass(frozen=True)
class Difference:
    """Means over all numbers of W: how far each optimizer has moved one, how far the two end apart; and the most they do."""

    adam_moved: float
    lazy_moved: float
    apart: float
    most_apart: float


def difference(size: Size, corpus: Corpus, steps: int, seed: int = 0) -> Difference:
    """Both from the same W and moments of zero, through the same batches of text with the same random gradients."""
    rng = np.random.default_rng(seed)
    start = normals(rng, (size.V, size.H), size.float_type)
    one, other = ([start.copy(), np.zeros_like(start), np.zeros_like(start)] for _ in range(2))
    scratch = np.empty_like(start)
    for t, words in enumerate(corpus.batches(size, steps, rng), 1):
        rows = np.unique(words)
        values = normals(rng, (len(rows), size.H), size.float_type)
        decay(*one, rows, values, t, scratch)
        all_rows(*other, rows, values, t)
    return Difference(mean(one[0], start), mean(other[0], start), mean(one[0], other[0]), most(one[0], other[0]))


def mean(W: Array, other: Array) -> float:
    return float(np.abs(W - other).mean())


def most(W: Array, other: Array) -> float:
    return float(np.abs(W - other).max(initial=0))


def main() -> None:
    size, corpus = Size(10_000, H=10), builtin()
    print(f"W of V={size.V:,}, H={size.H}, batches of {size.B} words of {corpus.name}; the book's settings, lr = 0.001")
    for steps in STEPS:
        found = difference(size, corpus, steps)
        print(
            f"{steps:>5,} step{'s'[: steps > 1]}: Adam moves a number by {found.adam_moved:.2g}, lazy Adam by {found.lazy_moved:.2g}; "
            f"they end {found.apart:.2g} apart, at most {found.most_apart:.2g}"
        )


if __name__ == "__main__":
    main()
