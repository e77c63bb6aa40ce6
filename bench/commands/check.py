"""``w2vbench check``: every implementation against its reference."""

from __future__ import annotations

import typer

from .app import app
from .options import TIME_LIMIT_S, CorpusFile, Impl, Json, Kernels, TimeLimit


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
    from bench.plans.session import Request, check_implementations, is_sound

    request = Request(corpus=corpus, files=impl or (), kernels=kernel or ())
    chosen = request.implementations()
    verdicts = check_implementations(chosen, request.text(), request.files, time_limit)
    show.verdicts(chosen, verdicts, as_json=json)
    raise typer.Exit(0 if all(is_sound(i, verdicts[i.key]) for i in chosen) else 1)
