"""Profile one implementation line by line, in a worker."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from impls.case import Size
from impls.words import Corpus

from . import lines, protocol
from .contract import check_problem
from .process import limit_memory, pin
from .sources import load_sources

PASSES = 4
"""Each of a profile's passes, three at most, may take one part in PASSES of the time limit."""


def profile_lines(job: protocol.ProfileLines, emit: protocol.Emit) -> None:
    """Check an implementation at a size, and profile it line by line."""
    size = Size.parse(job.size)
    pin(size.threads, job.cpu)
    limit_memory(job.memory_limit_bytes)
    implementation = load_sources(job.sources, np.random.default_rng(job.seed))[""].find(job.key)
    name = implementation.slug
    emit(protocol.Stage(name="inputs", variant=name))
    problem = implementation.kernel.make(size, Corpus.load(Path(job.corpus)), np.random.default_rng(job.seed))
    emit(protocol.Stage(name="the check", variant=name))
    verdict = check_problem(implementation, problem, *implementation.start(problem))
    problem.reset()
    emit(protocol.Stage(name="the profile", variant=name))
    profile = lines.profile(implementation, problem, limit_s=job.time_limit_s / PASSES)
    emit(protocol.Profile(variant=name, status=verdict.status, reason=verdict.reason, **profile))
    emit(protocol.Done())
