"""The table of a problem's cases: the columns that the terminal, Markdown and the page have.

A new figure of ``reports.file.frame`` is a line of its table SHOWN; what needs words of its own is an entry of COLUMNS here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from w2vbench.reports.file.frame import SHOWN, Shown, float_of, interval, wall_s
from w2vbench.reports.file.limits import INTERPRETER, exceeded
from w2vbench.reports.file.memory import RESIDENT, Peak
from w2vbench.reports.file.schema.result import Row
from w2vbench.reports.findings.answers import Answer, slower_text, span
from w2vbench.reports.findings.ranking import hardly_known
from w2vbench.reports.statistics.problems import Interval
from w2vbench.reports.statistics.units import NEAR, seconds, slower, two
from w2vbench.reports.statistics.units import share as share_of

MUCH_CPU = 1.25
"""CPU time is shown where it differs from wall time by this factor."""


@dataclass(frozen=True)
class Heading:
    """A column's head on the page: its title, a small line below it, and the classes of its cells."""

    title: str
    note: str = ""
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the table."""

    name: str  # what the page and its address call it
    heading: str  # its head on the terminal and in Markdown
    # the cell of a case: of its row of the data frame and of the file, and the problem's answer
    text: Callable[[Any, Row, Answer], str]
    always: bool = False  # whether it stands there even if no case has a figure
    # whether there is room for it on a terminal, and on a narrow one
    terminal: bool = True
    narrow: bool = True
    left: bool = False  # whether its cells begin together there; those of the others end together
    # its head on the page, which draws its cells (``page_table.js``); None where it is not there
    page: Heading | None = None


def time_text(case: Any, row: Row, answer: Answer) -> str:
    wall, cpu = wall_s(row), float_of(case.cpu_s)
    return f"{seconds(wall)} ({seconds(cpu)} CPU)" if cpu is not None and differs(cpu, wall) else seconds(wall)


def differs(cpu: float, wall: float) -> bool:
    """Whether a CPU time is so far from the wall time that it is shown."""
    return wall > 0 and not 1 / MUCH_CPU < cpu / wall < MUCH_CPU


def place_text(answer: Answer, row: Row) -> str:
    """How a case compares with the one to use: ``fastest``, ``tie``, ``28×``."""
    if row is answer.use:
        return "use this" if answer.ranking.tie or answer.ranking.undecided else "fastest"
    return "tie" if answer.ties(row) else ratio_text(answer.slower(row))


def ends_text(case: Any, row: Row, answer: Answer) -> str:
    found = answer.slower(row)
    return "" if row is answer.use or found.low is None or found.high is None else span(found)


def memory_text(case: Any, row: Row, answer: Answer) -> str:
    """The bytes of a call, and what set-up keeps."""
    kept = float_of(case.held_bytes)
    return peak_text(case.memory_bytes, case.memory_kind) + (f" + {peak_text(kept, case.held_kind)}" if kept else "")


def peak_text(figure: Any, kind: Any) -> str:
    """Bytes, marked if they are growth of the resident set."""
    size = float_of(figure)
    return "–" if size is None else str(Peak(round(size), kind == RESIDENT))


def growth_text(case: Any, row: Row, answer: Answer) -> str:
    """How a case's time grows with V, or with B: ``flat``, ``V``, ``V^1.3``."""
    for name in ("V", "B"):
        power = float_of(getattr(case, f"growth_{name}"))
        if power is not None:
            return "flat" if abs(power) < 0.15 else name if abs(power - 1) < 0.15 else f"{name}^{power:.1f}"
    return "–"


def limit_text(case: Any, row: Row, answer: Answer) -> str:
    """The share of its roofline limit that a case reaches, and the limit's name."""
    share = interval(case, "limit_share")
    if share is None or case.limit == INTERPRETER:
        return "–" if share is None else INTERPRETER
    return f"{share_of(share.estimate)} {case.limit}{' (exceeded)' if exceeded(share) else ''}"


def as_it_is(name: str, shown: Shown) -> Column:
    """A figure of the data frame."""

    def text(case: Any, row: Row, answer: Answer) -> str:
        figure = float_of(getattr(case, name))
        return "–" if figure is None else shown.text(figure)

    return Column(
        name=name, heading=shown.heading, text=text, narrow=False, page=Heading(shown.title, kind="number figure")
    )


COLUMNS = (
    Column(
        name="name",
        heading="implementation",
        text=lambda case, row, answer: row.slug,
        always=True,
        left=True,
        page=Heading("Implementation"),
    ),
    Column(
        name="title",
        heading="what it is",
        text=lambda case, row, answer: row.extra_info.title,
        always=True,
        terminal=False,
    ),
    Column(name="time", heading="per call", text=time_text, always=True, page=Heading("Time per call", kind="number")),
    Column(
        name="ratio",
        heading="slower",
        text=lambda case, row, answer: place_text(answer, row),
        always=True,
        page=Heading("Times slower than the fastest", "coloured: 95 % interval", "ratios"),
    ),
    Column(name="interval", heading="95 % interval", text=ends_text, narrow=False),
    Column(
        name="memory",
        heading="memory + set-up",
        text=memory_text,
        always=True,
        page=Heading("Memory", "call + kept from set-up", "memory"),
    ),
    Column(name="grows", heading="grows", text=growth_text, page=Heading("Grows", kind="grows")),
    Column(
        name="limit",
        heading="limit",
        text=limit_text,
        left=True,
        page=Heading("Hardware limit", "share of this machine’s best", "limit"),
    ),
    *(as_it_is(name, shown) for name, shown in SHOWN.items()),
)


@dataclass(frozen=True)
class Table:
    """A problem's measured cases: the columns that have a figure, and the cells of each case."""

    columns: tuple[Column, ...]
    rows: list[tuple[str, ...]]

    @property
    def header(self) -> tuple[str, ...]:
        return tuple(column.heading for column in self.columns)

    def on_terminal(self, wide: bool) -> Table:
        """The columns for which there is room."""
        at = [at for at, one in enumerate(self.columns) if one.terminal and (wide or one.narrow)]
        return Table(tuple(self.columns[one] for one in at), [tuple(row[one] for one in at) for row in self.rows])


def case_table(answer: Answer | None, cases: Sequence[Any]) -> Table:
    """Return the table of a problem.

    Parameters
    ----------
    answer
        What was found for the problem; None where nothing was measured.
    cases
        Its cases, as named tuples of the data frame.
    """
    measured = {row.case: row for row in answer.rows} if answer else {}
    its = [(case, measured[case.case]) for case in cases if case.case in measured]
    cells = [(column, [column.text(case, row, answer) for case, row in its if answer]) for column in COLUMNS]
    shown = [(column, texts) for column, texts in cells if column.always or {*texts} - {"", "–"}]
    return Table(tuple(column for column, _ in shown), list(zip(*(texts for _, texts in shown), strict=True)))


def not_measured(cases: Sequence[Any]) -> list[tuple[str, str, str]]:
    """Return slug and title of each case that was not measured, and why."""
    return [
        (str(case.implementation), str(case.title), " ".join(f"{case.status}: {case.reason}".split()))
        for case in cases
        if case.status != "ok"
    ]


def ratio_text(ratio: Interval) -> str:
    """A ratio to the one to use: ``28×``, ``+6 %``, ``as fast``; ``~4.1×`` where it is hardly known.

    What is undecided may look faster: ``-2 %``, or ``~1.9× faster``.
    """
    percent = f"{(ratio.estimate - 1) * 100:+.0f} %"
    if ratio.estimate >= NEAR:
        amount = f"{two(ratio.estimate)}×"
    elif percent in ("+0 %", "-0 %"):
        amount = "0 %" if hardly_known(ratio) else "as fast"
    else:
        amount = percent if ratio.estimate > 1 / NEAR else slower(ratio.estimate)
    return f"{'~' * hardly_known(ratio)}{amount}"


def in_words(ratio: Interval) -> str:
    """A ratio in words: ``28× slower``, ``as fast``, ``~1.9× faster``."""
    nothing = round((max(ratio.estimate, 1 / ratio.estimate) - 1) * 100) == 0
    return f"{'~' * hardly_known(ratio)}as fast" if nothing else slower_text(ratio)
