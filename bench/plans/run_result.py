"""What a run leaves: the content of its result file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.engine import memory, protocol
from bench.engine.contract import OK
from impls import catalogue, words
from impls.bytecode import loops
from impls.case import Size
from impls.interface import Implementation
from impls.messages import message_of, readable
from reports.corpus_schema import CorpusRecord
from reports.result_schema import (
    Extra,
    LayerFigures,
    Limits,
    LineProfile,
    NotMeasured,
    ResultFile,
    Row,
    SizeRecord,
    SourceCode,
    Stats,
)

from . import deck_examples
from .problems import CaseRun, LayerRun, ProblemRun
from .waiting import waiting

if TYPE_CHECKING:
    from .run import Run


def content(run: Run) -> ResultFile:
    """Return the run's result file."""
    implementations = {
        case.implementation.key: case.implementation for problem in run.problems for case in problem.cases
    }
    measured = [(problem, case) for problem in run.problems for case in problem.cases if case.status == OK]
    vocabularies = {problem.size.V for problem in run.problems if problem.measured}
    of_text = {problem.size.V for problem in run.problems if problem.measured and problem.size.words != "uniform"}
    run.session.machine["clock_variation"] = clock_variation(run.problems)
    noise = {
        "threads": max((problem.size.threads for problem in run.problems), default=1),
        "blas_threads": next(
            ((one.blas_threads, one.threads) for one in run.limits if (one.blas_threads or 0) > one.threads), None
        ),
        "waiting": waiting(
            case.samples for problem in run.problems if problem.size.threads == 1 for case in problem.cases
        ),
    }
    return run.session.result_file(
        "run",
        [row(case, problem) for problem, case in measured],
        noise=noise,
        warnings=too_few_words(run.corpus, of_text),
        preset=run.preset,
        seed=run.settings.seed,
        complete=run.complete,
        settings=asdict(run.settings),
        corpus=corpus_part(run.corpus, vocabularies),
        kernels={i.kernel.name: i.kernel.title for i in implementations.values()},
        not_measured=[not_measured(case) for problem in run.problems for case in problem.cases if case.status != OK],
        **limits_by_threads(run.limits),
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


def limits_by_threads(found: Sequence[protocol.MachineLimits]) -> dict[str, Any]:
    """The fields of the file that have the machine's limits: on the fewest threads, and on each number of them if there are several."""
    measured = {
        threads: typical_limits([one for one in found if one.threads == threads])
        for threads in sorted({one.threads for one in found})
    }
    return {
        "limits": next(iter(measured.values()), None),
        "limits_by_threads": measured if len(measured) > 1 else {},
    }


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


def not_measured(case: CaseRun) -> NotMeasured:
    """A case without figures."""
    return NotMeasured.model_validate(
        {
            "case": str(case.case),
            **names(case.implementation),
            "size": size_record(case.case.size),
            "status": case.status,
            "reason": case.reason,
            "marked_wrong": bool(case.implementation.wrong),
        }
    )


def names(implementation: Implementation) -> dict[str, Any]:
    """What every record has of an implementation."""
    return {
        "kernel": implementation.kernel.name,
        "implementation": implementation.slug,
        "title": implementation.title,
        "family": implementation.family,
    }


def size_record(size: Size) -> SizeRecord:
    return SizeRecord(**asdict(size))


def row(case: CaseRun, problem: ProblemRun) -> Row:
    """A measured case as pytest-benchmark writes it, with all else in its extra_info."""
    from pytest_benchmark.stats import Stats as Statistics

    implementation = case.implementation
    statistics = Statistics()
    for process in case.samples:
        for sample in process.wall_s:
            if sample is not None:
                statistics.update(sample)
    least = implementation.kernel.work(case.case.size)
    adapted = [one.adapt_s for one in case.samples if one.adapt_s is not None]
    extra = known(implementation, case.case.size).model_copy(
        update={
            "summary": implementation.summary,
            "touched_rows": problem.touched or None,
            "processes": case.samples,
            "prepare_s": min(one.setup_s or 0.0 for one in case.samples) if implementation.prepare else None,
            "adapt_s": median(adapted) if adapted else None,
            **{name: getattr(case.memory, name) for name in memory.FIGURES},
            "least_read_bytes": least.read_bytes,
            "least_written_bytes": least.written_bytes,
            "moves_more": implementation.traffic is not None,
            "loops": not implementation.jit and loops(implementation.function),
            **({"machine": problem.machine, "doubt": problem.doubt} if problem.machine else {}),
        }
    )
    calls = case.plan.calls if case.plan else 1
    return Row(
        group=problem.problem,
        name=str(case.case),
        fullname=str(case.case),
        params=None,
        param=None,
        extra_info=extra,
        options={},
        stats=Stats(**statistics.as_dict(), iterations=calls),
    )


def known(implementation: Implementation, size: Size) -> Extra:
    """What a case's row has before anything is measured."""
    work = implementation.traffic(size) if implementation.traffic else implementation.kernel.work(size)
    return Extra(
        **names(implementation),
        size=size_record(size),
        baseline=implementation.baseline,
        slide=implementation.slide,
        grows_with=implementation.grows_with,
        needs=list(implementation.requires),
        read_bytes=work.read_bytes,
        written_bytes=work.written_bytes,
        flops=work.flops,
        covers=implementation.covered(size),
        differs=implementation.differs,
    )


def source(implementation: Implementation) -> SourceCode:
    """Where an implementation stands, and its text. The path is relative to its package, or the bare name of a file."""
    path, _, line = catalogue.source(implementation).rpartition(":")
    package = Path(__file__).resolve().parents[2]
    file = Path(path)
    return SourceCode(
        file=readable(str(file.relative_to(package)) if file.is_relative_to(package) else file.name),
        line=int(line),
        code="\n\n".join(map(code_of, (implementation.function, *implementation.source_functions))),
    )


def code_of(function: Callable[..., Any]) -> str:
    """A function's source, or a comment that says why there is none to show."""
    try:
        return readable(inspect.getsource(function))
    except (OSError, TypeError, SyntaxError) as error:  # made by exec, or its file has changed or gone
        return f"# no source to show: {message_of(error)}\n"
