"""``w2vbench quality``: speed against quality of whole training runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.plans.selection import Selection

from .app import app
from .options import OUT, CorpusFile, Epochs, Impl, Json, MinCount
from .quantities import duration
from .setup import free_memory, measuring, read_corpus, select_kernels

if TYPE_CHECKING:
    from reports.result_schema import ResultFile, TrainingRun

SEEDS = 5
"""Runs of each implementation, by default."""


@app.command(
    epilog="Example: [bold]w2vbench quality --only numba --only gensim[/bold] (needs pip install gensim, which also ships the word lists)"
)
def quality(
    kernel: Annotated[
        list[str] | None,
        typer.Option("--kernel", metavar="K", help="training.cbow or training.skip-gram (default: both)."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="GLOB", help="Implementations whose name matches, e.g. numba; may be given several times."
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100,
            help="Runs of each implementation, each with its own seed (default 5). The first run fixes how many are tested.",
        ),
    ] = None,
    epochs: Epochs = 5,
    budget: Annotated[
        float,
        typer.Option(
            parser=duration,
            metavar="TIME",
            help="Training time of a run. Slower implementations train on as much as fits, gensim on all.",
        ),
    ] = 30.0,
    threads: Annotated[
        list[int] | None,
        typer.Option("--threads", min=1, max=256, help="Threads (default 1); may be given several times."),
    ] = None,
    min_count: MinCount = 5,
    corpus: CorpusFile = None,
    impl: Impl = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where quality.json, quality.html and quality.md go.")] = OUT,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Keep the runs in DIR's quality.json if text and code are the same, and make the missing ones.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Compare speed and quality: train every implementation on a text with several seeds, and score the vectors.

    An implementation is called equal in quality to gensim only if no score is worse by more than a margin: twice the
    standard deviation of gensim's own seeds, plus 0.001. The test, at 5 %, uses the seeds that the first run planned
    (--seeds), once all of them are done. --resume continues an interrupted run, and can add implementations and seeds.
    Added seeds narrow the intervals of the means, but are not tested.
    """
    from bench.commands import summaries
    from bench.commands import terminal as show
    from bench.commands.keeping import keep, prepare_folder
    from bench.commands.progress import step_progress
    from bench.engine import environment
    from bench.engine.protocol import MeasurementSettings
    from bench.plans import quality as comparing
    from bench.plans import run as running
    from bench.plans import scores
    from bench.plans.file_header import result_file
    from bench.plans.journal import lock_folder, put_aside
    from bench.plans.train import without_rare_words
    from impls import catalogue
    from reports.files import dump, write
    from reports.result_schema import with_part

    files = [file.resolve() for file in impl or ()]
    every = [i for i in select_kernels(catalogue.load(files), kernel) if i.kernel.name.startswith("training.")]
    chosen = [i for i in every if Selection(globs=only or ()).has_case(i.key)]
    if not chosen:
        raise running.PlanError("no training implementation matches; w2vbench list --kernel training shows the names")
    path = out / "quality.json"
    if resume and not path.exists():
        raise running.PlanError(f"--resume: {path}: No such file, so there is nothing to resume: run without --resume")
    prepare_folder(out)
    lock_folder(out)
    busy = environment.busy_cpus()
    machine = environment.describe(busy)
    text = read_corpus(corpus)
    digest = running.corpus_and_code(text, files)
    text = without_rare_words(text, min_count)
    first = seeds or SEEDS
    request = comparing.QualityRequest(
        chosen,
        V=len(text.counts),
        threads=tuple(threads or [1]),
        seeds=first,
        planned=first,
        epochs=epochs,
        budget_s=budget,
    )
    if not request.runs():
        raise running.PlanError(
            "these implementations run on one thread only: leave out --threads, or choose numba, gensim or torch"
        )
    records: list[TrainingRun] = []
    if resume:
        request, records = comparing.resume(path, request, digest, machine, seeds)
        if request.seeds != request.planned:
            show.error(f"the test still uses the {request.planned} seeds that were planned before the first run")
    elif aside := put_aside(path):
        show.error(f"earlier runs were put aside as {aside} (--resume would have kept them)")
    earlier, tests = len(records), scores.load_tests(text.vocabulary)
    interrupted, most_threads = False, max(request.threads)
    settings = MeasurementSettings(memory_limit_bytes=free_memory())
    with step_progress("run") as note, measuring(machine, busy, settings, most_threads, files) as context:
        text.save(context.corpus)
        warnings = environment.warnings_of(machine, threads=most_threads)
        frame = result_file("quality", show.command_line(sys.argv), machine, warnings)

        def content(complete: bool) -> ResultFile:
            training = comparing.content(request, text, tests, digest, records)
            return with_part(frame, training=training, complete=complete)

        def note_and_save(what: str, done: int, of: int) -> None:
            if what:
                note(what, done, of)
            elif len(records) > earlier:
                write(path, dump(content(complete=False)))

        try:
            comparing.compare(request, len(text.ids), tests, context, note_and_save, records)
        except KeyboardInterrupt:
            interrupted = True
    if not records:
        show.error("interrupted before the first run was finished: nothing to save")
        raise typer.Exit(130)
    summaries.print_outputs(keep(content(not interrupted), path), json, summaries.print_training)
    if interrupted:
        left = len(request.remaining_runs(records))
        show.error(
            f"interrupted: {left} of {len(request.runs())} runs are left; run the same command with --resume to go on"
        )
    statuses = {record.status for record in records}
    raise typer.Exit(130 if interrupted else 1 if statuses & set(running.BROKEN) else 0 if "ok" in statuses else 3)
