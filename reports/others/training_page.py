"""The page on training runs: a table of speed and scores with a bar for each figure, and a chart of the losses."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from w2vbench.reports.drawing.templates import KINDS, render
from w2vbench.reports.file.files import write_texts
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.findings.answers import FAMILIES
from w2vbench.reports.statistics.problems import Interval

from .training import HEADER, SCORES, Trained, by_kernel, describe_data, describe_method, markdown, row, summaries

SPAN = 8.0
"""Largest range of losses that is drawn. Higher losses, of runs that diverged, are drawn at the top."""


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
    """Return a self-contained page with a table, and a chart of the losses, for each kernel."""
    training = result.w2vbench.training
    assert training is not None
    kernels = by_kernel(training)
    return render(
        "quality.html",
        result=result,
        data=describe_data(training),
        method=describe_method(training),
        summaries=list(summaries(training)),
        header=HEADER,
        kernels={
            kernel: [(KINDS[one.family], row(one), bars) for one, bars in zip(some, bars_of(some), strict=True)]
            for kernel, some in kernels.items()
        },
        losses=json.dumps({kernel: losses(some) for kernel, some in kernels.items()}).replace("<", "\\u003c"),
    )


def bars_of(every: Sequence[Trained]) -> list[dict[str, tuple[float, float, float]]]:
    """Return, by column, where each implementation's figure and the ends of its interval lie on the column's axis, in per cent.

    Speeds have a logarithmic axis from a power of ten to the fastest. Scores have one that includes 0.
    """
    bars: list[dict[str, tuple[float, float, float]]] = [{} for _ in every]
    speeds = [one.speed() for one in every]
    columns = {"words a second": [speed.map(math.log10) if speed else None for speed in speeds]}
    columns |= {label: [one.score(name) for one in every] for name, label in SCORES.items()}
    for column, figures in columns.items():
        ends = [end for one in figures if one for end in (one.estimate, one.low, one.high) if end is not None]
        least = math.floor(min(ends, default=0.0)) if column == "words a second" else min((0.0, *ends))
        most = max((least + 1e-9, *ends))
        for its, figure in zip(bars, figures, strict=True):
            if figure:
                its[column] = shares(figure, least, most)
    return bars


def shares(figure: Interval, least: float, most: float) -> tuple[float, float, float]:
    """A figure and the ends of its interval on an axis, in per cent."""
    ends = (figure.estimate, *(figure.estimate if end is None else end for end in (figure.low, figure.high)))
    at, low, high = (round(100 * (end - least) / (most - least), 1) for end in ends)
    return at, low, high


def losses(every: Sequence[Trained]) -> list[dict[str, Any]]:
    """Return held-out losses against words trained on, the mean over seeds, for the page's chart."""
    curves: list[tuple[Trained, Any]] = []
    for one in every:
        if seeds := [run.curve for run in one.ok_runs if run.curve]:
            shortest = min(map(len, seeds))
            curves.append((one, np.mean([curve[:shortest] for curve in seeds], axis=0)))
    top = min((float(curve[:, 1].min()) for _, curve in curves), default=0.0) + SPAN
    return [
        {
            "name": one.key.partition("/")[2],
            "family": FAMILIES.index(one.family),
            "points": [{"x": words, "y": min(loss, top)} for words, loss in curve.tolist()],
            "diverged": bool(curve[:, 1].max() > top),
        }
        for one, curve in curves
    ]
