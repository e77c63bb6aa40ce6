"""Where the arrays of an experiment lie in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from bench.engine.measuring import BLOCK_SIZES, BLOCKS, blocks
from bench.engine.worker_process import STEADY_ALLOCATOR

PLACES = """
import json
import numpy as np
from bench.engine.measuring import blocks
found = []
for number in range(40):
    held = blocks((number,))
    found.append([np.empty(size, np.float32).ctypes.data for size in (10_000, 1_000_000)])
    del held
print(json.dumps(found))
"""


def test_blocks_that_move_the_arrays_follow_from_the_placement_and_are_none_without_one() -> None:
    sizes = [[one.size for one in blocks(placement)] for placement in ((), (0, 1), (0, 1), (1, 0))]
    assert sizes[0] == []
    assert sizes[1] == sizes[2] != sizes[3]
    assert 0 < len(sizes[1]) < BLOCKS
    assert all(BLOCK_SIZES[0] <= size < BLOCK_SIZES[1] for one in sizes for size in one)


def test_arrays_of_a_few_and_of_many_bytes_lie_elsewhere_in_a_line_of_cache_and_in_a_page() -> None:
    """In a process that allocates memory as a worker does."""
    found = json.loads(subprocess.check_output([sys.executable, "-c", PLACES], env=os.environ | STEADY_ALLOCATOR))
    for addresses in zip(*found, strict=True):
        assert len({address % 64 for address in addresses}) > 2
        assert len({address % 4096 for address in addresses}) > 10
