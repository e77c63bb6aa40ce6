"""Print the summaries of results: of runs, comparisons, calibrations, histories and training runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from bench.engine.contract import OK

from .terminal import console, list_outputs, plain_table

if TYPE_CHECKING:
    from bench.plans.run import Run
    from reports.history import Trend
    from reports.results import Comparison, ResultFile
    from reports.tables import Table

    from .keeping import Outputs

MANY_PROBLEMS = 12
"""With more problems than this, only one table a kernel is printed."""
MANY_SERIES = 40
"""With more series than this, only those with a change are printed."""


def print_comparison(outputs: Outputs, as_json: bool) -> None:
    """Print a comparison's verdicts; inside a GitHub workflow, annotations too."""
    from reports.comparison_ci import workflow_commands

    comparison = outputs.result.w2vbench.comparison
    assert comparison is not None
    if os.environ.get("GITHUB_ACTIONS") == "true":
        print("\n".join(workflow_commands(comparison)), file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print(outputs.text, end="")
        return
    screen = console()
    print_verdicts(screen, comparison)
    print_end(screen, outputs)


def print_verdicts(screen: Console, comparison: Comparison) -> None:
    from rich.text import Text

    from reports import comparison as showing

    screen.print(Text(showing.heading(comparison), style="bold"))
    if comparison.cases:
        table = plain_table(showing.HEADER, 2, fold=True)
        for case in showing.ranked(comparison):
            style = "bold red" if showing.failing(case) else "yellow" if showing.unanswered(case) else ""
            name, verdict, *figures = showing.row(case)
            table.add_row(Text(name), Text(verdict, style=style), *map(Text, figures))
        screen.print(table)
    for note in showing.notes(comparison):
        screen.print(note, style="dim", markup=False)
    screen.print(showing.sentence(comparison), style="bold", markup=False)


def print_calibration(outputs: Outputs, as_json: bool) -> None:
    """Print how often comparisons were right."""
    from reports import calibration as showing

    calibration = outputs.result.w2vbench.calibration
    assert calibration is not None
    if as_json:
        print(outputs.text, end="")
        return
    screen = console()
    other = showing.other_header(calibration), showing.other_rows(calibration)
    for header, rows in ((showing.HEADER, showing.rows(calibration)), other):
        table = plain_table(header, 1)
        for row in rows:
            table.add_row(*row)
        screen.print(table)
        if header is showing.HEADER:
            screen.print("\nHow often other tools' rules call it slower, from one process a side:", style="dim")
    for sentence in showing.sentences(calibration):
        screen.print(sentence, style="bold", markup=False)
    print_end(screen, outputs)


def print_history(trends: Sequence[Trend], skipped: Sequence[str], threshold: float, as_json: bool) -> None:
    """Print each machine's series as sparklines, those with a change first."""
    from rich.text import Text

    from reports import history_page as showing
    from reports.history import failing
    from reports.units import seconds

    if as_json:
        print(showing.as_json(trends))
        return
    screen = console()
    if not trends:
        screen.print("No runs are stored here yet: w2vbench run stores them.")
    for trend in trends:
        screen.print(Text(f"{showing.heading(trend, trends)}: {trend.runs} runs", style="bold"))
        every = showing.ordered(trend)
        shown = every if len(every) <= MANY_SERIES else [one for one in every if one.changes]
        table = plain_table(("case", "first", "last", "trend", "changes"))
        for one in shown:
            bad = any(failing(change, threshold) for change in one.changes)
            first, last = (seconds(one.points[at].wall_s) for at in (0, -1))
            changes = "; ".join(filter(None, [*map(showing.describe, one.changes), one.omission]))
            table.add_row(
                Text(one.case), first, last, showing.sparkline(one), Text(changes, style="bold red" if bad else "")
            )
        if shown:
            screen.print(table)
        if len(shown) < len(every):
            screen.print(
                f"{len(every) - len(shown)} cases without a change; --kernel and --only show them", style="dim"
            )
        for note in showing.notes(trend):
            screen.print(note, style="yellow" if trend.unanswered else "dim", markup=False)
    if skipped:
        screen.print(
            f"{len(skipped)} files skipped: {skipped[0]}{' …' if len(skipped) > 1 else ''}", style="dim", markup=False
        )


OPTIONAL_COLUMNS = ("CPU s a million words", "memory", "held-out loss")
ALL_COLUMNS_WIDTH, INTERVALS_WIDTH = 120, 220
"""The table of training runs leaves out these columns on a terminal below the first width, and intervals below the second."""


def print_training(outputs: Outputs, as_json: bool) -> None:
    """Print whole training runs, a table a kernel."""
    from rich.text import Text

    from reports import training as showing

    if as_json:
        print(outputs.text, end="")
        return
    training = outputs.result.w2vbench.training
    assert training is not None
    screen = console()
    screen.print(showing.describe_data(training), style="dim", markup=False)
    all_columns, intervals = screen.width >= ALL_COLUMNS_WIDTH, screen.width >= INTERVALS_WIDTH
    shown = [at for at, name in enumerate(showing.HEADER) if all_columns or name not in OPTIONAL_COLUMNS]
    for kernel, implementations in showing.by_kernel(training).items():
        table = plain_table([showing.HEADER[at] for at in shown], 1, fold=True)
        table.title, table.title_justify = kernel, "left"
        for row in map(showing.row, implementations):
            table.add_row(*(Text(row[at] if intervals else row[at].partition(" (")[0]) for at in shown))
        screen.print()
        screen.print(table)
    if not intervals:
        more = "" if all_columns else f"{', '.join(OPTIONAL_COLUMNS)} and "
        screen.print(f"{more}intervals: in quality.md, or on a wider terminal", style="dim", markup=False)
    screen.print()
    for line in showing.summaries(training):
        screen.print(line, markup=False)
    screen.print()
    screen.print(showing.describe_method(training), style="dim", markup=False)
    print_end(screen, outputs)


def print_run(run: Run, outputs: Outputs, out: Path, as_json: bool) -> None:
    """Print a run's tables, findings and recommendations, and where the outputs are."""
    from reports.frame import frame
    from reports.story import findings, headline
    from reports.tables import tables

    if as_json:
        print(outputs.text, end="")
        return
    result = outputs.result
    every = {table.problem: table for table in tables(frame(result), result)}
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
        print_problem(screen, every[problem], result)
        if problem in stories:
            screen.print(stories[problem].sentence, markup=False)
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
            f"\nInterrupted with {processes} process{'es' * (processes != 1)} of {problems} problem{'s' * (problems != 1)} finished. "
            "They are kept: run the same command with --resume to go on.",
            style="yellow",
        )
    if outputs.stored:
        screen.print(f"\nstored as {outputs.stored}", markup=False, soft_wrap=True)
    list_outputs(outputs.paths)


def print_end(screen: Console, outputs: Outputs) -> None:
    """Print the warnings, and where the outputs are."""
    print_warnings(screen, outputs.result)
    list_outputs(outputs.paths)


def print_warnings(screen: Console, result: ResultFile) -> None:
    for warning in result.w2vbench.warnings:
        screen.print(f"\nWarning: {warning}", style="yellow", markup=False)


def print_problem(screen: Console, problem: Table, result: ResultFile) -> None:
    """Print one problem's table, and why other cases were not measured."""
    from rich.text import Text

    kernel = problem.problem.partition("@")[0]
    screen.print(Text(f"{problem.problem}  {result.w2vbench.kernels.get(kernel, '')}", style="bold"))
    table = plain_table(problem.header, 2, fold=True, no_wrap=(0, 2, 4))
    reasons = []
    for row, status in zip(problem.rows, problem.statuses, strict=True):
        if status == OK:
            table.add_row(Text(row[0], style="bold"), *map(Text, row[1:]))
        else:
            reasons.append(f"{row[0]} ({row[1]}): {row[2]}")
    screen.print(table)
    for reason in reasons:
        screen.print(reason, style="yellow", markup=False, soft_wrap=True)
    if problem.note:
        screen.print(problem.note, style="dim", markup=False)
    if problem.stages:
        screen.print("of a step's time:", style="dim")
        for line in problem.stages:
            screen.print(f"  {line}", style="dim", markup=False)


def print_overview(screen: Console, result: ResultFile) -> None:
    """Print the fastest implementation of every kernel, in one table."""
    from rich.text import Text

    from reports.story import OVERVIEW, overview

    table = plain_table(OVERVIEW, 1, no_wrap=(0,))
    for row in overview(result):
        table.add_row(*map(Text, row))
    words = f", words of {result.w2vbench.corpus.name}" if result.w2vbench.corpus.name else ""
    screen.print(f"\nIn short{words}", style="bold", markup=False)
    screen.print(table)


def print_deck(screen: Console, result: ResultFile) -> None:
    """Print the source deck's figures beside this run's, if it measured the deck's cases."""
    from rich.text import Text

    from reports.deck import HEADER, deck_table

    rows = deck_table(result)
    if not rows:
        return
    table = plain_table(HEADER)
    for row in rows:
        table.add_row(*map(Text, row))
    screen.print()
    screen.print("The source deck's figures", style="bold")
    screen.print(table)
