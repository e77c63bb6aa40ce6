"""Cases over the releases of a package as a person reads them: terminal, Markdown and page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from w2vbench.reports.drawing.columns import Line, ruled, wrapped
from w2vbench.reports.drawing.markdown import bullets, document, markdown_table, paragraphs, plain
from w2vbench.reports.drawing.templates import render
from w2vbench.reports.file.files import write_texts
from w2vbench.reports.file.schema.releases import ReleasedCase, Releases
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.statistics.units import LARGE, change, counted, faster, inverse, listed, seconds

from .releases import Level, ReleaseChange, changes, changes_of, largest_possible, levels

HEADER = ("release", "time", "over the oldest", "")
BARS = 24


def report(result: ResultFile, folder: Path) -> list[Path]:
    """Write ``versions.html`` and ``versions.md`` into a folder, and return their paths. Raises ResultError."""
    releases = result.w2vbench.releases
    assert releases is not None
    return write_texts(
        folder, {"versions.html": html(result), "versions.md": markdown(releases, result.w2vbench.warnings)}
    )


def heading(releases: Releases) -> str:
    names = list(releases.environments)
    return f"{releases.package} {names[0]} to {names[-1]}"


def describe(one: ReleaseChange, releases: Releases) -> str:
    """Return a change in a sentence: how large it is, which release brought it, and what else differs there."""
    places = {(other.case, other.before, other.after): other for other in releases.narrowed}
    found = places.get((one.case, one.before, one.after))
    last, first = (found.last, found.first) if found else (one.before, one.after)
    since = f"from {releases.package} {first} on; {last} is as before"
    if found and found.undecided:
        since += f", and {listed(found.undecided)} could not be told"
    others = other_packages(releases, (one.before, one.after))
    also = f" ({', '.join(others)} there too)" if others else ""
    return f"{faster(inverse(one.ratio), near=LARGE)} {since}{also}"


def outcome(releases: Releases, found: Sequence[ReleaseChange]) -> str:
    """Return the outcome in a sentence or two."""
    cases = counted(len(releases.cases), "case")
    if not found:
        possible, threshold = largest_possible(releases), f"{releases.threshold * 100:g} %"
        if possible <= releases.threshold:
            return f"No release changed any of {cases} by more than {threshold}."
        return (
            f"No change by more than {threshold} was found in {cases}, but changes of up to {possible * 100:.0f} % cannot be "
            "ruled out: more --processes narrow the intervals."
        )
    changed = len({one.case for one in found})
    return f"{counted(len(found), 'change')} of level in {changed} of {cases}. Changes below {releases.threshold * 100:g} % count as none."


def notes(releases: Releases) -> Iterator[str]:
    """Yield which releases have no figures, and what else differs between environments."""
    for release, why in releases.not_measured.items():
        yield f"{releases.package} {release} was not measured: {why}"
    for case in releases.cases:
        for release, why in case.failed.items():
            yield f"{case.case} at {release}: {why}"
    pythons = {one.python for one in releases.environments.values()}
    blas = dict.fromkeys(one.blas for one in releases.environments.values() if one.blas)
    yield f"Python {', '.join(sorted(pythons))}. BLAS: {' → '.join(blas)}."
    if others := list(beginnings(releases)):
        yield f"Other packages differ too, from the release in brackets on: {'; '.join(others)}."


def other_packages(releases: Releases, names_of: Sequence[str]) -> list[str]:
    """Return packages beside the one asked for that differ in the environments of some releases: ``llvmlite 0.44.0 → 0.45.1``."""
    every = [releases.environments[name] for name in names_of]
    names = sorted({name for one in every for name in one.packages} - {releases.package})
    versions = {name: list(dict.fromkeys(one.packages.get(name, "none") for one in every)) for name in names}
    return [f"{name} {' → '.join(its)}" for name, its in versions.items() if len(its) > 1]


def beginnings(releases: Releases) -> Iterator[str]:
    """Yield the versions of each other package that changes, and from which release on: ``numpy 2.3.5 → 2.4.6 (0.64.0)``."""
    every = releases.environments
    for name in sorted({name for one in every.values() for name in one.packages} - {releases.package}):
        versions = [(release, one.packages.get(name, "none")) for release, one in every.items()]
        steps = [f"{new} ({release})" for (_, old), (release, new) in pairwise(versions) if new != old]
        if steps:
            yield " → ".join([f"{name} {versions[0][1]}", *steps])


def cells(level: Level) -> tuple[str, str, str]:
    return level.release, seconds(level.seconds), change(level.ratio) if level.ratio else "–"


def bar(level: Level, highest: float) -> str:
    return "█" * max(1, round(BARS * level.seconds / highest))


def release_lines(releases: Releases, width: int) -> Iterator[Line]:
    """Yield each case at each release, with the changes of its level, then notes and the outcome."""
    found = changes(releases)
    yield from wrapped(heading(releases), width, "bold")
    for case in releases.cases:
        yield Line("")
        yield from wrapped(case.case, width, "bold")
        every = list(levels(case))
        if not every:
            continue
        highest = max(level.seconds for level in every)
        rows = [HEADER, *((*cells(level), bar(level, highest)) for level in every)]
        yield from ruled(rows, (0, 3))
        for one in changes_of(case, found):
            yield from wrapped(describe(one, releases), width, "bold", indent="  ")
    yield Line("")
    for note in notes(releases):
        yield from wrapped(note, width, "dim", indent="  ")
    yield from wrapped(outcome(releases, found), width, "bold")


def markdown(releases: Releases, warnings: Sequence[str] = ()) -> str:
    """Return all of it as Markdown."""
    found = changes(releases)
    cases = [
        (
            [f"## {plain(case.case)}"],
            markdown_table(HEADER[:3], [cells(one) for one in levels(case)], left=1),
            bullets(describe(one, releases) for one in changes_of(case, found)),
        )
        for case in releases.cases
    ]
    return document(
        [f"# w2vbench versions: {plain(heading(releases))}"],
        [plain(outcome(releases, found))],
        paragraphs(warnings, "**Warning:** "),
        *chain.from_iterable(cases),
        bullets(notes(releases)),
    )


HIGH, LEFT, RIGHT, BELOW = 200.0, 64.0, 30.0, 34.0
"""A chart's height, and its margins for the labels of the axes."""
NARROWEST, WIDEST, EACH = 340.0, 720.0, 80.0
"""A chart is as wide as its releases need, and NARROWEST on a phone, where fewer of them have labels: the last always has."""


def html(result: ResultFile) -> str:
    """Return a self-contained page with a chart and a table of each case."""
    releases = result.w2vbench.releases
    assert releases is not None
    found = changes(releases)
    return render(
        "versions.html",
        result=result,
        releases=releases,
        heading=heading(releases),
        outcome=outcome(releases, found),
        cases=[
            (
                case,
                drawings(case, found),
                [cells(one) for one in levels(case)],
                [describe(one, releases) for one in changes_of(case, found)],
            )
            for case in releases.cases
        ],
        header=HEADER[:3],
        notes=list(notes(releases)),
    )


def drawings(case: ReleasedCase, found: Sequence[ReleaseChange]) -> list[dict[str, Any]]:
    """Return a case's chart, and the one for a phone if it is too wide for that; none without points."""
    charts = [drawing(case, found, widest) for widest in (WIDEST, NARROWEST)]
    return list({chart["wide"]: chart for chart in charts if chart}.values())


def drawing(case: ReleasedCase, found: Sequence[ReleaseChange], widest: float = WIDEST) -> dict[str, Any] | None:
    """Return the coordinates of a case's chart: points with whiskers over releases, on a logarithmic scale; None without points."""
    every = list(levels(case))
    if not every:
        return None
    oldest = every[0].seconds
    ranges = [
        (oldest * (one.ratio.low or one.ratio.estimate), oldest * (one.ratio.high or one.ratio.estimate))
        if one.ratio
        else (one.seconds, one.seconds)
        for one in every
    ]
    low = min(min(low, one.seconds) for (low, _), one in zip(ranges, every, strict=True))
    high = max(max(high, one.seconds) for (_, high), one in zip(ranges, every, strict=True))
    middle, span = math.sqrt(low * high), max(math.log(high / low) * 1.15, math.log(1.2))

    def y(value: float) -> float:
        return round((HIGH - BELOW) * (0.5 - math.log(value / middle) / span), 1)

    wide = min(widest, max(NARROWEST, LEFT + RIGHT + EACH * len(every)))
    step = (wide - LEFT - 15 - RIGHT) / max(1, len(every) - 1)
    xs = [round(LEFT + 15 + step * at, 1) for at in range(len(every))]
    places = dict(zip([one.release for one in every], xs, strict=True))
    ticks = [middle * math.exp(span * share) for share in (-0.42, 0.0, 0.42)]
    each = max(1, math.ceil(52 / step))
    return {
        "wide": wide,
        "high": HIGH,
        "left": LEFT,
        "floor": HIGH - BELOW,
        "line": " ".join(f"{x},{y(one.seconds)}" for x, one in zip(xs, every, strict=True)),
        "points": [
            (x, y(one.seconds), y(high), y(low), one.release, seconds(one.seconds), (len(every) - 1 - at) % each == 0)
            for at, (x, one, (low, high)) in enumerate(zip(xs, every, ranges, strict=True))
        ],
        "ticks": [(y(value), seconds(value)) for value in ticks],
        "changes": [(places[one.before] + places[one.after]) / 2 for one in found if one.case == case.case],
    }
