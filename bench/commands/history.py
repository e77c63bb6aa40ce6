"""``w2vbench history``: stored runs over time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .terminal.app import app
from .terminal.options import OUT, Json, Kernels, Only
from .terminal.quantities import share

if TYPE_CHECKING:
    from w2vbench.bench.plans.run.selection import Selection
    from w2vbench.reports.others.history import Trend


@app.command(epilog="Example: w2vbench history --kernel lookup; in CI w2vbench history --fail")
def history(
    kernel: Kernels = None,
    only: Only = None,
    store: Annotated[Path, typer.Option(metavar="DIR", help="Where runs are stored.")] = Path(".benchmarks"),
    threshold: Annotated[
        float,
        typer.Option(
            parser=share, metavar="P%", help="Smaller changes are not shown. The default is 10%.", show_default=False
        ),
    ] = 0.1,
    fail: Annotated[
        bool,
        typer.Option(
            "--fail",
            help="Exit with 1 if a case became slower and nobody acknowledged it; with 3 if too few runs were steady.",
        ),
    ] = False,
    acknowledge: Annotated[
        str | None,
        typer.Option(
            "--acknowledge",
            metavar="CASE",
            help="Record in w2vbench.toml that a slowdown of this case (or glob) is intended.",
        ),
    ] = None,
    why: Annotated[str | None, typer.Option("--why", metavar="TEXT", help="Why it is intended.")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where history.html goes.")] = OUT,
    json: Json = False,
) -> None:
    """Show stored runs over time: the trend of each case, and between which commits it changed.

    Runs are not interleaved with each other, so only large changes can be trusted. Use compare for small ones.
    """
    from w2vbench.bench.plans.compare.worktrees import current_root
    from w2vbench.bench.plans.run.request import PlanError
    from w2vbench.bench.plans.run.selection import Selection
    from w2vbench.reports.compare import acknowledged
    from w2vbench.reports.file.files import write_texts
    from w2vbench.reports.others import history as trends
    from w2vbench.reports.others.history_page import html
    from w2vbench.reports.others.stored_runs import stored

    from .terminal import printing as show
    from .terminal import summaries

    if acknowledge is not None or why is not None:
        if not (acknowledge and why and why.strip()):
            raise PlanError("an intended slowdown needs both --acknowledge CASE and --why TEXT")
        path = acknowledged.add(current_root(), acknowledge, why)
        print(f"acknowledged in {path}: commit it with the change")
        if not acknowledged.read(current_root())[-1].covers_any(case_names(out)):
            show.error(
                f"note: neither w2vbench nor the comparison in {out} has a case called {acknowledge!r}; is it spelt right?"
            )
        return
    runs, skipped = stored(store)
    selected = select_trends(trends.trends(runs), Selection(kernel or (), only or ()))
    excuses = acknowledged.read(current_root())
    for trend in selected:
        trends.find_all_changes(trend, threshold, excuses)
    paths = [] if json else write_texts(out, {"history.html": html(selected, skipped, threshold)})
    summaries.print_history(selected, skipped, threshold, as_json=json)
    show.list_outputs(paths)
    series = [one for trend in selected for one in trend.series.values()]
    slower = any(trends.failing(change, threshold) for one in series for change in one.changes)
    unanswered = any(trend.unanswered for trend in selected)
    raise typer.Exit(0 if not fail else 1 if slower else 3 if unanswered else 0)


def select_trends(trends: Sequence[Trend], selection: Selection) -> list[Trend]:
    """Return the trends of the selected cases. Raises PlanError if nothing is left."""
    from w2vbench.bench.plans.run.request import PlanError

    for trend in trends:
        trend.series = {
            case: one
            for case, one in trend.series.items()
            if selection.has_kernel(case.partition("/")[0]) and selection.has_case(case)
        }
    left = [trend for trend in trends if trend.series]
    if trends and not left:
        raise PlanError("no stored case matches --kernel and --only; w2vbench history shows all")
    return left


def case_names(out: Path) -> Iterator[str]:
    """Yield the names of the cases of the last comparison, if there is one, and of this package."""
    from w2vbench.bench.plans.run.presets import GATE
    from w2vbench.impls.catalogue import discovery as catalogue
    from w2vbench.reports.file.files import ResultError, read

    with contextlib.suppress(ResultError):
        comparison = read(out / "comparison.json").w2vbench.comparison
        yield from (case.case for case in comparison.cases) if comparison else ()
    for implementation in catalogue.own():
        yield from (str(implementation.case(size)) for size in GATE.sizes(implementation.kernel))
