"""A run's answers as lines of text: one line a kernel at the size that most kernels were measured at, then what else to know."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from w2vbench.reports.drawing.columns import WIDTH, aligned, command_lines, within
from w2vbench.reports.file.frame import wall_s
from w2vbench.reports.file.schema.result import ResultFile, Row, SizeRecord
from w2vbench.reports.findings.answers import (
    UNDECIDED,
    Answer,
    answers,
    at,
    at_one_size,
    by_kernel,
    compared,
    sizes,
    trust,
    undecided,
)
from w2vbench.reports.findings.facts import too_few_cpus, usable_cpus
from w2vbench.reports.findings.reasons import why
from w2vbench.reports.findings.sizes import types, types_differ
from w2vbench.reports.findings.surprises import surprises
from w2vbench.reports.statistics.units import counted, seconds

from .case_table import case_table, not_measured, ratio_text
from .scaling_lines import terminal_lines

if TYPE_CHECKING:
    import pandas as pd

SURPRISES, QUESTIONS = 3, 2
"""How many of each are shown; the report has all."""
LABEL = 15


def brief(result: ResultFile, width: int = WIDTH) -> list[str]:
    """Return the lines of a run's summary, for a screen of that many columns."""
    width = within(width)
    chosen = at_one_size(result)
    lines = list(what_was_measured(result, width))
    if chosen:
        lines += ["", *answers_table(chosen, width, types_differ(sizes(answers(result)))), ""]
    if threads := list(terminal_lines(result, chosen, width)):
        lines += [*threads, ""]
    for label, text, *commands in remarks(result, chosen):
        lines += labelled(label, text, width)
        lines += [line for command in commands for line in command_lines(command, width, " " * LABEL)]
    doubtful = any(re.search(r"(^|[ (])~[\d+-]", line) for line in lines)
    meaning = " ~: hardly known, the ends of its interval differ threefold." if doubtful else ""
    if any(answer.mark == UNDECIDED for answer in chosen):
        meaning += " ?: undecided, others may be as fast."
    lines += ["", *textwrap.wrap(f"{trust(result)}{meaning}", width)]
    return lines


def provisional(result: ResultFile, width: int = WIDTH) -> list[str]:
    """Return the summary's rows while a run goes on: one process each tells how large the differences are, and no more.

    There are none if nothing was measured so far.
    """
    chosen, width = at_one_size(result), within(width)
    if not chosen:
        return []
    rows = answers_table(chosen, width, types_differ(sizes(answers(result))), final=False)
    return ["", "so far, of one process each and without intervals:", *rows, ""]


def what_was_measured(result: ResultFile, width: int) -> Iterator[str]:
    """What ran, where, on which words, and what the letters mean."""
    suite, found = result.w2vbench, answers(result)
    packages = suite.environment.get("packages")
    names = {"NumPy": "numpy", "SciPy": "scipy", "numba": "numba"}
    versions = {name: packages.get(key) for name, key in names.items()} if isinstance(packages, dict) else {}
    software = {"Python": suite.environment.get("python"), **versions}
    short_versions = [
        f"{name} {'.'.join(str(version).split('.')[:2])}" for name, version in software.items() if version
    ]
    yield "  ".join(filter(None, [str(suite.environment.get("cpu") or ""), ", ".join(short_versions)]))[:width]
    ways = {(row.extra_info.kernel, row.slug) for row in result.benchmarks}
    counts = [counted(len(by_kernel(found)), "kernel"), counted(len(ways), "implementation")]
    words = [f"words of {suite.corpus.name}"] if suite.corpus.name else []
    yield from textwrap.wrap(", ".join([*counts, counted(len(result.benchmarks), "timing"), *words]), width)
    if found:
        H = {answer.size.H for answer in found.values()} - {1}
        letters = [
            "V: different words",
            "B: words, bags, examples",
            f"H{f' = {H.pop():,}' if len(H) == 1 else ''}: numbers a word",
        ]
        if len(threads := {answer.size.threads for answer in found.values()}) > 1:
            letters.append(f"on {counted(min(threads), 'thread')}")
        yield from textwrap.wrap("   ".join([*letters, "×: slower than the fastest"]), width)


def answers_table(chosen: list[Answer], width: int, with_types: bool, *, final: bool = True) -> Iterator[str]:
    """One line a kernel. Below WIDTH the names of the slower implementations are left out. final: whether to mark what is undecided."""
    usual = max((answer.size for answer in chosen), key=lambda size: sum(same(size, one.size) for one in chosen))
    head = f"V = {usual.V:,}, B = {usual.B:,}" + (f", H = {usual.H:,}" if usual.H > 1 else "")
    wide = width >= WIDTH
    rows = [(head, "use", "per call", *(("NumPy/SciPy", "", "textbook", "") if wide else ("NumPy", "textbook")))]
    for answer in chosen:
        plain, plain_ratio = versus(answer, answer.best("NumPy/SciPy"))
        book, ratio = versus(answer, answer.baseline)
        others = (
            (plain, plain_ratio, book, ratio) if wide else (plain_ratio or plain.removeprefix("the "), ratio or book)
        )
        name = f"{answer.kernel}{other_size(answer.size, usual, with_types)}"
        use = f"{answer.use.slug}{'?' * (final and answer.mark == UNDECIDED)}"
        rows.append((name, use, seconds(wall_s(answer.use)), *others))
    left = (0, 1, 3, 5) if wide else (0, 1)
    lines = aligned(rows, left)
    if max(map(len, lines)) > width:
        lines = aligned(rows, left, left_gap=1)
    yield lines[0]
    yield "─" * max(map(len, lines))
    yield from lines[1:]


def marked(answer: Answer) -> str:
    """The name of the case to use, with its mark: ``gather (tie)``."""
    return f"{answer.use.slug}{f' ({answer.mark})' if answer.mark else ''}"


def same(one: SizeRecord, other: SizeRecord) -> bool:
    return (one.V, one.B, types(one)) == (other.V, other.B, types(other))


def other_size(size: SizeRecord, usual: SizeRecord, with_types: bool) -> str:
    """What a size has that the usual one has not: `` B 8``."""
    parts = [
        f" {name} {short(getattr(size, name))}" for name in ("V", "B") if getattr(size, name) != getattr(usual, name)
    ]
    return "".join(parts) + (f" {types(size)}" if with_types and types(size) != types(usual) else "")


def short(number: int) -> str:
    return f"{number // 1000}k" if number >= 1000 and number % 1000 == 0 else f"{number}"


def versus(answer: Answer, row: Row | None) -> tuple[str, str]:
    """Another implementation and its ratio to the one to use."""
    if row is None:
        return "none", ""
    if row is answer.use:
        return "the same", ""
    if answer.ties(row):
        return row.slug, "tie"
    return row.slug, ratio_text(answer.slower(row))


def remarks(result: ResultFile, chosen: list[Answer]) -> Iterator[tuple[str, ...]]:
    """Surprises, what is undecided, and what was not measured, each behind its label and before a command, if one helps."""
    yield from from_outside(result, chosen)
    for one in surprises(result)[:SURPRISES]:
        yield "surprise", f"{one.title.replace('`', '')}: {one.text.replace('`', '')}"
    questions = [answer for answer in chosen if undecided(answer, result).text]
    for answer in questions[:QUESTIONS]:
        text, command = undecided(answer, result)
        remark = f"{answer.kernel} at V = {answer.size.V:,}: {text.replace('`', '')}"
        yield ("undecided", remark, command) if command else ("undecided", remark)
    if len(questions) > QUESTIONS:
        yield (
            "undecided",
            f"{counted(len(questions) - QUESTIONS, 'more kernel')}: {', '.join(answer.kernel for answer in questions[QUESTIONS:])}; see the report",
        )
    marked: dict[str, dict[str, None]] = {}
    for case in result.w2vbench.not_measured:
        if case.marked_wrong:
            marked.setdefault(case.reason, {})[f"{case.kernel}/{case.implementation}"] = None
    for reason, names in marked.items():
        yield "wrong", f"{', '.join(names)}, on purpose: {reason}"
    statuses: dict[str, dict[str, set[str]]] = {}
    for case in result.w2vbench.not_measured:
        if not case.marked_wrong:
            names_by_reason = statuses.setdefault(case.status, {})
            names_by_reason.setdefault(case.reason, set()).add(f"{case.kernel}/{case.implementation}")
    for status, reasons in statuses.items():
        for reason, cases in list(reasons.items())[:2]:
            named = ", ".join(sorted(cases)) if len(cases) <= 2 else counted(len(cases), "implementation")
            yield status, f"{named}: {reason}"
        if len(reasons) > 2:
            yield status, f"{sum(map(len, list(reasons.values())[2:]))} more; see the report"


def from_outside(result: ResultFile, chosen: list[Answer]) -> Iterator[tuple[str, str]]:
    """How fast implementations of the user's own are, at the size that is shown."""
    for answer in chosen:
        for row in answer.rows:
            source = result.w2vbench.sources.get(f"{answer.kernel}/{row.slug}")
            if source and not source.file.startswith("impls/"):
                place = f"{source.file}, {answer.kernel}/{row.slug} at {at(answer.size)}: {seconds(wall_s(row))} a call"
                verdict = (
                    "use it"
                    if row is answer.use
                    else "as fast as any"
                    if answer.ties(row)
                    else f"{compared(answer.slower(row), answer.use.slug)}"
                )
                yield "yours", f"{place}, {verdict}"


def labelled(label: str, text: str, width: int) -> list[str]:
    """A remark in lines behind its label."""
    return textwrap.wrap(
        " ".join(text.split()),
        width,
        initial_indent=label[: LABEL - 1].ljust(LABEL),
        subsequent_indent=" " * LABEL,
        break_on_hyphens=False,
        break_long_words=False,
    )


NARROW_LACKS = ("95 % interval", "words a second")
"""Columns for which there is no room below WIDTH."""


def problem_lines(answer: Answer | None, cases: pd.DataFrame, result: ResultFile, width: int = WIDTH) -> list[str]:
    """Return one problem's table as lines: its name, a line for each case, and notes."""
    first, rows = cases.iloc[0], list(cases.itertuples())
    title = result.w2vbench.kernels.get(str(first.kernel), "")
    header, *table = case_table(answer, rows)
    shown = [
        at for at, name in enumerate(header) if name != "what it is" and (width >= WIDTH or name not in NARROW_LACKS)
    ]
    cells = [["" if name == header[0] else name for name in header], *table] if table else []
    left = (0, shown.index(header.index("limit"))) if "limit" in header else (0,)
    lines = [f"{first.problem}  {title}"[:width], *aligned([[row[at] for at in shown] for row in cells], left)]
    if crowded := too_few_cpus(int(first.threads), usable_cpus(result.w2vbench)):
        lines.append(crowded)
    for name, _, reason in not_measured(rows):
        lines += textwrap.wrap(f"{name}: {reason}", within(width), subsequent_indent="  ")
    if answer:
        open_question, command = undecided(answer, result)
        for sentence in filter(None, (why(answer, result), open_question)):
            lines += textwrap.wrap(sentence.replace("`", ""), within(width), break_on_hyphens=False)
        lines += command_lines(command, within(width), "  ") if command else []
    return lines
