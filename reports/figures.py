"""Plots of a result file, as Plotly's JSON. An implementation has the same colour and symbol in all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .frame import DIMENSIONS
from .limits import INTERPRETER
from .memory import RESIDENT
from .statistics import Interval
from .story import headline
from .tables import memory_text
from .units import faster, seconds, size_bytes

if TYPE_CHECKING:
    import pandas as pd

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#7F7F7F", "#A05DC8", "#882255")
"""Okabe and Ito's colours, which colour-blind readers can distinguish, and four more."""

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star", "hexagon", "bowtie")
MEANING = {"V": "vocabulary V", "B": "batch B"}


def styles(cases: pd.DataFrame) -> dict[str, dict[str, tuple[str, str]]]:
    """Return colour and symbol of each implementation by kernel, in order from textbook to fastest."""
    by_kernel: dict[str, dict[str, tuple[str, str]]] = {}
    for kernel, slug in dict.fromkeys(zip(cases.kernel, cases.implementation, strict=True)):
        by_slug = by_kernel.setdefault(str(kernel), {})
        by_slug[str(slug)] = style(len(by_slug))
    return by_kernel


def style(number: int) -> tuple[str, str]:
    """Colour and symbol of an implementation by its number; a repeated colour has another symbol."""
    return COLOURS[number % len(COLOURS)], SYMBOLS[(number + number // len(COLOURS)) % len(SYMBOLS)]


def figures(cases: pd.DataFrame, stages: Mapping[str, Mapping[str, float]] | None = None) -> list[dict[str, Any]]:
    """Return all plots of a result file.

    For every kernel: time and memory against V and against B, speed-ups, shares of the roofline limit, and where a step's time
    goes. Then CPU time against wall time of all cases.

    Parameters
    ----------
    cases
        The file's data frame.
    stages
        Seconds in each stage of a training step, by case.
    """
    measured, stages = cases[cases.status == "ok"], stages or {}
    plots = []
    for name, its_cases in measured.groupby("kernel", sort=False):
        kernel = str(name)
        its_styles = styles(cases[cases.kernel == kernel])[kernel]
        for axis, series in lines(its_cases):
            plots.append(line_figure(kernel, axis, series, its_styles, "wall_s"))
            if (series.memory_bytes > 0).any():
                plots.append(line_figure(kernel, axis, series, its_styles, "memory_bytes"))
        problem = its_cases[its_cases.problem == headline(list(its_cases.problem.unique()))]
        if problem.speedup.notna().any():
            plots.append(speedup_figure(kernel, problem, its_styles))
        if (problem.limit_share.notna() & (problem.limit != INTERPRETER)).any():
            plots.append(limit_figure(kernel, problem, its_styles))
        if staged := [case for case in problem.case if case in stages]:
            plots.append(stage_figure(kernel, problem, {case: stages[case] for case in staged}))
    return [*plots, cpu_figure(measured)] if len(measured) else plots


def lines(cases: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the cases that differ only in V, and those that differ only in B.

    Of several such series, the one with most sizes is taken; then the one with the largest size, then with the most work.
    """
    for axis, other in (("V", "B"), ("B", "V")):
        others = [name for name in DIMENSIONS if name != axis]
        rows = [series for _, series in cases.groupby(others, sort=False) if series[axis].nunique() > 1]
        if rows:
            yield axis, max(rows, key=lambda series: (series[axis].nunique(), series[axis].max(), series[other].max()))


def trace(kernel: str, slug: str, style: tuple[str, str], **more: Any) -> dict[str, Any]:
    colour, symbol = style
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": escaped(slug),
        "meta": f"{kernel}/{slug}",
        "line": {"color": colour, "width": 2},
        "marker": {"symbol": symbol, "size": 7, "color": colour},
        **more,
    }


def line_figure(
    kernel: str, axis: str, series: pd.DataFrame, styles: dict[str, tuple[str, str]], column: str
) -> dict[str, Any]:
    """Wall time (with intervals) or peak memory of each implementation against V or B, with the fitted power."""
    series = series[series[column] > 0]
    is_time = column == "wall_s"
    growth = f"growth_{axis}" if is_time else "memory_growth_V"
    traces = []
    for name, cases in series.groupby("implementation", sort=False):
        slug, ordered = str(name), cases.sort_values(axis)
        values, power = ordered[column].to_list(), ordered[growth].iloc[0]
        grows = f" · {axis}^{power:.2f}" if growth.endswith(axis) and power == power else ""
        more: dict[str, Any]
        if is_time:
            ends = error(values, ordered.wall_low_s.to_list(), ordered.wall_high_s.to_list())
            more = {"text": list(map(seconds, values)), "error_y": ends}
        else:
            colour, symbol = styles[slug]
            more = {"text": list(map(memory_text, values, ordered.memory_kind))}
            if (ordered.memory_kind == RESIDENT).any():
                symbols = [f"{symbol}-open" if kind == RESIDENT else symbol for kind in ordered.memory_kind]
                more["marker"] = {"symbol": symbols, "size": 7, "color": colour}
        hover = f"%{{text}} at {axis} = %{{x:,}}{grows}<extra>%{{fullData.name}}</extra>"
        x = ordered[axis].to_list()
        traces.append(trace(kernel, slug, styles[slug], x=x, y=values, hovertemplate=hover, **more))
    other = "B" if axis == "V" else "V"
    places = sorted(series[axis].unique().tolist())
    what = "time per call" if is_time else "peak memory of a call"
    open_symbols = "; open symbols: resident" if not is_time and (series.memory_kind == RESIDENT).any() else ""
    return {
        "kernel": kernel,
        "title": f"{what.capitalize()} against {MEANING[axis]} ({other} = {series[other].iloc[0]:,}{open_symbols})",
        "data": traces,
        "x": {"title": MEANING[axis], "type": "log", "at": places, "labels": [f"{place:,}" for place in places]},
        "y": log_axis(what, series[column].min(), series[column].max(), "s" if is_time else "B"),
    }


CATEGORIES = {"title": "", "type": "category"}
"""The axis of implementations."""


def speedup_figure(kernel: str, problem: pd.DataFrame, styles: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """The speed-up of each implementation over the baseline, with its interval."""
    traces = []
    for case in problem[problem.speedup.notna()].itertuples():
        slug, ratio = str(case.implementation), float(str(case.speedup))
        traces.append(
            trace(
                kernel,
                slug,
                styles[slug],
                x=[ratio],
                y=[escaped(slug)],
                text=["baseline" if case.baseline else faster(Interval(ratio))],
                error_x=error([ratio], [case.speedup_low], [case.speedup_high]),
                hovertemplate="%{text}<extra>%{y}</extra>",
            )
        )
    return {
        "kernel": kernel,
        "title": f"Speed-up over the baseline ({problem_size(problem)})",
        "data": traces,
        "x": log_axis("times faster than the baseline", problem.speedup.min(), problem.speedup.max(), "×"),
        "y": CATEGORIES,
    }


def bars(name: str, shares: Mapping[str, float], texts: Sequence[str], colour: str, **more: Any) -> dict[str, Any]:
    """Horizontal bars, one for each implementation, as long as its share."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": escaped(name),
        "meta": "",
        "x": [100 * share for share in shares.values()],
        "y": [escaped(slug) for slug in shares],
        "text": texts,
        "textposition": "auto",
        "marker": {"color": colour},
        "hovertemplate": "%{text}<extra>%{y}</extra>",
        **more,
    }


def share_axis(title: str, top: float = 100.0) -> dict[str, Any]:
    places = list(range(0, math.ceil(top / 25) * 25 + 1, 25))
    return {"title": title, "type": "linear", "at": places, "labels": [f"{place} %" for place in places]}


def limit_figure(kernel: str, problem: pd.DataFrame, styles: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """The share of its roofline limit that each implementation reaches, where a limit applies."""
    traces = []
    for case in problem[problem.limit_share.notna() & (problem.limit != INTERPRETER)].itertuples():
        slug, share = str(case.implementation), float(str(case.limit_share))
        label, colour = f"{share:.0%} of {case.limit}", styles[slug][0]
        traces.append(bars(slug, {slug: share}, [label], colour, meta=f"{kernel}/{slug}"))
    top = max(100.0, float(problem.limit_share.max()) * 100)
    return {
        "kernel": kernel,
        "title": f"Share of the roofline limit reached ({problem_size(problem)})",
        "data": traces,
        "x": {**share_axis("share of the limit", top), "range": [0, top]},
        "y": CATEGORIES,
    }


STAGES = (
    *("examples", "lookup", "sampling", "output", "scatter", "update"),
    *("examples + sampling", "lookup to update"),  # of the compiled loop, which cannot be split further
)


def bar_label(stage: str, share: float) -> str:
    """What fits into a bar: the stage and its share, its share only, or nothing."""
    label = f"{stage} {share:.0%}"
    return label if share >= 0.018 * len(label) else f"{share:.0%}" if share >= 0.12 else ""


def stage_figure(kernel: str, problem: pd.DataFrame, stages: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """The share of a training step that each stage takes, for each implementation."""
    slugs = dict(zip(problem.case, problem.implementation, strict=True))
    traces = []
    for at, stage in enumerate(dict.fromkeys((*STAGES, *(name for parts in stages.values() for name in parts)))):
        shares = {
            str(slugs[case]): parts[stage] / sum(parts.values())
            for case, parts in stages.items()
            if stage in parts and any(parts.values())
        }
        if shares:
            texts = [f"{escaped(stage)}: {share:.0%} of a step{without_stage(share)}" for share in shares.values()]
            traces.append(
                bars(
                    stage,
                    shares,
                    [bar_label(escaped(stage), share) for share in shares.values()],
                    COLOURS[at % len(COLOURS)],
                    textposition="inside",
                    insidetextanchor="middle",
                    constraintext="none",
                    customdata=texts,
                    hovertemplate="%{customdata}<extra>%{y}</extra>",
                )
            )
    return {
        "kernel": kernel,
        "title": f"Where a step’s time goes ({problem_size(problem)})",
        "data": traces,
        "stacked": True,
        "x": share_axis("share of a step"),
        "y": CATEGORIES,
    }


def without_stage(share: float) -> str:
    """How long a step would take if a stage cost nothing (Amdahl)."""
    return f"; if it cost nothing, a step would take {1 - share:.0%} of its time" if share < 0.995 else ""


def cpu_figure(measured: pd.DataFrame) -> dict[str, Any]:
    """CPU time against wall time of every case. On the diagonal, one core was busy all the time."""
    both = measured[measured.cpu_s > 0]
    traces = []
    for at, (kernel, cases) in enumerate(both.groupby("kernel", sort=False)):
        traces.append(
            trace(
                str(kernel),
                "",
                style(at),
                mode="markers",
                name=escaped(str(kernel)),
                meta="",
                x=cases.wall_s.to_list(),
                y=cases.cpu_s.to_list(),
                text=[
                    f"{escaped(str(case.implementation))}<br>{seconds(float(str(case.wall_s)))} wall, {seconds(float(str(case.cpu_s)))} CPU"
                    for case in cases.itertuples()
                ],
                hovertemplate="%{text}<extra>%{fullData.name}</extra>",
            )
        )
    low, high = float(measured.wall_s.min()), float(measured.wall_s.max())
    return {
        "kernel": "",
        "title": "CPU time against wall time, all cases",
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "x": [low, high],
                "y": [low, high],
                "line": {"color": "#888888", "width": 1, "dash": "dot"},
                "hoverinfo": "skip",
                "name": "one core",
                "meta": "",
            },
            *traces,
        ],
        "x": log_axis("wall time per call", low, high, "s"),
        "y": log_axis("CPU time per call", low, high, "s"),
    }


def error(values: list[float], lows: list[Any], highs: list[Any]) -> dict[str, Any]:
    """Plotly's error bars from the ends of intervals; zero where an end is unknown."""
    above, below = (np.nan_to_num(np.abs(np.array(ends, np.float64) - values)).tolist() for ends in (highs, lows))
    return {
        "type": "data",
        "symmetric": False,
        "array": above,
        "arrayminus": below,
        "thickness": 1,
        "width": 3,
    }


def problem_size(problem: pd.DataFrame) -> str:
    return f"V = {problem.V.iloc[0]:,}, B = {problem.B.iloc[0]:,}"


def log_axis(title: str, low: float, high: float, unit: str) -> dict[str, Any]:
    """A logarithmic axis, with ticks at the powers of ten that enclose a range."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = max(1, (last - first) // 8)
    powers = range(first, max(last, first + 1) + 1, step)
    at, labels = [10.0**power for power in powers], [label(power, unit) for power in powers]
    return {"title": title, "type": "log", "at": at, "labels": labels}


def label(power: int, unit: str) -> str:
    """A power of ten as a label: ``10 µs``, ``1 MB``, ``100×``, ``10× slower``."""
    value = 10.0**power
    if unit == "×":
        factor = f"{10 ** abs(power):,}×" if abs(power) < 6 else f"10^{abs(power)}×"
        return factor if power >= 0 else f"{factor} slower"
    number, _, name = (seconds if unit == "s" else size_bytes)(value).partition(" ")
    return f"{float(number.replace(',', '')):g} {name}"


def escaped(text: str) -> str:
    """Text without HTML tags, a few of which Plotly would interpret in its labels."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
