"""What a race found, in a sentence, and what to use at its size: computed from the figures, whoever wins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .frame import alike, example_s, examples, growths, speedup, wall_s, work_ratio
from .results import ResultFile, Row
from .statistics import Interval
from .units import power, seconds, three, times

AS_FAST = 1.03
"""Cases whose time is within this factor of the fastest count as just as fast."""

MAY_BE_AS_FAST = 1.15
"""So do those within this factor whose interval includes 1; beyond it a wide interval means noise, not a tie."""

FLAT = 0.15
"""A growth exponent below this is called flat."""


@dataclass(frozen=True)
class Finding:
    """One race's story. use: slugs to use at this size, the first being the fastest."""

    problem: str
    found: str
    advice: str
    use: tuple[str, ...]


def findings(result: ResultFile) -> list[Finding]:
    """A finding for each race that measured anything, in the file's order."""
    grown = growths(result.benchmarks)
    return [finding(rows, grown) for rows in by_problem(result).values()]


def by_problem(result: ResultFile) -> dict[str, list[Row]]:
    """Measured rows, race by race."""
    races: dict[str, list[Row]] = {}
    for row in result.benchmarks:
        races.setdefault(row.group or "", []).append(row)
    return races


def finding(race: Sequence[Row], grown: dict[tuple[Any, ...], Interval]) -> Finding:
    """The story of one race; grown: how cases grow with V, by what they share."""
    fastest = min(race, key=example_s)
    baseline = next((row for row in race if row.extra_info.baseline), None)
    tied = [row for row in race if row is not fastest and as_fast(row, fastest)]
    size = fastest.extra_info.size
    at = f"at V = {size.V:,}" + (f", B = {size.B:,}" if size.B != 1 else ", one row")
    best = fastest.extra_info.implementation
    what, unsure = f"{best} is fastest {at}: {seconds(wall_s(fastest))} a call", False
    if baseline is None:
        found = f"{what}. The baseline was not measured, so there is no ratio."
    elif baseline is fastest:
        others = sorted((row for row in race if row is not fastest), key=example_s)
        behind = (
            f"; the next, {others[0].extra_info.implementation}, takes {three(example_s(others[0]) / example_s(fastest))} times as long"
            if others
            else ""
        )
        found = f"Nothing beats the baseline {best} {at}, {seconds(wall_s(fastest))} a call{behind}."
    elif baseline in tied:
        found = f"Nothing is clearly faster than the baseline {baseline.extra_info.implementation} {at}, {seconds(wall_s(baseline))} a call."
    else:
        ratio = speedup(fastest, baseline) or Interval(example_s(baseline) / example_s(fastest))
        faster = f"{three(ratio.estimate)} times faster than the baseline {baseline.extra_info.implementation} ({seconds(wall_s(baseline))})"
        unsure = ratio.low is not None and ratio.low <= 1
        if unsure:
            what = f"{best} seems fastest {at}: {seconds(wall_s(fastest))} a call"
            faster += f", but launches disagree ({three(ratio.low or 0)}–{three(ratio.high or 0)}): more of them would tell (--launches)"
        found = plainly(fastest, baseline, ratio) if not unsure else ""
        found = f"{found or f'{what}, {faster}.'}{unlike(fastest, baseline)}{growing(fastest, baseline, grown)}"
    if baseline in tied:  # the simplest of those that are as fast
        tied = [fastest, *(row for row in tied if row is not baseline)]
        fastest, best = baseline, baseline.extra_info.implementation
    also = f"; about as fast: {listed([row.extra_info.implementation for row in tied])}" if tied else ""
    advice = f"{'Perhaps use' if unsure else 'Use'} {best} ({fastest.extra_info.title}){also}."
    return Finding(fastest.group or "", found, advice, (best, *(row.extra_info.implementation for row in tied)))


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
    one, other, size = fastest.extra_info.plain, baseline.extra_info.plain, fastest.extra_info.size
    if not (one and other):
        return ""
    words = {1_000_000: "a million words", 100_000: "a hundred thousand words"}.get(size.V, f"{size.V:,} words")
    batch = f", {size.B:,} at a time" if size.B != 1 else ""
    return (
        f"At {words}{batch}, {one} instead of {other} is {three(ratio.estimate)} times faster: "
        f"{seconds(wall_s(fastest))}, not {seconds(wall_s(baseline))}."
    )


def as_fast(row: Row, fastest: Row) -> bool:
    """Whether a case cannot be told from the fastest, or differs too little to matter."""
    ratio = speedup(fastest, row)
    return ratio is None or ratio.estimate < AS_FAST or (ratio.estimate < MAY_BE_AS_FAST and ratio.includes(1.0))


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
        return "grows with V in a way that these launches leave open"
    return f"{'grows' if growth.estimate > 0 else 'falls'} as {power(Interval(growth.estimate))}"


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def headline(problems: Sequence[str]) -> str:
    """The race that stands for its kernel: the one with the most work, V times B, then the largest V."""

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
    """One row a kernel under OVERVIEW, of the race that stands for it, where it has a baseline."""
    races = by_problem(result)
    kernels: dict[str, list[str]] = {}
    for problem in races:
        kernels.setdefault(problem.partition("@")[0], []).append(problem)
    found = []
    for kernel, problems in kernels.items():
        race = races[headline(problems)]
        baseline = next((row for row in race if row.extra_info.baseline), None)
        fastest = min(race, key=example_s)
        if baseline is None:
            continue
        size = fastest.extra_info.size
        ratio = "–" if fastest is baseline else gain(speedup(fastest, baseline))
        ends = (f"{row.extra_info.implementation}, {seconds(wall_s(row))}" for row in (fastest, baseline))
        found.append((kernel, ratio, *ends, f"{size.V:,}, {size.B:,}"))
    return found
