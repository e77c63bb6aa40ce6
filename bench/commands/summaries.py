"""Print the summaries of results: of runs, comparisons, calibrations, histories and training runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType

from reports.units import counted

from .terminal import console, list_outputs, plain_table

if TYPE_CHECKING:
    from bench.plans.keeping import Outputs
    from reports.history import Trend
    from reports.result_schema import ResultFile

MANY_PROBLEMS = 24
"""At most this many tables are printed."""
MANY_SERIES = 40
"""With more series than this, only those with a change are printed."""


def print_outputs(outputs: Outputs, as_json: bool, show: Callable[[Console, ResultFile], None]) -> None:
    """Print a command's result, as JSON or as a function shows it on a console; then warnings, and where the outputs are."""
    if as_json:
        print(outputs.text, end="")
        return
    screen = console()
    show(screen, outputs.result)
    for warning in outputs.result.w2vbench.warnings:
        screen.print(f"\nWarning: {warning}", style="yellow")
    if outputs.stored:
        screen.print(f"\nstored as {outputs.stored}", soft_wrap=True)
    list_outputs(outputs.paths)


def annotate(result: ResultFile, as_json: bool) -> None:
    """Inside a GitHub workflow, print a comparison's annotations too."""
    from reports.comparison_ci import workflow_commands

    comparison = result.w2vbench.comparison
    if comparison and os.environ.get("GITHUB_ACTIONS") == "true":
        print("\n".join(workflow_commands(comparison)), file=sys.stderr if as_json else sys.stdout)


COMPARISON_COLUMNS = ((210, range(2, 10)), (130, (2, 5, 6, 8)), (0, (2,)))
"""By the width of the terminal: the columns of a comparison that are printed after case and verdict. comparison.md has all."""


def print_comparison(screen: Console, result: ResultFile) -> None:
    """Print a comparison's verdicts."""
    from rich.text import Text

    from reports import comparison as showing

    comparison = result.w2vbench.comparison
    assert comparison is not None
    screen.print(showing.heading(comparison), style="bold")
    shown = next(columns for width, columns in COMPARISON_COLUMNS if screen.width >= width)
    rows: list[Sequence[RenderableType]] = []
    for case in showing.ranked(comparison):
        style = "bold red" if showing.failing(case) else "yellow" if showing.unanswered(case) else ""
        cells = showing.row(case)
        rows.append(
            (
                cells[0],
                Text(showing.worst(case) if showing.failing(case) else cells[1], style=style),
                *(cells[at] for at in shown),
            )
        )
    if rows:
        header = [*showing.HEADER[:2], *(showing.HEADER[at] for at in shown)]
        screen.print(plain_table(header, rows, 2, fold=True, no_wrap=range(1, len(header))))
    for note in showing.notes(comparison):
        screen.print(note, style="dim")
    screen.print(showing.sentence(comparison), style="bold")


def print_calibration(screen: Console, result: ResultFile) -> None:
    """Print how often comparisons were right."""
    from reports import calibration as showing

    calibration = result.w2vbench.calibration
    assert calibration is not None
    screen.print(plain_table(showing.HEADER, showing.rows(calibration), 1))
    screen.print("\nHow often other tools' rules call it slower, from one process a side:", style="dim")
    screen.print(plain_table(showing.other_header(calibration), showing.other_rows(calibration), 1))
    for sentence in showing.sentences(calibration):
        screen.print(sentence, style="bold")


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
        screen.print(f"{showing.heading(trend, trends)}: {counted(trend.runs, 'run')}", style="bold")
        every = showing.ordered(trend)
        shown = every if len(every) <= MANY_SERIES else [one for one in every if one.changes]
        rows: list[Sequence[RenderableType]] = []
        for one in shown:
            style = "bold red" if any(failing(change, threshold) for change in one.changes) else ""
            changes = "; ".join(filter(None, [*map(showing.describe, one.changes), one.omission]))
            first, last = (seconds(one.points[at].wall_s) for at in (0, -1))
            rows.append((one.case, first, last, showing.sparkline(one), Text(changes, style=style)))
        if shown:
            screen.print(plain_table(("case", "first", "last", "trend", "changes"), rows))
        if len(shown) < len(every):
            screen.print(
                f"{counted(len(every) - len(shown), 'case')} without a change; --kernel and --only show them",
                style="dim",
            )
        for note in showing.notes(trend):
            screen.print(note, style="yellow" if trend.unanswered else "dim")
    if skipped:
        screen.print(
            f"{counted(len(skipped), 'file')} skipped: {skipped[0]}{' …' if len(skipped) > 1 else ''}", style="dim"
        )


OPTIONAL_COLUMNS = ("CPU s a million words", "memory", "held-out loss")
ALL_COLUMNS_WIDTH, INTERVALS_WIDTH = 120, 220
"""The table of training runs leaves out these columns on a terminal below the first width, and intervals below the second."""


def print_training(screen: Console, result: ResultFile) -> None:
    """Print whole training runs, a table a kernel."""
    from reports import training as showing

    training = result.w2vbench.training
    assert training is not None
    screen.print(showing.describe_data(training), style="dim")
    all_columns, intervals = screen.width >= ALL_COLUMNS_WIDTH, screen.width >= INTERVALS_WIDTH
    shown = [at for at, name in enumerate(showing.HEADER) if all_columns or name not in OPTIONAL_COLUMNS]
    for kernel, mine in showing.by_kernel(training).items():
        rows = [showing.row(one) for one in mine]
        cells = [[row[at] if intervals else row[at].partition(" (")[0] for at in shown] for row in rows]
        screen.print()
        screen.print(plain_table([showing.HEADER[at] for at in shown], cells, 1, fold=True, title=kernel))
    if not intervals:
        more = "" if all_columns else f"{', '.join(OPTIONAL_COLUMNS)} and "
        screen.print(f"{more}intervals: in quality.md, or on a wider terminal", style="dim")
    screen.print()
    for line in showing.summaries(training):
        screen.print(line)
    screen.print()
    screen.print(showing.describe_method(training), style="dim")


def print_run(screen: Console, result: ResultFile, *, out: Path, tables: bool, unfinished: str) -> None:
    """Print a run's answers, and its tables if they are wanted. out: the folder of its outputs."""
    from reports.answers import answers
    from reports.brief import brief, problem_lines
    from reports.frame import frame

    if tables:
        problems = list(frame(result).groupby("problem", sort=False))
        for problem, cases in problems[:MANY_PROBLEMS]:
            for at, line in enumerate(problem_lines(answers(result).get(str(problem)), cases, result, screen.width)):
                screen.print(line, style="bold" if at == 0 else None, soft_wrap=True)
            screen.print()
        if len(problems) > MANY_PROBLEMS:
            more = counted(len(problems) - MANY_PROBLEMS, "more table")
            screen.print(f"{more} in {out / 'report.md'}\n", style="dim")
    print_deck(screen, result)
    for line in brief(result, screen.width):
        screen.print(line, soft_wrap=True)
    if unfinished:
        screen.print(
            f"\nInterrupted with {unfinished} finished. They are kept: run the same command with --resume to go on.",
            style="yellow",
        )


def print_deck(screen: Console, result: ResultFile) -> None:
    """Print the source deck's figures beside this run's, if it measured the deck's cases."""
    from reports.deck import HEADER, deck_table

    if rows := deck_table(result):
        screen.print("\nThe source deck's figures", style="bold")
        screen.print(plain_table(HEADER, rows))
