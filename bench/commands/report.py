"""``w2vbench report``: build page, Markdown and CSV again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .terminal.app import app
from .terminal.options import OUT


@app.command()
def report(
    result: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            help="A result file, e.g. one under .benchmarks/, or the folder of a run (reports/out); several, of different machines, become one page.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where page, Markdown and CSV go.")] = OUT,
    time_spent: Annotated[
        bool, typer.Option("--time-spent", help="Print where the run's own time went, and build nothing.")
    ] = False,
) -> None:
    """Build page, Markdown and CSV again from a result file, or one page from the files of several machines."""
    from w2vbench.reports.file.files import read
    from w2vbench.reports.outputs import report as written

    from .terminal import printing as show

    if len(result) > 1:
        from w2vbench.reports.others.machines import report_machines

        if time_spent:
            raise typer.BadParameter("--time-spent is of one file")
        show.list_outputs(report_machines(result, out))
        return
    if time_spent:
        from w2vbench.reports.run.time_spent import time_spent as lines

        for line in lines(read(result[0])):
            print(line)
        return
    show.list_outputs(written(read(result[0]), out))
