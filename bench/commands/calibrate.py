"""``w2vbench calibrate``: how often compare is right on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .options import LARGEST_SEED, MOST_TIMES, CorpusFile, Json, Kernels, Only
from .setup import free_memory, measuring, read_corpus, stop_on_signals


@app.command(
    epilog="Example: [bold]w2vbench calibrate[/bold] before you trust a gate on a new machine; each batch takes some four minutes"
)
def calibrate(
    batches: Annotated[
        int, typer.Option(min=1, max=MOST_TIMES, help="Comparisons to make; more give narrower intervals.")
    ] = 3,
    cases: Annotated[int, typer.Option(min=1, max=MOST_TIMES, help="Cases in each; a gate has at most 16.")] = 16,
    everything: Annotated[
        bool, typer.Option("--all", help="Every case of every implementation: before a release, with --same-only.")
    ] = False,
    same_only: Annotated[
        bool, typer.Option("--same-only", help="Identical code only: false alarms, in a sixth of the time.")
    ] = False,
    kernel: Kernels = None,
    only: Only = None,
    threshold: Annotated[str, typer.Option(metavar="P%", help="As in compare.")] = "2%",
    add: Annotated[bool, typer.Option("--add", help="Count the trials in DIR's calibration.json too.")] = False,
    corpus: CorpusFile = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the first batch; each has its own.")] = 0,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where calibration.json and calibration.md go.")] = Path(
        "reports/out"
    ),
    json: Json = False,
) -> None:
    """How often is compare right on this machine? Compares identical code, and code slowed by exactly 2, 5 and 10 %."""
    from dataclasses import replace
    from functools import partial

    import impls
    from bench.commands import terminal as show
    from bench.commands.keeping import keep_calibration, writable
    from bench.commands.progress import steps
    from bench.commands.quantities import share
    from bench.engine import environment
    from bench.engine.context import RunContext, Settings
    from bench.plans import calibrate as calibrating
    from bench.plans import run as running
    from bench.plans.differences import Chosen

    margin = share("--threshold", threshold)
    writable(out)
    stop_on_signals()
    busy, before = environment.busy_cpus(), environment.counters()
    machine = environment.describe(busy)
    so_far = calibrating.resumed(out, margin, machine) if add else calibrating.Calibrating(margin)
    settings = Settings(memory_limit_bytes=free_memory())
    folder = Path(impls.__file__).resolve().parents[1]
    interrupted = False
    with running.saved(read_corpus(corpus)) as saved, steps() as note, measuring(machine, busy) as (workers, cpu):
        context = RunContext(workers=workers, corpus=saved, settings=replace(settings, seed=seed), cpu=cpu)
        try:
            context, chosen = calibrating.cases(
                context, folder, Chosen(kernel or (), only or ()), None if everything else cases
            )
            for number in range(so_far.comparisons, so_far.comparisons + batches):
                said = partial(calibrating.of_batch, note, number + 1)
                calibrating.batch(context, chosen, number, so_far, slowed=not same_only, note=said)
                warnings = environment.warnings_of(machine | environment.spoiled(before))
                calibrating.write(so_far, out, show.command(sys.argv), machine, warnings)
        except KeyboardInterrupt:
            interrupted = True
    if not so_far.trials:
        show.error(
            "interrupted before the first batch was finished: nothing to keep"
            if interrupted
            else "no case could be measured"
        )
        raise typer.Exit(130 if interrupted else 3)
    show.calibrated(keep_calibration(out), as_json=json)
    raise typer.Exit(130 if interrupted else 0)
