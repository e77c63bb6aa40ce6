"""A reader's layers of the book: checked class by class, then timed beside ours in the same processes, and profiled by line."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from bench.engine import protocol
from bench.engine.book.faults import FAULTS
from bench.engine.book.job import LOADING
from bench.engine.book.variants import TIMINGS, NotTimed, Timing
from bench.engine.context import RunContext
from bench.engine.experiment import Outcome, measure
from bench.engine.protocol import BookChecked, BookFault, LineProfile, MeasurementSettings, MeasureOptions, Variant
from bench.engine.worker_process import WorkerFailure
from impls import catalogue
from impls.case import Size
from impls.interface import Implementation
from reports.statistics import Interval, paired_ratio, typical_figure

from .presets import fit
from .session import Note, PlanError, Request, Say, Session, memory_limit

SETTINGS = MeasurementSettings(processes=3, rounds=10, variant_s=0.03, profile=False)
SIZE = Size(10_000, 100, 100, 5)
"""The book's training: V of the Penn Treebank, H = 100, B = 100, 5 negatives."""
SMALLER = {"output.softmax": 8}
"""Batches of kernels whose time grows with B · V."""
DROPPED = 1.5
"""How many times slower than the fastest an implementation of ours may be in the first process and take part in the others."""
MOST_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class BookRequest(Request):
    """What to check. file: the reader's layers. timed: whether right methods are timed, too."""

    file: Path
    time_limit_s: float
    timed: bool = True


@dataclass(frozen=True, kw_only=True)
class TimedMethods:
    """A reader's methods beside ours of the same kernel.

    Attributes
    ----------
    kernel, slug, methods, size
        What was timed, and at which size.
    mine_s, fastest_s, textbook_s
        Seconds a call, typical.
    ratio
        How many times longer than the fastest a call takes.
    fastest, textbook
        Which of ours these are.
    profiles
        The lines of its methods.
    why_not
        Why there are no times.
    """

    kernel: str
    slug: str
    methods: tuple[str, ...]
    size: Size
    mine_s: float = 0.0
    fastest_s: float = 0.0
    textbook_s: float = 0.0
    ratio: Interval | None = None
    fastest: str = ""
    textbook: str = ""
    profiles: Sequence[LineProfile] = ()
    why_not: str = ""


@dataclass(frozen=True, kw_only=True)
class BookResult:
    """What was found in a reader's file: a verdict for each class, and times of the right ones."""

    file: Path
    classes: Sequence[BookChecked]
    timed: Sequence[TimedMethods] = field(default_factory=tuple)

    @property
    def exit_code(self) -> int:
        return 1 if any(one.wrong for one in self.classes) else 0


def check_book(request: BookRequest, say: Say, note: Note) -> BookResult:
    """Check a reader's classes in worker processes, then time and profile the methods of those that are right.

    Raises
    ------
    PlanError, CorpusError
        If the file cannot be read or loaded, or has none of the book's classes; or for the text.
    """
    check_readable(request.file)
    file = request.file.resolve()
    settings = replace(SETTINGS, time_limit_s=request.time_limit_s, memory_limit_bytes=memory_limit())
    text = request.text() if request.timed else None
    with Session("", say).measuring(settings) as own:
        context = replace(own, sources={"": protocol.ImplementationSource(book=str(file))})
        dtype, classes = check_classes(file, request.file, context, note)
        timings = chosen_timings(classes) if text else []
        if text and timings:
            text.save(context.corpus)
        timed = [
            time_methods(timing, replace(SIZE, dtype=dtype), context, partial_note(note, timing, at, len(timings)))
            for at, timing in enumerate(timings)
        ]
    return BookResult(file=request.file, classes=classes, timed=timed)


def check_readable(file: Path) -> None:
    """Raise PlanError, in one line, unless a file has Python's syntax and an ordinary size."""
    if file.is_dir():
        raise PlanError(f"{file}: a folder, not a file: name the file with your layers")
    if not file.is_file():
        raise PlanError(f"{file}: no such file")
    if file.suffix == ".ipynb":
        raise PlanError(f"{file}: a notebook: put its classes into a file (jupyter nbconvert --to script {file.name})")
    if file.suffix != ".py":
        raise PlanError(f"{file}: not a Python file (its name must end in .py)")
    if file.stat().st_size > MOST_BYTES:
        raise PlanError(f"{file}: larger than {MOST_BYTES >> 20} MB: name the file with your layers")
    source = file.read_bytes()
    if not source.strip():
        raise PlanError(f"{file}: empty")
    if b"\0" in source:
        raise PlanError(f"{file}: binary, not Python's text")
    try:
        ast.parse(source)
    except SyntaxError as error:
        raise PlanError(
            f"{file}{f', line {error.lineno}' if error.lineno else ''}: SyntaxError: {error.msg}"
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise PlanError(f"{file}: not Python's text: {error or type(error).__name__}") from error


def check_classes(file: Path, shown: Path, context: RunContext, note: Note) -> tuple[str, list[BookChecked]]:
    """Check the classes of a file, in another process again after one that hangs or crashes. Raises PlanError.

    shown: the file as the user has written it. Returns the dtype of the weights, and the classes.
    """
    checked: dict[str, BookChecked] = {}
    names: tuple[str, ...] = ()
    dtype = SIZE.dtype
    while True:
        job = protocol.CheckBook(
            **context.job_fields(),
            file=str(file),
            done=tuple(checked),
            wrong=tuple(name for name, one in checked.items() if one.wrong),
        )
        try:
            note("checking your classes", 0, 0)
            for event in context.workers.work(job, 1):
                match event:
                    case protocol.BookLoaded():
                        names = event.classes
                    case protocol.BookWeights():
                        dtype = event.dtype
                    case BookChecked():
                        checked[event.name] = event
        except WorkerFailure as failure:
            if not names or failure.variant is None:
                raise PlanError(not_loaded(failure, file, shown)) from failure
            checked[failure.variant] = unfinished(failure, file)
            continue
        return dtype, [checked[name] for name in names]


def not_loaded(failure: WorkerFailure, file: Path, shown: Path) -> str:
    """Return in one line why a file's classes cannot be checked at all."""
    if failure.status == "error":
        return failure.reason.replace(f"{file}:", f"{shown}:", 1).replace(f"{file},", f"{shown},", 1)
    hint = ": if it trains when it is imported, put that under if __name__ == '__main__':"
    return f"{shown}: {failure.reason}{hint if failure.status == 'timeout' and LOADING in failure.reason else ''}"


def unfinished(failure: WorkerFailure, file: Path) -> BookChecked:
    """Return the verdict of a class whose process hung, crashed or ran out of memory."""
    name, status = failure.variant or "", failure.status.replace(" ", "-")
    status = status if status in FAULTS else "error"
    step = next((word for word in failure.reason.split() if word.startswith(f"{name}.")), name)
    return BookChecked(
        name=name,
        faults=(
            BookFault(
                fault=status,
                method=step,
                file=str(file),
                line=line_of(file, step),
                says=FAULTS[status].says.format(reason=failure.reason),
                instead=FAULTS[status].instead,
            ),
        ),
    )


def line_of(file: Path, method: str) -> int:
    """Return the line of a method, or of its class, that stands in a file; 0 if it stands elsewhere."""
    kind, _, name = method.partition(".")
    with suppress(SyntaxError, OSError):
        for node in ast.parse(file.read_bytes()).body:
            if isinstance(node, ast.ClassDef) and node.name == kind:
                functions = [one.lineno for one in node.body if isinstance(one, ast.FunctionDef) and one.name == name]
                return (functions or [node.lineno])[0]
    return 0


# times


def chosen_timings(classes: Sequence[BookChecked]) -> list[Timing]:
    """Return what can be timed of the classes that are right; a sampler by the law that it follows."""
    right = {one.name for one in classes if not one.wrong}
    remarks = {fault.fault for one in classes for fault in one.faults}
    other_law = f"sampling.{'without' if 'negatives-repeat' in remarks else 'with'}-replacement"
    return [one for one in TIMINGS if right.issuperset(one.classes) and one.kernel != other_law]


def partial_note(note: Note, timing: Timing, at: int, of: int) -> Callable[[str], None]:
    return lambda what: note(f"{what} {timing.slug}", at, of)


def rivals(kernel: str) -> list[Implementation]:
    """Return our implementations of a kernel that need no framework, from the textbook's on."""
    return [
        one
        for one in catalogue.own()
        if one.kernel.name == kernel and not one.wrong and {*one.requires} <= {"numba"} and not catalogue.missing(one)
    ]


def time_methods(timing: Timing, size: Size, context: RunContext, say: Callable[[str], None]) -> TimedMethods:
    """Time a reader's methods beside ours in several processes: ours that are slow only in the first one."""
    ours = rivals(timing.kernel)
    size = replace(fit(ours[0].kernel, size), B=SMALLER.get(timing.kernel, size.B))
    found = TimedMethods(kernel=timing.kernel, slug=timing.slug, methods=timing.methods, size=size)
    textbook = next(one.slug for one in ours if one.baseline)
    samples: dict[str, list[list[float]]] = {}
    slugs = [timing.slug, *(one.slug for one in ours)]
    say("timing")
    for process in range(context.settings.processes):
        outcome = measure_once(timing, size, slugs, process, context)
        if reason := next((why for case, why in outcome.excluded if case[0].name == timing.slug), None):
            return replace(found, why_not=why_not_timed(reason, timing))
        for slug in outcome.timed:
            samples.setdefault(slug, []).append(
                [np.nan if one is None else one for one in outcome.samples(slug).wall_s]
            )
        least = {slug: np.nanmin(samples[slug][0]) for slug in slugs if slug in samples}
        limit = DROPPED * min(seconds for slug, seconds in least.items() if slug != timing.slug)
        slugs = [slug for slug in slugs if slug in (timing.slug, textbook) or least.get(slug, np.inf) <= limit]
    whole = {slug: each for slug, each in samples.items() if len(each) == context.settings.processes}
    typical = {slug: typical_figure([np.array(one) for one in each]).estimate for slug, each in whole.items()}
    fastest = min((slug for slug in typical if slug != timing.slug), key=lambda slug: typical[slug])
    say("profiling")
    return replace(
        found,
        mine_s=typical[timing.slug],
        fastest_s=typical[fastest],
        textbook_s=typical.get(textbook, 0.0),
        ratio=paired_ratio([np.array(one) for one in whole[timing.slug]], [np.array(one) for one in whole[fastest]]),
        fastest=fastest,
        textbook=textbook,
        profiles=profiled(timing, size, context),
    )


def why_not_timed(failure: WorkerFailure, timing: Timing) -> str:
    """Return why a method that its check found right cannot be timed as the kernel's implementations are."""
    if known := re.search(rf"{NotTimed.__name__}: (.*) \(\w+\.py:\d+\)$", failure.reason):
        return known[1]
    if failure.status == "wrong":
        return f"at this size, and with the arrays of {timing.kernel}, {failure.reason}"
    return f"{failure.status}: {failure.reason}"


def measure_once(timing: Timing, size: Size, slugs: Sequence[str], process: int, context: RunContext) -> Outcome:
    """Measure implementations in one process, interleaved: the reader's is checked first."""
    cases = tuple((Variant(name=slug, key=f"{timing.kernel}/{slug}", check=slug == timing.slug),) for slug in slugs)
    options = MeasureOptions(process=process)
    job = protocol.Measure(**context.job_fields(), kernel=timing.kernel, size=str(size), cases=cases, options=options)
    return measure(job, context.workers)


def profiled(timing: Timing, size: Size, context: RunContext) -> list[LineProfile]:
    """Profile a reader's methods line by line; without profiles where that fails."""
    job = protocol.ProfileLines(**context.job_fields(), key=f"{timing.kernel}/{timing.slug}", size=str(size))
    try:
        return [event for event in context.workers.work(job, size.threads) if isinstance(event, LineProfile)]
    except WorkerFailure:
        return []
