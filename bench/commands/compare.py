"""``w2vbench compare``: two revisions, or two result files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .terminal.app import app
from .terminal.options import OUT, TIME_LIMIT_S, CorpusFile, ImplInGit, Json, Kernels, Only, Threads, TimeLimit
from .terminal.quantities import duration, share


@app.command(
    epilog="Example: w2vbench compare main, before you push; exit codes: 0 nothing is slower, 1 something is, 3 it could not be told"
)
def compare(
    base: Annotated[
        str,
        typer.Argument(
            metavar="BASE",
            help="A git revision; or a result file; or a stored comparison, to decide it again; with --packages, requirements.",
        ),
    ],
    head: Annotated[
        str | None, typer.Argument(metavar="HEAD", help="Another; the work tree as it is if not given.")
    ] = None,
    packages: Annotated[
        bool,
        typer.Option(
            "--packages",
            help="BASE and HEAD are requirements in quotes ('numpy==2.2.*' 'numpy==2.4.*'): the same code in two environments.",
        ),
    ] = False,
    python: Annotated[
        list[str] | None,
        typer.Option(
            "--python",
            metavar="3.N",
            help="With --packages: the interpreter of both sides, or of each (--python 3.12 3.13); versions or paths.",
        ),
    ] = None,
    kernel: Kernels = None,
    only: Only = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Measure cases whose code is the same too, and however many they are.")
    ] = False,
    impl: ImplInGit = None,
    threads: Threads = 1,
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
    pass_inconclusive: Annotated[
        bool,
        typer.Option("--pass-inconclusive", help="Exit with 0 instead of 3, for a CI that only stops what is slower."),
    ] = False,
    json: Json = False,
) -> None:
    """Did a change make something slower? Times two git revisions in one process, in turn, and gives a verdict for each case.

    BASE is checked out into a temporary worktree; inputs and checks come from HEAD. Only cases whose code differs are measured.

    With --packages, did a release make something slower? The same code runs in two environments, which are made once and kept (w2vbench environments).
    """
    from w2vbench.bench.plans.compare import compare as comparing
    from w2vbench.bench.plans.compare.differences import NotComparable
    from w2vbench.bench.plans.compare.request import JudgedRequest
    from w2vbench.bench.plans.packages.packages import PackagesRequest, compare_packages

    from .terminal import printing as show
    from .terminal import summaries
    from .terminal.progress import step_progress

    asked = JudgedRequest(
        command=show.command_line(sys.argv),
        out=out,
        corpus=corpus,
        files=impl or (),
        kernels=kernel or (),
        globs=only or (),
        everything=everything,
        threads=threads,
        threshold=threshold,
        budget_s=budget,
        junit=junit,
        time_limit_s=time_limit,
    )
    if python and not packages:
        raise typer.BadParameter("--python needs --packages")
    if across_machines and packages:
        raise typer.BadParameter("--across-machines is for two result files, not for --packages")
    try:
        with show.keeping_nothing():
            if not packages:
                request = comparing.CompareRequest(**vars(asked), base=base, head=head, across_machines=across_machines)
                done = comparing.compare(request, show.error, step_progress())
            elif head is None:
                raise typer.BadParameter("--packages needs requirements for both sides, each in quotes")
            else:
                wanted = PackagesRequest(**vars(asked), base=base, head=head, pythons=python or ())
                done = compare_packages(wanted, show.error, step_progress())
    except NotComparable as error:
        if not pass_inconclusive:
            raise
        show.error(str(error))
        raise typer.Exit(0) from error
    summaries.annotate(done.result, json)
    summaries.print_outputs(done, json, summaries.print_comparison)
    raise typer.Exit(0 if pass_inconclusive and done.exit_code == NotComparable.exit_code else done.exit_code)
