"""``w2vbench history``: stored runs over time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.plans.selection import Selection

from .app import app
from .options import Json, Kernels, Only


@app.command(
    epilog="Example: [bold]w2vbench history --kernel lookup[/bold]; in CI [bold]w2vbench history --fail[/bold]"
)
def history(
    kernel: Kernels = None,
    only: Only = None,
    store: Annotated[Path, typer.Option(metavar="DIR", help="Where runs are kept.")] = Path(".benchmarks"),
    threshold: Annotated[str, typer.Option(metavar="P%", help="Changes below this are not shown.")] = "10%",
    fail: Annotated[
        bool,
        typer.Option(
            "--fail",
            help="Exit with 1 if something became slower, which nobody says is meant; with 3 if too few runs were steady.",
        ),
    ] = False,
    acknowledge: Annotated[
        str | None,
        typer.Option(
            "--acknowledge",
            metavar="CASE",
            help="A slowdown of this case (or glob) is meant: write it to w2vbench.toml.",
        ),
    ] = None,
    why: Annotated[str | None, typer.Option("--why", metavar="TEXT", help="Why it is meant.")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where history.html goes.")] = Path("reports/out"),
    json: Json = False,
) -> None:
    """Stored runs over time: each case's trend, and where it changed, with the commits between which it did.

    Runs are not interleaved with each other, so only large changes can be trusted; compare tells small ones.
    """
    from bench.commands import terminal as show
    from bench.commands.quantities import share
    from bench.plans.revisions import here
    from bench.plans.run import PlanError
    from reports import acknowledged
    from reports import history as trends

    if acknowledge is not None or why is not None:
        if not (acknowledge and why and why.strip()):
            raise PlanError("an intended slowdown needs both: --acknowledge CASE --why TEXT")
        path = acknowledged.add(here(), acknowledge, why)
        print(f"acknowledged in {path}: commit it with the change")
        if not acknowledged.read(here())[-1].covers_any(show.case_names(out)):
            show.error(
                f"note: neither w2vbench nor the comparison in {out} has a case called {acknowledge!r}; is it spelt right?"
            )
        return
    margin = share("--threshold", threshold)
    runs, left = trends.stored(store)
    found = show.chosen(trends.trends(runs), Selection(kernel or (), only or ()))
    excuses = acknowledged.read(here())
    for trend in found:
        trends.find_all(trend, margin, excuses)
    show.history(found, left, margin, out, as_json=json)
    slower = any(
        trends.failing(change, margin) for trend in found for one in trend.series.values() for change in one.changes
    )
    unanswered = any(trend.unanswered for trend in found)
    raise typer.Exit(0 if not fail else 1 if slower else 3 if unanswered else 0)
