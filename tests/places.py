"""How much a call's time changes with where its workspace lies, and with the copy of its code: ``python -m tests.places KERNEL/SLUG``.

In one process, several compiled copies of the same code are timed in turns on several workspaces of the same kind. The
standard deviation between workspaces, the mean of each over all copies, is what one workspace a process adds to the spread
between processes.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from w2vbench.bench.engine.worker.timing.places import SMALL_SIZES, blocks
from w2vbench.impls.catalogue.discovery import from_copy
from w2vbench.impls.corpus.texts import builtin
from w2vbench.impls.interface.case import Size

from w2vbench import impls

SIZE = "V=1e4,H=100,B=100,K=5,f32,i64,zipf,t1"
COPIES, PLACES, ROUNDS, SAMPLE_S = 4, 8, 40, 0.002


def main(key: str, size: str = SIZE) -> None:
    rng = np.random.default_rng()
    copies = [
        next(one for one in from_copy(Path(impls.__file__).parent, f"copy_{at}") if one.key == key)
        for at in range(COPIES)
    ]
    problem = copies[0].kernel.make(Size.parse(size), builtin(), rng)
    functions = [copy.start(problem)[0] for copy in copies]
    held, workspaces = [], []
    for _ in range(PLACES):
        held.append(blocks(rng, sizes=SMALL_SIZES))
        workspaces.append(copies[0].set_up(problem))
    cases = [(function, workspace) for workspace in workspaces for function in functions]
    taken: list[list[float]] = [[] for _ in cases]
    calls = 1
    for _ in range(1 + ROUNDS):
        first = int(rng.integers(len(problem.batches)))
        batches = [problem.batches[(first + at) % len(problem.batches)] for at in range(calls)]
        for at in rng.permutation(len(cases)):
            function, workspace = cases[at]
            began = time.perf_counter()
            for batch in batches:
                function(*batch, *workspace)
            taken[at].append((time.perf_counter() - began) / calls)
        problem.reset()
        calls = max(1, int(SAMPLE_S / min(times[-1] for times in taken)))
    logs = np.log(np.median(np.array(taken)[:, 1:], axis=1)).reshape(PLACES, COPIES)
    places, code = (100 * logs.mean(axis).std(ddof=1) for axis in (1, 0))
    print(
        f"{key}@{size}: {1e6 * np.exp(logs.mean()):.2f} µs a call; standard deviation between {PLACES} places {places:.1f} %,"
    )
    print(f"between {COPIES} copies of the code {code:.1f} %")


if __name__ == "__main__":
    main(*sys.argv[1:])
