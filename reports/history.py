"""Stored runs over time: each case's times as a series, and where a series changes its level.

Change points are ruptures' (exact, by PELT, with a least-squares cost on logarithms). Of the two kept-up libraries it needs
nothing but NumPy and SciPy; apache-otava pins one version of NumPy and brings clients of three databases.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .acknowledged import Acknowledgement
from .between import UNSTEADY, corpus, described, machine, unsteady
from .frame import wall_s
from .results import ResultError, ResultFile, read
from .statistics import Floats
from .units import change, seconds

FEWEST_RUNS = 6
"""Runs that a series needs for a change point to be looked for."""
SHORTEST = 3
"""Least number of runs on either side of a change point."""
NOISE = 0.02
"""Runs of the same code differ by at least so much, as a standard deviation of logarithms, however few have been seen."""
PENALTY = 5.0
"""Cost of a change point, in variances times the logarithm of the number of runs: pure noise gets one in about 0.1 % of series."""
BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Point:
    """One run of one case. when: ISO time. commit: hash, ``+`` behind it where files were changed; empty if unknown.
    steady: whether the machine kept its speed in that run; if not, it is shown, but no change is found by it."""

    file: str
    when: str
    commit: str
    wall_s: float
    peak_bytes: int | None
    steady: bool = True


@dataclass(frozen=True)
class Change:
    """A change of level. ratio: time after over time before. acknowledged: why it is
    meant, if somebody has said so. undone: whether a later run is back at the level before."""

    ratio: float
    before: Point
    after: Point
    undone: bool = False
    acknowledged: str | None = None


@dataclass
class Series:
    """A case on one machine, run after run. covers: examples a call. otherwise: earlier runs whose calls covered other
    numbers of them, which are left out."""

    case: str
    points: list[Point] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    covers: dict[str, float] = field(default_factory=dict)
    otherwise: int = 0

    @property
    def steady(self) -> list[Point]:
        return [point for point in self.points if point.steady]

    @property
    def aside(self) -> str:
        """What is not shown of the case; empty if nothing is left out."""
        runs = f"{self.otherwise} earlier run{'s'[: self.otherwise > 1]}"
        return f"left out: {runs}, in which a call covered other work" if self.otherwise else ""


@dataclass
class Trend:
    """All series of one machine, on one corpus. unsteady: of the runs in which the machine's own speed varied, the file and by
    what factor: no change is found by them. warned: of all others with warnings, the file and the first of these."""

    machine: str
    runs: int = 0
    series: dict[str, Series] = field(default_factory=dict)
    corpus: str = ""
    unsteady: list[tuple[str, float]] = field(default_factory=list)
    warned: list[tuple[str, str]] = field(default_factory=list)

    @property
    def unanswered(self) -> bool:
        """Whether changes cannot be looked for, since too few of the runs were steady."""
        return bool(self.unsteady) and (
            self.runs - len(self.unsteady) < FEWEST_RUNS
            or any(len(one.points) >= FEWEST_RUNS > len(one.steady) for one in self.series.values())
        )


def stored(folder: Path) -> tuple[list[tuple[str, ResultFile]], list[str]]:
    """The runs kept in a folder, oldest first, and what was left out, with the reason. Raises ResultError if there is no folder."""
    if not folder.is_dir():
        raise ResultError(f"{folder}: no such folder; w2vbench run keeps its results there")
    found: list[tuple[datetime, str, ResultFile]] = []
    left = []
    for path in sorted(folder.rglob("*.json")):
        try:
            result = read(path)
        except ResultError as error:
            left.append(str(error))
            continue
        if result.w2vbench.engine != "run":
            left.append(f"{path}: not a run of w2vbench run, so its times cannot stand beside others")
        elif (when := moment_of(result.datetime)) is None:
            left.append(f"{path}: not known when it was made ({result.datetime!r})")
        else:
            found.append((when, str(path), result))
    return [(path, result) for _, path, result in sorted(found, key=lambda one: one[:2])], left


def moment_of(text: str) -> datetime | None:
    """An ISO time, taken for UTC if it does not say."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def trends(runs: Iterable[tuple[str, ResultFile]]) -> list[Trend]:
    """Every machine's series, changes not yet looked for. Only commands with the same corpus share a series, and only calls
    that cover as many examples: where that changed, the series begins anew."""
    by_machine: dict[Any, Trend] = {}
    for file, result in runs:
        trend = by_machine.setdefault(
            (machine(result), corpus(result)), Trend(described(result), corpus=corpus(result)[0])
        )
        trend.runs += 1
        commit = commit_of(result)
        steady = not unsteady(result)
        if not steady:
            trend.unsteady.append((file, result.w2vbench.environment["clock_variation"]))
        elif result.w2vbench.warnings:
            trend.warned.append((file, result.w2vbench.warnings[0]))
        for row in result.benchmarks:
            covers = row.extra_info.covers
            series = trend.series.setdefault(row.case, Series(row.case, covers=covers))
            if series.covers != covers:
                earlier = series.otherwise + len(series.points)
                series = trend.series[row.case] = Series(row.case, covers=covers, otherwise=earlier)
            series.points.append(Point(file, result.datetime, commit, wall_s(row), row.extra_info.peak_bytes, steady))
    return list(by_machine.values())


def notes(trend: Trend) -> Iterator[str]:
    """What of a machine's runs could not be used, or with doubts, and what to do."""
    if trend.unsteady:
        file, factor = max(trend.unsteady, key=lambda one: one[1])
        yield (
            f"{len(trend.unsteady)} of {trend.runs} runs are shown, but no change is looked for by them: the machine's own speed varied by "
            f"more than {UNSTEADY:g}-fold while they ran (most in {file}, {factor:.1f}-fold)"
        )
    if trend.unanswered:
        yield (
            f"{trend.runs - len(trend.unsteady)} steady runs are left, of {FEWEST_RUNS} that are needed, of some cases fewer: "
            "whether something became slower cannot be told; run again when the machine is quieter"
        )
    elif trend.runs < FEWEST_RUNS:
        yield f"changes are looked for from {FEWEST_RUNS} runs on"
    if trend.warned:
        file, warning = trend.warned[-1]
        yield f"{len(trend.warned)} of the steady runs had warnings, the last in {file}: {warning}"


def heading(trend: Trend, every: Sequence[Trend]) -> str:
    """A trend's machine, and its corpus where the machine has runs on several."""
    alone = sum(other.machine == trend.machine for other in every) == 1
    return trend.machine if alone else f"{trend.machine}, {trend.corpus.strip(chr(39))}"


def commit_of(result: ResultFile) -> str:
    known = result.commit_info.id or ""
    return "" if known in ("", "unversioned", "unknown") else known[:9] + ("+" if result.commit_info.dirty else "")


def find_all(trend: Trend, threshold: float, excuses: Sequence[Acknowledgement] = ()) -> None:
    """Look for changes in all series of a machine. What runs of the same code differ by is learnt from all of them
    together, since one short series knows little of its own noise."""
    long = [series for series in trend.series.values() if len(series.steady) >= FEWEST_RUNS]
    usual = float(np.median([own_noise(logs_of(series.steady)) for series in long])) if long else 0.0
    for series in long:
        find_changes(series, threshold, max(NOISE, usual), excuses)


def logs_of(points: Sequence[Point]) -> Floats:
    return np.log([point.wall_s for point in points])


def own_noise(logs: Floats) -> float:
    """Standard deviation of a series about its level, from the steps between neighbours, so that a change of level counts little."""
    return 1.4826 * float(np.median(np.abs(np.diff(logs)))) / math.sqrt(2)


def find_changes(
    series: Series, threshold: float, noise: float = NOISE, excuses: Sequence[Acknowledgement] = ()
) -> None:
    """Look for changes of level larger than a threshold. Raises ResultError where ruptures is not installed."""
    points = series.steady
    logs = logs_of(points)
    starts = [0, *change_points(logs, max(noise, own_noise(logs))), len(logs)]
    levels = [float(np.median(logs[a:b])) for a, b in pairwise(starts)]
    margin, told = math.log1p(threshold), levels[0]  # the level that was told of last, so that creeping adds up
    for number, at in enumerate(starts[1:-1], 1):
        shift = levels[number] - told
        if abs(shift) > margin:
            undone = shift > margin and any(level - told <= margin for level in levels[number + 1 :])
            before, after = points[at - 1], points[at]
            excused = excuse(series.case, before.when, excuses)
            series.changes.append(Change(math.exp(shift), before, after, undone, excused))
            told = levels[number]


def excuse(case: str, since: str, excuses: Sequence[Acknowledgement]) -> str | None:
    """Why a change is meant: an acknowledgement given after the last run before it."""
    before = moment_of(since)
    return next((one.why for one in excuses if one.covers(case) and (before is None or one.when >= before)), None)


def change_points(logs: Floats, noise: float) -> list[int]:
    """Indices at which a series of logarithms changes its level. noise: standard deviation about a level."""
    try:
        import ruptures
    except ImportError:
        raise ResultError("change points need ruptures, which is not installed: pip install ruptures") from None
    found = ruptures.KernelCPD(kernel="linear", min_size=SHORTEST).fit(logs.reshape(-1, 1))
    return [int(at) for at in found.predict(pen=PENALTY * noise**2 * math.log(len(logs)))[:-1]]


def failing(change: Change, threshold: float) -> bool:
    """Whether a change is a slowdown that still stands and that nobody has acknowledged."""
    return change.ratio > 1 + threshold and not change.undone and change.acknowledged is None


def sparkline(series: Series) -> str:
    """A series as bars of a line's height, on a logarithmic scale of at least 10 % from bottom to top."""
    logs = logs_of(series.points)
    low, high = float(logs.min()), float(logs.max())
    middle, span = (low + high) / 2, max(high - low, math.log(1.1))
    places = np.clip((logs - middle) / span + 0.5, 0, 1) * (len(BARS) - 1)
    return "".join(BARS[round(float(place))] for place in places)


def said(change: Change) -> str:
    """A change in a few words."""
    where = f"{change.before.commit or moment(change.before)} → {change.after.commit or moment(change.after)}"
    state = (
        f", intended ({change.acknowledged})"
        if change.acknowledged is not None
        else ", undone since"
        if change.undone
        else ""
    )
    direction = "slower" if change.ratio > 1 else "faster"
    return f"{direction} by {change_text(change.ratio)} between {where}{state}"


def moment(point: Point) -> str:
    return point.when[:16].replace("T", " ")


def change_text(ratio: float) -> str:
    return change(max(ratio, 1 / ratio), None, None).removeprefix("+")


def as_json(found: Sequence[Trend]) -> str:
    return json.dumps(
        [
            {
                "machine": trend.machine,
                "corpus": trend.corpus.strip("'"),
                "runs": trend.runs,
                "unsteady": trend.unsteady,
                "notes": list(notes(trend)),
                "series": [
                    {
                        "case": series.case,
                        "left_out": series.aside,
                        "points": [vars(point) for point in series.points],
                        "changes": [
                            {
                                **{k: v for k, v in vars(one).items() if k not in ("before", "after")},
                                "before": vars(one.before),
                                "after": vars(one.after),
                            }
                            for one in series.changes
                        ],
                    }
                    for series in trend.series.values()
                ],
            }
            for trend in found
        ],
        indent=1,
    )


def html(found: Sequence[Trend], left: Sequence[str], threshold: float) -> str:
    """A self-contained page: each case's series as a small drawing, those that changed first."""
    from .page import templates

    return (
        templates()
        .get_template("history.html")
        .render(
            trends=found,
            left=left,
            ordered=ordered,
            drawing=drawing,
            said=said,
            seconds=seconds,
            failing=failing,
            heading=heading,
            notes=notes,
            threshold=threshold,
        )
    )


def ordered(trend: Trend) -> list[Series]:
    """Series with changes first, the largest on top."""
    return sorted(
        trend.series.values(), key=lambda one: -max((abs(math.log(c.ratio)) for c in one.changes), default=0.0)
    )


WIDE, HIGH = 240.0, 36.0


def drawing(series: Series) -> dict[str, Any]:
    """Coordinates of a series' line, of its points and of its changes, in a box of WIDE by HIGH."""
    logs = logs_of(series.points)
    middle = float(logs.max() + logs.min()) / 2
    span = max(float(logs.max() - logs.min()), math.log(1.1))
    xs = np.linspace(4, WIDE - 4, len(logs)) if len(logs) > 1 else np.array([WIDE / 2])
    ys = HIGH / 2 - (logs - middle) / span * (HIGH - 8)
    points = [(round(float(x), 1), round(float(y), 1)) for x, y in zip(xs, ys, strict=True)]
    return {
        "line": " ".join(f"{x},{y}" for x, y in points),
        "dots": list(zip(points, series.points, strict=True)),
        "changes": [
            (points[series.points.index(one.before)][0] + points[series.points.index(one.after)][0]) / 2
            for one in series.changes
        ],
    }
