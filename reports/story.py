"""One or two sentences on each problem, and which implementation to use at its size. Both are computed from the figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .frame import example_s, examples, growths, series_key, wall_s, work_ratio
from .ranking import Ranking, rank, winner_speedup
from .rerun import rerun_command
from .results import ResultFile, Row
from .statistics import Interval
from .units import faster, power, seconds, times

FLAT = 0.15
"""A growth exponent within this of zero counts as flat, and within this of one as proportional."""


@dataclass(frozen=True)
class Finding:
    """What was found for one problem.

    Attributes
    ----------
    problem
        Its name.
    sentence
        Which implementation is fastest, by how much, how it grows, and what is undecided.
    advice
        Which implementation to use.
    use
        Slugs of the implementations to use at this size, the recommended one first.
    """

    problem: str
    sentence: str
    advice: str
    use: tuple[str, ...]


@lru_cache(maxsize=1)
def findings(result: ResultFile) -> list[Finding]:
    """Return a finding for each problem with measured cases, in the file's order."""
    growth_by_series = growths(result.benchmarks)
    return [finding(rows, growth_by_series) for rows in by_problem(result).values()]


def by_problem(result: ResultFile) -> dict[str, list[Row]]:
    """Return the measured rows of each problem."""
    problems: dict[str, list[Row]] = {}
    for row in result.benchmarks:
        problems.setdefault(row.group or "", []).append(row)
    return problems


def finding(problem: Sequence[Row], growth_by_series: dict[tuple[Any, ...], Interval]) -> Finding:
    """Return the finding of one problem.

    Parameters
    ----------
    problem
        Its rows.
    growth_by_series
        The power of V that cases grow with (``frame.growths``).
    """
    ranking = rank(problem)
    best, baseline = ranking.recommended, next((row for row in problem if row.extra_info.baseline), None)
    slug, time = best.slug, seconds(wall_s(best))
    ties = [row.slug for row in ranking.fastest[1:]]
    size = best.extra_info.size
    at = f"at V = {size.V:,}" + (f", B = {size.B:,}" if size.B != 1 else ", one row")
    if not ranking.conclusive:
        winner = f"{slug} seems fastest {at}: {time} a call"
    elif ranking.tie:
        winner = f"{listed([slug, *ties])} are about equally fast {at}: {slug} takes {time} a call"
    else:
        winner = f"{slug} is fastest {at}: {time} a call"
    if baseline is None:
        sentence = f"{winner}. The baseline was not measured, so there is no speed-up."
    elif baseline is best:
        sentence = f"{baseline_first(ranking, slug, at)}: {time} a call.{runner_up(ranking, problem)}"
    else:
        ratio = winner_speedup(best, baseline, problem) or Interval(example_s(baseline) / example_s(best))
        speedup = f"{faster(ratio)} than the baseline {baseline.slug} ({seconds(wall_s(baseline))})"
        summary = without_code(best, baseline, ratio) if ranking.one_winner else ""
        sentence = (
            f"{summary or f'{winner}, {speedup}.'}{unequal_work(best, baseline)}"
            f"{growth_sentence(best, baseline, growth_by_series)}"
        )
    verb, others = "Use" if ranking.conclusive else "Perhaps use", f"; about as fast: {listed(ties)}" if ties else ""
    advice = f"{verb} {slug} ({best.extra_info.title}){others}."
    return Finding(best.group or "", f"{sentence}{open_questions(ranking)}", advice, (slug, *ties))


def baseline_first(ranking: Ranking, slug: str, at: str) -> str:
    """The beginning of a sentence about a problem whose baseline is recommended."""
    if ranking.one_winner:
        return f"The baseline {slug} is fastest {at}"
    return f"No implementation is clearly faster than the baseline {slug} {at}"


def runner_up(ranking: Ranking, problem: Sequence[Row]) -> str:
    """How much slower the second is, behind a baseline that alone is fastest."""
    others = sorted((row for row in problem if row is not ranking.leader), key=example_s)
    if not others or not ranking.one_winner:
        return ""
    ratio = winner_speedup(ranking.leader, others[0], problem)
    leads_by = ratio.estimate if ratio else example_s(others[0]) / example_s(ranking.leader)
    return f" The next, {others[0].slug}, is {faster(Interval(1 / leads_by))}."


def open_questions(ranking: Ranking) -> str:
    """What these processes leave undecided, and the command that measures more."""
    if not ranking.tested and not ranking.processes:
        return " The file has no separate processes, so there is no interval and no test of which is fastest."
    if not ranking.tested:
        count = "1 process is" if ranking.processes == 1 else f"{ranking.processes} processes are"
        return (
            f" {count} too few for an interval or a test of which is fastest; "
            f"{rerun_command((), ranking.leader)} measures more."
        )
    if not ranking.undecided:
        return ""
    slugs = [row.slug for row in ranking.undecided]
    return (
        f" It is undecided whether {listed(slugs)} {'is' if len(slugs) == 1 else 'are'} slower; "
        f"{rerun_command((ranking.leader, *ranking.undecided), ranking.leader)} measures them in more processes."
    )


def unequal_work(fastest: Row, baseline: Row) -> str:
    """What a ratio contains beside speed: calls that cover different numbers of examples, or compute different things."""
    (unit, mine), (_, theirs) = examples(fastest), examples(baseline)
    sentences = ""
    if work_ratio(fastest, baseline) != 1.0:
        sentences = (
            f" Speed-ups compare the time for equal numbers of {unit}: a call of {fastest.slug} covers {mine:,.0f}, "
            f"a call of {baseline.slug} {theirs:,.0f}."
        )
    one, other = fastest.extra_info.differs, baseline.extra_info.differs
    if one and other and one != other:
        sentences += f" They differ in more than speed ({fastest.slug}: {one}; {baseline.slug}: {other})."
    return sentences


def without_code(fastest: Row, baseline: Row, ratio: Interval) -> str:
    """The finding for readers who read no code; empty where the file has no summary of both implementations."""
    one, other, size = fastest.extra_info.summary, baseline.extra_info.summary, fastest.extra_info.size
    if not (one and other):
        return ""
    words = {1_000_000: "a million words", 100_000: "a hundred thousand words"}.get(size.V, f"{size.V:,} words")
    batch = f", {size.B:,} at a time" if size.B != 1 else ""
    return (
        f"At {words}{batch}, {one} instead of {other} is {faster(ratio)}: "
        f"{seconds(wall_s(fastest))}, not {seconds(wall_s(baseline))}."
    )


def growth_sentence(fastest: Row, baseline: Row, growth_by_series: dict[tuple[Any, ...], Interval]) -> str:
    """How the two grow with V, where the file has enough vocabularies."""
    winner, loser = growth_by_series.get(series_key(fastest)), growth_by_series.get(series_key(baseline))
    if winner is None or loser is None:
        return ""
    if max(abs(winner.estimate), abs(loser.estimate)) < FLAT:
        return f" The time of {fastest.slug} does not depend on V, and neither does that of {baseline.slug}."
    return f" The time of {fastest.slug} {growth_words(winner)}; that of {baseline.slug} {growth_words(loser)}."


def growth_words(growth: Interval) -> str:
    """What a power of V means, if it is known well enough to mean anything."""
    if abs(growth.estimate) < FLAT:
        return "does not depend on V"
    if growth.includes(0.0) and growth.low is not None:
        return "may depend on V, but these processes leave it undecided"
    law = power(Interval(growth.estimate))
    if abs(growth.estimate - 1) < FLAT:
        return f"grows about in proportion to V ({law})"
    return f"{'grows' if growth.estimate > 0 else 'falls'} as {law}"


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def headline(problems: Sequence[str]) -> str:
    """Return the problem that represents its kernel: the one with the most work, V times B, then the largest V."""

    def work(problem: str) -> tuple[float, float]:
        sizes = dict(re.findall(r"([VB])=([\de]+)", problem.rpartition("@")[2]))
        V, B = float(sizes.get("V", 0)), float(sizes.get("B", 0))
        return V * B, V

    return max(problems, key=work)


def speedup_cell(ratio: Interval | None) -> str:
    """A speed-up for the overview, with a warning where it may be none."""
    unsure = ratio and ratio.low is not None and ratio.includes(1.0)
    return f"perhaps {times(ratio)}" if unsure else times(ratio)


OVERVIEW = ("kernel", "speed-up", "fastest", "baseline", "V, B")


def overview(result: ResultFile) -> list[tuple[str, ...]]:
    """Return cells under OVERVIEW for each kernel with a baseline, at the problem that represents it."""
    problems = by_problem(result)
    kernels: dict[str, list[str]] = {}
    for problem in problems:
        kernels.setdefault(problem.partition("@")[0], []).append(problem)
    lines: list[tuple[str, ...]] = []
    for kernel, names in kernels.items():
        rows = problems[headline(names)]
        baseline = next((row for row in rows if row.extra_info.baseline), None)
        if baseline is None:
            continue
        ranking = rank(rows)
        best, size = ranking.recommended, ranking.recommended.extra_info.size
        ratio = "–" if best is baseline else speedup_cell(winner_speedup(best, baseline, rows))
        first, last = (f"{row.slug}, {seconds(wall_s(row))}" for row in (best, baseline))
        lines.append((kernel, ratio, f"{first}{remark(ranking)}", last, f"{size.V:,}, {size.B:,}"))
    return lines


def remark(ranking: Ranking) -> str:
    """A remark where the recommended implementation is not the only fastest one."""
    if not ranking.conclusive:
        return " (undecided)"
    return f" (tie of {len(ranking.fastest)})" if ranking.tie else ""
