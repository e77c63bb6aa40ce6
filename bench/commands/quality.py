"""``w2vbench quality``: speed against quality of whole training runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .terminal.app import app
from .terminal.options import OUT, CorpusFile, Epochs, Impl, Json, MinCount
from .terminal.quantities import duration


@app.command(
    epilog="Example: w2vbench quality --only numba --only gensim (needs pip install gensim, which also ships the word lists)"
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
            metavar="N",
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
        typer.Option("--threads", metavar="N", min=1, max=256, help="Threads (default 1); may be given several times."),
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
    from w2vbench.bench.plans.train import quality as comparing

    from .terminal import printing as show
    from .terminal import summaries
    from .terminal.progress import step_progress

    request = comparing.QualityRequest(
        command=show.command_line(sys.argv),
        out=out,
        corpus=corpus,
        files=[show.whole_path(file) for file in impl or ()],
        kernels=kernel or (),
        globs=only or (),
        seeds=seeds,
        epochs=epochs,
        budget_s=budget,
        threads=threads or [1],
        min_count=min_count,
        resume=resume,
    )
    done = comparing.compare(request, show.error, step_progress("run"))
    summaries.print_outputs(done, json, summaries.print_training)
    if done.unfinished:
        show.error(f"interrupted: {done.unfinished}; run the same command with --resume to go on")
    raise typer.Exit(done.exit_code)
