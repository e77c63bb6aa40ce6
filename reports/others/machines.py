"""Several machines side by side: the times of every case, machine by machine, and which machine is fastest for which kernel.

The files are of separate runs. What is compared of two machines is their times, without a test; ratios of implementations are
each machine's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from w2vbench.reports.compare.files import corpus, machine_text
from w2vbench.reports.file.files import ResultError
from w2vbench.reports.file.frame import example_s, examples
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.findings.answers import answers
from w2vbench.reports.findings.sizes import nearest, size_to_show, types
from w2vbench.reports.statistics.units import counted

ENGINES = ("run",)
"""Engines whose files have times that belong side by side."""


@dataclass(frozen=True)
class Problem:
    """A problem on one machine.

    Attributes
    ----------
    times_s
        Seconds a call (of what covers several examples: an example) of each implementation, by slug.
    use
        The implementation to use there.
    example
        What an example is called, such as a pair; empty where times are of calls.
    """

    times_s: Mapping[str, float]
    use: str
    example: str = ""


@dataclass(frozen=True)
class Column:
    """A machine's results, as far as they stand beside others'.

    Attributes
    ----------
    name
        What it is called, unlike all others.
    facts
        What else is known of it: its machines, versions and warnings.
    file
        The file that they are from.
    when
        When it was measured.
    problems
        Its problems, by name.
    kernels, families
        Titles of kernels, and families of implementations by key.
    sizes
        The size of each problem.
    text
        The corpus.
    """

    name: str
    facts: str
    file: str
    when: str
    problems: Mapping[str, Problem]
    kernels: Mapping[str, str]
    families: Mapping[str, str]
    sizes: Mapping[str, Any]
    text: tuple[str, int | None]


def column(result: ResultFile, file: str) -> Column:
    """Return a result file's column. Raises ResultError if its times do not belong beside others'."""
    suite = result.w2vbench
    if suite.engine not in ENGINES:
        raise ResultError(f"{file}: not a file of w2vbench run, so its times do not stand beside others'")
    found = answers(result)
    packages = suite.environment.get("packages")
    versions = ", ".join(
        f"{name} {packages[name]}" for name in ("numpy", "numba") if isinstance(packages, dict) and name in packages
    )
    doubted = len({row.group for row in result.benchmarks if row.extra_info.doubt})
    facts = (
        counted(len(suite.machines), "machine") if suite.machines else "",
        versions,
        f"{counted(doubted, 'problem')} in doubt" if doubted else "",
    )
    return Column(
        name=suite.kind or machine_text(result),
        facts="; ".join(filter(None, facts)),
        file=file,
        when=result.datetime[:10],
        problems={
            name: Problem(
                {row.slug: example_s(row) for row in answer.rows},
                answer.use.slug,
                examples(answer.use)[0].removesuffix("s"),
            )
            for name, answer in found.items()
        },
        kernels=suite.kernels,
        families={
            f"{row.extra_info.kernel}/{row.slug}": row.extra_info.family
            for answer in found.values()
            for row in answer.rows
        },
        sizes={name: answer.size for name, answer in found.items()},
        text=corpus(result),
    )


def side_by_side(columns: Iterable[Column]) -> list[Column]:
    """Return columns with names that differ, the fastest overall first.

    Raises
    ------
    ResultError
        If they are fewer than two, or were measured on different texts.
    """
    every = list(columns)
    if len(every) < 2:
        raise ResultError("one file is no comparison of machines")
    other = next((one for one in every if one.text != every[0].text), None)
    if other:
        raise ResultError(
            f"{every[0].file} and {other.file}: runs on different texts, so their implementations did not do the same work"
        )
    often = Counter(one.name for one in every)
    named = [replace(one, name=f"{one.name} ({one.file})") if often[one.name] > 1 else one for one in every]
    overall = overall_slower(named)
    return [named[at] for at in sorted(range(len(named)), key=lambda at: overall[at])]


def labels(columns: Sequence[Column]) -> dict[str, str]:
    """Return how each problem is called: its size, and of what its times are if not of calls."""
    found = {name: problem.example for one in columns for name, problem in one.problems.items()}
    return {name: f"{name.partition('@')[2]}{f', time a {per}' if per else ''}" for name, per in found.items()}


def overall_slower(columns: Sequence[Column]) -> list[float]:
    """Return how much slower each machine is than the fastest one of a problem, typically: the median over problems, each with
    the implementation that is to be used there."""
    best: dict[str, float] = {}
    for one in columns:
        for name, problem in one.problems.items():
            best[name] = min(best.get(name, float("inf")), problem.times_s[problem.use])
    return [
        median([problem.times_s[problem.use] / best[name] for name, problem in one.problems.items()] or [float("inf")])
        for one in columns
    ]


@dataclass(frozen=True)
class Fastest:
    """A kernel at one size: its machines from the fastest to the slowest, each with what to use there and its time."""

    kernel: str
    problem: str
    machines: Sequence[tuple[str, str, float]]


def fastest(columns: Sequence[Column]) -> Iterator[Fastest]:
    """Yield which machine is fastest for each kernel, at the size that is shown first."""
    sizes = {name: size for one in columns for name, size in one.sizes.items()}
    shown = size_to_show([(name.partition("@")[0], size) for name, size in sizes.items()])
    if shown is None:
        return
    kernels: dict[str, list[str]] = {}
    for name in sizes:
        kernels.setdefault(name.partition("@")[0], []).append(name)
    for kernel, names in kernels.items():
        problem = nearest(names, sizes.__getitem__, shown.V, shown.B, shown.H, types(shown))
        found = [
            (one.name, its.use, its.times_s[its.use])
            for one in columns
            if (its := one.problems.get(problem)) is not None
        ]
        yield Fastest(kernel, problem, sorted(found, key=lambda each: each[2]))
