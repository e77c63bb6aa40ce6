"""Several machines side by side: the times of every case, machine by machine, and which machine is fastest for which kernel.

The files are of separate runs. What is compared of two machines is their times, without a test; ratios of implementations are
each machine's own.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from w2vbench.reports.compare.files import corpus, machine_text
from w2vbench.reports.drawing.markdown import document, markdown_table
from w2vbench.reports.drawing.templates import render
from w2vbench.reports.file.files import ResultError, file_of, read, write_texts
from w2vbench.reports.file.frame import example_s, examples
from w2vbench.reports.file.schema.result import ResultFile, SizeRecord
from w2vbench.reports.findings.answers import FAMILIES, answers
from w2vbench.reports.findings.ranking import MAY_BE_AS_FAST
from w2vbench.reports.findings.sizes import nearest, size_to_show, types
from w2vbench.reports.statistics.units import counted, seconds, two

MOST_LISTED = 20
"""As many machines are listed in Markdown; the page has all."""
HEADER = ("kernel", "fastest machine", "use on the first", "its time a call", "median machine", "slowest machine")
NEAR = (
    f"A machine that takes less than {MAY_BE_AS_FAST:g} times as long as the fastest may be as fast, and stands beside it: times are of "
    "separate runs, and no test compares them."
)


@dataclass(frozen=True)
class Problem:
    """A problem on one machine."""

    # seconds a call (of what covers several examples: an example) of each implementation, by slug
    times_s: Mapping[str, float]
    use: str  # the implementation to use there
    example: str  # what an example is called, such as a pair; empty where times are of calls
    size: SizeRecord  # its size


@dataclass(frozen=True)
class Column:
    """A machine's results, as far as they stand beside others'."""

    name: str  # what it is called, unlike all others
    facts: str  # what else is known of it: its machines, versions and warnings
    file: str  # the file that they are from
    when: str  # when it was measured
    problems: Mapping[str, Problem]  # its problems, by name
    # titles of kernels, and families of implementations by key
    kernels: Mapping[str, str]
    families: Mapping[str, str]
    text: tuple[str, int | None]  # the corpus


def column(result: ResultFile, file: str) -> Column:
    """Return a result file's column. Raises ResultError if its times do not belong beside others'."""
    suite = result.w2vbench
    if suite.engine != "run":
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
                answer.size,
            )
            for name, answer in found.items()
        },
        kernels=suite.kernels,
        families={
            f"{row.extra_info.kernel}/{row.slug}": row.extra_info.family
            for answer in found.values()
            for row in answer.rows
        },
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
    sizes = {name: problem.size for one in columns for name, problem in one.problems.items()}
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


def report_machines(files: Sequence[Path], folder: Path) -> list[Path]:
    """Write ``machines.html`` and ``machines.md`` of several result files into a folder, and return their paths.

    Raises
    ------
    ResultError
        If a file cannot be read or written, or the files do not belong side by side.
    """
    files = [*map(file_of, files)]
    for file, often in Counter(map(os.path.realpath, files)).most_common(1):  # Path.resolve raises for a link to itself
        if often > 1:
            raise ResultError(f"{file} was given twice")
    columns = side_by_side(column(read(file), str(file)) for file in files)  # of many files, one is held at a time
    return write_texts(folder, {"machines.html": html(columns), "machines.md": markdown(columns)})


def lines(columns: Sequence[Column]) -> list[tuple[str, ...]]:
    """Return which machine is fastest for each kernel, and which may be as fast, as rows under HEADER.

    Of the median and the slowest machine they say how many times as long it takes.
    """
    of = labels(columns)
    return [
        (
            f"{one.kernel} ({of[one.problem]})",
            names_of([name for name, _, time_s in one.machines if time_s < MAY_BE_AS_FAST * one.machines[0][2]]),
            one.machines[0][1],
            seconds(one.machines[0][2]),
            beside(one.machines, len(one.machines) // 2),
            beside(one.machines, len(one.machines) - 1),
        )
        for one in fastest(columns)
    ]


def names_of(machines: Sequence[str]) -> str:
    """Return the first machine's name with the others': ``A or B``, ``A or 5 others``."""
    first, *others = machines
    return " or ".join([first, *others] if len(others) < 2 else [first, f"{len(others)} others"])


def beside(machines: Sequence[tuple[str, str, float]], at: int) -> str:
    """Return how much slower a machine is than the fastest: ``1.8×``."""
    return f"{two(machines[at][2] / machines[0][2])}×" if at else "–"


def markdown(columns: Sequence[Column]) -> str:
    """Return the machines, and which is fastest for each kernel, as Markdown."""
    overall = overall_slower(columns)
    listed = [
        (one.name, f"{two(slower)}×", one.facts, one.when)
        for one, slower in zip(columns[:MOST_LISTED], overall, strict=False)
    ]
    more = len(columns) - MOST_LISTED
    return document(
        [f"# w2vbench on {counted(len(columns), 'kind')} of machine"],
        [
            "Times of separate runs, side by side. A machine's ratio is its time over that of the fastest machine; it has no test."
        ],
        markdown_table(("machine", "slower than the fastest, typically", "", "measured"), listed, left=1),
        [f"{more} more machines are on the page."] if more > 0 else [],
        ["## Which machine is fastest"],
        markdown_table(HEADER, lines(columns), left=3),
        [NEAR],
    )


def html(columns: Sequence[Column]) -> str:
    """Return one self-contained page, which fetches nothing when it is opened."""
    return render(
        "machines.html",
        counted=counted,
        machines=len(columns),
        header=HEADER,
        near=NEAR,
        lines=lines(columns),
        data=json.dumps(page_data(columns), separators=(",", ":")).replace("<", "\\u003c"),
    )


def page_data(columns: Sequence[Column]) -> dict[str, Any]:
    """Return what the page's script shows, as JSON: machines, kernels, problems, and seconds by machine, problem and implementation."""
    of, slugs = labels(columns), dict[str, dict[str, int]]()
    names: dict[str, None] = {}
    titles: dict[str, str] = {}
    by_key: dict[str, str] = {}
    families = list[str](FAMILIES)
    for one in columns:
        titles |= one.kernels
        by_key |= one.families
        for name, problem in one.problems.items():
            names[name] = None
            its = slugs.setdefault(name.partition("@")[0], {})
            for slug in problem.times_s:
                its.setdefault(slug, len(its))
    kernels = list(slugs)
    problems = sorted(names, key=lambda name: kernels.index(name.partition("@")[0]))
    return {
        "machines": [{"name": one.name, "facts": one.facts, "when": one.when} for one in columns],
        "kernels": [
            {
                "name": kernel,
                "title": titles.get(kernel, ""),
                "slugs": list(its),
                "families": [families.index(by_key[f"{kernel}/{slug}"]) for slug in its],
            }
            for kernel, its in slugs.items()
        ],
        "problems": [{"kernel": kernels.index(name.partition("@")[0]), "size": of[name]} for name in problems],
        "times": [[times(one, name, slugs) for name in problems] for one in columns],
    }


def times(one: Column, name: str, slugs: dict[str, dict[str, int]]) -> list[Any] | int:
    """Return the implementation to use, and the seconds of each; 0 where nothing was measured."""
    problem = one.problems.get(name)
    if problem is None:
        return 0
    its = slugs[name.partition("@")[0]]
    return [its[problem.use], *(short(problem.times_s.get(slug)) for slug in its)]


def short(value: float | None) -> float:
    """A number in four significant digits; 0 for none."""
    return 0 if value is None else float(f"{value:.4g}")
