"""Print the summaries of results: of runs, comparisons, calibrations, histories and training runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from w2vbench.reports.statistics.units import counted

from .printing import WIDE, console, list_outputs, plain_table

if TYPE_CHECKING:
    from w2vbench.bench.plans.run.keeping import Outputs
    from w2vbench.reports.drawing.columns import Line
    from w2vbench.reports.file.schema.result import ResultFile
    from w2vbench.reports.others.history import Trend

MANY_PROBLEMS = 24
"""At most this many tables are printed."""


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
    from w2vbench.reports.compare.ci import workflow_commands

    comparison = result.w2vbench.comparison
    if comparison and os.environ.get("GITHUB_ACTIONS") == "true":
        print("\n".join(workflow_commands(comparison)), file=sys.stderr if as_json else sys.stdout)


def print_lines(screen: Console, lines: Iterable[Line]) -> None:
    """Print lines in their styles."""
    for line in lines:
        screen.print(line.text, style=line.style or None, soft_wrap=True)


def print_comparison(screen: Console, result: ResultFile) -> None:
    """Print a comparison's verdicts."""
    from w2vbench.reports.others.terminal_lines import comparison_lines

    assert result.w2vbench.comparison is not None
    print_lines(screen, comparison_lines(result.w2vbench.comparison, screen.width))


def print_releases(screen: Console, result: ResultFile) -> None:
    """Print cases release by release, and the changes of their levels."""
    from w2vbench.reports.others.releases_page import release_lines

    assert result.w2vbench.releases is not None
    print_lines(screen, release_lines(result.w2vbench.releases, screen.width))


def print_calibration(screen: Console, result: ResultFile) -> None:
    """Print how often comparisons were right."""
    from w2vbench.reports.others.terminal_lines import calibration_lines

    assert result.w2vbench.calibration is not None
    print_lines(screen, calibration_lines(result.w2vbench.calibration, screen.width))


def print_training(screen: Console, result: ResultFile) -> None:
    """Print whole training runs, a table a kernel."""
    from w2vbench.reports.others.terminal_lines import training_lines

    assert result.w2vbench.training is not None
    print_lines(screen, training_lines(result.w2vbench.training, screen.width))


def print_history(trends: Sequence[Trend], skipped: Sequence[str], threshold: float, as_json: bool) -> None:
    """Print each machine's series, those with a change first."""
    from w2vbench.reports.others import history_page
    from w2vbench.reports.others.terminal_lines import history_lines

    if as_json:
        print(history_page.as_json(trends))
        return
    screen = console()
    print_lines(screen, history_lines(trends, skipped, threshold, screen.width))


def print_run(screen: Console, result: ResultFile, *, out: Path, tables: bool, unfinished: str) -> None:
    """Print a run's answers, and its tables if they are wanted. out: the folder of its outputs."""
    from w2vbench.reports.file.frame import frame
    from w2vbench.reports.findings.answers import answers
    from w2vbench.reports.run.lines import brief, problem_lines

    if tables:
        problems = list(frame(result).groupby("problem", sort=False))
        for problem, cases in problems[:MANY_PROBLEMS]:
            for at, line in enumerate(problem_lines(answers(result).get(str(problem)), cases, result, screen.width)):
                screen.print(line, style="bold" if at == 0 else None, soft_wrap=True)
            screen.print()
        if len(problems) > MANY_PROBLEMS:
            more = counted(len(problems) - MANY_PROBLEMS, "more table")
            screen.print(f"{more} in {out / 'report.md'}\n", style="dim")
    print_deck(screen, result, out)
    for line in brief(result, screen.width):
        screen.print(line, soft_wrap=True)
    if unfinished:
        screen.print(
            f"\nInterrupted with {unfinished} finished. They are kept: run the same command with --resume to go on.",
            style="yellow",
        )


def print_deck(screen: Console, result: ResultFile, out: Path) -> None:
    """Print the source deck's figures beside this run's, if it measured the deck's cases, and where its page is."""
    from w2vbench.reports.deck import page as deck_page
    from w2vbench.reports.deck.printed import HEADER, NOTE, deck_table
    from w2vbench.reports.drawing.columns import without_interval

    if rows := deck_table(result):
        screen.print("The source deck's figures", style="bold")
        narrow = screen.width < WIDE
        shown = [list(map(without_interval, row)) if narrow else row for row in rows]
        screen.print(plain_table(HEADER, shown, 2, fold=True))
        screen.print(f"{NOTE}\n", style="dim")
    if deck_page.is_deck(result):
        screen.print(f"slide by slide: {out / deck_page.NAME}\n", soft_wrap=True)
