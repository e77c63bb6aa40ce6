"""``w2vbench compare``: two revisions, or two result files."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .options import MOST_THREADS, OUT, TIME_LIMIT_S, CorpusFile, Json, Kernels, Only, TimeLimit
from .quantities import duration, share
from .setup import free_memory, measuring, read_corpus


@app.command(
    epilog="Example: [bold]w2vbench compare main[/bold], before you push; exit codes: 0 nothing is slower, 1 something is, 3 it could not be told"
)
def compare(
    base: Annotated[
        str,
        typer.Argument(
            metavar="BASE", help="A git revision; or a result file; or a stored comparison, to decide it again."
        ),
    ],
    head: Annotated[
        str | None, typer.Argument(metavar="[HEAD]", help="Another; the work tree as it is if not given.")
    ] = None,
    kernel: Kernels = None,
    only: Only = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Measure cases whose code is the same too, and however many they are.")
    ] = False,
    impl: Annotated[
        list[Path] | None,
        typer.Option(
            "--impl", metavar="FILE", help="Your own implementations' file, in any git repository, at both revisions."
        ),
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, max=MOST_THREADS, help="BLAS and OpenMP threads (default 1, pinned to one CPU).")
    ] = 1,
    threshold: Annotated[
        float | None,
        typer.Option(
            parser=share,
            metavar="P%",
            help="A change of time or peak memory below this is none; nor is one of memory up to 4 KiB. The default is 2%.",
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(parser=duration, metavar="TIME", help="Measure only as many cases as fit, e.g. 90s or 5m."),
    ] = None,
    across_machines: Annotated[
        bool,
        typer.Option("--across-machines", help="Result files of different machines: compare speed-ups, not times."),
    ] = False,
    corpus: CorpusFile = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where comparison.json and comparison.md go.")] = OUT,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the verdicts as JUnit XML too.")] = None,
    time_limit: TimeLimit = TIME_LIMIT_S,
    json: Json = False,
) -> None:
    """Did a change make something slower? Times two git revisions in one process, in turn, and gives a verdict for each case.

    BASE is checked out into a temporary worktree; inputs and checks come from HEAD. Only cases whose code differs are measured.
    """
    from bench.commands import summaries
    from bench.commands import terminal as show
    from bench.commands.keeping import keep_comparison, prepare_folder
    from bench.commands.progress import step_progress
    from bench.engine import environment
    from bench.engine.protocol import MeasurementSettings
    from bench.plans import compare as gate
    from bench.plans.comparison_run import THRESHOLD
    from bench.plans.differences import CaseSelection, NotComparable
    from bench.plans.file_header import result_file
    from bench.plans.run import PlanError
    from reports.comparison import exit_code
    from reports.result_schema import Comparison, ResultFile

    def answer(found: Comparison, content: ResultFile) -> typer.Exit:
        kept = keep_comparison(found, content, out, junit)
        summaries.annotate(found, json)
        summaries.print_outputs(kept, json, summaries.print_comparison)
        return typer.Exit(exit_code(found))

    margin = THRESHOLD if threshold is None else threshold
    busy, before = environment.busy_cpus(), environment.counters()
    machine = environment.describe(busy)
    if base.endswith(".json") and (head is None or head.endswith(".json")):
        from reports import file_comparison, stages
        from reports.files import read

        if impl or kernel or only or everything or budget or corpus or threads > 1 or (across_machines and not head):
            raise PlanError(
                f"{base} has been measured already: of the options only --threshold, --out, --junit and --json apply, and --across-machines to two files"
            )
        first = read(Path(base))
        if head:
            found = file_comparison.compare_files(first, read(Path(head)), (base, head), margin, across_machines)
            content = result_file("compare", show.command_line(sys.argv), machine)
        elif first.w2vbench.comparison and first.w2vbench.comparison.interleaved:
            found = stages.recomputed(first.w2vbench.comparison, threshold)
            content = first
        else:
            raise PlanError(f"{base}: no comparison of revisions: name a second result file to compare it with")
        raise answer(found, content)
    root, files = gate.repository_of(impl or [])
    request = gate.Request(
        root=root,
        base=base,
        head=head,
        files=files,
        selection=CaseSelection(kernel or (), only or (), everything, threads),
        threshold=margin,
        budget_s=math.inf if budget is None else budget,
    )
    prepare_folder(out)
    if junit and not junit.parent.is_dir():
        raise PlanError(f"--junit: no folder {junit.parent}: make it first")
    if junit and junit.exists() and not junit.is_file():
        raise PlanError(f"--junit: {junit} is no ordinary file")
    text, settings = read_corpus(corpus), MeasurementSettings(time_limit_s=time_limit, memory_limit_bytes=free_memory())
    with (
        gate.both_trees(request) as (older, newer),
        step_progress() as note,
        measuring(machine, busy, settings, threads) as context,
    ):
        text.save(context.corpus)
        try:
            found = gate.compare(request, context, older, newer, note)
        except NotComparable as error:
            show.error(str(error))
            raise typer.Exit(3) from error
    machine |= environment.counter_increases(before)
    warnings = environment.warnings_of(machine, threads=threads, waiting=found.waiting)
    raise answer(found, result_file("compare", show.command_line(sys.argv), machine, warnings))
