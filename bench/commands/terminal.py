"""What the commands print: tables and findings on standard output, progress and errors on standard error."""

from __future__ import annotations

import json
import os
import shlex
import string
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from bench.engine.contract import OK, Verdict
from impls import catalogue
from impls.interface import Implementation

if TYPE_CHECKING:
    from bench.plans.run import Run
    from reports.history import Trend
    from reports.results import Comparison, ResultFile
    from reports.tables import Table

    from .keeping import Kept

WIDE = 1000
MANY_PROBLEMS = 12


def console() -> Console:
    """Standard output; where it is no terminal, nothing is folded, so that a case's name can be searched for."""
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)


def error(message: str) -> None:
    print(f"w2vbench: {message}", file=sys.stderr)


def command(arguments: Sequence[str]) -> str:
    """The command as it can be typed again, in a text that a file can hold."""
    return " ".join(map(typed, ["w2vbench", *arguments[1:]]))


def typed(argument: str) -> str:
    """An argument as a shell takes it; what is no UTF-8 as bytes, ``$'caf\\xe9.txt'``."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        safe = {*map(ord, string.ascii_letters + string.digits + "-_./=,:@ ")}
        return "$'" + "".join(chr(byte) if byte in safe else rf"\x{byte:02x}" for byte in os.fsencode(argument)) + "'"
    return shlex.quote(argument)


def implementations(every: Sequence[Implementation], as_json: bool) -> None:
    """All implementations, by kernel, in order from textbook to fastest."""
    records = [
        {
            "kernel": i.kernel.name,
            "implementation": i.slug,
            "title": i.title,
            "slide": i.slide,
            "baseline": i.baseline,
            "wrong": i.wrong,
            "grows_with": i.grows_with,
            "source": catalogue.source(i),
            "missing": catalogue.missing(i),
        }
        for i in every
    ]
    if as_json:
        print(json.dumps(records, indent=1))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table("implementation", "what it is", "slide", "here", box=None, pad_edge=False, header_style="bold")
    kernel = None
    for one in every:
        if one.kernel.name != kernel:
            kernel = one.kernel.name
            table.add_row(Text(kernel, style="bold"), Text(one.kernel.title, style="italic"))
        table.add_row(Text(f"  {one.slug}"), Text(one.title), str(one.slide or ""), Text(here(one)))
    console().print(table)


def here(one: Implementation) -> str:
    """Whether an implementation can run here, and if not what to install."""
    absent = catalogue.missing(one)
    if absent:
        return f"no: pip install {' '.join(absent)}"
    return f"yes, wrong on purpose: {one.wrong}" if one.wrong else "yes, baseline" if one.baseline else "yes"


def verdicts(every: Sequence[Implementation], found: dict[str, Verdict], as_json: bool) -> bool:
    """What the contract said of each; gives whether all are sound (ok, skipped, or wrong as marked)."""
    sound = all(found[i.key].status in (OK, "skipped") or (i.wrong and found[i.key].status == "wrong") for i in every)
    if as_json:
        records = [
            {"case": i.key, "status": found[i.key].status, "reason": found[i.key].reason, "marked_wrong": bool(i.wrong)}
            for i in every
        ]
        print(json.dumps(records, indent=1))
        return sound
    out = console()
    for i in every:
        verdict = found[i.key]
        expected = " (as marked)" if i.wrong and verdict.status == "wrong" else ""
        style = "green" if verdict.status == OK else "yellow" if expected or verdict.status == "skipped" else "bold red"
        out.print(f"{verdict.status + expected:<18}", style=style, end="")
        out.print(f"{i.key}{': ' + verdict.reason if verdict.reason else ''}", markup=False, soft_wrap=True)
    labels = [found[i.key].status + (" as marked" if i.wrong and found[i.key].status == "wrong" else "") for i in every]
    counts = {label: labels.count(label) for label in dict.fromkeys(labels)}
    out.print(", ".join(f"{count} {status}" for status, count in counts.items()))
    return sound


def profile(case: str, implementation: Implementation, found: dict[str, Any], as_json: bool) -> None:
    """A line profile: the source with hits, time, allocation and memory growth beside it."""
    if as_json:
        print(json.dumps({"case": case, **found}, indent=1))
        return
    from rich.syntax import Syntax
    from rich.table import Table
    from rich.text import Text

    from reports import lines as showing
    from reports.results import Profile

    profiled = Profile.model_validate(found)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("line", *showing.HEADER):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("source")
    for line, beside in zip(profiled.lines, showing.cells(profiled), strict=True):
        source = Syntax(line.text, "python", background_color="default", word_wrap=True).highlight(line.text)
        source.rstrip()
        table.add_row(str(line.number), *beside.text, source)
    screen = console()
    screen.print(Text(f"{case}  {implementation.title}", style="bold"))
    screen.print(table)
    if found["status"] != OK:
        screen.print(f"{found['status']}: {found['reason']}", style="yellow", markup=False)
    screen.print("\n".join((showing.note(profiled), *showing.EXPLAINED)), style="dim", markup=False)


def compared(kept: Kept, as_json: bool) -> None:
    """A comparison's verdicts; in a workflow of GitHub's, annotations too."""
    from reports import comparison as showing

    comparison = kept.result.w2vbench.comparison
    assert comparison is not None
    if os.environ.get("GITHUB_ACTIONS") == "true":
        print("\n".join(showing.workflow_commands(comparison)), file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print(kept.text, end="")
        return
    screen = console()
    print_comparison(screen, comparison)
    print_warnings(screen, kept.result)
    written(kept.paths)


def print_comparison(screen: Console, comparison: Comparison) -> None:
    """Verdicts on a terminal."""
    from rich.table import Table as RichTable
    from rich.text import Text

    from reports import comparison as showing

    screen.print(Text(showing.heading(comparison), style="bold"))
    if comparison.cases:
        painted = RichTable(box=None, pad_edge=False, header_style="dim")
        for at, name in enumerate(showing.HEADER):
            painted.add_column(name, justify="left" if at < 2 else "right", overflow="fold")
        for case in showing.ranked(comparison):
            style = "bold red" if showing.failing(case) else "yellow" if showing.unanswered(case) else ""
            name, verdict, *figures = showing.row(case)
            painted.add_row(Text(name), Text(verdict, style=style), *map(Text, figures))
        screen.print(painted)
    for note in showing.notes(comparison):
        screen.print(note, style="dim", markup=False)
    screen.print(showing.sentence(comparison), style="bold", markup=False)


def calibrated(kept: Kept, as_json: bool) -> None:
    """How often comparisons were right."""
    from rich.table import Table as RichTable

    from reports import calibration as showing

    calibration = kept.result.w2vbench.calibration
    assert calibration is not None
    if as_json:
        print(kept.text, end="")
        return
    screen = console()
    other = showing.other_header(calibration), showing.other_rows(calibration)
    for header, rows in ((showing.HEADER, showing.rows(calibration)), other):
        painted = RichTable(box=None, pad_edge=False, header_style="dim")
        for at, name in enumerate(header):
            painted.add_column(name, justify="left" if at == 0 else "right")
        for row in rows:
            painted.add_row(*row)
        screen.print(painted)
        if header is showing.HEADER:
            screen.print("\nCalled slower by other tools' rules, from one process of each side:", style="dim")
    for said in showing.sentences(calibration):
        screen.print(said, style="bold", markup=False)
    print_warnings(screen, kept.result)
    written(kept.paths)


MANY_SERIES = 40


def history(found: Sequence[Trend], left: Sequence[str], threshold: float, as_json: bool) -> None:
    """Each machine's series as lines of bars, those that changed first."""
    from rich.table import Table as RichTable
    from rich.text import Text

    from reports import history as showing
    from reports.units import seconds

    if as_json:
        print(showing.as_json(found))
        return
    screen = console()
    if not found:
        screen.print("No runs are kept here yet: w2vbench run keeps them.")
    for trend in found:
        screen.print(Text(f"{showing.heading(trend, found)}: {trend.runs} runs", style="bold"))
        every = showing.ordered(trend)
        shown = every if len(every) <= MANY_SERIES else [one for one in every if one.changes]
        table = RichTable("case", "first", "last", "trend", "changes", box=None, pad_edge=False, header_style="dim")
        for one in shown:
            bad = any(showing.failing(change, threshold) for change in one.changes)
            first, last = (seconds(one.points[at].wall_s) for at in (0, -1))
            told = "; ".join(filter(None, [*map(showing.said, one.changes), one.aside]))
            said = Text(told, style="bold red" if bad else "")
            table.add_row(Text(one.case), first, last, showing.sparkline(one), said)
        if shown:
            screen.print(table)
        if len(shown) < len(every):
            screen.print(
                f"{len(every) - len(shown)} cases without a change; --kernel and --only show them", style="dim"
            )
        for note in showing.notes(trend):
            screen.print(note, style="yellow" if trend.unanswered else "dim", markup=False)
    if left:
        screen.print(f"{len(left)} files left out: {left[0]}{' …' if len(left) > 1 else ''}", style="dim", markup=False)


LESS_ASKED = ("CPU s a million words", "memory", "held-out loss")
FOR_COLUMNS, FOR_INTERVALS = 120, 220
"""A table of whole training runs leaves these columns out on a terminal below the first width, and intervals below the second."""


def qualities(kept: Kept, as_json: bool) -> None:
    """Whole training runs: a table a kernel."""
    from rich.table import Table as RichTable
    from rich.text import Text

    from reports import training as showing

    if as_json:
        print(kept.text, end="")
        return
    training = kept.result.w2vbench.training
    assert training is not None
    screen, every = console(), showing.implementations(training)
    screen.print(showing.what(training), style="dim", markup=False)
    for kernel in dict.fromkeys(implementation.kernel for implementation in every):
        painted = RichTable(title=kernel, title_justify="left", box=None, pad_edge=False, header_style="dim")
        shown = [at for at, name in enumerate(showing.HEADER) if screen.width >= FOR_COLUMNS or name not in LESS_ASKED]
        for at in shown:
            painted.add_column(showing.HEADER[at], justify="left" if at == 0 else "right", overflow="fold")
        for implementation in every:
            if implementation.kernel == kernel:
                row = showing.row(implementation, training, showing.peer_of(implementation, every))
                painted.add_row(
                    *(Text(row[at] if screen.width >= FOR_INTERVALS else row[at].partition(" (")[0]) for at in shown)
                )
        screen.print()
        screen.print(painted)
    if screen.width < FOR_INTERVALS:
        more = f"{', '.join(LESS_ASKED)} and " if screen.width < FOR_COLUMNS else ""
        screen.print(f"{more}intervals: in quality.md, or on a wider terminal", style="dim", markup=False)
    screen.print()
    for line in showing.told(training):
        screen.print(line, markup=False)
    screen.print()
    screen.print(showing.how(training), style="dim", markup=False)
    print_warnings(screen, kept.result)
    written(kept.paths)


def finished(run: Run, kept: Kept, out: Path, as_json: bool) -> None:
    """A run's tables and findings, and where everything is."""
    from reports.frame import frame
    from reports.story import findings, headline
    from reports.tables import tables

    if as_json:
        print(kept.text, end="")
        return
    result = kept.result
    cases = frame(result)
    every = {table.problem: table for table in tables(cases, result)}
    stories = {finding.problem: finding for finding in findings(result)}
    kernels = dict.fromkeys(problem.partition("@")[0] for problem in every)
    shown = (
        every
        if len(every) <= MANY_PROBLEMS
        else [headline([p for p in every if p.startswith(f"{kernel}@")]) for kernel in kernels]
    )
    screen = console()
    for problem in shown:
        screen.print()
        print_table(screen, every[problem], result)
        if problem in stories:
            screen.print(stories[problem].found, markup=False)
            screen.print(stories[problem].advice, style="bold", markup=False)
    print_deck(screen, result)
    if len(every) > len(shown):
        screen.print(
            f"\n{len(every) - len(shown)} more tables, at other sizes, are in {out / 'report.md'}", style="dim"
        )
    if len(kernels) > 1:
        print_overview(screen, result)
    print_warnings(screen, result)
    if not run.complete:
        processes, problems = sum(one.processes for one in run.problems), len(run.problems)
        screen.print(
            f"\nInterrupted with {processes} process{'es' * (processes != 1)} of {problems} problem{'s' * (problems != 1)} finished, which are "
            "kept; the same command with --resume goes on from them.",
            style="yellow",
        )
    if kept.stored:
        screen.print(f"\nkept as {kept.stored}", markup=False, soft_wrap=True)
    written(kept.paths)


def print_warnings(screen: Console, result: ResultFile) -> None:
    """What may have spoilt the figures."""
    for warning in result.w2vbench.warnings:
        screen.print(f"\nWarning: {warning}", style="yellow", markup=False)


def print_table(screen: Console, table: Table, result: ResultFile) -> None:
    """One problem's table on a terminal."""
    from rich.table import Table as RichTable
    from rich.text import Text

    kernel = table.problem.partition("@")[0]
    screen.print(Text(f"{table.problem}  {result.w2vbench.kernels.get(kernel, '')}", style="bold"))
    painted = RichTable(box=None, pad_edge=False, header_style="dim")
    for at, name in enumerate(table.header):
        painted.add_column(name, justify="left" if at < 2 else "right", overflow="fold", no_wrap=at in (0, 2, 4))
    reasons = []
    for row, status in zip(table.rows, table.statuses, strict=True):
        if status == OK:
            painted.add_row(Text(row[0], style="bold"), *(Text(cell) for cell in row[1:]))
        else:
            reasons.append(f"{row[0]} ({row[1]}): {row[2]}")
    screen.print(painted)
    for reason in reasons:
        screen.print(reason, style="yellow", markup=False, soft_wrap=True)
    if table.note:
        screen.print(table.note, style="dim", markup=False)
    if table.stages:
        screen.print("of a step's time:", style="dim")
        for line in table.stages:
            screen.print(f"  {line}", style="dim", markup=False)


def print_overview(screen: Console, result: ResultFile) -> None:
    """The fastest of every kernel, in one table."""
    from rich.table import Table as RichTable
    from rich.text import Text

    from reports.story import OVERVIEW, overview

    painted = RichTable(box=None, pad_edge=False, header_style="dim")
    for at, name in enumerate(OVERVIEW):
        painted.add_column(name, justify="left" if at == 0 else "right", no_wrap=at == 0)
    for row in overview(result):
        painted.add_row(*map(Text, row))
    words = f", words of {result.w2vbench.corpus.name}" if result.w2vbench.corpus.name else ""
    screen.print(f"\nIn short{words}", style="bold", markup=False)
    screen.print(painted)


def print_deck(screen: Console, result: ResultFile) -> None:
    """The source deck's figures beside those of this run, where it has the deck's cases."""
    from rich.table import Table as RichTable
    from rich.text import Text

    from reports.deck import HEADER, deck_table

    rows = deck_table(result)
    if not rows:
        return
    painted = RichTable(*HEADER, box=None, pad_edge=False, header_style="dim")
    for row in rows:
        painted.add_row(*(Text(cell) for cell in row))
    screen.print()
    screen.print("The source deck's figures", style="bold")
    screen.print(painted)


def written(paths: Sequence[Path]) -> None:
    """Where the outputs are."""
    for path in paths:
        console().print(f"wrote {path}", markup=False, soft_wrap=True)
