"""How much faster compiled training is on several threads, and how much faster it could be: ``python -m tests.training_threads``.

On as many threads as there are CPUs, against one thread; and as many processes, each of which trains a model of its own on
one thread, against one of them alone. These share nothing but the machine: no training on threads can gain more than they do.
All take turns, so that what slows the machine slows them alike. It prints medians and quartiles of
the rounds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from itertools import islice
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from statistics import median
from typing import Any

import numpy as np
from w2vbench.bench.engine.worker.training_loop import PIECE, lines_of, pieces
from w2vbench.impls.catalogue.discovery import own
from w2vbench.impls.corpus.texts import builtin
from w2vbench.impls.corpus.words import Floats
from w2vbench.impls.interface.case import Size
from w2vbench.impls.training.contract import training_problem
from w2vbench.impls.training.settings import Settings

ROUNDS = 60
PIECES = 4
"""Pieces of the text in a measurement."""


def trainer(kernel: str, threads: int) -> Callable[[], float]:
    """Return a function that trains once more on the same text, and returns the words a second."""
    corpus = builtin()
    implementation = next(one for one in own() if one.key == f"{kernel}/numba")
    size = Size(len(corpus.counts), 100, PIECE, 5, index="i32", threads=threads)
    problem = training_problem(size, corpus.expected_counts(size.V), [], np.random.default_rng(1), Settings())
    step, (model,) = implementation.start(problem)
    text = list(islice(pieces(corpus, lines_of(corpus), PIECE), PIECES))

    def train() -> float:
        began = time.perf_counter()
        for words, starts in text:
            step(words, starts, model)
        return sum(len(words) for words, _ in text) / (time.perf_counter() - began)

    train()
    return train


def independent(kernel: str, cpu: int, turns: Sequence[int | None], barrier: Barrier, results: Any) -> None:
    """Train on one CPU in the turns that are its own or everybody's (None)."""
    os.sched_setaffinity(0, {cpu})
    train, paces = trainer(kernel, 1), []
    for turn in turns:
        barrier.wait()
        paces.append(train() if turn in (None, cpu) else 0.0)
        barrier.wait()
    results.put((cpu, paces))


def middle(gains: Floats) -> str:
    """Say what rounds gained: the median and the quartiles."""
    low, half, high = np.quantile(gains, [0.25, 0.5, 0.75])
    return f"{half:.2f} times ({low:.2f} to {high:.2f} in half of the rounds)"


def main() -> None:
    """Print the gains of both kernels."""
    cpus = sorted(os.sched_getaffinity(0))
    for kernel in ("training.skip-gram", "training.cbow"):
        one, several = trainer(kernel, 1), trainer(kernel, len(cpus))
        slow, fast = np.array([(one(), several()) for _ in range(ROUNDS)]).T
        print(
            f"{kernel}: {median(slow) / 1e6:.2f} million words a second on one thread, "
            f"{median(fast) / 1e6:.2f} on {len(cpus)}: {middle(fast / slow)}"
        )
        spawn = get_context("spawn")
        turns = [None, *cpus] * ROUNDS
        barrier, results = spawn.Barrier(len(cpus)), spawn.Queue()
        workers = [spawn.Process(target=independent, args=(kernel, cpu, turns, barrier, results)) for cpu in cpus]
        for worker in workers:
            worker.start()
        of_cpu = dict(results.get() for _ in workers)
        for worker in workers:
            worker.join()
        # (rounds, turns, CPUs); 0 in turns of others
        paces = np.array([of_cpu[cpu] for cpu in cpus]).T.reshape(ROUNDS, 1 + len(cpus), len(cpus))
        together, alone = paces[:, 0].sum(axis=1), paces[:, 1:].sum(axis=(1, 2)) / len(cpus)
        print(f"{kernel}: {len(cpus)} models in processes of their own: {middle(together / alone)}")


if __name__ == "__main__":
    main()
