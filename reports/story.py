"""What a race found, in a sentence, and what to use at its size: computed from the figures, whoever wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


from .frame import speedup, wall_s
from .results import ResultFile, Row
from .statistics import Interval, exponent
from .units import power, seconds, three

AS_FAST = 1.03
"""Cases whose time is within this factor of the fastest, or not clearly apart from it, count as just as fast."""


@dataclass(frozen=True)
class Finding:
    """One race's story. use: slugs to use at this size, the first being the fastest. fastest: its title."""

    problem: str
    found: str
    advice: str
    use: tuple[str, ...]
    fastest: str


def findings(result: ResultFile) -> list[Finding]:
    """A finding for each race that measured anything, in the file's order."""
    return [finding(rows, result.benchmarks) for rows in by_problem(result).values()]


def by_problem(result: ResultFile) -> dict[str, list[Row]]:
    """Measured rows, race by race."""
    races: dict[str, list[Row]] = {}
    for row in result.benchmarks:
        races.setdefault(row.group or "", []).append(row)
    return races


def finding(race: Sequence[Row], everything: Sequence[Row]) -> Finding:
    """The story of one race; growth is read off all races of the file."""
    fastest = min(race, key=wall_s)
    baseline = next((row for row in race if row.extra_info.baseline), None)
    tied = [row for row in race if row is not fastest and as_fast(row, fastest)]
    size = fastest.extra_info.size
    at = f"At V = {size.V:,}" + (f", B = {size.B:,}" if size.B != 1 else ", one row")
    what = f"{fastest.extra_info.title} is fastest, {seconds(wall_s(fastest))} a call"
    if baseline is None:
        found = f"{at}, {what}; the baseline was not measured, so there is no ratio."
    elif baseline in tied:
        found = f"{at}, nothing is clearly faster than the baseline, {baseline.extra_info.title} ({seconds(wall_s(baseline))} a call)."
    elif baseline is fastest:
        others = sorted((row for row in race if row is not fastest), key=wall_s)
        behind = f"; the next, {others[0].extra_info.title}, takes {three(wall_s(others[0]) / wall_s(fastest))} times as long" if others else ""
        found = f"{at}, nothing beats the baseline: {what}{behind}."
    else:
        ratio = speedup(fastest, baseline) or Interval(wall_s(baseline) / wall_s(fastest))
        faster = f"{three(ratio.estimate)} times faster than {baseline.extra_info.title} ({seconds(wall_s(baseline))})"
        found = f"{at}, {what}: {faster}{growing(fastest, baseline, everything)}."
    also = f"; {listed([row.extra_info.title for row in tied])} {'is' if len(tied) == 1 else 'are'} as fast within the noise" if tied else ""
    advice = f"Use {fastest.extra_info.implementation} ({fastest.extra_info.title}){also}."
    return Finding(fastest.group or "", found, advice, (fastest.extra_info.implementation, *(row.extra_info.implementation for row in tied)), fastest.extra_info.title)


def as_fast(row: Row, fastest: Row) -> bool:
    """Whether a case cannot be told from the fastest, or differs too little to matter."""
    ratio = speedup(fastest, row)
    return ratio is None or ratio.estimate < AS_FAST or (ratio.low is not None and ratio.low <= 1.0)


def growing(fastest: Row, baseline: Row, everything: Sequence[Row]) -> str:
    """How the two grow with V, where the file has enough vocabularies to tell."""
    winner, loser = growth(fastest, everything), growth(baseline, everything)
    if winner is None or loser is None:
        return ""
    flat = "stays flat" if abs(winner.estimate) < 0.1 else f"grows as {power(Interval(winner.estimate))}"
    return f"; it {flat} where the baseline grows as {power(Interval(loser.estimate))}"


def growth(row: Row, everything: Sequence[Row]) -> Interval | None:
    """A case's power of V over all cases of the file that differ from it in V alone."""
    mine, size = row.extra_info, row.extra_info.size
    alike = [
        other
        for other in everything
        if (other.extra_info.kernel, other.extra_info.implementation) == (mine.kernel, mine.implementation)
        and other.extra_info.size.model_copy(update={"V": size.V}) == size
        and other.extra_info.size.V >= 10_000
    ]
    return exponent([other.extra_info.size.V for other in alike], [wall_s(other) for other in alike])


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


