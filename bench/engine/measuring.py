"""One experiment in one process: the problem is made, its variants are prepared, checked and timed in turns, then their memory."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from impls.case import Size
from impls.interface import Implementation, Kernel, Problem, has

from . import limits, lines, memory, protocol
from .contract import COMPILATION, ERROR, OK, OUT_OF_MEMORY, PAST_LIMIT, WRONG, check_problem, compiling, describe
from .process import limit_memory, pin, running
from .protocol import Measure, Plan, Variant
from .sources import Loaded, is_own, loaded
from .timing import Timing, calibrate, take_turns
from .variant import PreparedVariant, adapted, prepared
from .verify import Fault, Verifier
from .watch import Guard, patched

PROFILE_S = 0.02
"""Length of a line profile's time pass in an experiment."""
PROFILE_LIMIT_S = 2.5
"""What would take longer is not profiled in an experiment: two calls under a hook, or one under tracemalloc."""
STAGES_S = 0.05
"""Time in which a model's steps are taken to find out where their time goes."""
ALIKE = 2.0
"""Variants of a case whose calls a sample differ by no more than this factor make the same number."""


def measure(job: Measure, emit: protocol.Emit) -> None:
    """Measure an experiment. A variant that cannot be measured ends the job, and is named.

    Each process has inputs of its own, and begins elsewhere among the batches.
    """
    at_first = running()
    size = Size.parse(job.size)
    pin(size.threads, job.cpu)
    limit_memory(job.memory_limit_bytes)
    emit(protocol.Stage(name="inputs"))
    seed = [job.seed, job.process]
    order = np.random.default_rng([*seed, 1])
    try:
        sources = loaded(job.sources, order)
        kernel = sources[job.inputs].kernel(job.kernel)
        implementations = {one.name: implementation_of(one, sources, kernel) for case in job.cases for one in case}
        gc.collect()
        gc.freeze()  # modules are gone through once: no garbage comes from them, and numba's alone take 80 ms each time
        problem = sources[job.inputs].make(job.kernel, job.size, Path(job.corpus), seed)
        emit(protocol.ProblemMade(touched=problem.touched, batches=len(problem.batches)))
        call_s = time_variants(job, implementations, problem, order, emit)
    except Fault as fault:
        emit(protocol.Excluded(variant=fault.variant, status=fault.status, reason=fault.reason))
        return
    problem.buffers.clear()  # and the workspaces are gone, so that a child has room for its own
    if job.memory:
        measure_memory(implementations, problem, job.time_limit_s / 2, emit)
    for name in job.profile:
        emit(protocol.Stage(name="the line profile"))
        emit(profile_of(name, implementations[name], problem, call_s[name]))
    emit(protocol.Done(clean=running() <= at_first))


def time_variants(
    job: Measure,
    implementations: dict[str, Implementation],
    problem: Problem,
    order: np.random.Generator,
    emit: protocol.Emit,
) -> dict[str, float]:
    """Prepare, check and time all variants; seconds a call of each. Raises Fault."""
    kernel = next(iter(implementations.values())).kernel
    guard = Guard(kernel, problem, job.careful)
    first = int(order.integers(len(problem.batches)))
    groups = []
    for at in order.permutation(len(job.cases)):
        case = job.cases[at]
        ready = {
            place: prepare(case[place], implementations, problem, emit, guard, first)
            for place in order.permutation(len(case))
        }
        groups.append([ready[place] for place in range(len(case))])
    if job.limits:
        emit(protocol.Stage(name="compiling what limits are measured by", patience=COMPILATION))
        groups += [[one] for one in limits.limit_variants(kernel, problem, first, job.memory_limit_bytes)]
    variants = [one for group in groups for one in group]
    places = np.random.default_rng([job.seed, job.process, 2])
    verifiers = {one.name: Verifier(one, places, guard if job.careful else None) for one in variants}
    emit(protocol.Ready())
    timing = Timing(sample_s=job.sample_s, variant_s=job.variant_s, rounds=job.rounds, least_rounds=job.least_rounds)
    for group in groups:
        for one in group:
            one.calls, one.rounds = planned(job.plan, one.name)
        emit(protocol.Stage(name="calibration", variant=group[0].name))
        agree(group, timing, verifiers)
    taken = take_turns(groups, order, verifiers, lambda name: emit(protocol.Stage(name="timing", variant=name)))
    if reason := guard.blame(whole=True):  # by whom is found out in another process, which looks after every sample
        raise Fault(next(iter(implementations)) if len(implementations) == 1 else None, WRONG, reason)
    for one in variants:
        wall, cpu = taken[one.name]
        emit(
            protocol.Timed(
                variant=one.name,
                calls=one.calls,
                rounds=one.rounds,
                prepare_s=one.prepare_s,
                adapt_s=float(np.median(one.adapt_s)) if one.adapt_s else None,
                wall_s=wall,
                cpu_s=cpu,
            )
        )
    emit(protocol.TimesTaken())
    if job.stages:
        measure_stages(variants, problem, emit)
    return {
        name: float(np.median([figure for figure in wall if figure is not None])) for name, (wall, _) in taken.items()
    }


def planned(plan: dict[str, Plan], name: str) -> tuple[int, int]:
    """Calls and rounds of a variant; one call and no rounds where they are to be found out."""
    return (plan[name].calls, plan[name].rounds) if name in plan else (1, 0)


def implementation_of(variant: Variant, sources: dict[str, Loaded], kernel: Kernel) -> Implementation:
    """A variant's implementation, with the kernel that all results are checked by. Raises Fault."""
    source = sources[variant.source]
    implementation = source.find(variant.key)
    if source.patched and not is_own(implementation):
        raise Fault(variant.name, WRONG, f"{patched(source.patched)} when its file is loaded")
    return implementation if implementation.kernel is kernel else replace(implementation, kernel=kernel)


def prepare(
    variant: Variant,
    implementations: dict[str, Implementation],
    problem: Problem,
    emit: protocol.Emit,
    guard: Guard,
    place: int,
) -> PreparedVariant:
    """Prepare a variant, and check its results where asked. Raises Fault."""
    name, implementation = variant.name, implementations[variant.name]
    emit(protocol.Stage(name="prepare", variant=name, patience=compiling(implementation)))
    try:
        found = prepared(name, implementation, problem, variant.slowed, place)
        if reason := guard.blame():
            raise Fault(name, WRONG, f"{reason} in its prepare")
        if variant.check:
            emit(protocol.Stage(name="check", variant=name))
            verdict = check_problem(implementation, problem, found.function, found.last)
            problem.reset()
            if reason := guard.blame():
                raise Fault(name, WRONG, f"{reason} in a call")
            if verdict.status != OK:
                raise Fault(name, verdict.status, verdict.reason)
    except Fault:
        raise
    except MemoryError as error:
        raise Fault(name, OUT_OF_MEMORY, PAST_LIMIT) from error
    except Exception as error:
        raise Fault(name, ERROR, describe(error)) from error
    return found


def agree(group: Sequence[PreparedVariant], timing: Timing, verifiers: dict[str, Verifier]) -> None:
    """Find how many calls each variant of a case makes in a sample, and give all the same number of rounds, unless planned.

    Variants that are about as fast as the first one make as many calls, so that what a sample costs beside them cancels out.
    """
    known = all(one.rounds for one in group)
    for one in group:
        calibrate(one, timing, verifiers[one.name])
    if known or len(group) == 1:
        return
    first = group[0]
    for one in group:
        if first.calls / ALIKE <= one.calls <= first.calls * ALIKE:
            one.calls = first.calls
    rounds = min(one.rounds for one in group)
    for one in group:
        one.rounds = rounds


def measure_stages(variants: Sequence[PreparedVariant], problem: Problem, emit: protocol.Emit) -> None:
    """Where a step's time goes, of variants whose model can tell. One that fails goes without."""
    for one in variants:
        for model in one.last:
            if has(model, "stages"):
                emit(protocol.Stage(name="the step's stages"))
                with contextlib.suppress(Exception):
                    emit(protocol.Stages(variant=one.name, seconds=stages_of(model, one, problem)))


def stages_of(model: Any, variant: PreparedVariant, problem: Problem) -> dict[str, float]:
    """Seconds in each stage of a step: medians of as many steps as fit into STAGES_S."""
    steps: list[dict[str, float]] = []
    until = time.perf_counter() + STAGES_S
    while not steps or time.perf_counter() < until:
        batch = problem.batches[len(steps) % len(problem.batches)]
        steps.append(model.stages(*(adapted(variant.adapt, variant.last, batch) if variant.adapt else batch)))
    return {name: float(np.median([step[name] for step in steps])) for name in steps[0]}


def measure_memory(
    variants: dict[str, Implementation], problem: Problem, time_limit_s: float, emit: protocol.Emit
) -> None:
    """Measure memory, one child each. A child that fails costs its variant these figures, and not its times."""
    for name, implementation in variants.items():
        emit(protocol.Stage(name="memory"))
        found = memory.measure(implementation, problem, time_limit_s)
        emit(protocol.Memory(variant=name, needs=tuple(implementation.requires), **found))


def profile_of(name: str, implementation: Implementation, problem: Problem, call_s: float) -> protocol.Profile:
    """A line profile, or the reason why there is none: too slow for a run, or it fails under a profiler."""
    why_not = implementation.no_lines
    if not why_not and 2 * call_s > PROFILE_LIMIT_S:
        why_not = f"a call takes {call_s:.1f} s (w2vbench profile takes its time)"
    if why_not:
        return protocol.Profile(variant=name, why_not=why_not)
    try:
        return protocol.Profile(variant=name, **lines.profile(implementation, problem, PROFILE_S, PROFILE_LIMIT_S))
    except Exception as error:
        return protocol.Profile(variant=name, why_not=describe(error))
