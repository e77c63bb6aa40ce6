"""The data of a run's page, for its script: ratios, intervals, ties, reasons. The script chooses the size, and words them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from w2vbench.reports.file.frame import float_of, frame, grouped, interval, wall_s
from w2vbench.reports.file.limits import INTERPRETER, exceeded
from w2vbench.reports.file.schema.result import Limits, ResultFile, Row
from w2vbench.reports.findings.answers import FAMILIES, Answer, answers, sizes, undecided
from w2vbench.reports.findings.notes import notes_of
from w2vbench.reports.findings.reasons import moved, why
from w2vbench.reports.findings.rerun import own_files
from w2vbench.reports.findings.scaling import ThreadedProblem, threaded_problems
from w2vbench.reports.findings.sizes import size_to_show, types
from w2vbench.reports.statistics.problems import Interval

from .scaling_lines import no_difference, other_answers, threads_text

DIGITS = 5
"""Significant digits of the numbers in the page; it shows two or three."""


def page_data(result: ResultFile) -> dict[str, Any]:
    """Return everything that the page's script shows, as JSON: kernels, problems, cases, surprises and the machine's limits."""
    found = answers(result)
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
                    }
                    for slug in slugs
                ],
                "problems": list(range(first, len(problems))),
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
    }


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
                        "t": short(wall_s(point.row)),
                        "s": figures(point.speedup),
                        "e": short(point.efficiency.estimate),
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
        marked = {"marked": 1} if str(case.case) in marked_wrong(result) else {}
        return {"i": number, "status": str(case.status), "reason": str(case.reason)} | marked
    others = {than.case: than for than in references if than}  # some of which are one and the same
    ratios = {name: figures(answer.slower(row, than)) for name, than in others.items()}
    limit = interval(case, "limit_share")
    wall, cpu = float_of(case.wall_s), float_of(case.cpu_s)
    data = {
        "i": number,
        "t": figures(Interval(wall or 0.0, float_of(case.wall_low_s), float_of(case.wall_high_s))),
        "r": [ratios[than.case] if than else None for than in references],
        "cpu": short(cpu) if wall and cpu and not 0.8 < cpu / wall < 1.25 else None,
        "m": short(float_of(case.memory_bytes)),
        "resident": True if "resident" in (case.memory_kind, case.held_kind) else None,
        "kept": short(float_of(case.held_bytes)),
        "gV": short(float_of(case.growth_V)),
        "gB": short(float_of(case.growth_B)),
        "limit": None if limit is None else str(case.limit),
        "share": None if limit is None or case.limit == INTERPRETER else short(limit.estimate),
        "over": True if limit and exceeded(limit) else None,
        "flops": short(row.extra_info.flops),
        "bytes": short(moved(row)),
        "words": short(float_of(case.words_per_s)),
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
