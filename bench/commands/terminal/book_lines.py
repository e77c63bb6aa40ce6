"""What was found in a reader's layers as lines of text: the faults, each with its line, an example and what to write instead."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from w2vbench.reports.drawing.columns import Line, ruled, within, wrapped
from w2vbench.reports.findings.answers import slower_text
from w2vbench.reports.findings.ranking import hardly_known
from w2vbench.reports.statistics.units import counted, listed, seconds, two

from .printing import WIDE, console
from .summaries import print_lines

if TYPE_CHECKING:
    from w2vbench.bench.engine.protocol import BookChecked, BookFault, LineProfile
    from w2vbench.bench.plans.book.book import BookResult
    from w2vbench.bench.plans.book.book_times import TimedMethods
    from w2vbench.bench.plans.book.text import Text

LABEL = 11


def print_book(done: BookResult, *, as_json: bool) -> None:
    """Print what was found in a reader's layers: faults, times, and the lines of what was timed."""
    if as_json:
        print(json.dumps(book_record(done), indent=1))
        return
    from w2vbench.reports.drawing import lines as showing

    from .line_tables import print_lines_of

    screen = console()
    print_lines(screen, book_lines(done, screen.width if sys.stdout.isatty() else WIDE))
    profiles = [(one, profile) for one in done.timed for profile in one.profiles]
    for one, profile in profiles:
        screen.print(f"\n{profile.variant}  as {one.kernel}@{one.size}", style="bold", soft_wrap=True)
        screen.print(print_lines_of(screen, in_cell(profile, text_of(str(done.file)))), style="dim")
    if profiles:
        screen.print("\n" + "\n".join(showing.EXPLANATION), style="dim")


def book_lines(result: BookResult, width: int) -> Iterator[Line]:
    """Yield the verdicts of all classes, then each fault, then remarks, then times."""
    width = within(width)
    yield from verdict_lines(result, width)
    faults = [fault for one in result.classes for fault in one.faults]
    for fault in sorted(faults, key=lambda one: one.remark):
        yield Line("")
        yield from fault_lines(fault, width)
    if result.timed:
        yield Line("")
        yield from time_lines(result.timed, width)


def verdict_lines(result: BookResult, width: int) -> Iterator[Line]:
    """Yield which classes are right, wrong, and not checked since they use a wrong one."""
    groups: dict[str, list[str]] = {}
    for one in result.classes:
        groups.setdefault(status(one), []).append(one.name)
    total = counted(len(result.classes), "class").replace("classs", "classes")
    yield Line(f"{result.file}: {total}", "bold")
    for name, style in (("right", "green"), ("wrong", "bold red"), ("not checked", "yellow")):
        if names := groups.get(name):
            below = groups.get("wrong", []) if name == "not checked" else []
            why = f": {'it uses' if len(names) == 1 else 'they use'} {' or '.join(below)}" if below else ""
            yield from labelled(name, f"{listed(names)}{why}", width, style, indent=0, wide=LABEL + 2)


def status(one: BookChecked) -> str:
    return "not checked" if one.built_on else "wrong" if one.wrong else "right"


def fault_lines(fault: BookFault, width: int) -> Iterator[Line]:
    """Yield one fault: where, what is wrong, on which example, and what to write instead."""
    place = shown_place(fault.file, fault.line) if fault.line else ""
    code = source_line(fault.file, fault.line)
    style = "yellow" if fault.remark else "bold red"
    head = "  ".join(filter(None, (fault.method, place, code)))
    yield Line(head if len(head) <= width else f"{head[: width - 1]}…", style)
    yield from labelled("remark" if fault.remark else "wrong", fault.says, width)
    if fault.example:
        yield from labelled("example", fault.example, width)
    yield from labelled("instead", fault.instead, width)


def labelled(
    label: str, text: str, width: int, style: str = "", *, indent: int = 2, wide: int = LABEL
) -> Iterator[Line]:
    """Yield a text in lines behind its label."""
    for number, line in enumerate(wrapped(text, width, style, first=" " * wide)):
        yield line if number else Line(" " * indent + label.ljust(wide - indent) + line.text[wide:], style)


def shown_path(file: str) -> str:
    """Return a file's path from the current folder if it is there."""
    with suppress(ValueError):
        return str(Path(file).relative_to(Path.cwd()))
    return file


def shown_place(file: str, line: int) -> str:
    """Return a file's line as its reader finds it: ``layers.py:86``, or ``layers.ipynb, code cell 3, line 5``."""
    text = text_of(file)
    return f"{shown_path(file)}, {text.place(line)}" if text.cells else f"{shown_path(file)}:{line}"


@cache
def text_of(file: str) -> Text:
    """Return a file's text; an empty one if it cannot be read any more."""
    from w2vbench.bench.plans.book.text import Text, Unreadable, read_text

    try:
        return read_text(Path(file))
    except (Unreadable, OSError):
        return Text("")


def source_line(file: str, number: int) -> str:
    """Return a line of a file, without what a terminal would not print; empty if there is none."""
    lines = text_of(file).code.split("\n")
    line = lines[number - 1] if 0 < number <= len(lines) else ""
    return "".join(character for character in line.strip() if character.isprintable())


def in_cell(profile: LineProfile, text: Text) -> LineProfile:
    """Return a profile whose lines have the numbers that they have in their code cell."""
    from msgspec import structs

    lines = tuple(structs.replace(line, number=text.in_cell(line.number)[1]) for line in profile.lines)
    return structs.replace(profile, lines=lines)


def time_lines(timed: Sequence[TimedMethods], width: int) -> Iterator[Line]:
    """Yield the methods' times beside the fastest of ours."""
    largest = max((one.size for one in timed), key=lambda size: (size.B, size.H, size.K))
    yield from wrapped(
        f"V = {largest.V:,}, H = {largest.H}, B = {largest.B}, {largest.dtype}; ×: slower than the fastest",
        width,
        "dim",
    )
    head = ("yours", "kernel", "per call", "fastest", "", "×")
    rows = [time_cells(one, largest.B) for one in timed if not one.why_not]
    if rows:
        yield from ruled([head, *rows], (0, 1, 3))
    for one in timed:
        if one.why_not:
            yield from labelled("not timed", f"{one.slug}: {one.why_not}", width, "yellow", indent=0)


def time_cells(one: TimedMethods, usual: int) -> tuple[str, ...]:
    kernel = one.kernel + (f" B {one.size.B}" if usual != one.size.B else "")
    ratio = (
        "tie"
        if one.ratio is None or one.ratio.includes(1.0)
        else f"{'~' * hardly_known(one.ratio)}{two(one.ratio.estimate)}×"
    )
    if one.ratio and one.ratio.high is not None and one.ratio.high < 1:
        ratio = slower_text(one.ratio)  # which says faster
    return one.slug, kernel, seconds(one.mine_s), one.fastest, seconds(one.fastest_s), ratio


def book_record(result: BookResult) -> dict[str, Any]:
    """Return what was found as plain data, for ``--json``."""
    import msgspec

    return {
        "file": str(result.file),
        "classes": [
            {
                "name": one.name,
                "status": status(one),
                "uses": list(one.built_on),
                "faults": [fault_record(fault) for fault in one.faults],
            }
            for one in result.classes
        ],
        "times": [
            {
                "methods": one.methods,
                "case": f"{one.kernel}/{one.slug}@{one.size}",
                "why_not": one.why_not,
                "seconds": one.mine_s or None,
                "fastest": one.fastest,
                "fastest_seconds": one.fastest_s or None,
                "textbook": one.textbook,
                "textbook_seconds": one.textbook_s or None,
                "times_slower": one.ratio and vars(one.ratio),
                "lines": [msgspec.to_builtins(in_cell(profile, text_of(str(result.file)))) for profile in one.profiles],
            }
            for one in result.timed
        ],
    }


def fault_record(fault: BookFault) -> dict[str, Any]:
    """Return a fault as plain data. In a notebook, ``cell`` is the code cell, and ``line`` its line there."""
    import msgspec

    cell, line = text_of(fault.file).in_cell(fault.line)
    return {**msgspec.to_builtins(fault), "line": line, **({"cell": cell} if cell else {})}
