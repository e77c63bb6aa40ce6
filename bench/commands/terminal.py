"""What the commands print: tables and findings on standard output, progress and errors on standard error."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import string
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console

from bench.engine.contract import OK, Verdict
from bench.plans.selection import Selection
from impls import catalogue
from impls.interface import Implementation

if TYPE_CHECKING:
    from bench.plans.run import Problem, Run
    from reports.history import Trend
    from reports.results import Comparison, ResultFile
    from reports.tables import Table

WIDE = 1000
MANY_PROBLEMS = 12


def console() -> Console:
    """Standard output; where it is no terminal, nothing is folded, so that a case's name can be searched for."""
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)


def error(message: str) -> None:
    print(f"w2vbench: {message}", file=sys.stderr)


def command(arguments: Sequence[str]) -> str:
    """The command as it can be typed again, in a text that a file can hold."""
    return " ".join(map(typed, ["w2vbench", *arguments[1:]]))


def typed(argument: str) -> str:
    """An argument as a shell takes it; what is no UTF-8 as bytes, ``$'caf\\xe9.txt'``."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        safe = {*map(ord, string.ascii_letters + string.digits + "-_./=,:@ ")}
        return "$'" + "".join(chr(byte) if byte in safe else rf"\x{byte:02x}" for byte in os.fsencode(argument)) + "'"
    return shlex.quote(argument)


def implementations(every: Sequence[Implementation], as_json: bool) -> None:
    """All implementations, by kernel, in order from textbook to fastest."""
    records = [
        {
            "kernel": i.kernel.name,
            "implementation": i.slug,
            "title": i.title,
            "slide": i.slide,
            "baseline": i.baseline,
            "wrong": i.wrong,
            "grows_with": i.grows_with,
            "source": catalogue.source(i),
            "missing": catalogue.missing(i),
        }
        for i in every
    ]
    if as_json:
        print(json.dumps(records, indent=1))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table("implementation", "what it is", "slide", "here", box=None, pad_edge=False, header_style="bold")
    kernel = None
    for one in every:
        if one.kernel.name != kernel:
            kernel = one.kernel.name
            table.add_row(Text(kernel, style="bold"), Text(one.kernel.title, style="italic"))
        table.add_row(Text(f"  {one.slug}"), Text(one.title), str(one.slide or ""), Text(here(one)))
    console().print(table)


def here(one: Implementation) -> str:
    """Whether an implementation can run here, and if not what to install."""
    absent = catalogue.missing(one)
    if absent:
        return f"no: pip install {' '.join(absent)}"
    return f"yes, wrong on purpose: {one.wrong}" if one.wrong else "yes, baseline" if one.baseline else "yes"


def verdicts(every: Sequence[Implementation], found: dict[str, Verdict], as_json: bool) -> bool:
    """What the contract said of each; gives whether all are sound (ok, skipped, or wrong as marked)."""
    sound = all(found[i.key].status in (OK, "skipped") or (i.wrong and found[i.key].status == "wrong") for i in every)
    if as_json:
        records = [
            {"case": i.key, "status": found[i.key].status, "reason": found[i.key].reason, "marked_wrong": bool(i.wrong)}
            for i in every
        ]
        print(json.dumps(records, indent=1))
        return sound
    out = console()
    for i in every:
        verdict = found[i.key]
        expected = " (as marked)" if i.wrong and verdict.status == "wrong" else ""
        style = "green" if verdict.status == OK else "yellow" if expected or verdict.status == "skipped" else "bold red"
        out.print(f"{verdict.status + expected:<18}", style=style, end="")
        out.print(f"{i.key}{': ' + verdict.reason if verdict.reason else ''}", markup=False, soft_wrap=True)
    labels = [found[i.key].status + (" as marked" if i.wrong and found[i.key].status == "wrong" else "") for i in every]
    counts = {label: labels.count(label) for label in dict.fromkeys(labels)}
    out.print(", ".join(f"{count} {status}" for status, count in counts.items()))
    return sound


def profile(case: str, implementation: Implementation, found: dict[str, Any], as_json: bool) -> None:
    """A line profile: the source with hits, time, allocation and memory growth beside it."""
    if as_json:
        print(json.dumps({"case": case, **found}, indent=1))
        return
    from rich.syntax import Syntax
    from rich.table import Table
    from rich.text import Text

    from reports import lines as showing
    from reports.results import Profile

    profiled = Profile.model_validate(found)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("line", *showing.HEADER):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("source")
    for line, beside in zip(profiled.lines, showing.cells(profiled), strict=True):
        source = Syntax(line.text, "python", background_color="default", word_wrap=True).highlight(line.text)
        source.rstrip()
        table.add_row(str(line.number), *beside.text, source)
    screen = console()
    screen.print(Text(f"{case}  {implementation.title}", style="bold"))
    screen.print(table)
    if found["status"] != OK:
        screen.print(f"{found['status']}: {found['reason']}", style="yellow", markup=False)
    screen.print("\n".join((showing.note(profiled), *showing.EXPLAINED)), style="dim", markup=False)


class Bar(Protocol):
    """What a run tells of its progress."""

    def checking(self, key: str) -> None: ...
    def measuring(self, problem: int, process: int) -> None: ...


@contextmanager
def progress(problems: Sequence[Problem], processes: int) -> Iterator[Bar]:
    """A bar on a terminal, plain lines elsewhere; both say what is being measured and how long is left."""
    # a large vocabulary takes longer: its arrays must be made, checked and gone through
    weights = [1 + problem.size.V / 150_000 for problem in problems]
    if not sys.stderr.isatty():
        yield Lines(problems, processes, weights)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[left]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        refresh_per_second=2,  # a busy bar would take time from what is measured
    ) as bar:
        yield Painted(bar, problems, processes, weights)


class Clock:
    """How much of a run is done, by weight, and how long the rest will take."""

    def __init__(self, problems: Sequence[Problem], processes: int, weights: Sequence[float]) -> None:
        self.problems, self.processes, self.weights = problems, processes, weights
        self.started: float | None = None

    FIRST = 3.0  # the first process checks and measures too, so it takes about as long as three others

    def done(self, problem: int, process: int) -> float:
        within = sum(self.weights[:problem]) / sum(self.weights)
        behind = self.FIRST * within if process == 0 else self.FIRST + process - 1 + within
        return behind / (self.FIRST + self.processes - 1)

    def left(self, done: float) -> str:
        """Time left in words, once there is something to go by."""
        if self.started is None:
            self.started, self.began = time.perf_counter(), done
        elapsed, progress = time.perf_counter() - self.started, done - self.began
        if elapsed < 2 or progress <= 0:
            return ""
        rest = elapsed / progress * (1 - done)
        return f"about {rest / 60:.0f} min left" if rest > 90 else f"about {rest:.0f} s left"


class Painted(Clock):
    """Progress as a bar."""

    def __init__(self, bar: Any, problems: Sequence[Problem], processes: int, weights: Sequence[float]) -> None:
        super().__init__(problems, processes, weights)
        self.bar = bar
        self.task = bar.add_task("", total=1.0, left="")

    def checking(self, key: str) -> None:
        self.bar.update(self.task, description=f"checked {key}")

    def measuring(self, problem: int, process: int) -> None:
        done = self.done(problem, process)
        self.bar.update(
            self.task,
            completed=done,
            description=f"process {process + 1} of {self.processes}: {self.problems[problem].name}",
            left=self.left(done),
        )


class Lines(Clock):
    """Progress as plain lines: one a process, and one every few seconds."""

    EVERY_S = 5.0
    said = 0.0
    checked = False

    def checking(self, key: str) -> None:
        if not self.checked:
            self.checked = True
            self.say("checking the implementations against their references")

    def measuring(self, problem: int, process: int) -> None:
        left = self.left(self.done(problem, process))
        if problem == 0 or self.said == 0.0 or time.perf_counter() - self.said > self.EVERY_S:
            name = self.problems[problem].name
            self.say(
                f"[process {process + 1}/{self.processes}, problem {problem + 1}/{len(self.problems)}] {name}{', ' + left if left else ''}"
            )

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        self.said = time.perf_counter()


@contextmanager
def steps(unit: str = "process") -> Iterator[Callable[[str, int, int], None]]:
    """Progress of work in steps of so many each: a line that is painted over on a terminal, plain lines elsewhere."""
    began = time.perf_counter()
    if sys.stderr.isatty():
        from rich.status import Status

        with Status("", console=Console(stderr=True), refresh_per_second=2) as status:

            def paint(what: str, done: int, of: int) -> None:
                status.update(
                    f"{what}{f', {unit} {done + 1} of {of}' if of else ''} ({time.perf_counter() - began:.0f} s)"
                )

            yield paint
        return
    said: set[str] = set()

    def say(what: str, done: int, of: int) -> None:
        key = what.partition(" ")[0] if what.startswith("checking ") else what.partition(":")[0]
        if key not in said or (of and done % 3 == 0 and ":" not in what):
            said.add(key)
            print(f"{what}{f', {unit} {done + 1} of {of}' if of else ''}", file=sys.stderr, flush=True)

    yield say


def compared(found: Comparison, content: dict[str, Any], out: Path, junit: Path | None, as_json: bool) -> Comparison:
    """Keep a comparison's result file, whose other content is given, and its reports, and print its verdicts."""
    from reports import comparison as showing
    from reports.results import dump, read, write

    content["w2vbench"]["comparison"] = found.model_dump(mode="json")
    text = dump(content)
    write(out / "comparison.json", text)
    result = read(out / "comparison.json")
    paths = showing.report(result, out)
    comparison = result.w2vbench.comparison
    assert comparison is not None
    if junit:
        write(junit, showing.junit(comparison))
        paths.append(junit)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with contextlib.suppress(OSError), Path(summary).open("a", encoding="utf-8") as file:
            file.write(showing.markdown(comparison, result.w2vbench.warnings))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        print("\n".join(showing.workflow_commands(comparison)), file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print(text, end="")
        return comparison
    screen = console()
    print_comparison(screen, comparison)
    print_warnings(screen, result)
    written([*paths, out / "comparison.json"])
    return comparison


def print_comparison(screen: Console, comparison: Comparison) -> None:
    """Verdicts on a terminal."""
    from rich.table import Table as RichTable
    from rich.text import Text

    from reports import comparison as showing

    screen.print(Text(showing.heading(comparison), style="bold"))
    if comparison.cases:
        painted = RichTable(box=None, pad_edge=False, header_style="dim")
        for at, name in enumerate(showing.HEADER):
            painted.add_column(name, justify="left" if at < 2 else "right", overflow="fold")
        for case in showing.ranked(comparison):
            style = "bold red" if showing.failing(case) else "yellow" if showing.unanswered(case) else ""
            name, verdict, *figures = showing.row(case)
            painted.add_row(Text(name), Text(verdict, style=style), *map(Text, figures))
        screen.print(painted)
    for note in showing.notes(comparison):
        screen.print(note, style="dim", markup=False)
    screen.print(showing.sentence(comparison), style="bold", markup=False)


def calibrated(out: Path, as_json: bool) -> None:
    """Print how often comparisons were right, and write it as Markdown."""
    from rich.table import Table as RichTable

    from reports import calibration as showing
    from reports.results import read, write

    path = out / "calibration.json"
    result = read(path)
    calibration = result.w2vbench.calibration
    assert calibration is not None
    write(out / "calibration.md", showing.markdown(calibration))
    if as_json:
        print(path.read_text(encoding="utf-8"), end="")
        return
    screen = console()
    other = showing.other_header(calibration), showing.other_rows(calibration)
    for header, rows in ((showing.HEADER, showing.rows(calibration)), other):
        painted = RichTable(box=None, pad_edge=False, header_style="dim")
        for at, name in enumerate(header):
            painted.add_column(name, justify="left" if at == 0 else "right")
        for row in rows:
            painted.add_row(*row)
        screen.print(painted)
        if header is showing.HEADER:
            screen.print("\nCalled slower by other tools' rules, from one process of each side:", style="dim")
    for said in showing.sentences(calibration):
        screen.print(said, style="bold", markup=False)
    print_warnings(screen, result)
    written([out / "calibration.md", path])


def chosen(trends: Sequence[Trend], selection: Selection) -> list[Trend]:
    """Trends of a selection. Raises PlanError if nothing is left."""
    from bench.plans.run import PlanError

    for trend in trends:
        trend.series = {
            case: one
            for case, one in trend.series.items()
            if selection.has_kernel(case.partition("/")[0]) and selection.has_case(case)
        }
    left = [trend for trend in trends if trend.series]
    if trends and not left:
        raise PlanError("no stored case matches --kernel and --only")
    return left


MANY_SERIES = 40


def history(found: Sequence[Trend], left: Sequence[str], threshold: float, out: Path, as_json: bool) -> None:
    """Each machine's series as lines of bars, those that changed first; and the page."""
    from rich.table import Table as RichTable
    from rich.text import Text

    from reports import history as showing
    from reports.results import write
    from reports.units import seconds

    if as_json:
        print(showing.as_json(found))
        return
    screen = console()
    if not found:
        screen.print("No runs are kept here yet: w2vbench run keeps them.")
    for trend in found:
        screen.print(Text(f"{showing.heading(trend, found)}: {trend.runs} runs", style="bold"))
        every = showing.ordered(trend)
        shown = every if len(every) <= MANY_SERIES else [one for one in every if one.changes]
        table = RichTable("case", "first", "last", "trend", "changes", box=None, pad_edge=False, header_style="dim")
        for one in shown:
            bad = any(showing.failing(change, threshold) for change in one.changes)
            first, last = (seconds(one.points[at].wall_s) for at in (0, -1))
            told = "; ".join(filter(None, [*map(showing.said, one.changes), one.aside]))
            said = Text(told, style="bold red" if bad else "")
            table.add_row(Text(one.case), first, last, showing.sparkline(one), said)
        if shown:
            screen.print(table)
        if len(shown) < len(every):
            screen.print(
                f"{len(every) - len(shown)} cases without a change; --kernel and --only show them", style="dim"
            )
        for note in showing.notes(trend):
            screen.print(note, style="yellow" if trend.unanswered else "dim", markup=False)
    if left:
        screen.print(f"{len(left)} files left out: {left[0]}{' …' if len(left) > 1 else ''}", style="dim", markup=False)
    write(out / "history.html", showing.html(found, left, threshold))
    written([out / "history.html"])


def case_names(out: Path) -> Iterator[str]:
    """The cases that a gate knows: of the last comparison, where there is one, and of this package."""
    from bench.plans.presets import GATE
    from impls import catalogue
    from reports.results import ResultError, read

    with contextlib.suppress(ResultError):
        comparison = read(out / "comparison.json").w2vbench.comparison
        yield from (case.case for case in comparison.cases) if comparison else ()
    for implementation in catalogue.own():
        yield from (str(implementation.case(size)) for size in GATE.sizes(implementation.kernel))


def keep_qualities(training: dict[str, Any], frame: dict[str, Any], out: Path, complete: bool) -> str:
    """Keep whole training runs in a result file, and give its text."""
    from reports.results import dump, write

    suite = {**frame["w2vbench"], "training": training, "complete": complete}
    text = dump({**frame, "w2vbench": suite})
    write(out / "quality.json", text)
    return text


LESS_ASKED = ("CPU s a million words", "memory", "held-out loss")
FOR_COLUMNS, FOR_INTERVALS = 120, 220
"""A table of whole training runs leaves these columns out on a terminal below the first width, and intervals below the second."""


def qualities(training: dict[str, Any], frame: dict[str, Any], out: Path, complete: bool, as_json: bool) -> None:
    """Keep whole training runs, build their page, and print a table a kernel."""
    from rich.table import Table as RichTable
    from rich.text import Text

    from reports import training as showing
    from reports.results import read

    text = keep_qualities(training, frame, out, complete)
    result = read(out / "quality.json")
    paths = showing.report(result, out)
    if as_json:
        print(text, end="")
        return
    kept = result.w2vbench.training
    assert kept is not None
    screen, every = console(), showing.implementations(kept)
    screen.print(showing.what(kept), style="dim", markup=False)
    for kernel in dict.fromkeys(implementation.kernel for implementation in every):
        painted = RichTable(title=kernel, title_justify="left", box=None, pad_edge=False, header_style="dim")
        shown = [at for at, name in enumerate(showing.HEADER) if screen.width >= FOR_COLUMNS or name not in LESS_ASKED]
        for at in shown:
            painted.add_column(showing.HEADER[at], justify="left" if at == 0 else "right", overflow="fold")
        for implementation in every:
            if implementation.kernel == kernel:
                row = showing.row(implementation, kept, showing.peer_of(implementation, every))
                painted.add_row(
                    *(Text(row[at] if screen.width >= FOR_INTERVALS else row[at].partition(" (")[0]) for at in shown)
                )
        screen.print()
        screen.print(painted)
    if screen.width < FOR_INTERVALS:
        more = f"{', '.join(LESS_ASKED)} and " if screen.width < FOR_COLUMNS else ""
        screen.print(f"{more}intervals: in {out / 'quality.md'}, or on a wider terminal", style="dim", markup=False)
    screen.print()
    for line in showing.told(kept):
        screen.print(line, markup=False)
    screen.print()
    screen.print(showing.how(kept), style="dim", markup=False)
    print_warnings(screen, result)
    written([*paths, out / "quality.json"])


@contextmanager
def trainings(total: int) -> Iterator[Callable[[int, float, float], None]]:
    """Progress of one training run: words done, words a second, seconds left."""
    from rich.progress import BarColumn, Progress, TextColumn

    if not sys.stderr.isatty():
        said = 0.0

        def say(words: int, pace: float, left_s: float) -> None:
            nonlocal said
            if time.perf_counter() - said > Lines.EVERY_S:
                said = time.perf_counter()
                print(f"{words / total:.0%}, {pace:,.0f} words/s, {duration(left_s)} left", file=sys.stderr, flush=True)

        yield say
        return
    columns = (BarColumn(), TextColumn("{task.percentage:.0f} %, {task.fields[pace]:,.0f} words/s{task.fields[left]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=2) as bar:
        task = bar.add_task("", total=total, pace=0.0, left="")

        def paint(words: int, pace: float, left_s: float) -> None:
            bar.update(task, completed=words, pace=pace, left=f", {duration(left_s)} left")

        yield paint


def duration(seconds: float) -> str:
    """``42 s``, ``5 min``, ``2 h``."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def writable(folder: Path) -> None:
    """Make sure that results can be written before anything is measured. Raises OSError.

    A folder that is made here asks git to ignore it.
    """
    if not folder.is_dir():
        folder.mkdir(parents=True)
        (folder / ".gitignore").write_text("*\n")
    probe = folder / ".writable"
    probe.write_text("")
    probe.unlink()


def finished(run: Run, content: dict[str, Any], out: Path, as_json: bool) -> None:
    """Keep a run's results, build its report, and print tables, findings and where everything is."""
    from pytest_benchmark.utils import get_machine_id

    from reports.frame import frame
    from reports.page import report
    from reports.results import dump, read, store, write
    from reports.story import findings, headline
    from reports.tables import tables

    text = dump(content)
    kept = None
    if run.complete and content["benchmarks"]:  # else nothing that a history could show, or not all of it yet
        kept = store(Path(".benchmarks") / get_machine_id(), f"w2vbench-{run.preset or 'own'}", text)
    write(out / "result.json", text)
    result = read(out / "result.json")
    paths = report(result, out)
    if as_json:
        print(text, end="")
        return
    cases = frame(result)
    every = {table.problem: table for table in tables(cases, result)}
    stories = {finding.problem: finding for finding in findings(result)}
    kernels = dict.fromkeys(problem.partition("@")[0] for problem in every)
    shown = (
        every
        if len(every) <= MANY_PROBLEMS
        else [headline([p for p in every if p.startswith(f"{kernel}@")]) for kernel in kernels]
    )
    screen = console()
    for problem in shown:
        screen.print()
        print_table(screen, every[problem], result)
        if problem in stories:
            screen.print(stories[problem].found, markup=False)
            screen.print(stories[problem].advice, style="bold", markup=False)
    print_deck(screen, result)
    if len(every) > len(shown):
        screen.print(
            f"\n{len(every) - len(shown)} more tables, at other sizes, are in {out / 'report.md'}", style="dim"
        )
    if len(kernels) > 1:
        print_overview(screen, result)
    print_warnings(screen, result)
    if not run.complete:
        processes, problems = sum(one.processes for one in run.problems), len(run.problems)
        screen.print(
            f"\nInterrupted with {processes} process{'es' * (processes != 1)} of {problems} problem{'s' * (problems != 1)} finished, which are "
            "kept; the same command with --resume goes on from them.",
            style="yellow",
        )
    if kept:
        screen.print(f"\nkept as {kept}", markup=False, soft_wrap=True)
    written([*paths, out / "result.json"])


def print_warnings(screen: Console, result: ResultFile) -> None:
    """What may have spoilt the figures."""
    for warning in result.w2vbench.warnings:
        screen.print(f"\nWarning: {warning}", style="yellow", markup=False)


def print_table(screen: Console, table: Table, result: ResultFile) -> None:
    """One problem's table on a terminal."""
    from rich.table import Table as RichTable
    from rich.text import Text

    kernel = table.problem.partition("@")[0]
    screen.print(Text(f"{table.problem}  {result.w2vbench.kernels.get(kernel, '')}", style="bold"))
    painted = RichTable(box=None, pad_edge=False, header_style="dim")
    for at, name in enumerate(table.header):
        painted.add_column(name, justify="left" if at < 2 else "right", overflow="fold", no_wrap=at in (0, 2, 4))
    reasons = []
    for row, status in zip(table.rows, table.statuses, strict=True):
        if status == OK:
            painted.add_row(Text(row[0], style="bold"), *(Text(cell) for cell in row[1:]))
        else:
            reasons.append(f"{row[0]} ({row[1]}): {row[2]}")
    screen.print(painted)
    for reason in reasons:
        screen.print(reason, style="yellow", markup=False, soft_wrap=True)
    if table.note:
        screen.print(table.note, style="dim", markup=False)
    if table.stages:
        screen.print("of a step's time:", style="dim")
        for line in table.stages:
            screen.print(f"  {line}", style="dim", markup=False)


def print_overview(screen: Console, result: ResultFile) -> None:
    """The fastest of every kernel, in one table."""
    from rich.table import Table as RichTable
    from rich.text import Text

    from reports.story import OVERVIEW, overview

    painted = RichTable(box=None, pad_edge=False, header_style="dim")
    for at, name in enumerate(OVERVIEW):
        painted.add_column(name, justify="left" if at == 0 else "right", no_wrap=at == 0)
    for row in overview(result):
        painted.add_row(*map(Text, row))
    words = f", words of {result.w2vbench.corpus.name}" if result.w2vbench.corpus.name else ""
    screen.print(f"\nIn short{words}", style="bold", markup=False)
    screen.print(painted)


def print_deck(screen: Console, result: ResultFile) -> None:
    """The source deck's figures beside those of this run, where it has the deck's cases."""
    from rich.table import Table as RichTable
    from rich.text import Text

    from reports.deck import HEADER, deck_table

    rows = deck_table(result)
    if not rows:
        return
    painted = RichTable(*HEADER, box=None, pad_edge=False, header_style="dim")
    for row in rows:
        painted.add_row(*(Text(cell) for cell in row))
    screen.print()
    screen.print("The source deck's figures", style="bold")
    screen.print(painted)


def written(paths: Sequence[Path]) -> None:
    """Where the outputs are."""
    for path in paths:
        console().print(f"wrote {path}", markup=False, soft_wrap=True)
