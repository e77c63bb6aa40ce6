"""Measure one experiment in a worker: make the problem, prepare, check and time its variants, then measure their memory."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.machine.process import limit_memory, pin
from w2vbench.bench.engine.protocol import Measure, Status, Variant
from w2vbench.impls.interface import Implementation, Kernel, Problem
from w2vbench.impls.interface.case import Size
from w2vbench.impls.interface.facts import has_attribute

from .checking.contract import COMPILATION_PATIENCE, Fault, check_problem, compilation_patience
from .checking.verify import Verifier
from .profiling import memory
from .profiling.lines import profiles_of
from .timing import floors as limits
from .timing.places import blocks
from .timing.timing import calibrate, take_turns
from .variants.extensions import LAYERS, MethodCalls, layer_variant
from .variants.sources import LoadedSource, is_own, load_packages, load_sources
from .variants.variant import PreparedVariant, adapt_batch, prepare_variant
from .variants.watch import Guard, patch_reason

STAGES_S = 0.05
"""How long the stages of a model's steps are timed."""
SIMILAR = 2.0
"""Variants of a case whose calls in a sample differ by no more than this factor get the same number of calls."""
LEAST_PATIENCE_S, TRACED = 2.0, 15
"""How long a child may take to measure memory: this long, and this many times as long as set-up and a call took. Tracing slows
code up to 13 times. A child of a process with JAX's threads has none of them, and some of its programs wait for those forever."""


class Seconds(NamedTuple):
    """How long a variant's set-up takes, and a call (the median)."""

    set_up: float
    call: float


def measure(job: Measure, emit: protocol.Emit) -> None:
    """Measure an experiment. If a variant fails, the job fails during a step of that variant.

    Each process has its own inputs, and starts at another batch. Raises Fault.
    """
    pin(Size.parse(job.size).threads, job.cpu)
    limit_memory(job.settings.memory_limit_bytes)
    emit(protocol.StepBegins(name="loading"))
    options = job.options
    seed = [job.settings.seed, options.process]
    order = np.random.default_rng([*seed, 1])
    sources = load_sources(job.sources, order)
    kernel = sources[job.inputs].kernel(job.kernel)
    implementations = {
        variant.name: implementation_of(variant, sources, kernel, emit) for case in job.cases for variant in case
    }
    moved = blocks(np.random.default_rng(options.placement)) if options.placement else []
    gc.collect()
    gc.freeze()  # collections then skip the modules: they hold no garbage, and numba's alone take 80 ms each time
    emit(protocol.StepBegins(name="inputs"))
    problem = sources[job.inputs].make(job.kernel, job.size, Path(job.corpus), seed)
    emit(protocol.ProblemMade(touched=problem.touched))
    layers: dict[str, MethodCalls] = {}
    for methods_of in LAYERS if options.layers else ():
        layers |= methods_of(kernel, options.layers)
    seconds = time_variants(job, implementations, layers, problem, order, emit)
    implementations |= layers
    del moved
    problem.buffers.clear()  # the workspaces are freed too, so that a child has room for its own
    for names in pairs(list(implementations)) if options.memory else ():
        emit(protocol.StepBegins(name="memory"))
        patience_s = [LEAST_PATIENCE_S + TRACED * sum(seconds[name]) for name in names]
        limits_s = [min(one, job.settings.time_limit_s / 2) for one in patience_s]
        asked = [(implementations[name], limit_s) for name, limit_s in zip(names, limits_s, strict=True)]
        for name, found in zip(names, memory.measure_together(asked, problem, options.unanswered), strict=True):
            emit(structs.replace(found, variant=name, needs=tuple(implementations[name].requires)))
    for name, implementation in implementations.items():
        if name in options.profile or name in layers:
            emit(protocol.StepBegins(name="the line profile"))
            for profile in profiles_of(name, implementation, problem, seconds[name].call):
                emit(profile)


def pairs(names: Sequence[str]) -> list[Sequence[str]]:
    """Return names two by two: for two children at once."""
    return [names[at : at + 2] for at in range(0, len(names), 2)]


def time_variants(
    job: Measure,
    implementations: dict[str, Implementation],
    layers: dict[str, MethodCalls],
    problem: Problem,
    order: np.random.Generator,
    emit: protocol.Emit,
) -> dict[str, Seconds]:
    """Prepare, check and time all variants. Return how long each takes. Raises Fault."""
    settings, options = job.settings, job.options
    kernel = next(iter(implementations.values())).kernel
    guard = Guard(kernel, problem, job.careful)
    first = int(order.integers(len(problem.batches)))
    (within,) = order.spawn(1)  # the order of cases does not depend on how many variants they have
    groups = []
    for at in order.permutation(len(job.cases)):
        case = job.cases[at]
        prepared = {
            place: prepare_and_check(case[place], implementations[case[place].name], problem, emit, guard, first)
            for place in within.permutation(len(case))
        }
        groups.append([prepared[place] for place in range(len(case))])
    if options.limits:
        compiling = "compiling the functions that limits are measured by"
        emit(protocol.StepBegins(name=compiling, variant=limits.CALL, patience=COMPILATION_PATIENCE))
        groups += [[variant] for variant in limits.limit_variants(kernel, problem, first, settings.memory_limit_bytes)]
    for name, calls in layers.items():
        emit(protocol.StepBegins(name="prepare", variant=name))
        groups.append([layer_variant(name, calls, problem, first)])
    variants = [variant for group in groups for variant in group]
    places = np.random.default_rng([settings.seed, options.process, 2])
    verifiers = {variant.name: Verifier(variant, places, guard if job.careful else None) for variant in variants}
    emit(protocol.Ready())
    for variant in variants:
        if planned := options.plan.get(variant.name):
            variant.calls, variant.rounds = planned.calls, planned.rounds
    for group in groups:
        calibrate_group(group, job, verifiers, emit)

    def begin_round() -> None:
        if options.paced:
            emit(protocol.RoundBegins())

    times = take_turns(
        groups,
        order,
        verifiers,
        lambda name: emit(protocol.StepBegins(name="timing", variant=name)),
        begin_round,
        sample_s=settings.sample_s,
        warm=options.paced,
    )
    if reason := guard.violation(whole=True):
        # which of several it was is found by another process, which checks after every sample
        variant_at_fault = next(iter(implementations)) if len(implementations) == 1 else None
        emit(protocol.StepBegins(name="timing", variant=variant_at_fault))
        raise Fault(Status.WRONG, reason)
    for variant in variants:
        wall, cpu = times[variant.name]
        emit(
            protocol.Timed(
                variant=variant.name,
                calls=variant.calls,
                rounds=variant.rounds,
                prepare_s=variant.prepare_s,
                adapt_s=float(np.median(variant.adapt_s)) if variant.adapt_s else None,
                wall_s=wall,
                cpu_s=cpu,
            )
        )
    emit(protocol.TimesTaken())
    if options.stages:
        measure_stages(variants, problem, emit)
    return {
        variant.name: Seconds(variant.prepare_s, float(np.nanmedian(np.array(times[variant.name][0], float))))
        for variant in variants
    }


def implementation_of(
    variant: Variant, sources: dict[str, LoadedSource], kernel: Kernel, emit: protocol.Emit
) -> Implementation:
    """Return a variant's implementation, its packages loaded, with the kernel that checks all results. Raises Fault."""
    source = sources[variant.source]
    implementation = source.find(variant.key)
    if source.patched_names and not is_own(implementation):
        emit(protocol.StepBegins(name="loading", variant=variant.name))
        raise Fault(Status.WRONG, f"{patch_reason(source.patched_names)} when its file is loaded")
    load_packages(implementation, variant.name, emit)
    if isinstance(implementation, MethodCalls):
        kernel = implementation.checked_by(kernel)
    return implementation if implementation.kernel is kernel else replace(implementation, kernel=kernel)


def prepare_and_check(
    variant: Variant, implementation: Implementation, problem: Problem, emit: protocol.Emit, guard: Guard, place: int
) -> PreparedVariant:
    """Prepare a variant, and check its results if it is marked so. Raises Fault, and what the implementation raises."""
    emit(protocol.StepBegins(name="prepare", variant=variant.name, patience=compilation_patience(implementation)))
    prepared = prepare_variant(variant.name, implementation, problem, variant.slowed, place)
    if reason := guard.violation():
        raise Fault(Status.WRONG, f"{reason} in its prepare")
    if variant.check:
        emit(protocol.StepBegins(name="check", variant=variant.name))
        verdict = check_problem(implementation, problem, prepared.function, prepared.workspace)
        problem.reset()
        if reason := guard.violation():
            raise Fault(Status.WRONG, f"{reason} in a call")
        if verdict.status != Status.OK:
            raise Fault(verdict.status, verdict.reason)
    return prepared


def calibrate_group(
    group: Sequence[PreparedVariant], job: Measure, verifiers: dict[str, Verifier], emit: protocol.Emit
) -> None:
    """Set the calls in a sample of each variant of a case, and the same rounds for all, unless they are planned.

    Variants that are about as fast as the first one get as many calls, so that the fixed cost of a sample cancels out.
    """
    planned = all(variant.rounds for variant in group)
    for variant in group:
        emit(protocol.StepBegins(name="calibration", variant=variant.name))
        calibrate(variant, job.settings, verifiers[variant.name], job.options.least_rounds)
        variant.place = group[0].place  # else the first round would give them different batches
    if planned:
        return
    first = group[0]
    for variant in group:
        if first.calls / SIMILAR <= variant.calls <= first.calls * SIMILAR:
            variant.calls = first.calls
    rounds = min(variant.rounds for variant in group)
    for variant in group:
        variant.rounds = rounds


def measure_stages(variants: Sequence[PreparedVariant], problem: Problem, emit: protocol.Emit) -> None:
    """Time the stages of a training step, for variants whose model supports it. A variant that fails gets no figures."""
    for variant in variants:
        for model in variant.workspace:
            if has_attribute(model, "stages"):
                emit(protocol.StepBegins(name="the step's stages"))
                with contextlib.suppress(Exception):
                    emit(protocol.StageTimes(variant=variant.name, seconds=stages_of(model, variant, problem)))


def stages_of(model: Any, variant: PreparedVariant, problem: Problem) -> dict[str, float]:
    """Return the seconds in each stage of a step: medians of as many steps as fit into STAGES_S."""
    steps: list[dict[str, float]] = []
    end = time.perf_counter() + STAGES_S
    while not steps or time.perf_counter() < end:
        batch = problem.batches[len(steps) % len(problem.batches)]
        steps.append(model.stages(*adapt_batch(variant.adapt, variant.workspace, batch)))
    return {name: float(np.median([step[name] for step in steps])) for name in steps[0]}
