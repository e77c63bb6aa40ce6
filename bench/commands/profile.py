"""``w2vbench profile``: one implementation, line by line."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import app
from .options import CorpusFile, Impl, Json, TimeLimit
from .setup import free_memory, measuring, read_corpus

PROFILE_LIMIT_S = 120.0


@app.command(
    epilog="Example: [bold]w2vbench profile lookup/one-hot-dot@V=1e6,H=100,B=1,f64,i64,zipf,t1[/bold] (slide 6)"
)
def profile(
    case: Annotated[
        str,
        typer.Argument(metavar="CASE", help="A case's name. If only kernel and implementation are given, V is 1e4."),
    ],
    impl: Impl = None,
    corpus: CorpusFile = None,
    time_limit: TimeLimit = PROFILE_LIMIT_S,
    json: Json = False,
) -> None:
    """Profile one implementation line by line: hits, time, allocation and memory growth beside each source line."""
    import msgspec

    from bench.commands import terminal as show
    from bench.engine import environment
    from bench.engine.pool import WorkerFailure
    from bench.engine.protocol import MeasurementSettings
    from bench.plans.presets import fit
    from bench.plans.run import PlanError
    from impls import catalogue
    from impls.case import Case, Size

    files = [file.resolve() for file in impl or ()]
    every = {i.key: i for i in catalogue.load(files)}
    key = case.partition("@")[0]
    if key not in every:
        raise PlanError(f"no implementation {key!r}; w2vbench list shows the names (write them as in lookup/gather)")
    implementation = every[key]
    if implementation.no_lines:
        raise PlanError(
            f"{key} has no lines to profile: {implementation.no_lines}; w2vbench run shows its time, and the stages of a training step"
        )
    size = Case.parse(case).size if "@" in case else fit(implementation.kernel, Size(10_000))
    text, settings = read_corpus(corpus), MeasurementSettings(time_limit_s=time_limit, memory_limit_bytes=free_memory())
    with measuring({}, environment.busy_cpus(), settings, size.threads, files) as context:
        text.save(context.corpus)
        try:
            profiled = context.profile(key, size)
        except WorkerFailure as failure:
            raise PlanError(f"{implementation.case(size)}: {failure.status}: {failure.reason}") from failure
    facts = {
        name: value
        for name, value in msgspec.to_builtins(profiled).items()
        if name not in ("type", "variant", "why_not")
    }
    show.profile(str(implementation.case(size)), implementation, facts, as_json=json)
    raise typer.Exit(1 if profiled.status == "wrong" and not implementation.wrong else 0)
