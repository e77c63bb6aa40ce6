"""The page on training runs: speed against quality, losses, and the table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .files import write_texts
from .result_schema import ResultFile
from .templates import KINDS, render
from .training import (
    HEADER,
    PEER,
    SCORES,
    Trained,
    by_kernel,
    describe_data,
    describe_method,
    markdown,
    row,
    summaries,
)
from .units import rate

WIDE, HIGH = 480.0, 260.0
LEFT, RIGHT = 52.0, 92.0
"""Margins for the numbers on the left and for a name on the right."""
NAME_WIDE, NAME_HIGH = 84.0, 14.0
"""Size of a line's name in a drawing."""
LETTER, DOT = 7.2, 5.0
"""Width of a letter, and radius of a point."""
STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Distances between grid lines. The first is used of which five are enough."""
SPAN = 8.0
"""Largest range of losses that is drawn. Higher losses, of runs that diverged, are drawn at the top."""


class Axes:
    """A logarithmic axis across, in whole powers of ten, and a linear one up: from values to places in the drawing."""

    def __init__(self, values: Iterable[float], bottom: float, top: float, step: float) -> None:
        logs = [math.log10(max(1.0, value)) for value in values]
        self.first = math.floor(min(logs))
        self.last = max(self.first + 1, math.ceil(max(logs)))
        self.bottom, self.top, self.step = bottom, top, step

    def across(self, value: float) -> float:
        share = (math.log10(max(1.0, value)) - self.first) / (self.last - self.first)
        return round(LEFT + share * (WIDE - LEFT - RIGHT), 1)

    def up(self, value: float) -> float:
        return round(HIGH - 34 - (min(value, self.top) - self.bottom) / (self.top - self.bottom) * (HIGH - 50), 1)

    def ticks(self, text: Callable[[float], str]) -> dict[str, list[tuple[float, str]]]:
        """Places and labels of both axes' ticks; ``text`` gives the labels of the one up."""
        steps = [self.bottom + self.step * at for at in range(round((self.top - self.bottom) / self.step) + 1)]
        powers = range(self.first, self.last + 1)
        return {
            "across": [(self.across(10.0**power), axis_label(power)) for power in powers],
            "up": [(self.up(step), text(step)) for step in steps],
        }


def axis_label(power: int) -> str:
    """A power of ten for an axis: ``100k``."""
    return f"{10 ** (power % 3)}{('', 'k', 'M', 'G', 'T')[power // 3]}"


def drawing(every: Sequence[Trained], score: str) -> dict[str, Any]:
    """Return a plot of a score against words per second, on a logarithmic scale: points, intervals, and ticks of both axes."""
    points = [
        (implementation, speed, value)
        for implementation in every
        if (speed := implementation.speed()) and (value := implementation.score(score))
    ]
    if not points:
        return {}
    ends = [end for _, _, value in points for end in (value.low, value.high, value.estimate) if end is not None]
    step = next(size for size in STEPS if size * 5 >= max(ends) - min(0.0, *ends) or size == STEPS[-1])
    bottom, top = math.floor(min(0.0, *ends) / step) * step, max(1, math.ceil(max(ends) / step)) * step
    axes = Axes((speed.estimate for _, speed, _ in points), bottom, top, step)
    places = [
        (
            axes.across(speed.estimate),
            axes.up(value.estimate),
            f"{implementation.slug}{f', {implementation.threads} threads' * (implementation.threads > 1)}",
        )
        for implementation, speed, value in points
    ]
    return {
        "points": [
            {
                "name": name,
                "x": x,
                "y": y,
                "low": y if value.low is None else axes.up(value.low),
                "high": y if value.high is None else axes.up(value.high),
                "label_x": label_x,
                "label_y": label_y,
                "family": KINDS[implementation.family],
                "peer": implementation.slug == PEER,
                "title": f"{implementation.slug}: {rate(speed.estimate)} words a second, {value.estimate:.3f}",
            }
            for (implementation, speed, value), (x, y, name), (label_x, label_y) in zip(
                points, places, place_names(places), strict=True
            )
        ],
        **axes.ticks(lambda tick: f"{tick * 100:.3g} %" if score == "analogies" else f"{tick:.2f}"),
    }


def place_names(points: Sequence[tuple[float, float, str]]) -> list[tuple[float, float]]:
    """Return where the names of points begin: beside, above or below each, clear of all points and of other names."""
    taken = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y, _ in points]
    places = []
    for x, y, name in points:
        wide = LETTER * len(name)
        sides = [(x + 8, y + 4), (x - 8 - wide, y + 4), (x - wide / 2, y - 9), (x - wide / 2, y + 18)]
        further = [(left, y + 4 + way * at) for at in range(14, 140, 7) for left, _ in sides[:2] for way in (-1, 1)]
        boxes = [(left, base - 11, left + wide, base + 3) for left, base in (*sides, *further)]
        clear = [
            box
            for box in boxes
            if box[0] >= LEFT and box[2] <= WIDE and box[1] >= 0 and box[3] <= HIGH - 34
            if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken)
        ]
        box = clear[0] if clear else boxes[0]
        taken.append(box)
        places.append((round(box[0], 1), round(box[1] + 11, 1)))
    return places


def without_overlap(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Places of names; a name that would cover another is moved above it."""
    taken: dict[int, tuple[float, float]] = {}
    for at, (x, y) in sorted(enumerate(places), key=lambda place: place[1][0]):
        while any(abs(x - other_x) < NAME_WIDE and abs(y - other_y) < NAME_HIGH for other_x, other_y in taken.values()):
            y -= 2
        taken[at] = (x, round(y, 1))
    return [taken[at] for at in range(len(places))]


def curves(every: Sequence[Trained]) -> dict[str, Any]:
    """Return a plot of held-out loss, the mean over seeds, against words trained on, on a logarithmic scale: lines and ticks."""
    lines: list[tuple[Trained, list[list[float]]]] = []
    for implementation in every:
        if seeds := [run.curve for run in implementation.ok_runs if run.curve]:
            shortest = min(map(len, seeds))
            lines.append((implementation, np.mean([curve[:shortest] for curve in seeds], axis=0).tolist()))
    if not lines:
        return {}
    losses = [loss for _, line in lines for _, loss in line]
    least, most = min(losses), max(losses)
    bottom, top = math.floor(least * 2) / 2, math.ceil(min(most, least + SPAN) * 2 + 0.01) / 2
    axes = Axes((words for _, line in lines for words, _ in line), bottom, top, step=0.5)
    labels = without_overlap([(axes.across(line[-1][0]) + 6, axes.up(line[-1][1]) + 4) for _, line in lines])
    return {
        "lines": [
            {
                "name": implementation.key.partition("/")[2],
                "points": " ".join(f"{axes.across(words)},{axes.up(loss)}" for words, loss in line),
                "x": x,
                "y": y,
                "family": KINDS[implementation.family],
                "peer": implementation.slug == PEER,
            }
            for (implementation, line), (x, y) in zip(lines, labels, strict=True)
        ],
        **axes.ticks(lambda tick: f"{'≥ ' * (tick == top < most)}{tick:.1f}"),
    }


def report(result: ResultFile, folder: Path) -> list[Path]:
    """Write ``quality.html`` and ``quality.md`` into a folder, and return their paths.

    Raises
    ------
    ResultError
        If a file cannot be written.
    """
    assert result.w2vbench.training is not None
    return write_texts(folder, {"quality.html": html(result), "quality.md": markdown(result.w2vbench.training)})


def html(result: ResultFile) -> str:
    """Return a self-contained page with a plot of speed against each score, and a table, for each kernel."""
    training = result.w2vbench.training
    assert training is not None
    return render(
        "quality.html",
        result=result,
        data=describe_data(training),
        method=describe_method(training),
        summaries=list(summaries(training)),
        header=HEADER,
        kernels={
            kernel: {
                "rows": list(map(row, some)),
                "curves": curves(some),
                "drawings": {label: drawn for score, label in SCORES.items() if (drawn := drawing(some, score))},
            }
            for kernel, some in by_kernel(training).items()
        },
        wide=WIDE,
        high=HIGH,
        left=LEFT,
        right=WIDE - RIGHT,
    )
