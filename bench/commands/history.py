"""``w2vbench history``: stored runs over time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.plans.selection import Selection

from .app import app
from .options import Json, Kernels, Only

if TYPE_CHECKING:
    from reports.history import Trend


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
    from bench.commands.keeping import keep_history
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
        if not acknowledged.read(here())[-1].covers_any(case_names(out)):
            show.error(
                f"note: neither w2vbench nor the comparison in {out} has a case called {acknowledge!r}; is it spelt right?"
            )
        return
    margin = share("--threshold", threshold)
    runs, left = trends.stored(store)
    found = chosen(trends.trends(runs), Selection(kernel or (), only or ()))
    excuses = acknowledged.read(here())
    for trend in found:
        trends.find_all(trend, margin, excuses)
    paths = [] if json else keep_history(found, left, margin, out)
    show.history(found, left, margin, as_json=json)
    show.written(paths)
    slower = any(
        trends.failing(change, margin) for trend in found for one in trend.series.values() for change in one.changes
    )
    unanswered = any(trend.unanswered for trend in found)
    raise typer.Exit(0 if not fail else 1 if slower else 3 if unanswered else 0)


def chosen(trends: Sequence[Trend], selection: Selection) -> list[Trend]:
    """Trends of a selection. Raises PlanError if nothing is left."""
    from bench.plans.run import PlanError

    for trend in trends:
        trend.series = {
            case: one
            for case, one in trend.series.items()
            if selection.has_kernel(case.partition("/")[0]) and selection.has_case(case)
        }
    left = [trend for trend in trends if trend.series]
    if trends and not left:
        raise PlanError("no stored case matches --kernel and --only")
    return left


def case_names(out: Path) -> Iterator[str]:
    """The cases that a gate knows: of the last comparison, where there is one, and of this package."""
    from bench.plans.presets import GATE
    from impls import catalogue
    from reports.results import ResultError, read

    with contextlib.suppress(ResultError):
        comparison = read(out / "comparison.json").w2vbench.comparison
        yield from (case.case for case in comparison.cases) if comparison else ()
    for implementation in catalogue.own():
        yield from (str(implementation.case(size)) for size in GATE.sizes(implementation.kernel))
