"""A run under way, and what it leaves: the content of its result file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

import numpy as np
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.protocol import MeasurementSettings, Status
from w2vbench.impls.corpus import words
from w2vbench.reports.file.schema.corpus import CorpusRecord
from w2vbench.reports.file.schema.result import (
    LayerFigures,
    Limits,
    LineProfile,
    ResultFile,
)

from . import deck_examples
from .passed import PassedChecks
from .problems import LayerRun, ProblemRun
from .rows import kernel_parts, not_measured, row, size_record, source, waiting
from .session import Session


@dataclass(kw_only=True)
class Run:
    """A run under way: how it is measured, and what is finished."""

    session: Session
    preset: str | None  # the preset's name; None for the user's own sizes
    settings: MeasurementSettings
    corpus: words.Corpus
    planned: Sequence[ProblemRun]  # all problems of the run
    # after how many processes it is looked whether a problem is decided; empty where the user has chosen their number
    looks: Sequence[int] = ()
    limits: list[protocol.MachineLimits] = field(default_factory=list)  # measurements of the machine's limits
    passed: PassedChecks = field(default_factory=PassedChecks)  # checks that need not be repeated
    complete: bool = False  # whether every process of every problem is finished

    @property
    def problems(self) -> list[ProblemRun]:
        """The problems of which at least one process is finished."""
        return [problem for problem in self.planned if problem.processes]

    @property
    def exit_code(self) -> int:
        """What follows from its cases; those that are marked as wrong do not count."""
        cases = (case for problem in self.problems for case in problem.cases)
        return self.session.exit_code(case.status for case in cases if not case.implementation.wrong)


def content(run: Run) -> ResultFile:
    """Return the run's result file."""
    implementations = {
        case.implementation.key: case.implementation for problem in run.problems for case in problem.cases
    }
    measured = [(problem, case) for problem in run.problems for case in problem.cases if case.status == Status.OK]
    vocabularies = {problem.size.V for problem in run.problems if problem.measured}
    of_text = {problem.size.V for problem in run.problems if problem.measured and problem.size.words != "uniform"}
    noise = {
        "threads": max((problem.size.threads for problem in run.problems), default=1),
        "blas_threads": next(
            ((one.blas_threads, one.threads) for one in run.limits if (one.blas_threads or 0) > one.threads), None
        ),
        "waiting": waiting(
            case.samples for problem in run.problems if problem.size.threads == 1 for case in problem.cases
        ),
    }
    limits = limits_by_threads(run.limits)
    return run.session.result_file(
        "run",
        [row(case, problem) for problem, case in measured],
        noise=noise,
        measured={"clock_variation": clock_variation(run.problems)},
        warnings=too_few_words(run.corpus, of_text),
        preset=run.preset,
        seed=run.settings.seed,
        complete=run.complete,
        settings=asdict(run.settings),
        corpus=corpus_part(run.corpus, vocabularies),
        **kernel_parts(implementations.values()),
        not_measured=[
            not_measured(case) for problem in run.problems for case in problem.cases if case.status != Status.OK
        ],
        limits=next(iter(limits.values()), None),
        limits_by_threads=limits if len(limits) > 1 else {},
        limit_samples={problem.problem: problem.limits for problem in run.problems if problem.limits},
        profiles={str(case.case): profile(case.profile) for _, case in measured if case.profile and case.profile.lines},
        not_profiled={
            str(case.case): case.profile.why_not for _, case in measured if case.profile and case.profile.why_not
        },
        layers={name: layer(one, problem) for problem in run.problems for name, one in problem.layers.items()},
        stages={str(case.case): case.stages for _, case in measured if case.stages},
        sources={key: source(i) for key, i in implementations.items()},
        phases=run.session.phases,
        problem_seconds={problem.problem: sum(problem.seconds) for problem in run.problems},
        **({"deck": deck_examples.examples()} if run.preset == "deck" else {}),
    )


def profile(found: protocol.LineProfile) -> LineProfile:
    """A line profile as the file has it."""
    return LineProfile.model_validate(
        {name: getattr(found, name) for name in LineProfile.model_fields}, from_attributes=True
    )


def layer(found: LayerRun, problem: ProblemRun) -> LayerFigures:
    """A method of a layer as the file has it."""
    lines = found.profile or protocol.LineProfile(variant="")
    return LayerFigures(
        problem=problem.problem,
        size=size_record(problem.size),
        samples=found.samples,
        peak_bytes=found.memory.peak_bytes if found.memory else None,
        resident_bytes=found.memory.resident_bytes if found.memory else None,
        profile=profile(lines) if lines.lines else None,
        not_profiled=lines.why_not,
    )


def clock_variation(problems: Sequence[ProblemRun]) -> float:
    """By what factor the machine's own speed varied: the slow tenth of all calls of an empty function over the fast tenth."""
    paces = []
    for kernel in {problem.kernel for problem in problems}:  # an empty call costs more with more arguments
        mine = (problem.limits.get("call", []) for problem in problems if problem.kernel == kernel)
        times = (process.wall_s for processes in mine for process in processes)
        calls = np.array([call for process in times for call in process if call is not None])
        paces += list(calls / np.median(calls)) if calls.size else []
    slow, fast = np.percentile(paces, (90, 10)) if paces else (1.0, 1.0)
    return float(slow / fast)


def limits_by_threads(found: Sequence[protocol.MachineLimits]) -> dict[int, Limits]:
    """The machine's limits on each number of threads, the fewest first."""
    numbers = sorted({one.threads for one in found})
    return {number: typical_limits([one for one in found if one.threads == number]) for number in numbers}


def typical_limits(found: Sequence[protocol.MachineLimits]) -> Limits:
    """The median of what the machine could do at several times, on the same number of threads."""

    def typical(curves: Sequence[list[tuple[float, float]]]) -> list[tuple[float, float]]:
        return [(points[0][0], median(point[1] for point in points)) for points in zip(*curves, strict=True)]

    return Limits(
        read=typical([one.read for one in found]),
        write=typical([one.write for one in found]),
        copy=typical([one.copy for one in found]),
        matmul={name: median(one.matmul[name] for one in found) for name in found[0].matmul},
    )


def corpus_part(corpus: words.Corpus, vocabularies: Iterable[int]) -> CorpusRecord:
    """What the file has of the corpus, and of the stream of words at each vocabulary."""
    return CorpusRecord(
        name=corpus.name,
        tokens=len(corpus.ids),
        words=len(corpus.counts),
        tail_exponent=corpus.tail.exponent,
        streams={str(V): corpus.describe(V) for V in sorted(vocabularies)},
    )


def too_few_words(corpus: words.Corpus, vocabularies: Iterable[int]) -> list[str]:
    """A warning where most words that were looked up are not of the text."""
    at = next((V for V in sorted(vocabularies) if corpus.tail_share(V) > 0.5), None)
    return [] if at is None else [f"most words at V = {at:,} are made up: {corpus.describe(at)} (--vocab for fewer)"]
