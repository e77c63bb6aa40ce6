"""A run's report as Markdown: the answers, what surprised, then every table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from w2vbench.reports.deck.printed import HEADER, NOTE, deck_table
from w2vbench.reports.drawing.markdown import markdown_table, plain
from w2vbench.reports.file.frame import frame, grouped, wall_s
from w2vbench.reports.file.memory import EXPLANATION, RESIDENT
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.findings.answers import Answer, answers, at_one_size, compared, trust, undecided
from w2vbench.reports.findings.notes import Series, notes_of, series_of_frame, stage_shares
from w2vbench.reports.findings.reasons import why
from w2vbench.reports.findings.surprises import surprises
from w2vbench.reports.statistics.units import seconds

from .case_table import case_table, not_measured
from .lines import answer_row, short
from .scaling_lines import markdown_lines

ANSWERS = ("kernel", "V", "B", "use", "per call", "NumPy/SciPy only", "times slower", "textbook", "times slower")


def as_markdown(result: ResultFile) -> str:
    """Return a run's report as Markdown."""
    suite, found = result.w2vbench, answers(result)
    command = " ".join(suite.command.replace("`", "'").split())
    when, machine = result.datetime[:19].replace("T", " "), suite.environment.get("cpu") or "an unknown CPU"
    words = f", words of {plain(suite.corpus.name)}" if suite.corpus.name else ""
    parts = ["# w2vbench report", "", f"`{command}`, {plain(when)} UTC, on {plain(str(machine))}{words}.", ""]
    if not suite.complete:
        parts += ["**This run was interrupted: only the problems below were finished.**", ""]
    if suite.warnings:
        parts += [*(f"- {plain(warning)}" for warning in suite.warnings), ""]
    if chosen := at_one_size(result):
        parts += [*markdown_table(ANSWERS, [answer_row(answer, short) for answer in chosen]), "", trust(result), ""]
    if surprising := surprises(result):
        parts += ["What surprised:", "", *(f"- **{plain(one.title)}.** {plain(one.text)}" for one in surprising), ""]
    parts += markdown_lines(result)
    table = frame(result)
    series = series_of_frame(table)
    for kernel, its in grouped(table.itertuples(), "kernel").items():
        title = ": ".join(filter(None, (kernel, suite.kernels.get(kernel, ""))))
        parts += [f"## {plain(title)}", ""]
        for problem, cases in grouped(its, "problem").items():
            parts += problem_parts(problem, cases, found.get(problem), result, series)
    if (table[["memory_kind", "held_kind"]] == RESIDENT).to_numpy().any():
        parts += [f"_{EXPLANATION}_", ""]
    if rows := deck_table(result):
        parts += [
            "## The source deck's figures",
            "",
            *markdown_table(HEADER, rows),
            "",
            plain(NOTE),
            "",
        ]
    if suite.corpus.streams:
        parts += ["Words:", "", *(f"- {plain(line)}" for line in suite.corpus.streams.values())]
    return "\n".join(parts) + "\n"


def problem_parts(
    problem: str, cases: Sequence[Any], answer: Answer | None, result: ResultFile, series: Series
) -> list[str]:
    """Return one problem's part of the report: what to use and why, the table, notes, and the stages of a step."""
    parts = [f"### {plain(problem.partition('@')[2])}", ""]
    if answer:
        open_question = undecided(answer, result)
        sentences = [advice(answer), why(answer, result), open_question.text]
        parts += [plain(" ".join(filter(None, sentences))), ""]
        if open_question.command:
            parts += [f"    {' '.join(open_question.command.split())}", ""]
    table = case_table(answer, cases)
    reasons = [(*reason, *[""] * (len(table.header) - len(reason))) for reason in not_measured(cases)]
    parts += [*markdown_table(table.header, [*table.rows, *reasons], left=2), ""]
    if note := notes_of(cases, answer, result, series):
        parts += [f"_{plain(note)}_", ""]
    if stages := list(stage_shares(cases, result)):
        parts += ["Where a step's time goes:", "", *(f"- {plain(line)}" for line in stages), ""]
    return parts


def advice(answer: Answer) -> str:
    """What to use, and how much slower the textbook's code is."""
    ties = ", ".join(row.slug for row in answer.ranking.fastest[1:])
    text = f"Use `{answer.use.slug}`{f' (about as fast: {ties})' if ties else ''}."
    book = answer.baseline
    if book is None or answer.ties(book):
        return text
    verb = "looks" if book in answer.ranking.undecided else "is"
    times = f"{seconds(wall_s(book))} against {seconds(wall_s(answer.use))} a call"
    return f"{text} `{book.slug}` {verb} {compared(answer.slower(book))}: {times}."
