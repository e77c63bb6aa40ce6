"""``w2vbench calibrate``: measure how often compare is right on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .options import LARGEST_SEED, MOST_TIMES, OUT, CorpusFile, Json, Kernels, Only
from .quantities import share
from .setup import free_memory, measuring, read_corpus


@app.command(
    epilog="Example: [bold]w2vbench calibrate[/bold] before you trust verdicts on a new machine; each batch takes about four minutes"
)
def calibrate(
    batches: Annotated[
        int, typer.Option(min=1, max=MOST_TIMES, help="Comparisons to make: more give narrower intervals.")
    ] = 3,
    cases: Annotated[
        int, typer.Option(min=1, max=MOST_TIMES, help="Cases a comparison; compare itself selects at most 16.")
    ] = 16,
    everything: Annotated[
        bool, typer.Option("--all", help="Every case of every implementation, e.g. before a release with --same-only.")
    ] = False,
    same_only: Annotated[
        bool,
        typer.Option("--same-only", help="Compare identical code only: the false-alarm rate, in a sixth of the time."),
    ] = False,
    kernel: Kernels = None,
    only: Only = None,
    threshold: Annotated[
        float, typer.Option(parser=share, metavar="P%", help="As in compare. The default is 2%.", show_default=False)
    ] = 0.02,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the trials in DIR's calibration.json.")] = False,
    corpus: CorpusFile = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the first batch; each has its own.")] = 0,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where calibration.json and calibration.md go.")] = OUT,
    json: Json = False,
) -> None:
    """Measure how often compare is right on this machine, with identical code and with code slowed by exactly 2, 5 and 10 %."""
    import impls
    from bench.commands import summaries
    from bench.commands import terminal as show
    from bench.commands.keeping import keep, prepare_folder
    from bench.commands.progress import step_progress
    from bench.engine import environment
    from bench.engine.protocol import MeasurementSettings
    from bench.plans import calibrate as calibrating
    from bench.plans.differences import CaseSelection
    from reports.files import dump, write
    from reports.result_schema import ResultFile

    prepare_folder(out)
    busy, before = environment.busy_cpus(), environment.counters()
    machine = environment.describe(busy)
    path = out / "calibration.json"
    so_far = calibrating.read_trials(path, threshold, machine) if resume else calibrating.CalibrationTrials(threshold)

    def content() -> ResultFile:
        warnings = environment.warnings_of(machine | environment.counter_increases(before))
        return calibrating.content(so_far, show.command_line(sys.argv), machine, warnings)

    interrupted = False
    text, settings = read_corpus(corpus), MeasurementSettings(memory_limit_bytes=free_memory(), seed=seed)
    with step_progress() as note, measuring(machine, busy, settings) as context:
        text.save(context.corpus)
        try:
            context, chosen = calibrating.select_cases(
                context,
                Path(impls.__file__).resolve().parents[1],
                CaseSelection(kernel or (), only or ()),
                None if everything else cases,
            )
            for _ in range(batches):
                calibrating.run_batch(context, chosen, so_far, note, slowed=not same_only)
                write(path, dump(content()))
        except KeyboardInterrupt:
            interrupted = True
    if not so_far.trials:
        show.error(
            "interrupted before the first batch was finished: nothing to save"
            if interrupted
            else "no case could be measured"
        )
        raise typer.Exit(130 if interrupted else 3)
    summaries.print_outputs(keep(content(), path), json, summaries.print_calibration)
    raise typer.Exit(130 if interrupted else 0)
