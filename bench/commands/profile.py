"""``w2vbench profile``: one implementation, line by line."""

from __future__ import annotations

from typing import Annotated

import typer

from .terminal.app import app
from .terminal.options import CorpusFile, Impl, Json, TimeLimit

PROFILE_LIMIT_S = 120.0


@app.command(epilog="Example: w2vbench profile lookup/one-hot-dot@V=1e6,H=100,B=1,f64,i64,zipf,t1 (slide 6)")
def profile(
    case: Annotated[
        str,
        typer.Argument(metavar="CASE", help="A case's name. If only kernel and implementation are given, V is 1e4."),
    ],
    impl: Impl = None,
    corpus: CorpusFile = None,
    time_limit: TimeLimit = PROFILE_LIMIT_S,
    json: Json = False,
) -> None:
    """Profile one implementation line by line: hits, time, allocation and memory growth beside each source line."""
    from w2vbench.bench.plans.run import profile as profiling

    from .terminal import line_tables
    from .terminal import printing as show

    request = profiling.ProfileRequest(
        case=case, files=[show.whole_path(file) for file in impl or ()], corpus=corpus, time_limit_s=time_limit
    )
    done = profiling.profile(request, show.error)
    line_tables.profile(done, as_json=json)
    raise typer.Exit(done.exit_code)
