"""``w2vbench run``: the main job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from .terminal.app import app
from .terminal.options import (
    MOST_THREADS,
    OUT,
    TIME_LIMIT_S,
    CorpusFile,
    FloatType,
    Impl,
    IndexType,
    Json,
    Kernels,
    Only,
    Resume,
    TimeLimit,
    how_many,
    one_number,
    random_seed,
    several_numbers,
    worker_memory,
)


@app.command(
    epilog="Example: w2vbench run --kernel scatter --vocab 10000 300000 --hidden 300 --batch 512 --dtype float64"
)
def run(
    preset: Annotated[
        Literal["quick", "default", "deck", "full"],
        typer.Option(
            help="quick: the book's kernels in 30 s to a minute; default: all kernels, some minutes; full: longest, H to 768; deck: the source deck's sizes."
        ),
    ] = "default",
    kernel: Kernels = None,
    only: Only = None,
    vocab: Annotated[
        list[int] | None, several_numbers("--vocab", 2, "Your own vocabularies, not the preset's: --vocab 10000 1e6.")
    ] = None,
    hidden: Annotated[int | None, one_number("N", "Hidden size H (default: the preset's, else 100).")] = None,
    batch: Annotated[
        list[int] | None, several_numbers("--batch", 1, "Batch sizes B (default: the preset's, else 100).")
    ] = None,
    negatives: Annotated[
        int | None, one_number("K", "Negatives per target, or mean words per bag (default: the preset's, else 5).")
    ] = None,
    dtype: Annotated[FloatType | None, typer.Option(help="Floating-point type (default f32).")] = None,
    index: Annotated[IndexType | None, typer.Option(help="Type of the word ids (default i64).")] = None,
    words: Annotated[
        Literal["zipf", "uniform", "repeat"] | None,
        typer.Option(help="zipf: the corpus's words; uniform: all alike; repeat: one batch, in cache."),
    ] = None,
    threads: Annotated[
        list[int] | None,
        several_numbers(
            "--threads",
            1,
            "BLAS and OpenMP threads (default 1, pinned to one CPU); --threads 1 2 4 measures each size on each number, and what more threads gain.",
            MOST_THREADS,
            distinct=True,
        ),
    ] = None,
    impl: Impl = None,
    corpus: CorpusFile = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where page, Markdown, CSV and result file go.")] = OUT,
    processes: Annotated[
        int | None,
        how_many(
            "Fresh processes a problem (default 4, or 5 for deck and full, and more where undecided): fewer than 3 give no intervals."
        ),
    ] = None,
    time_limit: TimeLimit = TIME_LIMIT_S,
    memory_limit: Annotated[
        int | None,
        worker_memory("Most that a worker may hold (default: 3G for quick and default, else what is free less 1G)."),
    ] = None,
    tables: Annotated[
        bool, typer.Option("--tables", help="Print the table of every size too; --kernel and --only do so anyway.")
    ] = False,
    seed: Annotated[int, random_seed("Seed of all inputs and of the order of samples.")] = 0,
    resume: Resume = False,
    json: Json = False,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Measure on the workers of a Dask scheduler (local: one that is started here), every problem on every kind of machine.",
        ),
    ] = None,
    share_hosts: Annotated[
        bool,
        typer.Option(
            "--share-hosts", help="With --cluster: let several workers on one computer measure, one at a time."
        ),
    ] = False,
) -> None:
    """Check, time and profile the implementations: tables and a recommendation here, and result file, page, Markdown and CSV in --out."""
    from functools import partial

    from w2vbench.bench.plans.run import run as running

    from .terminal import printing as show
    from .terminal import summaries
    from .terminal.progress import run_progress

    changed = {
        "H": hidden,
        "K": negatives,
        "dtype": dtype and dtype.replace("float", "f"),
        "index": index,
        "words": words,
    }
    request = running.RunRequest(
        command=show.command_line(sys.argv),
        out=out,
        corpus=corpus,
        files=[show.whole_path(file) for file in impl or ()],
        kernels=kernel or (),
        globs=only or (),
        preset=preset,
        vocabularies=vocab or (),
        batches=batch or (),
        threads=sorted(threads or ()),
        changed={name: value for name, value in changed.items() if value is not None},
        processes=processes,
        time_limit_s=time_limit,
        memory_limit_bytes=memory_limit,
        seed=seed,
        resume=resume,
    )
    if cluster is not None:
        from .run_on_cluster import run_on_cluster

        raise typer.Exit(run_on_cluster(request, cluster, share_hosts=share_hosts, json=json, tables=tables))
    if share_hosts:
        raise typer.BadParameter("--share-hosts says how workers of a --cluster ADDRESS measure, and none is given")
    done = running.run(request, show.error, run_progress)
    shown = partial(summaries.print_run, out=out, tables=tables or bool(kernel or only), unfinished=done.unfinished)
    summaries.print_outputs(done, json, shown)
    if request.left_out and not json:
        names = ", ".join(request.left_out)
        show.console().print(f"\nleft out by --preset {preset}: {names} (--kernel NAME runs one)", style="dim")
    raise typer.Exit(done.exit_code)
