"""A case as the result file has it: its facts, its samples, and the source of its implementation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from w2vbench.bench.engine.machine.program import ROOMS
from w2vbench.bench.engine.worker.profiling import memory
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.identity.bytecode import loops
from w2vbench.impls.interface import Implementation
from w2vbench.impls.interface.case import Size
from w2vbench.impls.messages import message_of, readable
from w2vbench.reports.file.schema.fields import Samples
from w2vbench.reports.file.schema.result import (
    Extra,
    KernelFacts,
    NotMeasured,
    Row,
    SizeRecord,
    SourceCode,
    Stats,
)

from .problems import CaseRun, ProblemRun


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


def kernel_parts(implementations: Iterable[Implementation]) -> dict[str, Any]:
    """What the file has of the kernels of some implementations."""
    kernels = {i.kernel.name: i.kernel for i in implementations}
    return {
        "kernels": {name: kernel.title for name, kernel in kernels.items()},
        "kernel_facts": {name: KernelFacts(about=one.about, diagram=one.diagram) for name, one in kernels.items()},
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
        unit=implementation.kernel.unit,
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
    file = Path(path)
    return SourceCode(
        file=readable(str(file.relative_to(ROOMS)) if file.is_relative_to(ROOMS) else file.name),
        line=int(line),
        code="\n\n".join(map(code_of, (implementation.function, *implementation.source_functions))),
    )


def code_of(function: Callable[..., Any]) -> str:
    """A function's source, or a comment that says why there is none to show."""
    try:
        return readable(inspect.getsource(function))
    except (OSError, TypeError, SyntaxError) as error:  # made by exec, or its file has changed or gone
        return f"# no source to show: {message_of(error)}\n"


def waiting(cases: Iterable[Sequence[Samples]]) -> float:
    """Return the share of wall time that calls did not spend on a CPU: the median over cases of one thread."""
    shares = []
    for processes in cases:
        wall, cpu = (
            sum(figure for one in processes for figure in getattr(one, clock) if figure is not None)
            for clock in ("wall_s", "cpu_s")
        )
        if wall:
            shares.append(max(0.0, 1 - cpu / wall))
    return median(shares) if shares else 0.0
