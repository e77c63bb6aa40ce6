"""Plots of a result file, as Plotly's JSON: time against the vocabulary or the batch, both logarithmic."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .units import seconds

if TYPE_CHECKING:
    import pandas as pd

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#7F7F7F", "#A05DC8")
"""Okabe and Ito's colours, which colour-blind readers can tell apart, and three more; an implementation keeps its own."""

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star", "hexagon")


def figures(cases: pd.DataFrame) -> list[dict[str, Any]]:
    """For every kernel, time against V and against B: of the sizes that differ in nothing else, the longest row.

    Of rows as long, the one that goes furthest, and then the one with the most work.
    """
    made = []
    measured = cases[cases.status == "ok"]
    for kernel, mine in measured.groupby("kernel", sort=False):
        styles = {slug: at for at, slug in enumerate(dict.fromkeys(cases[cases.kernel == kernel].implementation))}
        for axis, other in (("V", "B"), ("B", "V")):
            alike = [name for name in ("V", "H", "B", "K", "dtype", "index", "words", "threads") if name != axis]
            rows = [series for _, series in mine.groupby(alike, sort=False) if series[axis].nunique() > 1]
            if rows:
                longest = max(
                    rows, key=lambda series: (series[axis].nunique(), series[axis].max(), series[other].max())
                )
                made.append(figure(str(kernel), axis, f"{other} = {longest[other].iloc[0]:,}", longest, styles))
    return made


def figure(kernel: str, axis: str, fixed: str, series: pd.DataFrame, styles: dict[str, int]) -> dict[str, Any]:
    """Wall time of each implementation against one dimension."""
    traces = []
    for slug, cases in series.groupby("implementation", sort=False):
        at = styles[str(slug)]
        ordered = cases.sort_values(axis)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": escaped(ordered.title.iloc[0]),
                "x": ordered[axis].to_list(),
                "y": ordered.wall_s.to_list(),
                "text": [seconds(value) for value in ordered.wall_s],
                "hovertemplate": f"%{{text}} at {axis} = %{{x:,}}<extra>%{{fullData.name}}</extra>",
                "line": {"color": COLOURS[at % len(COLOURS)], "width": 2},
                "marker": {"symbol": SYMBOLS[at % len(SYMBOLS)], "size": 7},
            }
        )
    meaning = {"V": "vocabulary V", "B": "batch B"}[axis]
    decades = range(math.floor(math.log10(series.wall_s.min())), math.ceil(math.log10(series.wall_s.max())) + 1)
    places = sorted(series[axis].unique().tolist())
    return {
        "kernel": kernel,
        "title": f"{kernel}: time a call against {meaning} ({fixed})",
        "data": traces,
        "x": {"title": meaning, "at": places, "labels": [f"{place:,}" for place in places]},
        "y": {
            "title": "time a call",
            "at": [10.0**decade for decade in decades],
            "labels": [unit(decade) for decade in decades],
        },
    }


def unit(decade: int) -> str:
    """A power of ten seconds as a label: ``10 µs``."""
    number, _, name = seconds(10.0**decade).partition(" ")
    return f"{float(number.replace(',', '')):g} {name}"


def escaped(text: str) -> str:
    """Plotly reads a few HTML tags in its labels; a title from a file must not be able to use them."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
