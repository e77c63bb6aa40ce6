"""``w2vbench quality``: speed against quality of whole training runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.plans.selection import Selection

from .app import app
from .options import MOST_TIMES, CorpusFile, Impl, Json
from .setup import free_memory, measuring, narrowed, read_corpus, stop_on_signals

SEEDS = 5
"""Runs of each implementation that ``quality`` plans."""


@app.command(
    epilog="Example: [bold]w2vbench quality --only numba --only gensim[/bold] (needs pip install gensim, which also ships the word lists)"
)
def quality(
    kernel: Annotated[
        list[str] | None,
        typer.Option("--kernel", metavar="K", help="training.cbow or training.skip-gram; both if not given."),
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
            help="Runs of each implementation, with seeds of their own (5 if not given); the test is of so many.",
        ),
    ] = None,
    epochs: Annotated[
        int, typer.Option("--epochs", "--iter", min=1, max=MOST_TIMES, help="Times through the text.")
    ] = 5,
    budget: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Longest that a run should train; slower implementations train on what fits, gensim on all.",
        ),
    ] = "30s",
    threads: Annotated[
        list[int] | None,
        typer.Option("--threads", min=1, max=256, help="Threads (1 if not given); may be given several times."),
    ] = None,
    min_count: Annotated[int, typer.Option(min=1, max=1 << 40, help="Leave words out that occur less often.")] = 5,
    corpus: CorpusFile = None,
    impl: Impl = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where quality.json, quality.html and quality.md go.")
    ] = Path("reports/out"),
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Keep the runs that DIR's quality.json has, if of the same text and code, and make the others.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Speed against quality: train every implementation on a text, several seeds in random order, and judge the vectors.

    An implementation is called equal in quality to gensim only if no score is worse by more than a margin: twice the
    standard deviation of gensim's own seeds, and 0.001. The test, at 5 %, is of the seeds that the first run planned
    (--seeds), once all are done. A run that was interrupted goes on with --resume, which also adds implementations; seeds
    that it adds narrow the intervals of means, and have no part in the test.
    """
    from bench.commands import terminal as show
    from bench.commands.keeping import keep_quality, writable, write_quality
    from bench.commands.progress import steps
    from bench.commands.quantities import seconds
    from bench.engine import environment
    from bench.engine.context import RunContext, Settings
    from bench.engine.protocol import Source
    from bench.engine.training_loop import kept
    from bench.plans import quality as comparing
    from bench.plans import revision_comparison as gate
    from bench.plans import run as running
    from bench.plans import scores
    from bench.plans.journal import hold, put_aside
    from impls import catalogue

    budget_s = seconds("--budget", budget)
    files = [file.resolve() for file in impl or ()]
    every = [i for i in narrowed(catalogue.load(files), kernel) if i.kernel.name.startswith("training.")]
    chosen = [i for i in every if Selection(globs=only or ()).has_case(i.key)]
    if not chosen:
        raise running.PlanError("no training implementation matches; w2vbench list --kernel training shows the names")
    path = out / "quality.json"
    if resume and not path.exists():
        raise running.PlanError(
            f"--resume: {path}: No such file, so there is nothing to go on from: leave --resume out"
        )
    writable(out)
    hold(out)
    stop_on_signals()
    busy = environment.busy_cpus()
    machine = environment.describe(busy)
    text = read_corpus(corpus)
    V = int((text.counts >= min_count).sum())
    if V < 2:
        raise running.PlanError(f"--min-count: no two words of {text.name} occur {min_count} times or more")
    first = seeds or SEEDS
    asked = comparing.Asked(chosen, V, tuple(threads or [1]), first, first, epochs, budget_s)
    if not asked.runs():
        raise running.PlanError(
            "these implementations have one thread: leave --threads out, or choose numba, gensim or torch"
        )
    digest = running.corpus_and_code(text, files)
    records: list[dict[str, Any]] = []
    if resume:
        asked, records = comparing.earlier(path, asked, digest, machine, seeds)
        if asked.seeds != asked.planned:
            show.error(f"the test stays that of the {asked.planned} seeds that were planned before the first run")
    if not resume and (aside := put_aside(path)):
        show.error(f"earlier runs were put aside as {aside} (--resume would have gone on from them)")
    text = kept(text, V)
    known, tests = len(records), scores.tests(text.vocabulary[:V])

    def content() -> dict[str, Any]:
        return comparing.content(asked, text, tests, digest, records)

    interrupted = False
    with (
        running.saved(text) as folder,
        steps("run") as note,
        measuring(machine, busy, max(threads or [1])) as (workers, cpu),
    ):
        warnings = environment.warnings_of(machine, threads=max(threads or [1]))
        frame = gate.frame_of("quality", show.command(sys.argv), machine, warnings)
        context = RunContext(
            workers=workers,
            corpus=folder,
            sources={"": Source(files=tuple(map(str, files)))},
            settings=Settings(memory_limit_bytes=free_memory()),
            cpu=cpu,
        )

        def kept_so_far(what: str, done: int, of: int) -> None:
            if what:
                note(what, done, of)
            elif len(records) > known:
                write_quality(content(), frame, out, complete=False)

        try:
            comparing.compare(asked, len(text.ids), tests, context, kept_so_far, records)
        except KeyboardInterrupt:
            interrupted = True
    if not records:
        show.error("interrupted before the first run was finished: nothing to keep")
        raise typer.Exit(130)
    show.qualities(keep_quality(content(), frame, out, complete=not interrupted), as_json=json)
    if interrupted:
        left = len(asked.left(records))
        show.error(f"interrupted: {left} of {len(asked.runs())} runs are left; the same command with --resume goes on")
    statuses = {record["status"] for record in records}
    raise typer.Exit(130 if interrupted else 1 if statuses & set(running.BROKEN) else 0 if "ok" in statuses else 3)
