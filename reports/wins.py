"""Where each implementation wins: a kernel's implementations against its sizes, each beside the fastest of its problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .frame import example_s
from .results import ResultFile, Row
from .standing import standing
from .story import by_problem
from .units import three

FASTEST, PLAIN, OTHER, ABSENT = "fastest", "plain", "other", "absent"
MEANING = (
    "How many times as long as the fastest each takes; 1×: it is the fastest there, or as fast. "
    "?: these processes leave it open. †: the fastest of those that need NumPy and SciPy only."
)


@dataclass(frozen=True)
class Cell:
    """One case. kind: FASTEST, PLAIN (the fastest without compiler or framework, beaten by one with), OTHER or ABSENT."""

    text: str
    kind: str


@dataclass(frozen=True)
class Wins:
    """A kernel's table. sizes: what tells its problems apart; rows: implementations from the textbook's upward."""

    kernel: str
    sizes: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def wins(result: ResultFile) -> list[Wins]:
    """A table for each kernel of which two implementations or more were measured."""
    kernels: dict[str, dict[str, list[Row]]] = {}
    for problem, rows in by_problem(result).items():
        kernel, _, size = problem.partition("@")
        kernels.setdefault(kernel, {})[size] = rows
    statuses = {case.case: case.status for case in result.w2vbench.not_measured}
    found = []
    for kernel, problems in kernels.items():
        slugs = list(dict.fromkeys(slug(row) for problem in problems.values() for row in problem))
        if len(slugs) > 1:
            columns = [
                column(problem, slugs, {one: statuses.get(f"{kernel}/{one}@{size}", "–") for one in slugs})
                for size, problem in problems.items()
            ]
            cells = tuple(zip(slugs, zip(*columns, strict=True), strict=True))
            found.append(Wins(kernel, told_apart(list(problems)), cells))
    return found


def slug(row: Row) -> str:
    return row.extra_info.implementation


def column(problem: Sequence[Row], slugs: Sequence[str], otherwise: Mapping[str, str]) -> list[Cell]:
    """One problem. otherwise: what became of implementations without figures."""
    taken = {slug(row): example_s(row) for row in problem}
    how, simple = standing(problem), [row for row in problem if not row.extra_info.needs]
    first, undecided = set(map(slug, how.as_fast)), set(map(slug, how.undecided))
    plain = set(map(slug, standing(simple).as_fast)) if simple else set()
    if first & plain:
        plain = set()

    def cell(one: str) -> Cell:
        if one not in taken:
            return Cell(otherwise[one], ABSENT)
        if one in first:
            return Cell("1×", FASTEST)
        ratio = f"{three(taken[one] / min(taken.values()))}×{'?' * (one in undecided)}"
        return Cell(f"{ratio} †", PLAIN) if one in plain else Cell(ratio, OTHER)

    return [cell(one) for one in slugs]


def told_apart(sizes: Sequence[str]) -> tuple[str, ...]:
    """Sizes without what all of them share, but for V."""
    parts = [size.split(",") for size in sizes]
    shared = set(parts[0]).intersection(*parts[1:]) if len(parts) > 1 else set(parts[0][1:])
    return tuple(", ".join(part for part in one if part not in shared or part.startswith("V=")) for one in parts)
