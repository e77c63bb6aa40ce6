"""Print line profiles: a table of source lines with what is beside them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from w2vbench.bench.engine.protocol import Status

from .printing import WIDE, console, plain_table

if TYPE_CHECKING:
    from w2vbench.bench.engine.protocol import LineProfile as ProfileOfWorker
    from w2vbench.bench.plans.run.profile import Profiled

HIDDEN = ("type", "variant", "why_not")
"""What a worker's profile has beside what a result file's has."""
OPTIONAL_COLUMNS = ("hits", "per hit")
"""Columns of a line profile that a terminal narrower than WIDE leaves out."""


def facts_of(lines: ProfileOfWorker) -> dict[str, Any]:
    """What a result file has of a worker's profile."""
    import msgspec

    return {name: value for name, value in msgspec.to_builtins(lines).items() if name not in HIDDEN}


def print_lines_of(screen: Console, lines: ProfileOfWorker) -> str:
    """Print a profile's lines with what is beside them. Returns how much was timed, as a sentence."""
    from rich.syntax import Syntax
    from w2vbench.reports.drawing import lines as showing
    from w2vbench.reports.file.schema.result import LineProfile

    profiled = LineProfile.model_validate(facts_of(lines))
    narrow = screen.width < WIDE
    shown = [at for at, name in enumerate(showing.HEADER) if not (narrow and name in OPTIONAL_COLUMNS)]
    first = showing.decorator_lines([line.text for line in profiled.lines])
    header = ("line", *(showing.HEADER[at] for at in shown))
    figures = [
        (str(line.number), *(beside.text[at] for at in shown))
        for line, beside in zip(profiled.lines, showing.cells(profiled), strict=True)
    ][first:]
    rows: list[tuple[RenderableType, ...]] = []
    for line, cells in zip(profiled.lines[first:], figures, strict=True):
        source = Syntax(line.text, "python", background_color="default").highlight(line.text)
        source.rstrip()
        source.no_wrap, source.overflow = True, "ellipsis"
        rows.append((*cells, source))
    table = plain_table((*header, "source"), rows, 0, no_wrap=range(len(header)))
    table.columns[-1].justify = "left"
    screen.print(table)
    return showing.note(profiled)


def profile(done: Profiled, as_json: bool) -> None:
    """Print a line profile: hits, time, allocation and memory growth beside each source line."""
    if as_json:
        print(json.dumps({"case": str(done.case), **facts_of(done.lines)}, indent=1))
        return
    from rich.text import Text
    from w2vbench.reports.drawing import lines as showing

    screen = console()
    screen.print(Text(f"{done.case}  {done.implementation.title}", style="bold"), no_wrap=True)
    note = print_lines_of(screen, done.lines)
    if done.lines.status != Status.OK:
        screen.print(f"{done.lines.status}: {done.lines.reason}", style="yellow")
    screen.print("\n".join((note, *showing.EXPLANATION)), style="dim")
