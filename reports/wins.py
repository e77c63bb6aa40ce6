"""Where each implementation is fastest: a table of a kernel's implementations against its sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .frame import example_s
from .ranking import rank
from .results import ResultFile, Row
from .statistics import Interval
from .story import by_problem
from .units import faster

FASTEST, PLAIN, OTHER, ABSENT = "fastest", "plain", "other", "absent"
MEANING = (
    "Each cell compares an implementation with the fastest at that size; several may tie as fastest. "
    "?: undecided after these processes. †: the fastest of those that need only NumPy and SciPy."
)


@dataclass(frozen=True)
class Cell:
    """One case of the table.

    Attributes
    ----------
    text
        What is shown.
    kind
        FASTEST; PLAIN: the fastest without compiler or framework, where one with them is faster; OTHER; or ABSENT.
    """

    text: str
    kind: str


@dataclass(frozen=True)
class Wins:
    """A kernel's table.

    Attributes
    ----------
    kernel
        Its name.
    sizes
        The column heads: the parts of a size that differ between the kernel's problems, and V.
    rows
        A slug and its cells, from the textbook's implementation to the fastest.
    """

    kernel: str
    sizes: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def wins(result: ResultFile) -> list[Wins]:
    """Return a table for each kernel with two or more measured implementations."""
    kernels: dict[str, dict[str, list[Row]]] = {}
    for problem, rows in by_problem(result).items():
        kernel, _, size = problem.partition("@")
        kernels.setdefault(kernel, {})[size] = rows
    statuses = {case.case: case.status for case in result.w2vbench.not_measured}
    tables = []
    for kernel, problems in kernels.items():
        slugs = list(dict.fromkeys(row.slug for problem in problems.values() for row in problem))
        if len(slugs) > 1:
            columns = [
                column(problem, slugs, {one: statuses.get(f"{kernel}/{one}@{size}", "–") for one in slugs})
                for size, problem in problems.items()
            ]
            cells = tuple(zip(slugs, zip(*columns, strict=True), strict=True))
            tables.append(Wins(kernel, differing_parts(list(problems)), cells))
    return tables


def column(problem: Sequence[Row], slugs: Sequence[str], statuses: Mapping[str, str]) -> list[Cell]:
    """The cells of one problem; ``statuses`` has the texts for implementations that were not measured."""
    times = {row.slug: example_s(row) for row in problem}
    ranking, simple = rank(problem), [row for row in problem if not row.extra_info.needs]
    fastest, undecided = ({row.slug for row in rows} for rows in (ranking.fastest, ranking.undecided))
    plain = {row.slug for row in rank(simple).fastest} if simple else set()
    if fastest & plain:
        plain = set()

    def cell(one: str) -> Cell:
        if one not in times:
            return Cell(statuses[one], ABSENT)
        if one in fastest:
            return Cell(FASTEST, FASTEST)
        text = f"{faster(Interval(min(times.values()) / times[one]))}{'?' * (one in undecided)}"
        return Cell(f"{text} †", PLAIN) if one in plain else Cell(text, OTHER)

    return [cell(one) for one in slugs]


def differing_parts(sizes: Sequence[str]) -> tuple[str, ...]:
    """Sizes without the parts that all of them share, except V."""
    parts = [size.split(",") for size in sizes]
    shared = set(parts[0]).intersection(*parts[1:]) if len(parts) > 1 else set(parts[0][1:])
    return tuple(", ".join(part for part in one if part not in shared or part.startswith("V=")) for one in parts)
