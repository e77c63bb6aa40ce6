"""Print line profiles: a table of source lines with what is beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, RenderableType

from .terminal import WIDE, plain_table

if TYPE_CHECKING:
    from bench.engine.protocol import LineProfile as ProfileOfWorker

HIDDEN = ("type", "variant", "why_not")
"""What a worker's profile has beside what a result file's has."""
OPTIONAL_COLUMNS = ("hits", "per hit")
"""Columns of a line profile that a terminal narrower than WIDE leaves out."""


def print_lines_of(screen: Console, lines: ProfileOfWorker) -> str:
    """Print a profile's lines with what is beside them. Returns how much was timed, as a sentence."""
    import msgspec
    from rich.syntax import Syntax

    from reports import lines as showing
    from reports.result_schema import LineProfile

    facts = msgspec.to_builtins(lines)
    for hidden in HIDDEN:
        facts.pop(hidden, None)
    profiled = LineProfile.model_validate(facts)
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
