"""The outputs of a result file: page, Markdown and CSV, each made from the file alone."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from .deck import HEADER, deck_table
from .figures import figures
from .frame import frame
from .results import ResultFile, write
from .story import findings
from .tables import Table, cells, csv, markdown, plain, tables
from .units import seconds, size_bytes

TEMPLATE = "page.html"


def report(result: ResultFile, folder: Path) -> list[Path]:
    """Write ``index.html``, ``report.md`` and ``cases.csv`` into a folder, and give their paths. Raises ResultError."""
    cases = frame(result)
    texts = {"index.html": html(result), "report.md": as_markdown(result), "cases.csv": csv(cases)}
    for name, text in texts.items():
        write(folder / name, text)
    return [folder / name for name in texts]


def html(result: ResultFile) -> str:
    """One self-contained page: nothing is fetched when it is opened."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from plotly.offline import get_plotlyjs

    cases = frame(result)
    plots = figures(cases)
    environment = Environment(
        loader=PackageLoader("reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    stories = {finding.problem: finding for finding in findings(result)}
    profiles = {case.partition("@")[0]: (case, profile) for case, profile in result.w2vbench.profiles.items()}
    kernels: dict[str, list[Table]] = {}
    for one in tables(cases, result):
        kernels.setdefault(one.problem.partition("@")[0], []).append(one)
    return environment.get_template(TEMPLATE).render(
        result=result,
        seconds=seconds,
        size_bytes=size_bytes,
        suite=result.w2vbench,
        kernels=kernels,
        stories=stories,
        profiles=profiles,
        deck_header=HEADER,
        deck=deck_table(result),
        headlines={
            kernel: headline([one.problem for one in mine if one.problem in stories] or [mine[0].problem])
            for kernel, mine in kernels.items()
        },
        plots_of={kernel: [at for at, plot in enumerate(plots) if plot["kernel"] == kernel] for kernel in kernels},
        plots=plots,
        plots_json=json.dumps(plots).replace("<", "\\u003c"),
        plotly=get_plotlyjs(),
        measured=int((cases.status == "ok").sum()),
        total=len(cases),
    )


def headline(problems: Sequence[str]) -> str:
    """The race that stands for its kernel: the one with the most work, V times B, then the largest V."""

    def work(problem: str) -> tuple[float, float]:
        sizes = dict(re.findall(r"([VB])=([\de]+)", problem.rpartition("@")[2]))
        V, B = float(sizes.get("V", 0)), float(sizes.get("B", 0))
        return V * B, V

    return max(problems, key=work)


def as_markdown(result: ResultFile) -> str:
    """The report as Markdown: findings, then every table."""
    cases = frame(result)
    suite = result.w2vbench
    stories = {finding.problem: finding for finding in findings(result)}
    command = " ".join(suite.command.replace("`", "'").split())
    when, where = result.datetime[:19].replace("T", " "), suite.environment.get("cpu") or "an unknown CPU"
    parts = ["# w2vbench report", "", f"`{command}`, {plain(when)} UTC, on {plain(str(where))}.", ""]
    if not suite.complete:
        parts += ["**Interrupted: only the races below were finished.**", ""]
    if suite.warnings:
        parts += [*(f"- {plain(warning)}" for warning in suite.warnings), ""]
    kernel = ""
    for one in tables(cases, result):
        name = one.problem.partition("@")[0]
        if name != kernel:
            kernel = name
            parts += [f"## {plain(kernel)}: {plain(suite.kernels.get(kernel, ''))}", ""]
        parts += [f"### {plain(one.problem.partition('@')[2])}", ""]
        story = stories.get(one.problem)
        if story:
            parts += [plain(f"{story.found} {story.advice}"), ""]
        parts += [markdown(one), ""]
        if one.note:
            parts += [f"_{plain(one.note[0].upper() + one.note[1:])}._", ""]
    if rows := deck_table(result):
        parts += [
            "## The source deck's figures",
            "",
            cells(HEADER),
            cells(["---"] * len(HEADER)),
            *map(cells, rows),
            "",
        ]
    if suite.corpus.streams:
        parts += ["Words:", "", *(f"- {plain(line)}" for line in suite.corpus.streams.values())]
    return "\n".join(parts) + "\n"
