"""Where the arrays of an experiment lie in memory."""

from __future__ import annotations

import numpy as np

from bench.engine.measuring import BLOCKS, LARGEST_BLOCK, blocks


def test_blocks_that_move_the_arrays_follow_from_the_placement_and_are_none_without_one() -> None:
    sizes = [[one.size for one in blocks(placement)] for placement in ((), (0, 1), (0, 1), (1, 0))]
    assert sizes[0] == []
    assert sizes[1] == sizes[2] != sizes[3]
    assert all(0 < size < LARGEST_BLOCK for one in sizes for size in one)


def test_arrays_lie_elsewhere_while_the_blocks_are_held() -> None:
    """Relative to lines of cache, which is what calls notice, and not only to pages."""
    found = set()
    for number in range(40):
        held = blocks((number,))
        found.add(np.empty(10_000, np.float32).ctypes.data % 4096)
        assert len(held) == BLOCKS
    assert len(found) > 10
