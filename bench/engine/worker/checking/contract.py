"""The contract that every implementation must pass, ours or a user's: in a run, in ``w2vbench check``, in the tests."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.machine.process import limit_memory
from w2vbench.bench.engine.protocol import ERROR, OK, OUT_OF_MEMORY, SKIPPED, WRONG, Verdict
from w2vbench.bench.engine.worker.variants.loading import load_packages
from w2vbench.bench.engine.worker.variants.loop import Arguments, Function, sampler
from w2vbench.bench.engine.worker.variants.sources import is_own, load_source
from w2vbench.bench.engine.worker.variants.variant import adapt_batch, check_same_values
from w2vbench.bench.engine.worker.variants.watch import checksum, immutable_arrays, patch_reason, watched_names
from w2vbench.impls.catalogue.discovery import floors, missing
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Implementation, Kernel, Problem, Wrong
from w2vbench.impls.interface.case import Size
from w2vbench.impls.interface.facts import has_attribute
from w2vbench.impls.messages import describe, message_of

OVER_LIMIT = "needs more memory than its limit allows"
SLOW_CALL_S = 0.01
"""CPU time from which one batch is enough of a check: elapsed time would shorten the check on a busy machine."""
COMPILATION_PATIENCE = 10


class Fault(Exception):
    """The variant whose step it is has failed.

    Attributes
    ----------
    status, reason
        How it failed.
    """

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def check(job: protocol.CheckContract, emit: protocol.Emit) -> None:
    """Check the job's implementation, and emit the verdict."""
    limit_memory(job.settings.memory_limit_bytes)
    emit(protocol.StepBegins(name="start"))
    corpus = Corpus.load(Path(job.corpus))
    source = load_source(job.source, job.sources[job.source])
    implementation = source.find(job.key)
    sizes = [Size.parse(size) for size in job.sizes]
    verdict = check_contract(implementation, corpus, job.settings.seed, emit, sizes)
    if changed := watched_names().restore() or (() if is_own(implementation) else source.patched_names):
        verdict = Verdict(WRONG, patch_reason(changed))
    emit(protocol.ContractChecked(key=job.key, status=verdict.status, reason=verdict.reason))


def skipped_here(implementation: Implementation) -> Verdict | None:
    """Return the verdict on an implementation whose packages are not installed; None if they are."""
    absent = missing(implementation)
    return Verdict(SKIPPED, f"needs {' and '.join(absent)}: pip install {' '.join(absent)}") if absent else None


def check_contract(
    implementation: Implementation,
    corpus: Corpus,
    seed: int = 0,
    emit: protocol.Emit = lambda event: None,
    measured: Sequence[Size] = (),
) -> Verdict:
    """Check one implementation at all of its kernel's awkward sizes.

    One that is marked wrong must be found wrong at one size at least, or it is an error.

    Parameters
    ----------
    implementation
        What is checked.
    corpus
        Where the words of its inputs come from.
    seed
        Seed of the inputs.
    emit
        Called at the start of each step.
    measured
        The sizes at which it will be measured, to which the kernel's are adapted; empty if they are not known.
    """
    if skipped := skipped_here(implementation):
        return skipped
    load_packages(implementation, implementation.key, emit)
    found_wrong, kernel = False, implementation.kernel
    measured = [] if implementation.wrong else measured  # a batch of one word would not show what is wrong
    for size in adapted_to(measured, kernel.sizes):
        one_batch = replace(size, words="repeat")  # nothing is timed, and filling many would take longer than the check
        problem = kernel.make(one_batch, corpus, np.random.default_rng(seed))
        patience = compilation_patience(implementation)
        emit(protocol.StepBegins(name=f"set-up at {size}", variant=implementation.key, patience=patience))
        try:
            started = implementation.start(problem)
        except Exception as error:
            failed = verdict_of(error)
            return Verdict(failed.status, f"prepare: {failed.reason} [at {size}]")
        patience = 1 if implementation.jit else patience
        emit(protocol.StepBegins(name=f"the check at {size}", variant=implementation.key, patience=patience))
        verdict = check_problem(implementation, problem, *started)
        if implementation.wrong and verdict.status == WRONG:
            found_wrong = True
        elif verdict.status != OK:
            return Verdict(verdict.status, f"{verdict.reason} [at {size}]")
        if measured and implementation.baseline:
            emit(
                protocol.StepBegins(
                    name="compiling the functions that limits are measured by", patience=COMPILATION_PATIENCE
                )
            )
            compile_floors(kernel, problem)
    if implementation.wrong and not found_wrong:
        return Verdict(ERROR, "is marked wrong, but passes every check")
    return Verdict(WRONG, implementation.wrong) if implementation.wrong else Verdict(OK)


def compile_floors(kernel: Kernel, problem: Problem) -> None:
    """Compile what measures a kernel's limits, so that the processes which time it need not. What fails fails again there."""
    for floor in floors(kernel.name):
        with suppress(Exception):
            floor.start(problem)


def adapted_to(measured: Sequence[Size], sizes: Sequence[Size]) -> list[Size]:
    """Return a contract's sizes with the dtypes, H and K of what will be measured, and no larger B; as they are, if nothing is.

    Code may be compiled for each dtype, H and K: only what is measured is compiled then.
    """
    if not measured:
        return list(sizes)
    types = list(dict.fromkeys((size.dtype, size.index) for size in measured))
    hidden, K, B = sorted({size.H for size in measured}), measured[0].K, max(size.B for size in measured)
    adapted, turn = list[Size](), -1
    for size in sizes:
        turn += size.B > 0  # an empty batch takes the H of the size before it, whose compiled code may then serve both
        at = max(0, turn)
        dtype, index = (size.dtype, size.index) if (size.dtype, size.index) in types else types[at % len(types)]
        H, K_here = hidden[at % len(hidden)], K if K < size.V else size.K
        adapted.append(replace(size, H=H, B=min(size.B, B), K=K_here, dtype=dtype, index=index))
    return list(dict.fromkeys(adapted))


def compilation_patience(implementation: Implementation) -> int:
    """How many times the usual limit a step may take: more where numba may compile, which is not the implementation's time."""
    return COMPILATION_PATIENCE if "numba" in implementation.requires else 1


def check_problem(
    implementation: Implementation, problem: Problem, function: Function, workspace: Arguments
) -> Verdict:
    """Check results on successive batches with one workspace, and that inputs stay unchanged unless the kernel mutates them.

    Several batches are checked, because a workspace may go stale after the first call. Where calls are slow, only one is.
    Calls are made as when they are timed: in the same loop, without garbage collection.

    Parameters
    ----------
    implementation
        What is checked.
    problem
        The inputs.
    function, workspace
        What ``Implementation.start`` returned.
    """
    cpu_ns, kernel = 0, implementation.kernel
    sample = sampler(len(kernel.parameters), bool(workspace))
    collecting = gc.isenabled()

    def call(*inputs: Any) -> Any:
        nonlocal cpu_ns
        arguments = adapt_batch(implementation.adapt, workspace, inputs)
        check_same_values(kernel.parameters, inputs, arguments)
        gc.disable()
        try:
            _, cpu_ns, result = sample(function, iter([arguments]), workspace)
        finally:
            if collecting:
                gc.enable()
        return kernel.result(result)

    for arguments in problem.checked:
        verdict = check_batch(kernel, call, arguments, problem, workspace)
        if verdict.status != OK or cpu_ns > SLOW_CALL_S * 1e9:
            return verdict
        problem.reset()
    return Verdict(OK)


def check_batch(
    kernel: Kernel, call: Function, arguments: Arguments, problem: Problem, workspace: Arguments
) -> Verdict:
    """Check the results on one batch, and the workspace as far as the kernel can. Kernels of an older revision may not."""
    inputs = immutable_arrays(kernel, zip(kernel.parameters, arguments, strict=True))
    checksums = [checksum(array) for _, array in inputs]
    verdict = Verdict(OK)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kernel.check(call, *arguments)
            for one in workspace if has_attribute(kernel, "check_workspace") else ():
                kernel.check_workspace(problem, one)
    except Exception as error:
        verdict = verdict_of(error)
    for (name, array), before in zip(inputs, checksums, strict=True):
        if checksum(array) != before:
            verdict = Verdict(WRONG, f"changes its input {name}")
    return verdict


def verdict_of(error: Exception) -> Verdict:
    """Turn an exception into a verdict. Wrong is known by its name, since another copy of impls has another class."""
    if isinstance(error, MemoryError):
        return Verdict(OUT_OF_MEMORY, OVER_LIMIT)
    wrong = type(error).__name__ == Wrong.__name__
    return Verdict(WRONG, message_of(error)) if wrong else Verdict(ERROR, describe(error))


def fault_of(error: Exception) -> Fault:
    """Turn an implementation's exception into a fault. It must not choose the status: a Fault or Wrong from it is an error."""
    if isinstance(error, MemoryError):
        return Fault(OUT_OF_MEMORY, OVER_LIMIT)
    return Fault(ERROR, describe(error))
