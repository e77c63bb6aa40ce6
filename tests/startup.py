"""What the pytest plugin costs at pytest's start-up where ``--benchmark`` is not given: ``python -m tests.startup [RUNS]``.

It runs an empty test with and without the plugin (``-p no:w2vbench``), in turn, in an environment where w2vbench is installed.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

WITHOUT = ("-p", "no:w2vbench")


def cpu_s() -> float:
    """CPU time of all children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start_s(folder: Path, *options: str) -> tuple[float, float]:
    """Seconds of one session: wall time, and CPU time, which other programs on the machine disturb less."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    started, used = time.perf_counter(), cpu_s()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started, cpu_s() - used


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        pairs = [(start_s(folder), start_s(folder, *WITHOUT)) for _ in range(runs + 1)][1:]
    ms = np.array(pairs) * 1e3  # pair, with or without, wall or CPU
    for at, name in enumerate(("wall time", "CPU time")):
        low, middle, high = np.percentile(ms[:, 0, at] - ms[:, 1, at], (25, 50, 75))
        both = f"with the plugin {np.median(ms[:, 0, at]):.0f} ms, without {np.median(ms[:, 1, at]):.0f} ms"
        print(f"{name}: {both}; difference of {runs} pairs {middle:.1f} ms (middle half {low:.1f} to {high:.1f} ms)")


if __name__ == "__main__":
    main()
