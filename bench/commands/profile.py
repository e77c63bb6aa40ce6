"""``w2vbench profile``: one implementation, line by line."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import app
from .options import CorpusFile, Impl, Json, TimeLimit
from .setup import free_memory, measuring, read_corpus


@app.command(
    epilog="Example: [bold]w2vbench profile lookup/one-hot-dot@V=1e6,H=100,B=1,f64,i64,zipf,t1[/bold] (slide 6)"
)
def profile(
    case: Annotated[
        str, typer.Argument(metavar="CASE", help="A case's name; from its kernel and slug alone, V = 1e4.")
    ],
    impl: Impl = None,
    corpus: CorpusFile = None,
    time_limit: TimeLimit = "120",
    json: Json = False,
) -> None:
    """Line by line: hits, time, allocation and memory growth beside each line of an implementation's source."""
    import msgspec

    from bench.commands import terminal as show
    from bench.commands.quantities import seconds
    from bench.engine import environment
    from bench.engine.context import RunContext, Settings
    from bench.engine.pool import Died
    from bench.engine.protocol import Source
    from bench.plans import run as running
    from bench.plans.presets import fit
    from impls import catalogue
    from impls.case import Case, Size

    files = [file.resolve() for file in impl or ()]
    every = {i.key: i for i in catalogue.load(files)}
    key = case.partition("@")[0]
    if key not in every:
        raise running.PlanError(f"no implementation {key!r}; w2vbench list shows them, written e.g. lookup/gather")
    implementation = every[key]
    if implementation.no_lines:
        raise running.PlanError(
            f"{key} has no lines to profile: {implementation.no_lines}; w2vbench run shows its time, and where a step's goes"
        )
    size = Case.parse(case).size if "@" in case else fit(implementation.kernel, Size(10_000))
    settings = Settings(time_limit_s=seconds("--time-limit", time_limit), memory_limit_bytes=free_memory())
    with (
        running.saved(read_corpus(corpus)) as folder,
        measuring({}, environment.busy_cpus(), size.threads) as (workers, cpu),
    ):
        try:
            sources = {"": Source(files=tuple(map(str, files)))}
            context = RunContext(workers=workers, corpus=folder, sources=sources, settings=settings, cpu=cpu)
            found = context.profile(key, size)
        except Died as death:
            raise running.PlanError(f"{implementation.case(size)}: {death.status}: {death.reason}") from death
    facts = {
        name: value for name, value in msgspec.to_builtins(found).items() if name not in ("type", "variant", "why_not")
    }
    show.profile(str(implementation.case(size)), implementation, facts, as_json=json)
    raise typer.Exit(1 if found.status == "wrong" and not implementation.wrong else 0)
