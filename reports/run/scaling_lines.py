"""What more threads gain, in words: a table for the terminal and for Markdown, and the sentences below it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from w2vbench.reports.drawing.columns import WIDTH, aligned
from w2vbench.reports.drawing.markdown import markdown_table, plain
from w2vbench.reports.file.frame import wall_s
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.findings.answers import Answer, span
from w2vbench.reports.findings.facts import too_few_cpus
from w2vbench.reports.findings.scaling import (
    GAIN,
    OnThreads,
    Scaling,
    ThreadedProblem,
    gain_order,
    table_bytes,
    threaded_problems,
)
from w2vbench.reports.statistics.problems import Interval
from w2vbench.reports.statistics.units import counted, inverse, listed, seconds, share, size_bytes, slower, two

HEADER = ("threads", "per call", "speed-up", "95 % interval", "efficiency")
NARROW_LACKS = "95 % interval"
FEW, MOST = 4, 6
"""The terminal shows all implementations if they are few; else at most so many whose time depends on threads."""


def threads_text(threads: int, cpus: float | None) -> str:
    """Return a number of threads; with too few CPUs for them, that too: ``4 on 2 CPUs``."""
    return too_few_cpus(threads, cpus).replace(" threads", "") or f"{threads}"


def listed_threads(numbers: Sequence[int], cpus: float | None) -> str:
    """Return ``2 and 4 threads``; with too few CPUs for the largest, that too: ``2 and 4 threads on 2 CPUs``."""
    *others, largest = numbers
    return listed([*map(str, others), too_few_cpus(largest, cpus) or f"{largest} threads"])


def speedup_text(speedup: Interval) -> str:
    """Return a speed-up: ``1.9×``, ``1.3× slower``."""
    rounded = two(speedup.estimate)
    return f"{rounded}×" if float(rounded.replace(",", "")) >= 1 else slower(1 / speedup.estimate)


def span_text(speedup: Interval) -> str:
    """Return a speed-up's interval, or that of times slower: ``1.8–2.0×``; empty where there is none."""
    shown = speedup if speedup.estimate >= 1 else inverse(speedup)
    return "" if shown.low is None or shown.high is None else span(shown)


def cells(point: OnThreads, first: bool, cpus: float | None) -> tuple[str, ...]:
    """Return the cells of an implementation on a number of threads, under HEADER. first: whether it is on its fewest."""
    figures = threads_text(point.threads, cpus), seconds(wall_s(point.row))
    if first:
        return (*figures, "", "", "")
    return (*figures, speedup_text(point.speedup), span_text(point.speedup), share(point.efficiency.estimate))


def scaling_rows(name: str, one: Scaling, problem: ThreadedProblem) -> Iterator[tuple[str, ...]]:
    """Yield a row for each number of threads of an implementation, whose name stands in the first."""
    for at, point in enumerate(one.points):
        yield ("" if at else name, *cells(point, at == 0, problem.cpus))


def terminal_lines(result: ResultFile, chosen: Sequence[Answer], width: int) -> Iterator[str]:
    """Yield what more threads gain at the sizes of some answers: the implementations that gain most, and sentences."""
    problems = [one for one in threaded_problems(result) if any(answer in chosen for answer in one.answers)]
    every = [(problem, one) for problem in problems for one in problem.scalings]
    if not every:
        return
    changed = sorted((pair for pair in every if pair[1].changes), key=lambda pair: gain_order(pair[1]))
    shown = every if len(every) <= FEW else changed[:MOST]
    if shown:
        rows = [row for problem, one in shown for row in scaling_rows(f"{problem.kernel}/{one.slug}", one, problem)]
        header = ("on more threads", *HEADER)
        columns = [at for at, name in enumerate(header) if width >= WIDTH or name != NARROW_LACKS]
        head, *body = aligned([[row[at] for at in columns] for row in (header, *rows)], left=(0,), gap=2)
        yield from (head, "─" * max(map(len, (head, *body))), *body)
    if not any(one.gains for _, one in every):
        yield f"No implementation gains {share(GAIN - 1)} or more from more threads."
    left_out = [(problem.kernel, one) for problem, one in every if not any(one is its for _, its in shown)]
    for sentence in (*unshown(left_out), *(line for one in problems for line in other_answers(one))):
        yield from textwrap.wrap(sentence, width, break_on_hyphens=False)
    largest = max(problems, key=lambda one: table_bytes(one.answers[0].size))
    for sentence in filter(None, (memory_sentence(largest), MEANING)):
        yield from textwrap.wrap(sentence, width, break_on_hyphens=False)


def unshown(left_out: Sequence[tuple[str, Scaling]]) -> Iterator[str]:
    """Yield which implementations are not in the terminal's table: those that depend on threads, and those that do not."""
    if more := sum(one.changes for _, one in left_out):
        yield f"{counted(more, 'more implementation')} depend{'s' * (more == 1)} on threads: see the report."
    unchanged = [f"{kernel}/{one.slug}" for kernel, one in left_out if not one.changes]
    if unchanged:
        yield no_difference(unchanged if len(unchanged) <= FEW else [counted(len(unchanged), "implementation")])


def no_difference(names: Sequence[str]) -> str:
    return f"Threads make no difference of {share(GAIN - 1)} or more to {listed(names)}."


MEANING = (
    "Speed-up: how many times as fast as on the fewest threads, in processes of its own. Efficiency: speed-up over the ratio of "
    "the numbers of threads."
)


def other_answers(problem: ThreadedProblem) -> Iterator[str]:
    """Yield on which numbers of threads the implementation to use on the fewest is known to be slower than another."""
    first = problem.answers[0].use.slug
    others: dict[str, list[Answer]] = {}
    for answer in problem.answers[1:]:
        ranking = answer.ranking
        beaten = {row.slug for row in answer.rows} - {row.slug for row in (*ranking.fastest, *ranking.undecided)}
        if ranking.tested and first in beaten:
            others.setdefault(answer.use.slug, []).append(answer)
    for slug, its in others.items():
        threads = listed_threads([answer.size.threads for answer in its], problem.cpus)
        times = listed([seconds(wall_s(answer.use)) for answer in its])
        yield f"{problem.kernel} on {threads}: use {slug} ({times}), not {first}."


def memory_sentence(problem: ThreadedProblem) -> str:
    """Return how much faster the machine moves memory on more threads; empty where that was not measured."""
    if not problem.memory:
        return ""
    fewest, *more = problem.threads
    gains = ", ".join(f"{what} {listed([f'{two(gain)}×' for gain in its[1:]])}" for what, its in problem.memory.items())
    table = size_bytes(table_bytes(problem.answers[0].size))
    on = listed_threads(more, problem.cpus)
    return f"Memory bandwidth on {on}, over that on {counted(fewest, 'thread')}: {gains} (working set {table})."


def markdown_lines(result: ResultFile) -> Iterator[str]:
    """Yield the section of report.md on threads: a table for each size; nothing if no size had several numbers of them."""
    problems = threaded_problems(result)
    if not problems:
        return
    yield from ("## On more threads", "", MEANING, "")
    for problem in problems:
        rows = [row for one in problem.scalings for row in scaling_rows(one.slug, one, problem)]
        size = problem.answers[0].problem.partition("@")[2].rpartition(",")[0]
        yield from (f"### {plain(problem.kernel)}, {plain(size)}", "")
        yield from (*markdown_table(("implementation", *HEADER), rows, left=1), "")
        for sentence in filter(None, (*other_answers(problem), memory_sentence(problem))):
            yield from (plain(sentence), "")
