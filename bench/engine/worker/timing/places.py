"""Where arrays lie in memory, which changes a call's time by several per cent.

Arrays whose addresses end in the same twelve bits disturb each other, for instance: a load waits for a store to the other. Where
they lie follows from all that the process has allocated before, and then stays (Mytkowicz and others, Producing Wrong Data
Without Doing Anything Obviously Wrong, ASPLOS 2009). So a process tells the time at one place only, unless its arrays are
moved while it measures (Curtsinger and Berger, STABILIZER, ASPLOS 2013).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from w2vbench.bench.engine.worker.checking.contract import fault_of
from w2vbench.bench.engine.worker.variants.variant import PreparedVariant

BLOCKS, BLOCK_SIZES = 128, (64, 1 << 21)
"""How many blocks move a problem's arrays, and their least and most bytes: all are below the allocator's threshold, above which
arrays begin at a page."""
FEW_BLOCKS, SMALL_SIZES = 16, (64, 1 << 14)
"""The same for a workspace, each time that it moves."""
KEPT = 4
"""How often a workspace moves before its first blocks are freed: the allocator soon gives the same places again."""
MOST_SHARE = 0.15
"""The share of a sample's time that setting up again may take, on average over a case's variants."""
LEAST_CALLS = 10
"""The fewest calls in a sample, of which the first on a new place adds one."""

Blocks = list[np.ndarray[Any, np.dtype[np.uint8]]]


def blocks(rng: np.random.Generator, number: int = BLOCKS, sizes: tuple[int, int] = BLOCK_SIZES) -> Blocks:
    """Return blocks of random sizes, with holes between them: while they are held, arrays that are made lie elsewhere in memory.

    Parameters
    ----------
    number
        Blocks that are made. About half of them are freed again.
    sizes
        Their least and most bytes.
    """
    least, most = np.log(sizes)
    made = [np.empty(int(size), np.uint8) for size in np.exp(rng.uniform(least, most, number))]
    return [block for block, held in zip(made, rng.random(number) < 0.5, strict=True) if held]


class Mover:
    """Moves the workspaces of a case's variants, round after round, where that is cheap.

    Each variant is set up again before its sample, at the place that the one before it has just freed. So all of them are
    timed at the same places if their workspaces are alike, and at other ones in each round. Only workspaces of arrays move, and
    those of kernels that do not remember earlier results: a model learns on, and a generator draws on.

    Parameters
    ----------
    variants
        The variants of a case.
    sample_s
        How long their samples are.
    rng
        Chooses the places.

    Raises
    ------
    Fault
        If setting up again fails.
    """

    def __init__(self, variants: Sequence[PreparedVariant], sample_s: float, rng: np.random.Generator) -> None:
        self.variants, self.rng = variants, rng
        self.held: deque[Blocks] = deque(maxlen=KEPT)
        self.moves = (
            all(variant.start_again and not variant.history and variant.calls >= LEAST_CALLS for variant in variants)
            and self.cost_s() <= MOST_SHARE * len(variants) * sample_s
        )

    def cost_s(self) -> float:
        """Return how long setting all variants up again takes, measured: the first time it may have taken far longer."""
        started = time.perf_counter()
        for variant in self.variants:
            start_again(variant)
        return time.perf_counter() - started

    def begin_round(self) -> None:
        """Choose another place, if workspaces move."""
        if self.moves:
            self.free()
            self.held.append(blocks(self.rng, FEW_BLOCKS, SMALL_SIZES))

    def move(self, variant: PreparedVariant) -> None:
        """Set a variant up again at this round's place, if workspaces move. Raises Fault."""
        if self.moves:
            self.free()
            start_again(variant)

    def free(self) -> None:
        for variant in self.variants:
            variant.workspace = ()


def start_again(variant: PreparedVariant) -> None:
    """Set a variant up again. Raises Fault."""
    assert variant.start_again
    try:
        variant.function, variant.workspace = variant.start_again()
    except Exception as error:
        raise fault_of(error) from error
