"""The machine's limits: what their ways touch."""

from __future__ import annotations

import numpy as np
import psutil
from w2vbench.bench.engine.worker.timing.bandwidth import writings

BYTES = 64 << 20


def test_memory_that_is_to_be_untouched_is_not_written_before_it_is_copied() -> None:
    """Reading what was written is slower, and the machine's write limit would be too low."""
    part = np.ones(BYTES // 4, np.float32)
    before = psutil.Process().memory_info().rss
    ways = writings(part)
    assert psutil.Process().memory_info().rss - before < BYTES / 4
    for way, size in ways:
        part.fill(1)
        way()
        assert size == BYTES
        assert not part.any()
