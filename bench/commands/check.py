"""``w2vbench check``: every implementation against its reference; or a reader's own layers of the book."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .terminal.app import app
from .terminal.options import TIME_LIMIT_S, CorpusFile, Impl, Json, Kernels, TimeLimit


@app.command(epilog="Example: w2vbench check --book ch04/layers.py (docs/book.md)")
def check(
    kernel: Kernels = None,
    impl: Impl = None,
    book: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Your own layers of Deep Learning from Scratch 2, in a Python file or a notebook: checked method by method, each fault with its line and an "
            "example, then timed beside the fastest.",
        ),
    ] = None,
    untimed: Annotated[bool, typer.Option("--untimed", help="With --book: check only, and time nothing.")] = False,
    corpus: CorpusFile = None,
    time_limit: TimeLimit = TIME_LIMIT_S,
    json: Json = False,
) -> None:
    """Check every implementation against its kernel's reference: unusual sizes, duplicates, empty and one-row batches, gradients, goodness of fit.

    With --book, check your own layers of the book instead: Embedding, EmbeddingDot, UnigramSampler, CBOW and others.
    """
    from w2vbench.bench.plans.run.request import Request
    from w2vbench.bench.plans.run.session import check_implementations, is_sound

    from .terminal import printing as show

    if book is None:
        if untimed:
            raise typer.BadParameter("--untimed goes with --book")
        request = Request(corpus=corpus, files=impl or (), kernels=kernel or ())
        chosen = request.implementations()
        verdicts = check_implementations(chosen, request.text(), request.files, time_limit)
        show.verdicts(chosen, verdicts, as_json=json)
        raise typer.Exit(0 if all(is_sound(i, verdicts[i.key]) for i in chosen) else 1)
    if kernel or impl:
        raise typer.BadParameter("--book checks one file: leave out --kernel and --impl")
    from w2vbench.bench.plans.book.book import BookRequest, check_book

    from .terminal.book_lines import print_book
    from .terminal.progress import step_progress

    with show.keeping_nothing(), step_progress("step") as note:
        done = check_book(
            BookRequest(file=book, corpus=corpus, time_limit_s=time_limit, timed=not untimed), show.error, note
        )
    print_book(done, as_json=json)
    raise typer.Exit(done.exit_code)
