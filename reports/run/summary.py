"""A run's answers as an object that a notebook shows: the table that the terminal prints, and what else to know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from w2vbench.reports.file.files import read
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.findings.answers import at_one_size, trust

from .lines import answer_row, brief, remarks, what_was_measured

HEADER = ("kernel", "V", "B", "use", "per call", "NumPy/SciPy", "slower", "textbook", "slower")
CELL = "text-align: {}; padding: 2px 12px 2px 0; white-space: nowrap"
NUMBERS = (1, 2, 4, 6, 8)
"""Columns of numbers, which end together."""


@dataclass(frozen=True)
class Summary:
    """A run in short. A notebook shows ``html``; printed, it is ``text``."""

    text: str  # what the command prints at its end
    html: str  # the same as a table, and paragraphs

    def _repr_html_(self) -> str:
        """What IPython asks for."""
        return self.html

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text


def summary(result: ResultFile | str | Path) -> Summary:
    """Say in short what a run found: for each kernel, what to use at one size, and how much slower the others are.

    Parameters
    ----------
    result
        A result file of ``w2vbench run``, or its path.

    Returns
    -------
    Summary
        What a notebook shows as a table, and ``print`` as text.

    Raises
    ------
    ResultError
        If the file is no result file.
    """
    whole = result if isinstance(result, ResultFile) else read(result)
    return Summary("\n".join(brief(whole)), html(whole))


def html(result: ResultFile) -> str:
    """Return the summary as HTML without style sheets or scripts: notebooks leave those out."""
    chosen = at_one_size(result)
    paragraphs = [*what_was_measured(result, 10_000)]
    notes = [f"{one.label}: {one.text}" for one in remarks(result, chosen)]
    parts = [Markup("<p>{}</p>").format(Markup("<br>").join(paragraphs))]
    if chosen:
        rows = Markup("").join(cells("td", answer_row(answer, "{:,}".format)) for answer in chosen)
        parts.append(Markup("<table><thead>{}</thead><tbody>{}</tbody></table>").format(cells("th", HEADER), rows))
    parts += [Markup("<p>{}</p>").format(note) for note in (*notes, trust(result))]
    return str(Markup("\n").join(parts))


def cells(tag: str, row: tuple[str, ...]) -> Markup:
    """A row of the table."""
    inner = Markup("").join(
        Markup(f'<{tag} style="{CELL.format("right" if at in NUMBERS else "left")}">{{}}</{tag}>').format(cell)
        for at, cell in enumerate(row)
    )
    return Markup("<tr>{}</tr>").format(inner)
