"""``w2vbench run --cluster``: the same run on several machines."""

from __future__ import annotations

import dataclasses
import json as json_format
from functools import partial
from importlib.util import find_spec
from typing import Any

from w2vbench.bench.plans.cluster.run import run_on_machines
from w2vbench.bench.plans.run.keeping import Outputs, prepare_folder
from w2vbench.bench.plans.run.request import PlanError
from w2vbench.bench.plans.run.run import RunRequest

from .terminal import printing as terminal
from .terminal import summaries
from .terminal.progress import step_progress

REHEARSAL = 3
"""Workers of --cluster local --share-hosts."""


def run_on_cluster(request: RunRequest, address: str, *, share_hosts: bool, json: bool, tables: bool) -> int:
    """Run on the workers of a scheduler, and print what was found. Return the exit code.

    Raises
    ------
    PlanError
        If Dask is not installed, or no scheduler answers at the address.
    """
    if find_spec("distributed") is None:
        raise PlanError("--cluster needs Dask: pip install 'w2vbench[cluster]'")
    from w2vbench.bench.plans.cluster.connection import NoScheduler, connected

    if request.corpus:
        request = dataclasses.replace(request, corpus=terminal.whole_path(request.corpus))
    request.problems()  # what is wrong with the request is said before anything is connected
    prepare_folder(request.out)
    found: list[Any] = []

    def show(kind: Outputs, several: bool) -> None:
        if json:
            found.append(json_format.loads(kind.text))
            return
        if several:
            terminal.console().print(f"\n{kind.result.w2vbench.kind}", style="bold")
        folder = kind.paths[-1].parent
        shown = partial(summaries.print_run, out=folder, tables=tables, unfinished=kind.unfinished)
        summaries.print_outputs(kind, False, shown)

    try:
        with connected(address, REHEARSAL if share_hosts else 1) as dask:
            progress = partial(step_progress, "problem")
            code, pages = run_on_machines(request, share_hosts, dask, terminal.error, progress, show)
    except NoScheduler as error:
        raise PlanError(str(error)) from error
    if json:
        print(json_format.dumps(found, indent=1))
    elif pages:
        terminal.list_outputs(pages)
    return code
