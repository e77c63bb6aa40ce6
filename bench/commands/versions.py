"""``w2vbench versions``: a case over the releases of a package."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .terminal.app import app
from .terminal.options import (
    OUT,
    TIME_LIMIT_S,
    CorpusFile,
    Impl,
    Json,
    Kernels,
    Only,
    Threads,
    Threshold,
    TimeLimit,
    how_many,
)


@app.command(epilog="Example: w2vbench versions numba '>=0.62' --only 'lookup/numba@*'")
def versions(
    package: Annotated[str, typer.Argument(metavar="PACKAGE", help="The package, such as numpy, numba or scipy.")],
    specifier: Annotated[
        str, typer.Argument(metavar="SPEC", help="Which of its releases, in quotes: '>=2.0', '>=2.0,<2.4'.")
    ] = "",
    every: Annotated[
        bool, typer.Option("--all", help="Every release, not only the newest patch of each minor version.")
    ] = False,
    beside: Annotated[
        str, typer.Option("--with", metavar="REQUIREMENTS", help="Other packages of every environment: 'numpy==2.2.*'.")
    ] = "",
    python: Annotated[
        str, typer.Option("--python", metavar="3.N", help="The interpreter, by version or path; this one if not given.")
    ] = "",
    kernel: Kernels = None,
    only: Only = None,
    impl: Impl = None,
    threads: Threads = 1,
    processes: Annotated[int, how_many("Processes of each release: more give narrower intervals.", least=4)] = 16,
    threshold: Threshold = None,
    corpus: CorpusFile = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where versions.html and versions.json go.")] = OUT,
    time_limit: TimeLimit = TIME_LIMIT_S,
    json: Json = False,
) -> None:
    """Which release of a package made a case slower? Times it at each of them, in environments that are made once and kept.

    Four cases that import the package are measured, or those that --kernel and --only choose. Where a level changes between
    two measured releases, those between them are compared too, until the one that changed it is found.
    """
    from w2vbench.bench.plans.packages.releases import ReleasesRequest, measure_releases

    from .terminal import printing as show
    from .terminal import summaries
    from .terminal.progress import step_progress

    request = ReleasesRequest(
        command=show.command_line(sys.argv),
        out=out,
        corpus=corpus,
        files=impl or (),
        kernels=kernel or (),
        globs=only or (),
        package=package,
        specifier=specifier,
        every=every,
        beside=beside,
        python=python,
        threads=threads,
        processes=processes,
        threshold=threshold,
        time_limit_s=time_limit,
    )
    with show.keeping_nothing():
        done = measure_releases(request, show.error, step_progress())
    summaries.print_outputs(done, json, summaries.print_releases)
    show.kept_of(out / "versions.json", done.exit_code)
    raise typer.Exit(done.exit_code)
