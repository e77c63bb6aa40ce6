"""``w2vbench calibrate``: measure how often compare is right on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .terminal.app import app
from .terminal.options import OUT, CorpusFile, Json, Kernels, Only, how_many, random_seed
from .terminal.quantities import share


@app.command(
    epilog="Example: w2vbench calibrate before you trust verdicts on a new machine; each batch takes about four minutes"
)
def calibrate(
    batches: Annotated[int, how_many("Comparisons to make: more give narrower intervals.")] = 3,
    cases: Annotated[int, how_many("Cases a comparison; compare itself selects at most 16.")] = 16,
    everything: Annotated[
        bool, typer.Option("--all", help="Every case of every implementation, e.g. before a release with --same-only.")
    ] = False,
    same_only: Annotated[
        bool,
        typer.Option("--same-only", help="Compare identical code only: the false-alarm rate, much faster."),
    ] = False,
    packages: Annotated[
        str | None,
        typer.Option(
            "--packages",
            metavar="REQUIREMENTS",
            help="Calibrate compare --packages instead: an environment with these ('numpy==2.4.*'; '' for the newest) against itself.",
        ),
    ] = None,
    kernel: Kernels = None,
    only: Only = None,
    threshold: Annotated[
        float, typer.Option(parser=share, metavar="P%", help="As in compare. The default is 2%.", show_default=False)
    ] = 0.02,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the trials in DIR's calibration.json.")] = False,
    corpus: CorpusFile = None,
    seed: Annotated[int, random_seed("Seed of the first batch; each has its own.")] = 0,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where calibration.json and calibration.md go.")] = OUT,
    json: Json = False,
) -> None:
    """Measure how often compare is right on this machine, with identical code and with code slowed by exactly 2, 5 and 10 %.

    With --packages, code is slowed by 5 % only.
    """
    from w2vbench.bench.plans.calibrate import calibrate as calibrating

    from .terminal import printing as show
    from .terminal import summaries
    from .terminal.progress import step_progress

    request = calibrating.CalibrateRequest(
        command=show.command_line(sys.argv),
        out=out,
        corpus=corpus,
        kernels=kernel or (),
        globs=only or (),
        batches=batches,
        cases=None if everything else cases,
        same_only=same_only,
        threshold=threshold,
        seed=seed,
        resume=resume,
        packages=packages,
    )
    done = calibrating.calibrate(request, show.error, step_progress())
    summaries.print_outputs(done, json, summaries.print_calibration)
    show.kept_of(out / "calibration.json", done.exit_code)
    raise typer.Exit(done.exit_code)
