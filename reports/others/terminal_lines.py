"""What the terminal shows of a comparison, a calibration, whole training runs and a history: lines that fit its width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from w2vbench.reports.compare import calibration as calibrations
from w2vbench.reports.compare import tables as comparisons
from w2vbench.reports.drawing.columns import WIDTH, Line, ruled, short_names, without_empty, without_interval, wrapped
from w2vbench.reports.file.schema.calibration import Calibration
from w2vbench.reports.file.schema.comparison import ComparedRow, Comparison
from w2vbench.reports.file.schema.training import Training
from w2vbench.reports.statistics.units import change, counted, rate, seconds

from . import training as trainings
from .history import Series, Trend, failing
from .history_page import describe, heading, notes, ordered, sparkline

MANY_SERIES = 40
"""With more series than this, only those with a change are shown."""
LATEST = 18
"""Runs of a series that its sparkline shows: the latest."""
SHORT_SCORES = ("WordSim", "SimLex", "analogies")


def comparison_lines(comparison: Comparison, width: int) -> Iterator[Line]:
    """Yield verdicts case by case, the worst first, then notes and the outcome."""
    yield from wrapped(f"HEAD is {comparison.head}, BASE is {comparison.base}", width, "bold")
    if comparison.environments:
        yield from wrapped(comparisons.environment_text(comparison), width)
    if cases := comparisons.ranked(comparison):
        names, common = short_names([case.case for case in cases])
        if common:
            yield from wrapped(f"all at {common}", width, "dim")
        head = ("case", "size", "verdict", "time", "BASE", "HEAD", "memory")
        cells = [compared_cells(case, name) for case, name in zip(cases, names, strict=True)]
        styles = [
            "bold red" if comparisons.failing(case) else "yellow" if comparisons.unanswered(case) else ""
            for case in cases
        ]
        table_head, rule, *rows = fitting(without_empty([head, *cells], 1), width, styles)
        yield from (table_head, rule)
        for case, line in zip(cases, rows, strict=True):
            yield line
            for fault in comparisons.other_faults(case) if comparisons.failing(case) else ():
                yield from wrapped(fault, width, line.style, first="    ")
    for note in comparisons.notes(comparison):
        yield from wrapped(note, width, "dim", indent="  ")
    yield from wrapped(comparisons.outcome(comparison), width, "bold")


def compared_cells(case: ComparedRow, name: tuple[str, str]) -> tuple[str, ...]:
    """A compared case's cells: name, size, verdict, change of time, both times and memory."""
    verdict = comparisons.worst(case) if comparisons.failing(case) else comparisons.row(case)[1]
    return *name, verdict, change(case.ratio), seconds(case.base_s), seconds(case.head_s), comparisons.memory_cell(case)


def fitting(rows: Sequence[tuple[str, ...]], width: int, styles: Sequence[str]) -> list[Line]:
    """A comparison's table with as much as fits: without memory, without both times, without intervals."""
    smaller = [[without_interval(cell) for cell in row[:-3]] for row in rows]
    tables: list[Sequence[Sequence[str]]] = [rows, [row[:-1] for row in rows], [row[:-3] for row in rows], smaller]
    made = [list(ruled(table, (0, 1), styles)) for table in tables]
    return next((lines for lines in made if max(len(line.text) for line in lines) <= width), made[-1])


def calibration_lines(calibration: Calibration, width: int) -> Iterator[Line]:
    """Yield how often comparisons were right, a column for each slowdown of HEAD."""
    yield from ruled(sideways([calibrations.HEADER, *calibrations.rows(calibration)], width), (0,))
    yield Line("")
    yield from wrapped("How often the rules of other tools call it slower, from one process a side:", width, "dim")
    others = [calibrations.other_header(calibration), *calibrations.other_rows(calibration)]
    yield from ruled(sideways(others, width), (0,))
    yield Line("")
    for sentence in calibrations.sentences(calibration):
        yield from wrapped(sentence, width, "bold")
    if width <= WIDTH:
        yield Line("Intervals: in calibration.md, or on a wider terminal.", "dim")


def sideways(rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """A table with its rows as columns; without intervals, unless the terminal is wide."""
    return [
        [cell if width > WIDTH else without_interval(cell) for cell in column] for column in zip(*rows, strict=True)
    ]


def training_lines(training: Training, width: int) -> Iterator[Line]:
    """Yield whole training runs: a table a kernel, from the fastest down, and what follows from it."""
    for kernel, some in trainings.by_kernel(training).items():
        several = len({one.threads for one in some}) > 1
        head = ("", "words a second", f"over {trainings.PEER}", "loss", *trainings.SCORES.values(), "equal")
        short = ("", "words/s", f"over {trainings.PEER}", "", *SHORT_SCORES, "equal")
        cells = [trained_cells(one, several, width) for one in some]
        yield Line(kernel, "bold")
        yield from ruled(without_empty([head if width >= WIDTH else short, *cells], 3), (0,))
        for one in some:
            if not one.ok_runs and one.runs:
                yield from wrapped(f"{one.slug}: {one.runs[0].status}: {one.runs[0].reason}", width, indent="  ")
        yield Line("")
    for sentence in trainings.summaries(training):
        yield from wrapped(sentence, width)
    yield from wrapped(trainings.describe_data(training), width, "dim")
    more = "CPU time, memory, losses, intervals, and what “equal” means: in quality.md and quality.html."
    yield from wrapped(more, width, "dim")


def trained_cells(one: trainings.Trained, with_threads: bool, width: int) -> tuple[str, ...]:
    """An implementation's cells; its status, where no run succeeded. A narrow terminal has no room for the loss."""
    name = f"{one.slug}, {counted(one.threads, 'thread')}" if with_threads else one.slug
    speed, loss = one.speed(), one.loss()
    if speed is None:
        missing = ["–"] * len(trainings.SCORES)
        return name, next((run.status for run in one.runs), ""), "–", "–" if width >= WIDTH else "", *missing, "–"
    scores = [(label, one.score(label)) for label in trainings.SCORES]
    return (
        name,
        rate(speed.estimate),
        "" if one.slug in trainings.PEER_MODES else without_interval(one.over_peer_text()),
        "" if width < WIDTH else f"{loss.estimate:.3f}" if loss else "–",
        *(trainings.score_text(label, score.estimate) if score else "–" for label, score in scores),
        trainings.row(one)[-1],
    )


def history_lines(trends: Sequence[Trend], skipped: Sequence[str], threshold: float, width: int) -> Iterator[Line]:
    """Yield each machine's series with their latest runs as bars, those that changed most first."""
    if not trends:
        yield Line("No runs are stored here yet: w2vbench run stores them.")
    for trend in trends:
        every = ordered(trend)
        series = every if len(every) <= MANY_SERIES else [one for one in every if one.changes]
        names, common = short_names([one.case for one in series])
        yield from wrapped(f"{heading(trend, trends)}: {counted(trend.runs, 'run')}", width, "bold")
        if common:
            yield from wrapped(f"all at {common}", width, "dim")
        every_row = [
            ("case", "size", "first", "last", f"latest {min(LATEST, trend.runs)} runs"),
            *(series_cells(one, name) for one, name in zip(series, names, strict=True)),
        ]
        rows = every_row if width >= WIDTH else [row[:-1] for row in every_row]
        head, rule, *body = ruled(without_empty(rows, 1), (0,))
        yield from (head, rule) if series else ()
        for one, line in zip(series, body, strict=True):
            yield line
            slower = any(failing(each, threshold) for each in one.changes)
            for text in filter(None, [*map(describe, one.changes), one.omission]):
                yield from wrapped(text, width, "bold red" if slower else "", first="    ")
        if len(series) < len(every):
            same = counted(len(every) - len(series), "case")
            yield Line(f"{same} without a change; --kernel and --only show them", "dim")
        for note in notes(trend):
            yield from wrapped(note, width, "yellow" if trend.unanswered else "dim")
    if skipped:
        more = " …" if len(skipped) > 1 else ""
        yield from wrapped(f"{counted(len(skipped), 'file')} skipped: {skipped[0]}{more}", width, "dim")


def series_cells(series: Series, name: tuple[str, str]) -> tuple[str, ...]:
    """A series' cells: name, size, first and last time, and its latest runs as bars."""
    first, last = (seconds(series.points[at].wall_s) for at in (0, -1))
    return *name, first, last, sparkline(series)[-LATEST:]
