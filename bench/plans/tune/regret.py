"""The regret of a dispatch table: how much slower the chosen implementation is than the fastest, at sizes that it has not.

At random sizes, ``w2vbench.dispatch`` is timed beside the function that ``w2vbench.best`` gives for each implementation. The fastest is
found in half of the processes, and the times to compare come from the other half, so that luck in finding it does not count.
"""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle, islice

import numpy as np
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.protocol import MeasurementSettings, Status
from w2vbench.bench.plans.run.problems import ProblemRun, admit, new_problem_run
from w2vbench.bench.plans.run.request import PlanError, Say
from w2vbench.bench.plans.run.run import Progress
from w2vbench.bench.plans.run.selection import Selection
from w2vbench.bench.plans.run.session import Session
from w2vbench.impls.catalogue.discovery import own
from w2vbench.impls.choosing.choice import DROPPED
from w2vbench.impls.choosing.dispatch_table import ENVIRONMENT, DispatchTable, KernelTimes, load
from w2vbench.impls.choosing.offered import candidates
from w2vbench.impls.interface import Implementation, Kernel
from w2vbench.impls.interface.case import Size

from .callables import BEST, CALLABLES, DIRECT, DISPATCHED
from .grid import is_measurable
from .tune import FILE, SETTINGS, Show, TuneRequest, drop_slow, measure_size, medians

HIDDEN_SIZES = 3
"""Different H that are drawn: the compiled output layers are compiled anew for each, which takes seconds."""
TRIES = 1_000
"""Sizes that are drawn before a kernel is given up."""
OVERHEAD_SIZE = Size(10_000, 100, 10)
"""Where lookups are so short that what dispatch adds is seen."""
OVERHEAD_SLUGS = ("gather", "numba-prefetch")
"""Implementations of short lookups, which show what dispatch adds: one returns a new array, and one writes into a buffer."""


@dataclass(frozen=True)
class SizeRegret:
    """What was found at one size."""

    kernel: str
    size: Size
    # the implementation that the table chooses, and the fastest one
    chosen: str
    fastest: str
    regret: float  # time of the dispatched call over that of the fastest implementation's
    # time of the dispatched call over the fastest bare one: its arguments unchecked, its result overwritten by the next
    over_bare: float
    times: Mapping[str, float]  # seconds a call of each implementation over the fastest's


@dataclass(frozen=True)
class Overhead:
    """What a dispatched call takes beside a direct one of the same implementation."""

    slug: str
    # seconds of a direct call whose result the caller may keep, and how much longer a dispatched one takes
    direct_s: float
    over_s: float
    over_reusing_s: float  # how much longer it takes than a direct call into a buffer that all calls reuse


@dataclass(frozen=True)
class Regret:
    """The regret of a table."""

    sizes: Sequence[SizeRegret]  # what was found at each size
    # median, 95th percentile and largest ratio to the fastest: of what was chosen, and of fixed choices
    spreads: Mapping[str, tuple[float, float, float]]
    overheads: Sequence[Overhead]  # what dispatch adds to short calls
    exit_code: int

    def as_json(self) -> dict[str, object]:
        return {
            "spreads": {
                name: dict(zip(("median", "p95", "worst"), each, strict=True)) for name, each in self.spreads.items()
            },
            "overheads": [vars(one) for one in self.overheads],
            "sizes": [{**vars(one), "size": str(one.size), "times": dict(one.times)} for one in self.sizes],
        }


@dataclass(frozen=True, kw_only=True)
class RegretRequest(TuneRequest):
    """What to measure. ``out`` is the table, and ``processes`` must be even."""

    sizes: int = 64  # how many random sizes, over all kernels
    anyway: bool = False  # whether a table of another machine, or of other versions, is taken too

    def settings(self) -> MeasurementSettings:
        """Return how sizes are measured. Raises PlanError."""
        if self.processes % 2:
            raise PlanError("--processes of --regret must be even: half of them find the fastest, the others time it")
        return replace(super().settings(), rounds=2 * SETTINGS.rounds, variant_s=2 * SETTINGS.variant_s)


def measure_regret(request: RegretRequest, say: Say, progress: Show) -> Regret:
    """Measure the regret of a table at random sizes.

    Raises
    ------
    PlanError, TableError, CatalogueError, CorpusError
        If the request cannot be carried out.
    """
    settings, table = request.settings(), load(request.out, anyway=request.anyway)
    problems = [*plan(request, table), overhead_problem()]
    session = Session(request.command, say)
    with (
        environment_table(request.out),
        session.measuring(settings, [request.grid.threads], [FILE]) as context,
        progress(problems, settings.processes) as bar,
    ):
        request.text().save(context.corpus)
        measure_all(problems, context, bar)
    session.say_warnings(request.grid.threads)
    *drawn, lookup = problems
    found = [one for problem in drawn if (one := size_regret(problem, table)) is not None]
    if not found:
        raise PlanError("nothing could be measured: w2vbench check says why")
    return Regret(
        sizes=found,
        spreads=spreads(found),
        overheads=overheads(lookup),
        exit_code=session.exit_code(Status.OK for _ in found),
    )


@contextmanager
def environment_table(file: os.PathLike[str]) -> Iterator[None]:
    """Let the workers that start meanwhile dispatch by a table."""
    before = os.environ.get(ENVIRONMENT)
    os.environ[ENVIRONMENT] = os.fspath(file)
    try:
        yield
    finally:
        if before is None:
            del os.environ[ENVIRONMENT]
        else:
            os.environ[ENVIRONMENT] = before


def plan(request: RegretRequest, table: DispatchTable) -> list[ProblemRun]:
    """Return random sizes of the kernels that the table and the request have, in turn. Raises PlanError if there are none."""
    request.implementations()  # whose names may not exist
    by_name = {i.kernel.name: i.kernel for i in own()}
    kernels = [
        by_name[name] for name in table.kernels if name in by_name and Selection(request.kernels).has_kernel(name)
    ]
    if not kernels:
        raise PlanError(f"the table has none of these kernels, only {', '.join(table.kernels) or 'nothing'}")
    rng = np.random.default_rng(request.seed)
    draws = {kernel.name: random_sizes(kernel, table.times(kernel.name), rng, seed=request.seed) for kernel in kernels}
    turns = islice(cycle(kernels), request.sizes)
    sizes = [(kernel, size) for kernel in turns if (size := next(draws[kernel.name], None)) is not None]
    if not sizes:
        raise PlanError("the table has one size only: between several there would be others to draw")
    return [new_problem_run(variants(kernel), size) for kernel, size in sizes]


def random_sizes(kernel: Kernel, times: KernelTimes, rng: np.random.Generator, seed: int = 0) -> Iterator[Size]:
    """Yield sizes within the table's range that it has not, log-uniformly, each once.

    seed: chooses the few hidden sizes, the same ones for all kernels.
    """
    measured = list(times.times_s)
    seen, like = set(measured), measured[0]
    hidden = [between([size.H for size in measured], one) for one in np.random.default_rng(seed).random(HIDDEN_SIZES)]
    for _ in range(TRIES):
        V, B = (between([getattr(size, axis) for size in measured], rng.random()) for axis in "VB")
        size = replace(like, V=V, B=B, H=int(rng.choice(hidden)))
        if size not in seen and is_measurable(kernel, size):
            seen.add(size)
            yield size


def between(values: Sequence[int], share: float) -> int:
    """Return the number that lies a share of the way from the least to the largest of some, by logarithm."""
    low, high = max(1, min(values)), max(1, *values)
    return round(low * math.pow(high / low, share))


def variants(kernel: Kernel) -> list[Implementation]:
    """Return what is timed: the functions of ``best``, the one that dispatches, and the implementations themselves."""
    functions = (i for i in CALLABLES if i.kernel is kernel and not i.slug.startswith(DIRECT))
    return [*functions, *candidates(kernel.name).values()]


def overhead_problem() -> ProblemRun:
    """Return short lookups, by implementations that a table might not choose."""
    wanted = {prefix + slug for slug in OVERHEAD_SLUGS for prefix in ("", BEST, DIRECT)}
    lookups = [i for i in (*own(), *CALLABLES) if i.kernel.name == "lookup"]
    return new_problem_run([i for i in lookups if i.slug in wanted], OVERHEAD_SIZE)


def measure_all(problems: Sequence[ProblemRun], context: RunContext, progress: Progress) -> None:
    """Measure every size in as many processes. What is DROPPED times slower in the first is left out, but for the dispatched."""
    for process in range(context.settings.processes):
        context.workers.retire()
        for problem in problems:
            if process == 0:
                admit(problem, context.settings, {})
            progress.measuring(problem)
            measure_size(problem, context)
            if process == 0:
                drop_slow(problem)


def size_regret(problem: ProblemRun, table: DispatchTable) -> SizeRegret | None:
    """Return what was found at a size; None if the dispatched call could not be timed."""
    found = medians(problem)
    whole = {slug: its for slug, its in found.items() if len(its) == problem.processes}
    if DISPATCHED not in whole:
        return None
    functions = [slug for slug in whole if slug.startswith(BEST)]
    bare = [slug for slug in whole if slug != DISPATCHED and not slug.startswith(BEST)]
    fastest = fastest_of(whole, functions)
    return SizeRegret(
        kernel=problem.kernel,
        size=problem.size,
        chosen=table.choose(problem.kernel, problem.size),
        fastest=fastest.removeprefix(BEST),
        regret=ratio(whole[DISPATCHED], whole[fastest]),
        over_bare=ratio(whole[DISPATCHED], whole[fastest_of(whole, bare)]) if bare else math.nan,
        times={
            slug.removeprefix(BEST): ratio(its, whole[fastest]) for slug, its in found.items() if slug.startswith(BEST)
        },
    )


def fastest_of(times: Mapping[str, Sequence[float]], slugs: Sequence[str]) -> str:
    """Return the fastest in the processes that find it: the first, the third and so on."""
    return min(slugs, key=lambda slug: statistics.median(times[slug][::2]))


def ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """Return how much longer one takes than the other: the median ratio in the processes that time, or in the first alone."""
    pairs = list(zip(one, other, strict=False))
    return statistics.median(a / b for a, b in pairs[1::2] or pairs)


def spreads(found: Sequence[SizeRegret]) -> dict[str, tuple[float, float, float]]:
    """Return how what was chosen compares with the fastest, and how fixed choices do."""
    fixed = {
        name: [always(one, found, compiled) for one in found] for name, compiled in (("numba", True), ("NumPy", False))
    }
    ratios = {"dispatch": [one.regret for one in found], **{f"always {name}": its for name, its in fixed.items()}}
    ratios["dispatch, over a bare call"] = [one.over_bare for one in found if not math.isnan(one.over_bare)]
    return {name: spread(its) for name, its in ratios.items() if its}


def always(here: SizeRegret, found: Sequence[SizeRegret], compiled: bool) -> float:
    """Return the ratio of a fixed choice at a size: the implementation that is best over all sizes of the kernel.

    It is the compiled one, or the one that needs only NumPy and SciPy, with the least geometric mean of ratios: what somebody
    would use who has measured all these sizes, and wants one implementation. Where a kernel has no compiled implementation,
    both choices are the NumPy one.
    """
    its = candidates(here.kernel)
    slugs = [slug for slug, one in its.items() if bool(one.requires) == compiled] or list(its)
    sizes = [one for one in found if one.kernel == here.kernel]
    best = min(slugs, key=lambda slug: sum(math.log(one.times.get(slug, 10 * DROPPED)) for one in sizes))
    return here.times.get(best, 10 * DROPPED)


def spread(ratios: Sequence[float]) -> tuple[float, float, float]:
    """Return the median, the 95th percentile and the largest of ratios."""
    return float(np.median(ratios)), float(np.quantile(ratios, 0.95)), max(ratios)


def overheads(problem: ProblemRun) -> list[Overhead]:
    """Return what a dispatched call takes beside a direct one, of each implementation that was timed both ways."""
    found, lines = medians(problem), []
    for slug in OVERHEAD_SLUGS:
        if slug in found and BEST + slug in found:
            direct, dispatched = found.get(DIRECT + slug, found[slug]), found[BEST + slug]
            lines.append(
                Overhead(
                    slug=slug,
                    direct_s=statistics.median(direct),
                    over_s=more(dispatched, direct),
                    over_reusing_s=more(dispatched, found[slug]),
                )
            )
    return lines


def more(one: Sequence[float], other: Sequence[float]) -> float:
    """Return how many seconds more one takes than the other: the median over processes."""
    return statistics.median(a - b for a, b in zip(one, other, strict=False))
