"""The contract in a process of its own: implementations at their kernels' awkward small sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from impls.words import Corpus

from . import protocol
from .contract import WRONG, Verdict, check_contract
from .process import limit_memory, running
from .sources import is_own, loaded
from .watch import names, patched


def check(job: protocol.CheckContract, emit: protocol.Emit) -> None:
    """Put implementations through their kernels' contracts, one after another."""
    at_first = running()
    limit_memory(job.memory_limit_bytes)
    emit(protocol.Stage(name="start"))
    corpus = Corpus.load(Path(job.corpus))
    source = loaded({job.source: job.sources[job.source]}, np.random.default_rng(job.seed))[job.source]
    for implementation in map(source.find, job.keys):

        def begins(stage: str, patience: int, key: str = implementation.key) -> None:
            emit(protocol.Stage(name=stage, variant=key, patience=patience))

        verdict = check_contract(implementation, corpus, job.seed, begins)
        if changed := names().put_back() or (() if is_own(implementation) else source.patched):
            verdict = Verdict(WRONG, patched(changed))
        emit(protocol.Verdict(key=implementation.key, status=verdict.status, reason=verdict.reason))
    emit(protocol.Done(clean=running() <= at_first))
