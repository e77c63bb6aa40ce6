"""Charts of a result file as SVG, which a notebook shows: time or memory against the vocabulary or the batch.

They are plain: the page of a run draws more (``reports/web/charts.js``), and in a notebook no script of ours may run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from markupsafe import escape
from w2vbench.reports.file.files import ResultError, read, write
from w2vbench.reports.file.frame import wall_time
from w2vbench.reports.file.memory import call_peak, setup_peak
from w2vbench.reports.file.schema.result import ResultFile, Row
from w2vbench.reports.findings.answers import FAMILIES, Answer, answers, at_one_size, by_kernel
from w2vbench.reports.findings.sizes import types
from w2vbench.reports.statistics.units import seconds, size_bytes

if TYPE_CHECKING:
    from w2vbench.reports.file.schema.fields import Family

COLOURS: dict[Family, str] = dict(zip(FAMILIES, ("#b5460f", "#1d5fb0", "#0b7a6f", "#8b3a9c"), strict=True))
"""A family's colour, as on the page of a run."""
INK, SOFT, FAINT, GRID, PAPER = "#16191d", "#525b66", "#b4bcc5", "#e9ecef", "#ffffff"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
WIDTH, LEFT, TOP, BOTTOM = 720, 78, 58, 54
LINE, LETTER = 15, 7.1
"""Height of a label, and a letter's width in bold."""
SURE = 1.15
"""An interval whose ends differ by less is not drawn."""


@dataclass(frozen=True)
class Figure:
    """A chart. A notebook shows it; elsewhere ``save`` it."""

    title: str  # what it shows
    svg: str  # the drawing, as the text of an SVG file

    def _repr_svg_(self) -> str:
        """What IPython asks for."""
        return self.svg

    def save(self, path: str | Path) -> None:
        """Write the drawing to an SVG file."""
        write(Path(path), self.svg)

    def __repr__(self) -> str:
        return f"<Figure: {self.title}>"


@dataclass(frozen=True)
class Point:
    """A figure at a size, with the ends of its 95 % interval where there is one."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """The figures of one implementation. recommended: whether it is the one to use at the size that is shown first."""

    name: str
    family: Family
    recommended: bool
    points: tuple[Point, ...]


def figure(result: ResultFile | str | Path, kernel: str, *, of: Literal["time", "memory"] = "time") -> Figure:
    """Draw how the time or the memory of a kernel's implementations grows with the vocabulary.

    Of several batch sizes or dtypes, those of the size that a report shows first are drawn. A kernel that was measured at one
    vocabulary is drawn against the batch.

    Parameters
    ----------
    result
        A result file, or its path.
    kernel
        The kernel's name, such as ``lookup``.
    of
        ``time`` of a call; or ``memory``, the most that a call allocates and what set-up keeps.

    Returns
    -------
    Figure
        The chart, which a notebook shows.

    Raises
    ------
    ResultError
        If the file is no result file, or has no figures of this kernel.
    ValueError
        If ``of`` is something else.
    """
    if of not in FIGURES:
        raise ValueError(f"of must be {' or '.join(FIGURES)}, not {of!r}")
    whole = result if isinstance(result, ResultFile) else read(result)
    found = by_kernel(answers(whole))
    if kernel not in found:
        raise ResultError(f"no figures of {kernel}: the file has {', '.join(found) or 'none'}")
    shown = next(one for one in at_one_size(whole) if one.kernel == kernel)
    axis, its = against(shown, found[kernel])
    name, unit, value = FIGURES[of]
    series = list(series_of(its, axis, shown, value))
    if not series:
        raise ResultError(f"no figures of {kernel}'s {of} in the file")
    fixed = ", ".join(
        f"{key} = {getattr(shown.size, key):,}" for key in "VHBK" if key != axis and getattr(shown.size, key) > 1
    )
    title = f"{kernel}: {name}, {fixed}, {shown.size.dtype}"
    return Figure(title, "".join(drawing(series, title, AXES[axis], unit)))


AXES = {"V": "V, different words", "B": "B, words, bags or examples a call"}


def call_time(row: Row) -> Point:
    wall = wall_time(row)
    return Point(0, wall.estimate, wall.low, wall.high)


def memory_held(row: Row) -> Point | None:
    call, kept = call_peak(row.extra_info), setup_peak(row.extra_info)
    size = sum(peak.size_bytes for peak in (call, kept) if peak)
    return Point(0, size) if call and size else None


FIGURES: dict[str, tuple[str, Callable[[float], str], Callable[[Row], Point | None]]] = {
    "time": ("time per call", seconds, call_time),
    "memory": ("memory of a call and of set-up", size_bytes, memory_held),
}
"""What can be drawn: its name, its figures as text, and a case's figure."""


def against(shown: Answer, every: Sequence[Answer]) -> tuple[Literal["V", "B"], list[Answer]]:
    """Return the dimension to draw against, and the problems that differ from the one that is shown in nothing else."""

    def differ_in(axis: str) -> list[Answer]:
        def rest(answer: Answer) -> tuple[object, ...]:
            return types(answer.size), *(getattr(answer.size, key) for key in "VHBK" if key != axis)

        return sorted((one for one in every if rest(one) == rest(shown)), key=lambda one: getattr(one.size, axis))

    over_words, over_batches = differ_in("V"), differ_in("B")
    return ("V", over_words) if len(over_words) >= len(over_batches) else ("B", over_batches)


def series_of(
    its: Sequence[Answer], axis: str, shown: Answer, value: Callable[[Row], Point | None]
) -> Iterator[Series]:
    """Yield the figures of each implementation, in the order of the file."""
    for slug, family in {row.slug: row.extra_info.family for answer in its for row in answer.rows}.items():
        found = [
            Point(getattr(answer.size, axis), point.y, point.low, point.high)
            for answer in its
            for row in answer.rows
            if row.slug == slug and (point := value(row))
        ]
        if found:
            yield Series(slug, family, slug == shown.use.slug, tuple(found))


def drawing(series: Sequence[Series], title: str, x_title: str, unit: Callable[[float], str]) -> Iterator[str]:
    """Yield an SVG file's text: lines on logarithmic axes, with their names at their ends."""
    height = max(330, TOP + BOTTOM + LINE * len(series))
    points = [point for one in series for point in one.points]
    sizes = sorted({point.x for point in points})
    bottom, right = height - BOTTOM, WIDTH - 90 - LETTER * max(len(one.name) for one in series)
    x = logarithmic(sizes[0], sizes[-1], LEFT + 16, right - 16)
    least, most = min(point.y for point in points), max(point.y for point in points)
    decades = range(
        math.floor(math.log10(least) + 1e-9),
        max(math.ceil(math.log10(most) - 1e-9), 1 + math.floor(math.log10(least))) + 1,
    )
    y = logarithmic(10.0 ** decades[0], 10.0 ** decades[-1], bottom, TOP)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" font-family="{FONT}" font-size="12.5"><title>{escape(title)}</title>'
        f'<rect width="100%" height="100%" rx="6" fill="{PAPER}"/>'
    )
    yield text(16, 26, title, INK, size=14, weight=600)
    yield from legend({one.family for one in series})
    for decade in decades:
        at = y(10.0**decade)
        yield line([(LEFT, at), (right, at)], GRID)
        if decade % math.ceil(len(decades) / 9) == 0:
            yield text(
                LEFT - 8, at + 4, unit(10.0**decade).replace(".00 ", " ").replace(".0 ", " "), SOFT, anchor="end"
            )
    yield line([(LEFT, bottom), (right, bottom)], SOFT)
    for size in sizes:
        yield line([(x(size), bottom), (x(size), bottom + 4)], SOFT)
        yield text(x(size), bottom + 19, f"{size:,.0f}", SOFT, anchor="middle")
    yield text((LEFT + right) / 2, height - 12, x_title, SOFT, anchor="middle")
    for one in series:
        yield from curve(one, x, y)
    yield from names(series, x, y, right, bottom, unit)
    yield "</svg>\n"


def logarithmic(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """Return a scale from figures to places; a single figure stands in the middle."""
    if low == high:
        return lambda value: (start + end) / 2
    return lambda value: start + (end - start) * math.log(value / low) / math.log(high / low)


def curve(one: Series, x: Callable[[float], float], y: Callable[[float], float]) -> Iterator[str]:
    colour = COLOURS[one.family]
    yield line([(x(point.x), y(point.y)) for point in one.points], colour, 2.6 if one.recommended else 1.3)
    for point in one.points:
        if point.low and point.high and point.high > SURE * point.low:
            # an interval of few processes may reach far beyond what can be drawn
            ends = [max(point.low, point.y / 10), min(point.high, point.y * 10)]
            yield line([(x(point.x), y(end)) for end in ends], colour, 1, opacity=0.55)
        yield mark(one.family, x(point.x), y(point.y), 4.4 if one.recommended else 3.4)


def names(
    series: Sequence[Series],
    x: Callable[[float], float],
    y: Callable[[float], float],
    right: float,
    bottom: float,
    unit: Callable[[float], str],
) -> Iterator[str]:
    """Each line's name and last figure at its end, moved apart where they would overlap."""
    ends = sorted(series, key=lambda one: -one.points[-1].y)
    wanted = [y(one.points[-1].y) for one in ends]
    for one, at in zip(ends, apart(wanted, TOP, bottom), strict=True):
        last = one.points[-1]
        start = x(last.x) + 7
        yield line([(start, y(last.y)), (max(start, right - 4), y(last.y)), (right + 14, at)], FAINT, 0.8)
        yield text(right + 18, at + 4, one.name, COLOURS[one.family], weight=700 if one.recommended else 400)
        yield text(WIDTH - 12, at + 4, unit(last.y), SOFT, anchor="end", size=11.5)


def apart(wanted: Sequence[float], top: float, bottom: float) -> list[float]:
    """Return places at least a label apart, in order and within the two ends, near to those that are wanted (which ascend)."""
    places: list[float] = []
    for at in wanted:
        places.append(max(at, top if not places else places[-1] + LINE))
    limit = bottom
    for at in reversed(range(len(places))):
        places[at] = min(places[at], limit)
        limit = places[at] - LINE
    return places


def legend(families: Iterable[Family]) -> Iterator[str]:
    at = 16.0
    for family in FAMILIES:
        if family in {*families}:
            yield mark(family, at + 5, 42, 4)
            yield text(at + 14, 46, family, SOFT, size=11.5)
            at += 34 + 6.2 * len(family)
    yield text(at, 46, "bold: the one to use", SOFT, size=11.5)


def mark(family: Family, x: float, y: float, r: float) -> str:
    """A family's mark: square, circle, diamond or triangle."""
    shapes = {
        "textbook": f"M{x - r:.1f} {y - r:.1f}h{2 * r:.1f}v{2 * r:.1f}h{-2 * r:.1f}z",
        "NumPy/SciPy": f"M{x - r:.1f} {y:.1f}a{r} {r} 0 1 0 {2 * r:.1f} 0a{r} {r} 0 1 0 {-2 * r:.1f} 0z",
        "compiled": f"M{x:.1f} {y - 1.3 * r:.1f}l{1.3 * r:.1f} {1.3 * r:.1f}l{-1.3 * r:.1f} {1.3 * r:.1f}l{-1.3 * r:.1f} {-1.3 * r:.1f}z",
        "framework": f"M{x:.1f} {y - 1.2 * r:.1f}l{1.2 * r:.1f} {2.1 * r:.1f}h{-2.4 * r:.1f}z",
    }
    return f'<path d="{shapes[family]}" fill="{COLOURS[family]}" stroke="{PAPER}" stroke-width="1"/>'


def line(places: Sequence[tuple[float, float]], colour: str, width: float = 1, opacity: float = 1) -> str:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    faint = f' opacity="{opacity}"' if opacity < 1 else ""
    return f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="{width}"{faint}/>'


def text(
    x: float, y: float, content: str, colour: str, *, anchor: str = "start", size: float = 12.5, weight: int = 400
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}">'
        f"{escape(content)}</text>"
    )
