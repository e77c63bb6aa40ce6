"""The data of a run's page, for its script: ratios, intervals, ties, reasons. The script chooses the size, and words them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from w2vbench.reports.file.frame import SHOWN, float_of, frame, grouped, interval
from w2vbench.reports.file.limits import ARITHMETIC, CACHE, CALL, INTERPRETER, MEMORY, exceeded
from w2vbench.reports.file.schema.result import Limits, ResultFile, Row
from w2vbench.reports.findings.answers import FAMILIES, Answer, answers, sizes, undecided
from w2vbench.reports.findings.notes import notes_of
from w2vbench.reports.findings.ranking import AS_FAST, VAGUE, approximate
from w2vbench.reports.findings.reasons import moved, why
from w2vbench.reports.findings.rerun import own_files, unusual
from w2vbench.reports.findings.scaling import ThreadedProblem, threaded_problems
from w2vbench.reports.findings.sizes import size_to_show, types
from w2vbench.reports.statistics.problems import Interval

from .case_table import COLUMNS, differs, in_words, place_text
from .scaling_lines import cells, no_difference, other_answers, threads_text

DIGITS = 5
"""Significant digits of the numbers in the page; it shows two or three."""


STATUSES = {"skipped": "not measured"}
"""What the page calls a status, where it is not its name."""
LIMITS = {
    MEMORY: "moving rows",
    CACHE: "moving rows, cached",
    ARITHMETIC: "arithmetic",
    CALL: "calling",
    INTERPRETER: "Python’s own loop",
}
"""What an implementation does most of the time at a limit."""


def page_data(result: ResultFile) -> dict[str, Any]:
    """Return everything that the page's script shows, as JSON: kernels, problems, cases and the machine's limits; and the rules by
    which it chooses between them."""
    found = answers(result)
    simplest = by_simplicity(result.benchmarks)
    extras = [row.extra_info for row in result.benchmarks]
    families = {(one.kernel, one.implementation): one.family for one in result.w2vbench.not_measured}
    families |= {(one.kernel, one.implementation): one.family for one in extras}
    slides = {(one.kernel, one.implementation): one.slide for one in extras}
    kernels: list[dict[str, Any]] = []
    problems: list[dict[str, Any]] = []
    for kernel, its_cases in grouped(frame(result).itertuples(), "kernel").items():
        titles = {str(case.implementation): case.title for case in its_cases}
        slugs, first = list(titles), len(problems)
        for problem, cases in grouped(its_cases, "problem").items():
            problems.append(problem_data(cases, slugs, found.get(problem), result))
        kernels.append(
            {
                "name": kernel,
                "title": result.w2vbench.kernels.get(kernel, ""),
                "implementations": [
                    {
                        "slug": slug,
                        "title": titles[slug],
                        "family": FAMILIES.index(families[kernel, slug]),
                        "slide": slides.get((kernel, slug)),
                        "approximate": approximate(titles[slug]),
                    }
                    for slug in slugs
                ],
                "problems": list(range(first, len(problems))),
                "simplest": [slugs.index(slug) for slug in simplest.get(kernel, ())],
            }
        )
    start = size_to_show(sizes(found))
    return {
        "kernels": kernels,
        "problems": problems,
        "start": start and {"V": start.V, "B": start.B, "H": start.H, "rest": types(start)},
        "ceilings": {
            f"t{threads}": ceilings(result.w2vbench.limits_on(threads))
            for threads in sorted({answer.size.threads for answer in found.values()})
        },
        "files": "".join(f" {option}" for option in own_files(result.w2vbench.command)),
        "threads": [threads_data(one, kernels, problems) for one in threaded_problems(result)],
        "columns": [
            {"name": one.name, "heading": one.heading, "always": one.always, **asdict(one.page)}
            for one in COLUMNS
            if one.page
        ],
        "tie": AS_FAST,
        "vague": VAGUE,
    }


def by_simplicity(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Return the measured implementations of each kernel, in the order in which ties are settled between sizes."""
    kernels: dict[str, dict[str, tuple[bool, bool, int]]] = {}
    for row in rows:
        extra = row.extra_info
        needs = max(0, FAMILIES.index(extra.family) - 1)  # the textbook's code needs as little as NumPy's
        place = not extra.baseline, approximate(extra.title), needs
        kernels.setdefault(extra.kernel, {}).setdefault(row.slug, place)
    return {kernel: sorted(its, key=its.__getitem__) for kernel, its in kernels.items()}


def ceilings(limits: Limits) -> dict[str, Any]:
    """Return the machine's ceilings: operations a second by dtype, and bytes a second of its memory."""
    curves = [sorted(curve) for curve in (limits.read, limits.write, limits.copied) if curve]
    return {"matmul": limits.matmul, "memory": max((curve[-1][1] for curve in curves), default=0.0)}


def threads_data(
    problem: ThreadedProblem, kernels: list[dict[str, Any]], problems: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return what more threads gain at one size: its problems, and each implementation's figures on each number of threads."""
    kernel = next(one for one in kernels if one["name"] == problem.kernel)
    slugs = [one["slug"] for one in kernel["implementations"]]
    numbers = {problems[number]["size"]: number for number in kernel["problems"]}
    unchanged = [one.slug for one in problem.scalings if not one.changes]
    return {
        "problems": [numbers[answer.problem.partition("@")[2]] for answer in problem.answers],
        "threads": problem.threads,
        "names": [threads_text(threads, problem.cpus) for threads in problem.threads],
        "cpus": problem.cpus,
        "memory": {what: [short(gain) for gain in gains] for what, gains in problem.memory.items()},
        "ways": [
            {
                "i": slugs.index(one.slug),
                "changes": one.changes,
                "points": [
                    {
                        "n": point.threads,
                        "s": figures(point.speedup),
                        "cells": cells(point, point is one.points[0], problem.cpus)[1:],
                    }
                    for point in one.points
                ],
            }
            for one in problem.scalings
        ],
        "sentences": [*other_answers(problem), *([no_difference(unchanged)] if unchanged else ())],
    }


def problem_data(
    cases: Sequence[Any], slugs: Sequence[str], answer: Answer | None, result: ResultFile
) -> dict[str, Any]:
    """Return one problem's size, answer and cases; a case that was not measured has its reason."""
    first = cases[0]
    data: dict[str, Any] = {
        **{name: int(getattr(first, name)) for name in ("V", "H", "B", "K")},
        "rest": types(first),
        "size": str(first.problem).partition("@")[2],
        "note": notes_of(cases, answer, result),
        "options": "".join(f" {one}" for one in unusual(first, ("K", "dtype", "index", "words", "threads"))),
    }
    measured = {row.case: row for row in answer.rows} if answer else {}
    if answer:
        number = {row.case: slugs.index(row.extra_info.implementation) for row in answer.rows}
        references = [answer.use, answer.baseline, *(answer.best(family) for family in FAMILIES[1:])]
        data |= {
            "use": number[answer.use.case],
            "ties": [number[row.case] for row in answer.ranking.fastest],
            "references": [number[row.case] if row else None for row in references],
            "unit": answer.use.extra_info.unit,
            "why": why(answer, result),
            "undecided": undecided(answer, result),  # what, and the command that may settle it
            "numpyTies": (plain := answer.families.get("NumPy/SciPy")) and plain.leader is not plain.recommended,
        }
    else:
        references = []
    data["cases"] = [case_data(case, slugs, measured.get(str(case.case)), answer, references, result) for case in cases]
    return data


def case_data(
    case: Any,
    slugs: Sequence[str],
    row: Row | None,
    answer: Answer | None,
    references: Sequence[Row | None],
    result: ResultFile,
) -> dict[str, Any]:
    """Return one case's figures under short names, which the page's script explains."""
    number = slugs.index(str(case.implementation))
    if row is None or answer is None:
        status = "wrong on purpose" if case.case in marked_wrong(result) else STATUSES.get(case.status, case.status)
        return {"i": number, "status": str(case.status), "reason": case.reason, "why": f"{status}: {case.reason}"}
    others = {than.case: than for than in references if than}  # some of which are one and the same
    ratios = {name: answer.slower(row, than) for name, than in others.items()}
    limit = interval(case, "limit_share")
    wall, cpu = float_of(case.wall_s), float_of(case.cpu_s)
    data = {
        "i": number,
        "t": figures(Interval(wall or 0.0, float_of(case.wall_low_s), float_of(case.wall_high_s))),
        "r": [figures(ratios[than.case]) if than else None for than in references],
        "place": place_text(answer, row),
        "than": [in_words(ratios[than.case]) if than else None for than in references],
        "cpu": short(cpu) if wall and cpu and differs(cpu, wall) else None,
        "m": short(float_of(case.memory_bytes)),
        "resident": True if "resident" in (case.memory_kind, case.held_kind) else None,
        "kept": short(float_of(case.held_bytes)),
        "gV": short(float_of(case.growth_V)),
        "gB": short(float_of(case.growth_B)),
        "limit": None if limit is None else LIMITS[case.limit] + " (exceeded)" * exceeded(limit),
        "share": None if limit is None or case.limit == INTERPRETER else short(limit.estimate),
        "flops": short(row.extra_info.flops),
        "bytes": short(moved(row)),
        "shown": {
            name: [short(figure), one.page_text(figure)]
            for name, one in SHOWN.items()
            if (figure := float_of(getattr(case, name))) is not None
        }
        or None,
        "stages": result.w2vbench.stages.get(str(case.case)),
    }
    return {name: value for name, value in data.items() if value is not None}


@lru_cache(maxsize=1)
def marked_wrong(result: ResultFile) -> set[str]:
    return {case.case for case in result.w2vbench.not_measured if case.marked_wrong}


def figures(interval: Interval) -> list[float | None]:
    """An interval as estimate, low and high; the estimate only, where there is no interval."""
    ends = [interval.low, interval.high]
    return [short(interval.estimate), *(map(short, ends) if None not in ends else ())]


def short(value: float | None) -> float | None:
    """A number in DIGITS significant digits."""
    return None if value is None or value != value else float(f"{value:.{DIGITS}g}")
