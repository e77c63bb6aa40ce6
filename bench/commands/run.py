"""``w2vbench run``: the main job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from bench.plans.selection import Selection

from .app import app
from .options import (
    LARGEST_SEED,
    MOST_THREADS,
    MOST_TIMES,
    OUT,
    TIME_LIMIT_S,
    CorpusFile,
    Impl,
    Json,
    Kernels,
    Only,
    TimeLimit,
)
from .quantities import memory_size, whole_number
from .setup import LEAST_MEMORY, free_memory, measuring, read_corpus, select_kernels


@app.command(
    epilog="Example: [bold]w2vbench run --kernel scatter --vocab 10000 300000 --hidden 300 --batch 512 --dtype float64[/bold]"
)
def run(
    preset: Annotated[
        Literal["quick", "default", "deck", "full"],
        typer.Option(
            help="quick: the book's kernels in 30 s to a minute; default: all kernels, some minutes; full: the longest; deck: the source deck's own sizes."
        ),
    ] = "default",
    kernel: Kernels = None,
    only: Only = None,
    vocab: Annotated[
        list[int] | None,
        typer.Option(
            "--vocab",
            parser=whole_number(2),
            metavar="N...",
            help="Your own vocabularies, not the preset's: --vocab 10000 1e6.",
        ),
    ] = None,
    hidden: Annotated[
        int | None,
        typer.Option(parser=whole_number(1), metavar="N", help="Hidden size H (default: the preset's, else 100)."),
    ] = None,
    batch: Annotated[
        list[int] | None,
        typer.Option(
            "--batch", parser=whole_number(1), metavar="N...", help="Batch sizes B (default: the preset's, else 100)."
        ),
    ] = None,
    negatives: Annotated[
        int | None,
        typer.Option(parser=whole_number(1), metavar="K", help="Negatives a target (default: the preset's, else 5)."),
    ] = None,
    dtype: Annotated[
        Literal["f32", "f64", "float32", "float64"] | None, typer.Option(help="Floating-point type (default f32).")
    ] = None,
    index: Annotated[Literal["i32", "i64"] | None, typer.Option(help="Type of the word ids (default i64).")] = None,
    words: Annotated[
        Literal["zipf", "uniform", "repeat"] | None,
        typer.Option(help="zipf: the corpus's words; uniform: all alike; repeat: one batch, in cache."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_THREADS, help="BLAS and OpenMP threads (default 1, pinned to one CPU)."),
    ] = None,
    impl: Impl = None,
    corpus: CorpusFile = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where page, Markdown, CSV and result file go.")] = OUT,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MOST_TIMES,
            help="Fresh processes a problem (default 5): more give narrower intervals, fewer than 3 none.",
        ),
    ] = None,
    time_limit: TimeLimit = TIME_LIMIT_S,
    memory_limit: Annotated[
        int | None,
        typer.Option(
            parser=memory_size,
            metavar="SIZE",
            help="Most that a worker may hold (default: 3G for quick and default, else what is free less 1G).",
        ),
    ] = None,
    tables: Annotated[
        bool, typer.Option("--tables", help="Print the table of every size too; --kernel and --only do so anyway.")
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of all inputs and of the order of samples.")
    ] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the finished processes of the same command, if it was killed.")
    ] = False,
    json: Json = False,
) -> None:
    """Check, time and profile the implementations: tables and a recommendation here, and result file, page, Markdown and CSV in --out."""
    from dataclasses import replace
    from functools import partial

    from bench.commands import summaries
    from bench.commands import terminal as show
    from bench.commands.keeping import keep_run, prepare_folder
    from bench.commands.progress import run_progress
    from bench.engine import environment
    from bench.plans import run as running
    from bench.plans import run_result
    from bench.plans.journal import Journal, lock_folder
    from bench.plans.presets import PRESETS, requested_sizes
    from impls import catalogue

    chosen = PRESETS[preset]
    given = {
        "H": hidden,
        "K": negatives,
        "dtype": dtype and dtype.replace("float", "f"),
        "index": index,
        "words": words,
        "threads": threads,
    }
    changed = {name: value for name, value in given.items() if value is not None}
    own = bool(vocab or batch or changed)
    free = free_memory()
    if preset in ("quick", "default") and not own:
        free = min(3 << 30, free)
    limit = free if memory_limit is None else memory_limit
    if limit < LEAST_MEMORY:
        raise running.PlanError(
            f"--memory-limit must be at least {LEAST_MEMORY >> 20}M: a worker needs that for NumPy alone"
        )
    settings = replace(
        chosen.settings,
        seed=seed,
        time_limit_s=time_limit,
        memory_limit_bytes=limit,
        processes=processes or chosen.settings.processes,
    )
    files = [file.resolve() for file in impl or ()]
    busy = environment.busy_cpus()
    every = select_kernels(catalogue.load(files), kernel)
    left_out = () if kernel or only or files or vocab or batch else chosen.optional_kernels
    problems = running.plan(
        [i for i in every if i.kernel.name not in left_out],
        partial(requested_sizes, preset=chosen, vocabularies=vocab or (), batches=batch or (), changed=changed),
        Selection(globs=only or ()),
    )
    prepare_folder(out)
    machine, interrupted = environment.describe(busy), False
    with measuring(machine, busy, settings, threads or 1, files) as context:
        # while the text is read: for the checks, and for the first pass
        context.workers.start_spares(1, len(context.workers.cpus) + 1)
        going = running.Run(
            command=show.command_line(sys.argv),
            preset=None if own else preset,
            settings=settings,
            corpus=read_corpus(corpus),
            environment=machine,
        )
        journal = Journal(out, running.run_identity(going, problems, files))
        lock_folder(out)
        if resume:
            journal.read(i for problem in problems for i in problem.implementations)
        elif journal.begin():
            show.error(f"an unfinished run's journal was put aside in {out} (--resume would have gone on from it)")
        going.corpus.save(context.corpus)
        with run_progress(problems, settings.processes) as bar:
            try:
                running.check(problems, context, going, bar.checking)
                running.measure_all(problems, context, going, journal, bar.measuring, bar.first)
            except KeyboardInterrupt:
                interrupted = True
    if not going.problems:
        journal.close()
        show.error("interrupted before the first process was finished: nothing to keep")
        raise typer.Exit(130)
    kept = keep_run(run_result.content(going), out, complete=going.complete, name=going.preset or "own")
    summaries.print_outputs(
        kept, json, partial(summaries.print_run, run=going, out=out, tables=tables or bool(kernel or only))
    )
    if left_out and not json:
        names = ", ".join(left_out)
        show.console().print(f"\nleft out by --preset {preset}: {names} (--kernel NAME runs one)", style="dim")
    if going.complete:
        journal.close()
    raise typer.Exit(130 if interrupted else 1 if going.broken else 0 if going.measured else 3)
