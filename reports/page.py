"""The outputs of a result file: page, Markdown and CSV, each made from the file alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import lines
from .deck import HEADER, deck_table
from .figures import figures, styles
from .frame import frame, speedup
from .results import ResultFile, Row, write
from .story import OVERVIEW, Finding, by_problem, findings, headline, overview
from .tables import SORTED_BY, Table, cells, csv, markdown, plain, tables
from .units import seconds, size_bytes, times
from .wins import FASTEST, MEANING, Wins, wins

if TYPE_CHECKING:
    import pandas as pd
    from jinja2 import Environment

TEMPLATE = "page.html"


def report(result: ResultFile, folder: Path) -> list[Path]:
    """Write the outputs of a result file into a folder, and give their paths. Raises ResultError.

    Of a run: ``index.html``, ``report.md`` and ``cases.csv``. Of a comparison: ``comparison.html`` and ``comparison.md``. Of
    whole training runs: ``quality.html`` and ``quality.md``.
    """
    if result.w2vbench.comparison:
        from . import comparison

        return comparison.report(result, folder)
    if result.w2vbench.training:
        from . import training

        return training.report(result, folder)
    cases = frame(result)
    texts = {"index.html": html(result), "report.md": as_markdown(result), "cases.csv": csv(cases)}
    for name, text in texts.items():
        write(folder / name, text)
    return [folder / name for name in texts]


def templates() -> Environment:
    """The pages' templates: what a file says is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def html(result: ResultFile) -> str:
    """One self-contained page: nothing is fetched when it is opened."""
    from plotly.offline import get_plotlyjs

    cases = frame(result)
    plots = figures(cases, result.w2vbench.stages)
    stories = {finding.problem: finding for finding in findings(result)}
    profiles = {case.partition("@")[0]: (case, profile) for case, profile in result.w2vbench.profiles.items()}
    kernels: dict[str, list[Table]] = {}
    for one in tables(cases, result):
        kernels.setdefault(one.problem.partition("@")[0], []).append(one)
    headlines = {
        kernel: headline([one.problem for one in mine if one.problem in stories] or [mine[0].problem])
        for kernel, mine in kernels.items()
    }
    groups, rows = dict(list(cases.groupby("problem"))), by_problem(result)
    data = {
        "problems": [
            problem(one, groups[one.problem], rows.get(one.problem, []), stories.get(one.problem))
            for mine in kernels.values()
            for one in mine
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
            line_explained=lines.EXPLAINED,
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
            counted=counted(cases),
        )
    )


def problem(one: Table, cases: pd.DataFrame, rows: Sequence[Row], story: Finding | None) -> dict[str, Any]:
    """A problem as the page's script has it: cells as text, figures to sort by, and every implementation's speed-up over every other.

    cases: the problem's own. rows: those of them that were measured.
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
        "ratios": {base.extra_info.implementation: over(base, rows) for base in rows},
        "note": one.note,
        "stages": one.stages,
        "found": story.found if story else "",
        "advice": story.advice if story else "",
        "best": story.use[0] if story else None,
    }


def over(base: Row, rows: Sequence[Row]) -> dict[str, tuple[str, float | None]]:
    """Each implementation's speed-up over one of them, as text and as a number."""
    found = {row.extra_info.implementation: speedup(row, base) for row in rows if row is not base}
    return {slug: (times(ratio), ratio.estimate if ratio else None) for slug, ratio in found.items()}


def number(value: Any) -> float | None:
    return None if value is None or value != value else float(f"{float(value):.6g}")


def highlighted(code: str) -> str:
    """Python source as HTML, its parts marked by class. The source is data: it is escaped."""
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
    "load_before": "load before",
    "load_after": "load after",
    "busy_before": "busy before",
    "idlest_cpu": "workers kept on CPU",
    "cpus_shared": "CPUs shared with other runs",
    "clock_variation": "its own speed varied",
    "swapped_bytes": "swapped meanwhile",
    "throttled": "slowed by heat",
    "held_back": "held back by a quota",
}
"""What the environment's fields are called on the page."""


def facts(result: ResultFile) -> list[tuple[str, str]]:
    """What the figures were measured on, in words."""
    suite = result.w2vbench
    found = [
        (FACTS.get(name, name.replace("_", " ")), fact(name, value))
        for name, value in suite.environment.items()
        if not isinstance(value, dict)
    ]
    for name, part in suite.environment.items():
        if isinstance(part, dict) and part:
            found.append((name.replace("_", " "), ", ".join(f"{key} {value}" for key, value in part.items())))
    settings = suite.settings
    wanted = {
        "processes": "processes a problem",
        "rounds": "rounds a process, at most",
        "sample_s": "a sample lasts at least",
        "variant_s": "an implementation's time in a process",
        "time_limit_s": "time limit a step",
        "memory_limit_bytes": "memory limit of a worker",
        "seed": "seed",
    }
    found += [(words, fact(name, settings[name])) for name, words in wanted.items() if settings.get(name) is not None]
    commit = result.commit_info.id or "none"
    found.append(("commit", commit + (", with changes not committed" if result.commit_info.dirty else "")))
    return [(name, value) for name, value in found if value]


def fact(name: str, value: Any) -> str:
    """A value with its unit; empty where the system does not say."""
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
            return f"{value:.2f}-fold"
        if name.startswith("load"):
            return f"{value:.2f}"
    return str(value)


def counted(cases: pd.DataFrame) -> str:
    """How many cases have figures, and what became of the others: ``219 cases measured, 4 wrong, 6 skipped``."""
    counts = cases.status.value_counts()
    others = [f"{count} {status}" for status, count in counts.items() if status != "ok"]
    return ", ".join([f"{counts.get('ok', 0)} cases measured", *others])


def as_markdown(result: ResultFile) -> str:
    """The report as Markdown: findings, then every table."""
    cases = frame(result)
    suite = result.w2vbench
    stories = {finding.problem: finding for finding in findings(result)}
    command = " ".join(suite.command.replace("`", "'").split())
    when, machine = result.datetime[:19].replace("T", " "), suite.environment.get("cpu") or "an unknown CPU"
    words = f", words of {plain(suite.corpus.name)}" if suite.corpus.name else ""
    parts = ["# w2vbench report", "", f"`{command}`, {plain(when)} UTC, on {plain(str(machine))}{words}.", ""]
    if not suite.complete:
        parts += ["**Interrupted: only the problems below were finished.**", ""]
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
                parts += [*where_it_wins(where[kernel]), ""]
        parts += [f"### {plain(one.problem.partition('@')[2])}", ""]
        story = stories.get(one.problem)
        if story:
            parts += [plain(f"{story.found} {story.advice}"), ""]
        parts += [markdown(one), ""]
        if one.note:
            parts += [f"_{plain(one.note[0].upper() + one.note[1:])}._", ""]
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


def where_it_wins(found: Wins) -> list[str]:
    """A kernel's table of sizes as lines of Markdown."""
    header = ("where each wins", *found.sizes)
    rows = (
        (slug, *(f"**{cell.text}**" if cell.kind == FASTEST else cell.text for cell in row)) for slug, row in found.rows
    )
    return [cells(header), cells(["---", *["---:"] * len(found.sizes)]), *map(cells, rows), "", f"_{MEANING}_"]
