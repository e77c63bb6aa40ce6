"""The pytest-benchmark front: cases as pytest parameters, and what our reports need in the files that it saves."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.corpus import texts
from w2vbench.impls.interface import Implementation, Kernel, Problem
from w2vbench.impls.interface.case import Case, Size
from w2vbench.reports.file.schema.result import SCHEMA, Suite

from .engine.machine import environment
from .engine.protocol import Verdict
from .engine.worker.checking.verify import Verifier
from .engine.worker.profiling import memory
from .engine.worker.timing.timing import take_sample
from .engine.worker.variants.variant import PreparedVariant, adapt_batch
from .plans.run import request, rows, run, run_result, session
from .plans.run.presets import PRESETS
from .plans.run.selection import Selection

SEED = 0
VERIFIED = 10
"""Calls that are verified once a case is timed."""
CHECK_LIMIT_S = 600.0
"""Longest that a check may take; compilation on a busy machine is no reason to call it hanging."""
COLLECTED = pytest.StashKey[set[Case]]()
CHECKED = pytest.StashKey[dict[str, Verdict]]()

corpus = cache(texts.builtin)


def cases(config: pytest.Config) -> dict[Case, Implementation]:
    """The cases of a session, problem by problem. Raises UsageError."""
    name = config.getoption("benchmark_preset")
    if name not in PRESETS:
        raise pytest.UsageError(f"--benchmark-preset: no preset {name!r}; there are {', '.join(PRESETS)}")
    try:
        return planned(name, tuple(config.getoption("benchmark_impl")), config.getoption("benchmark_beside"))
    except (catalogue.CatalogueError, request.PlanError) as error:
        raise pytest.UsageError(f"--benchmark: {error}") from error


def cases_of(config: pytest.Config, file: Path) -> list[Case]:
    """The cases that are collected in a file. In a user's file they are its own, and what is timed beside these.

    Two of a user's files may have the same company: the first that is collected has it.
    """
    every = cases(config)
    if str(file.resolve()) not in config.getoption("benchmark_impl"):
        return list(every)
    owners = {case: file_of(i) for case, i in every.items()}
    here = {case.kernel for case, owner in owners.items() if owner == file.resolve()}
    others = {str(owner) for owner in owners.values()} & {*config.getoption("benchmark_impl")} - {str(file.resolve())}
    collected = config.stash.setdefault(COLLECTED, set())
    chosen = [
        case
        for case, owner in owners.items()
        if case not in collected
        and str(owner) not in others
        and (case.kernel in here or config.getoption("benchmark_beside") == "all")
    ]
    collected.update(chosen)
    return chosen


def file_of(implementation: Implementation) -> Path:
    """The file in which an implementation is defined."""
    return Path(str(sys.modules[implementation.function.__module__].__file__)).resolve()


@cache
def planned(preset: str, files: tuple[str, ...], beside: str) -> dict[Case, Implementation]:
    """The cases of a preset. The files are executed once a session.

    What is wrong on purpose is left out, and what of ours lacks a package, or is not of the deck where that is the preset. What
    of the user's lacks a package will be skipped.
    """
    chosen = beside_theirs(catalogue.load([Path(file) for file in files], installed=beside == "all"), beside)
    if beside == "all":
        chosen = [i for i in chosen if not is_ours(i) or PRESETS[preset].measures(i)]
    problems = run.plan(chosen, PRESETS[preset].sizes, Selection())
    cases = {case.case: case.implementation for problem in problems for case in problem.cases}
    return {case: i for case, i in cases.items() if not i.wrong and (not is_ours(i) or not catalogue.missing(i))}


def beside_theirs(implementations: Sequence[Implementation], beside: str) -> list[Implementation]:
    """A user's implementations, and those of ours that are timed beside them: ``best``, ``kernel`` or ``all``.

    A kernel's file begins with the textbook's and ends with the fastest, after which only frameworks may come. So the fastest
    known is its last without a framework.
    """
    kernels = {i.kernel.name for i in implementations if not is_ours(i)}
    fastest = {i.kernel.name: i.key for i in implementations if is_ours(i) and i.family != "framework" and not i.wrong}
    return [
        i
        for i in implementations
        if beside == "all"
        or not is_ours(i)
        or (i.kernel.name in kernels and (beside == "kernel" or i.baseline or i.key == fastest[i.kernel.name]))
    ]


def is_ours(implementation: Implementation) -> bool:
    return implementation.function.__module__.startswith("w2vbench.impls.")


def verdicts(implementations: Sequence[Implementation], files: tuple[str, ...]) -> dict[str, Verdict]:
    """What the contract says of some implementations, of which some may stand in these files, by their keys."""
    return session.check_implementations(implementations, corpus(), [Path(file) for file in files], CHECK_LIMIT_S)


def verdict(case: Case, collected: pytest.Session) -> Verdict:
    """What the contract says of a case's implementation. All that a session times are checked together, before the first."""
    if CHECKED not in collected.stash:
        config = collected.config
        params = [item.callspec.params for item in collected.items if hasattr(item, "callspec")]
        chosen = {
            i.key: i for i in (cases(config).get(of.get("case")) for of in params) if i and not catalogue.missing(i)
        }
        collected.stash[CHECKED] = verdicts(list(chosen.values()), tuple(config.getoption("benchmark_impl")))
    return collected.stash[CHECKED][f"{case.kernel}/{case.slug}"]


@lru_cache(maxsize=1)
def problem(kernel: Kernel, size: Size) -> Problem:
    """The inputs of a kernel at a size, made once and kept while its cases follow one another."""
    return kernel.make(size, corpus(), np.random.default_rng(SEED))


def caller(variant: PreparedVariant) -> Callable[[], Any]:
    """A function without arguments that goes round a variant's ring of batches, as pytest-benchmark wants it.

    It costs about 0.1 µs a call beside the implementation, which the engine's own loop does not.
    """
    function, adapt, batches = variant.function, variant.adapt, variant.problem.batches
    ring = cycle([(*adapt_batch(adapt, variant.workspace, batch), *variant.workspace) for batch in batches])
    return lambda: function(*next(ring))


def verify(variant: PreparedVariant) -> None:
    """Look at the results of some more calls, on other words: one that has stopped working is found. Raises Failed."""
    variant.problem.reset()
    variant.advance(len(variant.problem.batches))
    verifier = Verifier(variant, np.random.default_rng(SEED))
    for calls in (1, min(VERIFIED, variant.most_calls)):
        take_sample(variant, calls, verifier, required=True)
        variant.advance(calls)


def extra_info(
    implementation: Implementation, size: Size, variant: PreparedVariant, call: Callable[[], Any], wall_s: float
) -> dict[str, Any]:
    """What a row has beyond pytest-benchmark's statistics: CPU time and memory measured apart, names and size."""
    measured = memory.measure(implementation, variant.problem, 30.0)
    found = {
        "touched_rows": variant.problem.touched,
        "adapt_s": float(np.median(variant.adapt_s)) if variant.adapt_s else None,
        "cpu_s": cpu_s(call, wall_s),
        **{key: measured.get(key) for key in memory.FIGURES},
    }
    extra = rows.known(implementation, size).model_copy(update=found)
    return extra.model_dump(mode="json", exclude_unset=True)


def cpu_s(call: Callable[[], Any], wall_s: float) -> float:
    """CPU time a call of all threads, over about ten milliseconds of calls."""
    calls = max(1, int(0.01 / max(wall_s, 1e-9)))
    started = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - started) / calls


def suite_part(config: pytest.Config) -> dict[str, Any]:
    """The ``w2vbench`` part of a file that pytest-benchmark saves."""
    chosen = cases(config)
    here = environment.describe(environment.busy_cpus())
    suite = Suite(
        schema_version=SCHEMA,
        engine="pytest-benchmark",
        command=shlex.join(["pytest", *map(str, config.invocation_params.args)]),
        preset=config.getoption("benchmark_preset"),
        seed=SEED,
        corpus=run_result.corpus_part(corpus(), {case.size.V for case in chosen}),
        environment=here,
        warnings=environment.warnings_of(here),
        **rows.kernel_parts(chosen.values()),
        sources={i.key: rows.source(i) for i in chosen.values()},
    )
    return suite.model_dump(mode="json", by_alias=True, exclude_unset=True)
