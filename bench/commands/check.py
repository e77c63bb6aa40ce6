"""``w2vbench check``: every implementation against its reference."""

from __future__ import annotations

import typer

from .app import app
from .options import TIME_LIMIT_S, CorpusFile, Impl, Json, Kernels, TimeLimit
from .setup import read_corpus, select_kernels


@app.command()
def check(
    kernel: Kernels = None,
    impl: Impl = None,
    corpus: CorpusFile = None,
    time_limit: TimeLimit = TIME_LIMIT_S,
    json: Json = False,
) -> None:
    """Check every implementation against its kernel's reference: unusual sizes, duplicates, empty and one-row batches, gradients, goodness of fit."""
    from bench.commands import terminal as show
    from bench.engine.context import RunContext
    from bench.engine.contracts import check_contracts
    from bench.engine.pool import Workers
    from bench.engine.protocol import ImplementationSource, MeasurementSettings
    from bench.plans import run as running
    from impls import catalogue

    implementations = select_kernels(catalogue.load(impl or ()), kernel)
    sources = {"": ImplementationSource(files=tuple(str(file.resolve()) for file in impl or ()))}
    with running.saved_corpus(read_corpus(corpus)) as folder, Workers() as workers:
        context = RunContext(
            workers=workers, corpus=folder, sources=sources, settings=MeasurementSettings(time_limit_s=time_limit)
        )
        verdicts = check_contracts([i.key for i in implementations], context)
    sound = show.verdicts(implementations, verdicts, as_json=json)
    raise typer.Exit(0 if sound else 1)
