"""``w2vbench tune``: a dispatch table for best() and dispatch(), and how good its choices are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .terminal.app import app
from .terminal.options import (
    TIME_LIMIT_S,
    CorpusFile,
    FloatType,
    IndexType,
    Json,
    Kernels,
    Resume,
    Threads,
    TimeLimit,
    how_many,
    one_number,
    random_seed,
    several_numbers,
    worker_memory,
)


@app.command(
    epilog="Example: w2vbench tune --kernel lookup --kernel scatter --hidden 100 --batch 64 512 4096; "
    'then, in a program, w2vbench.best("lookup", V=50_000, H=100, B=512). '
    "w2vbench tune --regret says how good the table's choices are"
)
def tune(
    kernel: Kernels = None,
    vocab: Annotated[list[int] | None, several_numbers("--vocab", 2, "Vocabularies (default 1e3 to 1e6).")] = None,
    hidden: Annotated[list[int] | None, several_numbers("--hidden", 1, "Hidden sizes (default 50 and 300).")] = None,
    batch: Annotated[list[int] | None, several_numbers("--batch", 1, "Batch sizes (default 1 to 1e4).")] = None,
    negatives: Annotated[
        int | None, one_number("K", "Negatives per target, or mean words per bag (default 5).")
    ] = None,
    dtype: Annotated[FloatType, typer.Option(help="Floating-point type.")] = "f32",
    index: Annotated[IndexType, typer.Option(help="Type of the word ids.")] = "i64",
    threads: Threads = 1,
    corpus: CorpusFile = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The table (default: where w2vbench.best() looks, in your cache folder)."),
    ] = None,
    regret: Annotated[
        bool,
        typer.Option(
            "--regret", help="Measure how good the choices of the table are, at random sizes, instead of making one."
        ),
    ] = False,
    sizes: Annotated[int, how_many("Random sizes of --regret.")] = 64,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="With --regret: use a table of another machine or of other versions too.")
    ] = False,
    processes: Annotated[
        int | None, how_many("Fresh processes per size (default 3; with --regret an even number, default 6).")
    ] = None,
    time_limit: TimeLimit = TIME_LIMIT_S,
    memory_limit: Annotated[
        int | None, worker_memory("Most that a worker may hold (default: 3G, or what is free).")
    ] = None,
    seed: Annotated[int, random_seed("Seed of all inputs, and of the sizes of --regret.")] = 0,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """Measure over a grid of sizes which implementation is fastest, and keep the table from which w2vbench.best() and dispatch() choose.

    With --regret, measure instead how much slower the chosen implementation is than the fastest, at random sizes that are
    not on the grid."""
    from w2vbench.bench.plans.tune.grid import Grid
    from w2vbench.bench.plans.tune.tune import TuneRequest
    from w2vbench.bench.plans.tune.tune import tune as tuned
    from w2vbench.impls.choosing.dispatch_table import default_path

    from .terminal import printing as show
    from .terminal import tuning
    from .terminal.progress import run_progress

    usual = Grid()
    grid = Grid(
        V=vocab or usual.V,
        H=hidden or usual.H,
        B=batch or usual.B,
        K=negatives or usual.K,
        dtype=dtype.replace("float", "f"),
        index=index,
        threads=threads,
    )
    request = TuneRequest(
        command=show.command_line(sys.argv),
        out=(out or default_path()).absolute(),
        corpus=corpus,
        kernels=kernel or (),
        grid=grid,
        processes=processes or (6 if regret else 3),
        time_limit_s=time_limit,
        memory_limit_bytes=memory_limit,
        seed=seed,
        resume=resume and not regret,
    )
    if regret:
        from w2vbench.bench.plans.tune.regret import RegretRequest, measure_regret

        wanted = RegretRequest(**vars(request), sizes=sizes, anyway=anyway)
        found = measure_regret(wanted, show.error, run_progress)
        tuning.print_regret(found, json)
        raise typer.Exit(found.exit_code)
    done = tuned(request, show.error, run_progress)
    tuning.print_table(done, json)
    raise typer.Exit(done.exit_code)
