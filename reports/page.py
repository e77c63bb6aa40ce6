"""The outputs of a result file: page, Markdown and CSV. Each is made from the file alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import lines
from .deck import HEADER, deck_table
from .figures import figures, styles
from .files import write
from .frame import frame, speedup
from .results import ResultFile, Row
from .story import OVERVIEW, Finding, by_problem, findings, headline, overview
from .tables import SORTED_BY, Table, cells, csv, markdown, plain, tables
from .units import seconds, size_bytes, times
from .wins import FASTEST, MEANING, Wins, wins

if TYPE_CHECKING:
    import pandas as pd
    from jinja2 import Environment

TEMPLATE = "page.html"
MISSING_PACKAGE = r"^needs (.+): pip install"
"""The reason of a case that was skipped for want of a package."""


def report(result: ResultFile, folder: Path) -> list[Path]:
    """Write the outputs of a result file into a folder, and return their paths.

    - Of a run: ``index.html``, ``report.md`` and ``cases.csv``.
    - Of a comparison: ``comparison.html`` and ``comparison.md``.
    - Of whole training runs: ``quality.html`` and ``quality.md``.
    - Of a calibration: ``calibration.md``.

    Raises
    ------
    ResultError
        If a file cannot be written.
    """
    if result.w2vbench.comparison:
        from . import comparison_page

        return comparison_page.report(result, folder)
    if result.w2vbench.training:
        from . import training_page

        return training_page.report(result, folder)
    if result.w2vbench.calibration:
        from . import calibration

        return write_texts(folder, {"calibration.md": calibration.markdown(result.w2vbench.calibration)})
    texts = {"index.html": html(result), "report.md": as_markdown(result), "cases.csv": csv(frame(result))}
    return write_texts(folder, texts)


def write_texts(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write files into a folder by name, and return their paths."""
    for name, text in texts.items():
        write(folder / name, text)
    return [folder / name for name in texts]


def templates() -> Environment:
    """Return the pages' templates, which escape all texts of a result file."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def html(result: ResultFile) -> str:
    """Return one self-contained page, which fetches nothing when it is opened."""
    from plotly.offline import get_plotlyjs

    cases = frame(result)
    plots = figures(cases, result.w2vbench.stages)
    stories = {finding.problem: finding for finding in findings(result)}
    profiles = {case.partition("@")[0]: (case, profile) for case, profile in result.w2vbench.profiles.items()}
    kernels: dict[str, list[Table]] = {}
    for one in tables(cases, result):
        kernels.setdefault(one.problem.partition("@")[0], []).append(one)
    headlines = {
        kernel: headline([one.problem for one in its_tables if one.problem in stories] or [its_tables[0].problem])
        for kernel, its_tables in kernels.items()
    }
    groups, rows = dict(list(cases.groupby("problem"))), by_problem(result)
    data = {
        "problems": [
            problem_data(one, groups[one.problem], rows.get(one.problem, []), stories.get(one.problem))
            for its_tables in kernels.values()
            for one in its_tables
        ],
        "plots": plots,
        "headlines": headlines,
    }
    return (
        templates()
        .get_template(TEMPLATE)
        .render(
            result=result,
            line_header=lines.HEADER,
            line_cells=lines.cells,
            line_note=lines.note,
            line_explanation=lines.EXPLANATION,
            not_profiled={case.partition("@")[0]: why for case, why in result.w2vbench.not_profiled.items()},
            suite=result.w2vbench,
            kernels=kernels,
            stories=stories,
            overview=overview(result),
            profiles=profiles,
            highlighted=highlighted,
            overview_header=OVERVIEW,
            deck_header=HEADER,
            deck=deck_table(result),
            headlines=headlines,
            styles=styles(cases),
            plots_of={
                kernel: [at for at, plot in enumerate(plots) if plot["kernel"] == kernel] for kernel in ("", *kernels)
            },
            plots=plots,
            wins={one.kernel: one for one in wins(result)},
            meaning=MEANING,
            data=json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
            plotly=get_plotlyjs() if plots else "",
            facts=facts(result),
            counts=count_cases(cases),
        )
    )


def problem_data(one: Table, cases: pd.DataFrame, rows: Sequence[Row], finding: Finding | None) -> dict[str, Any]:
    """Return a problem's data for the page's script.

    It has the cells as text, the numbers that sort them, and the speed-up of every implementation over every other.

    Parameters
    ----------
    one
        The problem's table.
    cases
        The problem's part of the data frame.
    rows
        Its measured cases.
    finding
        Its finding, if anything was measured.
    """
    first = cases.iloc[0]
    return {
        "problem": one.problem,
        "kernel": str(first.kernel),
        "size": one.problem.partition("@")[2],
        "V": int(first.V),
        "B": int(first.B),
        "dtype": str(first["dtype"]),
        "header": one.header,
        "rows": one.rows,
        "statuses": one.statuses,
        "sort": [
            [number(figure) for figure in case]
            for case in cases[[SORTED_BY[name] for name in one.header[2:]]].itertuples(index=False)
        ],
        "baseline": next((row.extra_info.implementation for row in rows if row.extra_info.baseline), None),
        "ratios": {base.extra_info.implementation: speedups_over(base, rows) for base in rows},
        "note": one.note,
        "stages": one.stages,
        "finding": finding.sentence if finding else "",
        "advice": finding.advice if finding else "",
        "best": finding.use[0] if finding else None,
    }


def speedups_over(base: Row, rows: Sequence[Row]) -> dict[str, tuple[str, float | None]]:
    """Return each implementation's speed-up over one of them, as text and as a number to sort by."""
    ratios = {row.extra_info.implementation: speedup(row, base) for row in rows if row is not base}
    return {slug: (times(ratio), ratio.estimate if ratio else None) for slug, ratio in ratios.items()}


def number(value: Any) -> float | None:
    return None if value is None or value != value else float(f"{float(value):.6g}")


def highlighted(code: str) -> str:
    """Return Python source as HTML with classes for colours. The source itself is escaped."""
    from markupsafe import Markup
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return Markup(highlight(code, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)).rstrip("\n"))


FACTS = {
    "cpu": "CPU",
    "cpus_allowed": "CPUs it may use",
    "cpus_quota": "CPU quota",
    "governor": "frequency governor",
    "turbo": "turbo",
    "memory_bytes": "memory",
    "system": "system",
    "machine": "architecture",
    "python": "Python",
    "load_before": "load before the run",
    "load_after": "load after the run",
    "busy_before": "CPU use before the run",
    "idlest_cpu": "workers pinned to CPU",
    "cpus_shared": "CPUs shared with other runs",
    "clock_variation": "clock variation",
    "swapped_bytes": "swapped during the run",
    "throttled": "throttled by heat",
    "held_back": "throttled by a CPU quota",
}
"""Names of the environment's fields on the page."""


def facts(result: ResultFile) -> list[tuple[str, str]]:
    """Return name and value of each fact about the machine, the settings and the commit."""
    suite = result.w2vbench
    names_and_values = [
        (FACTS.get(name, name.replace("_", " ")), fact(name, value))
        for name, value in suite.environment.items()
        if not isinstance(value, dict)
    ]
    for name, part in suite.environment.items():
        if isinstance(part, dict) and part:
            names_and_values.append(
                (name.replace("_", " "), ", ".join(f"{key} {value}" for key, value in part.items()))
            )
    settings = suite.settings
    wanted = {
        "processes": "processes per problem",
        "rounds": "rounds per process, at most",
        "sample_s": "least time of a sample",
        "variant_s": "time per implementation and process",
        "time_limit_s": "time limit per step",
        "memory_limit_bytes": "memory limit per worker",
        "seed": "seed",
    }
    names_and_values += [
        (label, fact(name, settings[name])) for name, label in wanted.items() if settings.get(name) is not None
    ]
    commit = result.commit_info.id or "none"
    names_and_values.append(("commit", commit + (", with uncommitted changes" if result.commit_info.dirty else "")))
    return [(name, value) for name, value in names_and_values if value]


def fact(name: str, value: Any) -> str:
    """Return a value with its unit; empty where it is unknown."""
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if name.endswith("_bytes"):
            return size_bytes(value)
        if name.endswith("_s"):
            return seconds(value)
        if name == "busy_before":
            return f"{value:.0%}"
        if name == "clock_variation":
            return f"{value:.2f}×"
        if name.startswith("load"):
            return f"{value:.2f}"
    return str(value)


def count_cases(cases: pd.DataFrame) -> str:
    """Return how many cases were timed, and what became of the others: ``219 timings; 6 skipped (torch not installed); 4 wrong``."""
    counts = cases.status.value_counts()
    parts = [f"{counts.get('ok', 0)} timings"]
    for status, count in counts.items():
        if status != "ok":
            missing = ", ".join(cases.reason[cases.status == status].str.extract(MISSING_PACKAGE)[0].dropna().unique())
            parts.append(f"{count} {status}{f' ({missing} not installed)' if missing else ''}")
    return "; ".join(parts)


def as_markdown(result: ResultFile) -> str:
    """Return the report as Markdown: findings, then every table."""
    cases = frame(result)
    suite = result.w2vbench
    stories = {finding.problem: finding for finding in findings(result)}
    command = " ".join(suite.command.replace("`", "'").split())
    when, machine = result.datetime[:19].replace("T", " "), suite.environment.get("cpu") or "an unknown CPU"
    words = f", words of {plain(suite.corpus.name)}" if suite.corpus.name else ""
    parts = ["# w2vbench report", "", f"`{command}`, {plain(when)} UTC, on {plain(str(machine))}{words}.", ""]
    if not suite.complete:
        parts += ["**This run was interrupted: only the problems below were finished.**", ""]
    if suite.warnings:
        parts += [*(f"- {plain(warning)}" for warning in suite.warnings), ""]
    if rows := overview(result):
        parts += [cells(OVERVIEW), cells(["---"] * len(OVERVIEW)), *map(cells, rows), ""]
    kernel = ""
    where = {one.kernel: one for one in wins(result)}
    for one in tables(cases, result):
        name = one.problem.partition("@")[0]
        if name != kernel:
            kernel = name
            parts += [f"## {plain(kernel)}: {plain(suite.kernels.get(kernel, ''))}", ""]
            if kernel in where:
                parts += [*wins_markdown(where[kernel]), ""]
        parts += [f"### {plain(one.problem.partition('@')[2])}", ""]
        story = stories.get(one.problem)
        if story:
            parts += [plain(f"{story.sentence} {story.advice}"), ""]
        parts += [markdown(one), ""]
        if one.note:
            parts += [f"_{plain(one.note)}_", ""]
        if one.stages:
            parts += ["Where a step's time goes:", "", *(f"- {plain(line)}" for line in one.stages), ""]
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


def wins_markdown(table: Wins) -> list[str]:
    """Return a kernel's table of sizes as lines of Markdown."""
    header = ("fastest at each size", *table.sizes)
    rows = (
        (slug, *(f"**{cell.text}**" if cell.kind == FASTEST else cell.text for cell in row)) for slug, row in table.rows
    )
    return [cells(header), cells(["---", *["---:"] * len(table.sizes)]), *map(cells, rows), "", f"_{MEANING}_"]
