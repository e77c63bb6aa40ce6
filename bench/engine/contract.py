"""The contract that every implementation goes through, ours or a stranger's: in a run, as a command, in the tests."""

from __future__ import annotations

import gc
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.engine.loop import sampler
from bench.engine.variant import adapted, same_values
from impls.catalogue import missing
from impls.interface import Implementation, Kernel, Problem, Wrong, has
from impls.messages import message_of
from impls.words import Corpus

OK, WRONG, SKIPPED, ERROR, OUT_OF_MEMORY = "ok", "wrong", "skipped", "error", "out of memory"
PAST_LIMIT = "asked for more memory than the limit leaves"
SLOW_CALL_S = 0.01
COMPILATION = 10


@dataclass(frozen=True)
class Verdict:
    """How an implementation stands, and unless it is ok, why.

    status: ``ok | wrong | skipped | error | out of memory``; a run adds ``timeout | crashed``.
    """

    status: str
    reason: str = ""


def check_contract(
    implementation: Implementation,
    corpus: Corpus,
    seed: int = 0,
    begins: Callable[[str, int], None] = lambda stage, patience: None,
) -> Verdict:
    """Check one implementation at all of its kernel's awkward sizes.

    begins: is told each stage as it begins, and how many times the usual limit it may take.
    One that is marked wrong must be found wrong at one size at least: the textbook's mistake is shown, not taken on trust.
    """
    absent = missing(implementation)
    if absent:
        return Verdict(SKIPPED, f"needs {' and '.join(absent)}: pip install {' '.join(absent)}")
    found_wrong = False
    for size in implementation.kernel.sizes:
        few = replace(
            size, words="repeat"
        )  # a ring of one: nothing is timed, and filling a long one takes longer than the check
        problem = implementation.kernel.make(few, corpus, np.random.default_rng(seed))
        begins(f"set-up at {size}", compiling(implementation))
        try:
            started = implementation.start(problem)
        except MemoryError:
            return Verdict(OUT_OF_MEMORY, f"prepare {PAST_LIMIT} [at {size}]")
        except Exception as error:
            return Verdict(ERROR, f"prepare: {describe(error)} [at {size}]")
        begins(f"the check at {size}", 1 if implementation.jit else compiling(implementation))
        verdict = check_problem(implementation, problem, *started)
        if implementation.wrong and verdict.status == WRONG:
            found_wrong = True
        elif verdict.status != OK:
            return Verdict(verdict.status, f"{verdict.reason} [at {size}]")
    if implementation.wrong and not found_wrong:
        return Verdict(ERROR, "is marked wrong, but passes every check")
    return Verdict(WRONG, implementation.wrong) if implementation.wrong else Verdict(OK)


def compiling(implementation: Implementation) -> int:
    """How many times the usual limit a step may take in which numba may compile: that is not the implementation's own time."""
    return COMPILATION if "numba" in implementation.requires else 1


def check_problem(
    implementation: Implementation, problem: Problem, function: Callable[..., Any], last: tuple[Any, ...]
) -> Verdict:
    """Check results on successive batches with one workspace, and that nothing but what the kernel mutates has changed.

    function, last: what ``Implementation.start`` gave.

    More than one batch, because a workspace may go stale: the first call is the one that is always right. Where calls
    are slow, one has to do. Calls are made as those that are timed: in the same loop, with no garbage collection.
    """
    took, kernel = 0, implementation.kernel
    sample = sampler(len(kernel.parameters), bool(last))
    collecting = gc.isenabled()

    def call(*inputs: Any) -> Any:
        nonlocal took
        arguments = inputs
        if implementation.adapt:
            arguments = adapted(implementation.adapt, last, inputs)
            same_values(kernel.parameters, inputs, arguments)
        gc.disable()
        try:
            took, _, result = sample(function, iter([arguments]), last)
        finally:
            if collecting:
                gc.enable()
        return kernel.result(result)

    for arguments in problem.checked:
        verdict = check_batch(implementation, call, arguments)
        if verdict.status == OK:
            verdict = check_workspace(implementation.kernel, problem, last)
        if verdict.status != OK or took > SLOW_CALL_S * 1e9:
            return verdict
        problem.reset()
    return Verdict(OK)


def check_batch(implementation: Implementation, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Verdict:
    """Check the results on one batch."""
    kept = list(frozen(implementation, arguments))
    before = [checksum(part) for _, part in kept]
    verdict = Verdict(OK)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            implementation.kernel.check(call, *arguments)
    except MemoryError:
        verdict = Verdict(OUT_OF_MEMORY, PAST_LIMIT)
    except Exception as error:
        verdict = failed(error)
    for (name, part), digest in zip(kept, before, strict=True):
        if checksum(part) != digest:
            verdict = Verdict(WRONG, f"changes its input {name}")
    return verdict


def check_workspace(kernel: Kernel, problem: Problem, last: tuple[Any, ...]) -> Verdict:
    """Check what a kernel says of workspaces; one of an older revision says nothing."""
    try:
        for workspace in last if has(kernel, "check_workspace") else ():
            kernel.check_workspace(problem, workspace)
    except Exception as error:
        return failed(error)
    return Verdict(OK)


def failed(error: Exception) -> Verdict:
    """What an exception says of an implementation. Wrong goes by its name: that of another copy of impls is another class."""
    wrong = type(error).__name__ == Wrong.__name__
    return Verdict(WRONG, message_of(error)) if wrong else Verdict(ERROR, describe(error))


def frozen(implementation: Implementation, arguments: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """The arrays that a call must leave as they are, by name."""
    for name, argument in zip(implementation.kernel.parameters, arguments, strict=True):
        if name not in implementation.kernel.mutates:
            for part in argument if isinstance(argument, tuple) else (argument,):
                if isinstance(part, np.ndarray):
                    yield name, part


def checksum(array: Any) -> int:
    """A checksum of an array's bytes at the speed of memory: sums of every 1,021st word, then CRC-32 of those."""
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    whole = data.size // (8 * 1021) * (8 * 1021)
    columns = data[:whole].view(np.uint64).reshape(-1, 1021).sum(axis=0, dtype=np.uint64)
    return zlib.crc32(data[whole:].tobytes(), zlib.crc32(columns.tobytes()))


def describe(error: BaseException) -> str:
    """An error in one line: its type, its message, and where in the implementation it came from."""
    message = message_of(error)
    trace = error.__traceback__
    line = ""
    while trace is not None:
        line = f" ({trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno})"
        trace = trace.tb_next
    return f"{type(error).__name__}{': ' if message else ''}{message}{line}"
