"""What a problem found, in a sentence, and what to use at its size: computed from the figures, whoever wins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .again import more_processes
from .frame import alike, example_s, examples, growths, wall_s, work_ratio
from .results import ResultFile, Row, once
from .standing import Standing, advertised, standing
from .statistics import Interval
from .units import power, seconds, three, times

FLAT = 0.15
"""A growth exponent below this is called flat."""


@dataclass(frozen=True)
class Finding:
    """One problem's story. use: slugs to use at this size, the first being the fastest."""

    problem: str
    found: str
    advice: str
    use: tuple[str, ...]


@once
def findings(result: ResultFile) -> list[Finding]:
    """A finding for each problem that measured anything, in the file's order."""
    grown = growths(result.benchmarks)
    return [finding(rows, grown) for rows in by_problem(result).values()]


def by_problem(result: ResultFile) -> dict[str, list[Row]]:
    """Measured rows, problem by problem."""
    problems: dict[str, list[Row]] = {}
    for row in result.benchmarks:
        problems.setdefault(row.group or "", []).append(row)
    return problems


def finding(problem: Sequence[Row], grown: dict[tuple[Any, ...], Interval]) -> Finding:
    """The story of one problem; grown: how cases grow with V, by what they share."""
    how = standing(problem)
    best, baseline = how.advised, next((row for row in problem if row.extra_info.baseline), None)
    slug, took = best.extra_info.implementation, seconds(wall_s(best))
    size = best.extra_info.size
    at = f"at V = {size.V:,}" + (f", B = {size.B:,}" if size.B != 1 else ", one row")
    if not how.settled:
        what = f"{slug} seems fastest {at}: {took} a call"
    elif how.tie:
        what = f"{listed([row.extra_info.implementation for row in how.as_fast])} tie {at}: {slug} takes {took} a call"
    else:
        what = f"{slug} is fastest {at}: {took} a call"
    if baseline is None:
        found = f"{what}. The baseline was not measured, so there is no ratio."
    elif baseline is best:
        found = f"{unbeaten(how)} {slug} {at}, {took} a call{next_one(how, problem)}."
    else:
        ratio = advertised(best, baseline, problem) or Interval(example_s(baseline) / example_s(best))
        faster = f"{factor(ratio)} faster than the baseline {baseline.extra_info.implementation} ({seconds(wall_s(baseline))})"
        plain = plainly(best, baseline, ratio) if how.settled and not how.tie else ""
        found = f"{plain or f'{what}, {faster}.'}{unlike(best, baseline)}{growing(best, baseline, grown)}"
    also = [row.extra_info.implementation for row in how.as_fast[1:]]
    advice = f"{'Use' if how.settled else 'Perhaps use'} {slug} ({best.extra_info.title}){f'; about as fast: {listed(also)}' if also else ''}."
    return Finding(best.group or "", f"{found}{doubt(how)}", advice, (slug, *also))


def unbeaten(how: Standing) -> str:
    """What is said of a baseline that is the one to use."""
    alone = how.settled and not how.tie
    return "Nothing beats the baseline" if alone else "Nothing is clearly faster than the baseline"


def next_one(how: Standing, problem: Sequence[Row]) -> str:
    """Who comes after a baseline that leads alone, and how long that takes."""
    others = sorted((row for row in problem if row is not how.leader), key=example_s)
    if not others or how.tie or not how.settled:
        return ""
    ratio = advertised(how.leader, others[0], problem)
    times_as_long = three(ratio.estimate if ratio else example_s(others[0]) / example_s(how.leader))
    return f"; the next, {others[0].extra_info.implementation}, takes {times_as_long} times as long"


def factor(ratio: Interval) -> str:
    """``12.3 times (11.9–12.8)``."""
    ends = "" if ratio.low is None or ratio.high is None else f" ({three(ratio.low)}–{three(ratio.high)})"
    return f"{three(ratio.estimate)} times{ends}"


def doubt(how: Standing) -> str:
    """What these processes leave open, and the command that would tell."""
    if not how.tested:
        counted = {0: "No process of its own", 1: "One process"}.get(how.processes, f"{how.processes} processes")
        more = f"; {more_processes((), how.leader)} measures more" if how.processes else ""
        return f" {counted}: no interval, and no test of who is fastest{more}."
    if not how.undecided:
        return ""
    names = [row.extra_info.implementation for row in how.undecided]
    return (
        f" Whether {listed(names)} {'takes' if len(names) == 1 else 'take'} longer is open: "
        f"{more_processes((how.leader, *how.undecided), how.leader)} measures them in more processes."
    )


def unlike(fastest: Row, baseline: Row) -> str:
    """What a ratio holds beside speed: calls that cover unlike numbers of examples, and what is computed otherwise."""
    (unit, mine), (_, theirs) = examples(fastest), examples(baseline)
    said = f" By {unit}: a call of the one covers {mine:,.0f}, of the other {theirs:,.0f}."
    one, other = fastest.extra_info, baseline.extra_info
    differs = " They differ in more than speed ({}; {})."
    return (said if work_ratio(fastest, baseline) != 1.0 else "") + (
        differs.format(f"{one.implementation}: {one.differs}", f"{other.implementation}: {other.differs}")
        if one.differs and other.differs and one.differs != other.differs
        else ""
    )


def plainly(fastest: Row, baseline: Row, ratio: Interval) -> str:
    """The finding for someone who reads no code; empty where the file has no plain words for both."""
    one, other, size = fastest.extra_info.summary, baseline.extra_info.summary, fastest.extra_info.size
    if not (one and other):
        return ""
    words = {1_000_000: "a million words", 100_000: "a hundred thousand words"}.get(size.V, f"{size.V:,} words")
    batch = f", {size.B:,} at a time" if size.B != 1 else ""
    return (
        f"At {words}{batch}, {one} instead of {other} is {factor(ratio)} faster: "
        f"{seconds(wall_s(fastest))}, not {seconds(wall_s(baseline))}."
    )


def growing(fastest: Row, baseline: Row, grown: dict[tuple[Any, ...], Interval]) -> str:
    """How the two grow with V, where the file has enough vocabularies to tell."""
    winner, loser = grown.get(alike(fastest)), grown.get(alike(baseline))
    if winner is None or loser is None:
        return ""
    if max(abs(winner.estimate), abs(loser.estimate)) < FLAT:
        return " Neither grows with V."
    return f" The one {course(winner)}, the other {course(loser)}."


def course(growth: Interval) -> str:
    """What a power of V means, if it is known well enough to mean anything."""
    if abs(growth.estimate) < FLAT:
        return "stays flat as V grows"
    if growth.includes(0.0) and growth.low is not None:
        return "grows with V in a way that these processes leave open"
    return f"{'grows' if growth.estimate > 0 else 'falls'} as {power(Interval(growth.estimate))}"


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def headline(problems: Sequence[str]) -> str:
    """The problem that stands for its kernel: the one with the most work, V times B, then the largest V."""

    def work(problem: str) -> tuple[float, float]:
        sizes = dict(re.findall(r"([VB])=([\de]+)", problem.rpartition("@")[2]))
        V, B = float(sizes.get("V", 0)), float(sizes.get("B", 0))
        return V * B, V

    return max(problems, key=work)


def gain(ratio: Interval | None) -> str:
    """A speed-up, with a warning where it may be none."""
    unsure = ratio and ratio.low is not None and ratio.includes(1.0)
    return f"perhaps {times(ratio)}" if unsure else times(ratio)


OVERVIEW = ("kernel", "times faster", "fastest", "baseline", "V, B")


def overview(result: ResultFile) -> list[tuple[str, ...]]:
    """One row a kernel under OVERVIEW, of the problem that stands for it, where it has a baseline."""
    problems = by_problem(result)
    kernels: dict[str, list[str]] = {}
    for problem in problems:
        kernels.setdefault(problem.partition("@")[0], []).append(problem)
    found: list[tuple[str, ...]] = []
    for kernel, names in kernels.items():
        rows = problems[headline(names)]
        baseline = next((row for row in rows if row.extra_info.baseline), None)
        if baseline is None:
            continue
        how = standing(rows)
        best, size = how.advised, how.advised.extra_info.size
        ratio = "–" if best is baseline else gain(advertised(best, baseline, rows))
        first, last = (f"{row.extra_info.implementation}, {seconds(wall_s(row))}" for row in (best, baseline))
        found.append((kernel, ratio, f"{first}{remark(how)}", last, f"{size.V:,}, {size.B:,}"))
    return found


def remark(how: Standing) -> str:
    """What keeps a winner from being the only one, in brackets."""
    if not how.settled:
        return " (undecided)"
    return f" (tie of {len(how.as_fast)})" if how.tie else ""
