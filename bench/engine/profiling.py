"""Line profiles in a worker: of one implementation that is asked for, or of one in an experiment."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from impls.case import Size
from impls.interface import Implementation, Problem
from impls.words import Corpus

from . import lines, protocol
from .contract import check_problem, describe
from .process import limit_memory, pin
from .sources import load_sources

PASSES = 4
"""Each of a profile's passes, three at most, may take one part in PASSES of the time limit."""
EXPERIMENT_S = 0.02
"""Length of the time pass in an experiment."""
EXPERIMENT_LIMIT_S = 2.5
"""An implementation is not profiled in an experiment if two calls would take longer than this."""


def profile_lines(job: protocol.ProfileLines, emit: protocol.Emit) -> None:
    """Check an implementation at a size, and profile it line by line."""
    size = Size.parse(job.size)
    pin(size.threads, job.cpu)
    limit_memory(job.settings.memory_limit_bytes)
    implementation = load_sources(job.sources, np.random.default_rng(job.settings.seed))[""].find(job.key)
    name = implementation.slug
    emit(protocol.StepBegins(name="inputs", variant=name))
    problem = implementation.kernel.make(size, Corpus.load(Path(job.corpus)), np.random.default_rng(job.settings.seed))
    emit(protocol.StepBegins(name="the check", variant=name))
    verdict = check_problem(implementation, problem, *implementation.start(problem))
    problem.reset()
    emit(protocol.StepBegins(name="the profile", variant=name))
    profile = lines.profile(implementation, problem, limit_s=job.settings.time_limit_s / PASSES)
    emit(protocol.LineProfile(variant=name, status=verdict.status, reason=verdict.reason, **profile))


def profile_of(name: str, implementation: Implementation, problem: Problem, call_s: float) -> protocol.LineProfile:
    """Profile a variant of an experiment, or give the reason why not: it is too slow for a run, or fails under a profiler."""
    why_not = implementation.no_lines
    if not why_not and 2 * call_s > EXPERIMENT_LIMIT_S:
        why_not = f"a call takes {call_s:.1f} s (w2vbench profile has no such limit)"
    if why_not:
        return protocol.LineProfile(variant=name, why_not=why_not)
    try:
        profile = lines.profile(implementation, problem, EXPERIMENT_S, EXPERIMENT_LIMIT_S)
    except Exception as error:
        return protocol.LineProfile(variant=name, why_not=describe(error))
    return protocol.LineProfile(variant=name, **profile)
