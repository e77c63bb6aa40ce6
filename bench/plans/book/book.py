"""A reader's layers of the book: checked class by class, and those that are right timed beside ours."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.worker_process import WorkerFailure
from w2vbench.bench.engine.protocol import BookChecked, BookFault
from w2vbench.bench.plans.run.request import Note, PlanError, Request, Say
from w2vbench.bench.plans.run.session import Session, memory_limit
from w2vbench.reports.statistics.units import counted

from .book_times import SETTINGS, SIZE, TimedMethods, chosen_timings, time_methods
from .checking import LOADING
from .faults import FAULTS
from .text import Text, Unreadable, read_text


@dataclass(frozen=True, kw_only=True)
class BookRequest(Request):
    """What to check. file: the reader's layers. timed: whether right methods are timed, too."""

    file: Path
    time_limit_s: float
    timed: bool = True


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
    text = readable(request.file, say)
    file = request.file.resolve()
    settings = replace(SETTINGS, time_limit_s=request.time_limit_s, memory_limit_bytes=memory_limit())
    with Session("", say).measuring(settings) as own:
        if request.timed:  # while the text is read: for the check, and for the first times
            own.workers.start_spares(1, 2, numba=True)
        corpus = request.text() if request.timed else None
        context = replace(own, sources={"": protocol.ImplementationSource(book=str(file))})
        dtype, classes = check_classes(text, request.file, context, note)
        timings = chosen_timings(classes) if corpus else []
        if corpus and timings:
            corpus.save(context.corpus)
        timed = time_methods(timings, dtype, context, note)
    return BookResult(file=request.file, classes=classes, timed=timed)


def readable(file: Path, say: Say) -> Text:
    """Return a file's text, and say what of a notebook is not run. Raises PlanError, in one line, if it has none."""
    try:
        text = read_text(file)
    except Unreadable as error:
        raise PlanError(f"{file}{error}") from error
    if text.cells:
        left_out = [
            *([counted(text.left_out, "other statement")] if text.left_out else []),
            *([f"{counted(text.magics, 'line')} of IPython's own"] if text.magics else []),
        ]
        not_run = f" (left out: {', '.join(left_out)})" if left_out else ""
        say(f"{file}: a notebook: only its imports, functions, classes and constants are run{not_run}")
    return text


def check_classes(text: Text, shown: Path, context: RunContext, note: Note) -> tuple[str, list[BookChecked]]:
    """Check the classes of a file, in another process again after one that hangs or crashes. Raises PlanError.

    shown: the file as the user has written it. Returns the dtype of the weights, and the classes.
    """
    file = shown.resolve()
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
            checked[failure.variant] = unfinished(failure, file, text)
            continue
        return dtype, [checked[name] for name in names]


def not_loaded(failure: WorkerFailure, file: Path, shown: Path) -> str:
    """Return in one line why a file's classes cannot be checked at all."""
    if failure.status == protocol.Status.ERROR:
        return failure.reason.replace(f"{file}:", f"{shown}:", 1).replace(f"{file},", f"{shown},", 1)
    hint = ": if it trains when it is imported, put that under if __name__ == '__main__':"
    return f"{shown}: {failure.reason}{hint if failure.status == protocol.Status.TIMEOUT and LOADING in failure.reason else ''}"


def unfinished(failure: WorkerFailure, file: Path, text: Text) -> BookChecked:
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
                line=line_of(text, step),
                says=FAULTS[status].says.format(reason=failure.reason),
                instead=FAULTS[status].instead,
            ),
        ),
    )


def line_of(text: Text, method: str) -> int:
    """Return the line of a method, or of its class, that stands in a file; 0 if it stands elsewhere."""
    kind, _, name = method.partition(".")
    for node in text.tree.body:
        if isinstance(node, ast.ClassDef) and node.name == kind:
            functions = [one.lineno for one in node.body if isinstance(one, ast.FunctionDef) and one.name == name]
            return (functions or [node.lineno])[0]
    return 0
