"""A run's answers as lines of text: one line a kernel at the size that most kernels were measured at, then what else to know."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from w2vbench.reports.drawing.columns import WIDTH, aligned, command_lines, within, wrapped
from w2vbench.reports.file.frame import wall_s
from w2vbench.reports.file.schema.result import ResultFile, Row, SizeRecord
from w2vbench.reports.findings.answers import (
    Answer,
    Mark,
    answers,
    as_fast,
    at,
    at_one_size,
    by_kernel,
    closest_question,
    compared,
    sizes,
    trust,
    undecided,
)
from w2vbench.reports.findings.facts import too_few_cpus, usable_cpus
from w2vbench.reports.findings.ranking import hardly_known
from w2vbench.reports.findings.reasons import why
from w2vbench.reports.findings.sizes import types, types_differ
from w2vbench.reports.findings.surprises import surprises
from w2vbench.reports.statistics.problems import Interval
from w2vbench.reports.statistics.units import counted, seconds

from .case_table import case_table, not_measured, place_text
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
    said = list(remarks(result, chosen))
    for one in said:
        lines += labelled(one.label, one.text, width)
        lines += command_lines(one.command, width, " " * LABEL) if one.command else []
    shown = [ratio for answer in chosen for ratio in ratios(answer)] + [one.ratio for one in said if one.ratio]
    meaning = " ~: hardly known, the ends of its interval differ threefold." if any(map(hardly_known, shown)) else ""
    if any(answer.mark is Mark.UNDECIDED for answer in chosen):
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
        use = f"{answer.use.slug}{'?' * (final and answer.mark is Mark.UNDECIDED)}"
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
    return row.slug, place_text(answer, row)


def answer_row(answer: Answer, number: Callable[[int], str]) -> tuple[str, ...]:
    """An answer's row of a table of V, B, what to use and how others compare. number: how V and B are written."""
    others = (*versus(answer, answer.best("NumPy/SciPy")), *versus(answer, answer.baseline))
    size, use = answer.size, answer.use
    return answer.kernel, number(size.V), number(size.B), marked(answer), seconds(wall_s(use)), *others


def ratios(answer: Answer) -> list[Interval]:
    """The ratios that an answer's row shows as such."""
    others = (answer.best("NumPy/SciPy"), answer.baseline)
    return [answer.slower(row) for row in others if row and row is not answer.use and not answer.ties(row)]


@dataclass(frozen=True)
class Remark:
    """What else to know about a run."""

    label: str  # what it is about
    text: str  # a sentence
    command: str = ""  # a command that helps, if there is one
    ratio: Interval | None = None  # the ratio that the sentence words, if there is one


def remarks(result: ResultFile, chosen: list[Answer]) -> Iterator[Remark]:
    """Yield surprises, what is undecided, and what was not measured."""
    yield from from_outside(result, chosen)
    for one in surprises(result)[:SURPRISES]:
        yield Remark("surprise", f"{one.title}: {one.text}".replace("`", ""), ratio=one.ratio)
    questions = [answer for answer in chosen if undecided(answer, result).text]
    for answer in questions[:QUESTIONS]:
        text, command = undecided(answer, result)
        ratio = closest_question(answer)[1] if answer.ranking.undecided else None
        text = f"{answer.kernel} at V = {answer.size.V:,}: {text.replace('`', '')}"
        yield Remark("undecided", text, command, ratio if ratio and not as_fast(ratio) else None)
    if more := questions[QUESTIONS:]:
        kernels = ", ".join(answer.kernel for answer in more)
        yield Remark("undecided", f"{counted(len(more), 'more kernel')}: {kernels}; see the report")
    marked: dict[str, dict[str, None]] = {}
    for case in result.w2vbench.not_measured:
        if case.marked_wrong:
            marked.setdefault(case.reason, {})[f"{case.kernel}/{case.implementation}"] = None
    for reason, names in marked.items():
        yield Remark("wrong", f"{', '.join(names)}, on purpose: {reason}")
    statuses: dict[str, dict[str, set[str]]] = {}
    for case in result.w2vbench.not_measured:
        if not case.marked_wrong:
            names_by_reason = statuses.setdefault(case.status, {})
            names_by_reason.setdefault(case.reason, set()).add(f"{case.kernel}/{case.implementation}")
    for status, reasons in statuses.items():
        for reason, cases in list(reasons.items())[:2]:
            named = ", ".join(sorted(cases)) if len(cases) <= 2 else counted(len(cases), "implementation")
            yield Remark(status, f"{named}: {reason}")
        if len(reasons) > 2:
            yield Remark(status, f"{sum(map(len, list(reasons.values())[2:]))} more; see the report")


def from_outside(result: ResultFile, chosen: list[Answer]) -> Iterator[Remark]:
    """Yield how fast implementations of the user's own are, at the size that is shown."""
    for answer in chosen:
        for row in answer.rows:
            source = result.w2vbench.sources.get(f"{answer.kernel}/{row.slug}")
            if source and not source.file.startswith("impls/"):
                place = f"{source.file}, {answer.kernel}/{row.slug} at {at(answer.size)}: {seconds(wall_s(row))} a call"
                if answer.ties(row):
                    yield Remark("yours", f"{place}, {'use it' if row is answer.use else 'as fast as any'}")
                else:
                    ratio = answer.slower(row)
                    text = f"{place}, {compared(ratio, answer.use.slug)}"
                    yield Remark("yours", text, ratio=None if as_fast(ratio) else ratio)


def labelled(label: str, text: str, width: int) -> list[str]:
    """A remark in lines behind its label."""
    first, *others = [line.text for line in wrapped(text, width, first=" " * LABEL)] or [""]
    return [label[: LABEL - 1].ljust(LABEL) + first[LABEL:], *others]


def problem_lines(answer: Answer | None, cases: pd.DataFrame, result: ResultFile, width: int = WIDTH) -> list[str]:
    """Return one problem's table as lines: its name, a line for each case, and notes."""
    first, rows = cases.iloc[0], list(cases.itertuples())
    title = result.w2vbench.kernels.get(str(first.kernel), "")
    table = case_table(answer, rows).on_terminal(width >= WIDTH)
    cells = [("", *table.header[1:]), *table.rows] if table.rows else []
    left = [at for at, column in enumerate(table.columns) if column.left]
    lines = [f"{first.problem}  {title}"[:width], *aligned(cells, left)]
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
