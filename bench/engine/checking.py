"""Check implementations against their kernels' contracts, in a worker."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from impls.words import Corpus

from . import protocol
from .contract import WRONG, Verdict, check_contract
from .process import limit_memory
from .sources import is_own, load_sources
from .watch import patch_reason, watched_names


def check(job: protocol.CheckContract, emit: protocol.Emit) -> None:
    """Check the job's implementations, one after another, and emit a verdict on each."""
    limit_memory(job.settings.memory_limit_bytes)
    emit(protocol.StepBegins(name="start"))
    corpus = Corpus.load(Path(job.corpus))
    source = load_sources({job.source: job.sources[job.source]}, np.random.default_rng(job.settings.seed))[job.source]
    for implementation in map(source.find, job.keys):
        verdict = check_contract(implementation, corpus, job.settings.seed, emit)
        if changed := watched_names().restore() or (() if is_own(implementation) else source.patched_names):
            verdict = Verdict(WRONG, patch_reason(changed))
        emit(protocol.ContractChecked(key=implementation.key, status=verdict.status, reason=verdict.reason))
