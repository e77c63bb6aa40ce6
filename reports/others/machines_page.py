"""Several machines on one page: a filter row, machines as columns, and colours by the ratio to the best machine of a row."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from w2vbench.reports.drawing.markdown import markdown_table, plain
from w2vbench.reports.drawing.templates import render
from w2vbench.reports.file.files import ResultError, file_of, read, write_texts
from w2vbench.reports.findings.answers import FAMILIES
from w2vbench.reports.findings.ranking import MAY_BE_AS_FAST
from w2vbench.reports.statistics.units import counted, seconds, two

from .machines import Column, column, fastest, labels, overall_slower, side_by_side

MOST_LISTED = 20
"""As many machines are listed in Markdown; the page has all."""
HEADER = ("kernel", "fastest machine", "use on the first", "its time a call", "median machine", "slowest machine")
NEAR = (
    f"A machine that takes less than {MAY_BE_AS_FAST:g} times as long as the fastest may be as fast, and stands beside it: times are of "
    "separate runs, and no test compares them."
)


def report_machines(files: Sequence[Path], folder: Path) -> list[Path]:
    """Write ``machines.html`` and ``machines.md`` of several result files into a folder, and return their paths.

    Raises
    ------
    ResultError
        If a file cannot be read or written, or the files do not belong side by side.
    """
    files = [*map(file_of, files)]
    for file, often in Counter(
        map(os.path.realpath, files)
    ).items():  # Path.resolve raises for a link that leads to itself
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
    parts = [
        f"# w2vbench on {counted(len(columns), 'kind')} of machine",
        "",
        "Times of separate runs, side by side. A machine's ratio is its time over that of the fastest machine; it has no test.",
        "",
        *markdown_table(("machine", "slower than the fastest, typically", "", "measured"), listed, left=1),
        "",
    ]
    if len(columns) > MOST_LISTED:
        parts += [plain(f"{len(columns) - MOST_LISTED} more machines are on the page."), ""]
    parts += ["## Which machine is fastest", "", *markdown_table(HEADER, lines(columns), left=3), "", NEAR, ""]
    return "\n".join(parts)


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
