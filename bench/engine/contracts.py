"""Check many implementations, in several processes, on every CPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from . import protocol
from .context import RunContext
from .contract import Verdict
from .worker_process import WorkerFailure


def check_contracts(
    keys: Sequence[str], context: RunContext, note: Callable[[str], None] = lambda key: None, source: str = ""
) -> dict[str, Verdict]:
    """Check implementations against their kernels' contracts. Nothing is timed, so every CPU is used.

    Parameters
    ----------
    keys
        The implementations.
    context
        Workers, corpus, sources and settings.
    note
        Called with an implementation's key before it is checked.
    source
        The source that the implementations come from.

    Returns
    -------
    dict
        A verdict for each key, in the order of the keys.
    """
    cpus = len(context.workers.cpus) or os.cpu_count() or 1
    with ThreadPoolExecutor(cpus) as threads:
        try:
            return dict(zip(keys, threads.map(lambda key: check(key, context, note, source), keys), strict=True))
        except BaseException:
            context.workers.close()  # an interrupted run must not wait for them
            raise


def check(key: str, context: RunContext, note: Callable[[str], None], source: str) -> Verdict:
    """Check one implementation, in a process that may have checked others."""
    note(key)
    try:
        (checked,) = (event for event in context.check(key, source) if isinstance(event, protocol.ContractChecked))
    except WorkerFailure as failure:
        return Verdict(failure.status, failure.reason)
    return Verdict(checked.status, checked.reason)
