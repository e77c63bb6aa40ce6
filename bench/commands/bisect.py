"""``w2vbench bisect``: the commit that made a case slower."""

from __future__ import annotations

import json as json_format
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from .terminal.app import app
from .terminal.options import TIME_LIMIT_S, CorpusFile, ImplInGit, Json, Threshold, TimeLimit


@app.command(epilog="Example: w2vbench bisect v1.0 HEAD scatter.dense/add-at")
def bisect(
    good: Annotated[
        str, typer.Argument(metavar="GOOD", help="A git revision at which the case is as fast as it should be.")
    ],
    bad: Annotated[str, typer.Argument(metavar="BAD", help="A later one at which it is not.")],
    case: Annotated[
        str, typer.Argument(metavar="CASE", help="lookup/gather, or a whole case as run and compare print it.")
    ],
    impl: ImplInGit = None,
    threshold: Threshold = None,
    corpus: CorpusFile = None,
    time_limit: TimeLimit = TIME_LIMIT_S,
    json: Json = False,
) -> None:
    """Which commit made a case slower? Compares commits between two with the first one, by bisection, as compare does.

    Commits at which the case runs the same code are not measured. Exits with 3 if GOOD and BAD do not differ.
    """
    from w2vbench.bench.plans.compare import bisect as plan

    from .terminal import printing as show
    from .terminal.progress import step_progress

    request = plan.BisectRequest(
        command=show.command_line(sys.argv),
        corpus=corpus,
        files=impl or (),
        good=good,
        bad=bad,
        case=case,
        threshold=threshold,
        time_limit_s=time_limit,
    )
    with show.keeping_nothing():
        found = plan.bisect(request, show.error, step_progress())
    if json:
        print(json_format.dumps(asdict(found), indent=1))
        return
    show.bisected(found)
