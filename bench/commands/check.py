"""``w2vbench check``: every implementation against its reference."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import app
from .options import CorpusFile, Impl, Json, Kernels
from .setup import narrowed, read_corpus


@app.command()
def check(
    kernel: Kernels = None,
    impl: Impl = None,
    corpus: CorpusFile = None,
    time_limit: Annotated[
        str, typer.Option(metavar="TIME", help="Longest that one implementation may take, e.g. 90s or 5m.")
    ] = "30",
    json: Json = False,
) -> None:
    """Every implementation against its kernel's reference: awkward sizes, duplicates, empty and one-row batches, gradients, goodness of fit."""
    from bench.commands import terminal as show
    from bench.commands.quantities import seconds
    from bench.engine.context import RunContext, Settings
    from bench.engine.contracts import check_contracts
    from bench.engine.pool import Workers
    from bench.engine.protocol import Source
    from bench.plans import run as running
    from impls import catalogue

    limit_s = seconds("--time-limit", time_limit)
    implementations = narrowed(catalogue.load(impl or ()), kernel)
    sources = {"": Source(files=tuple(str(file.resolve()) for file in impl or ()))}
    with running.saved(read_corpus(corpus)) as folder, Workers() as workers:
        context = RunContext(workers=workers, corpus=folder, sources=sources, settings=Settings(time_limit_s=limit_s))
        verdicts = check_contracts([i.key for i in implementations], context)
    sound = show.verdicts(implementations, verdicts, as_json=json)
    raise typer.Exit(0 if sound else 1)
