"""Check many implementations, in several processes, on every CPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from . import protocol
from .context import RunContext
from .contract import Verdict
from .pool import WorkerFailure

SHARE = 6
"""Implementations of ours that a process checks before it takes more: some take a hundred times as long as others."""


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
        Called with an implementation's key as progress is made.
    source
        The source that the implementations come from.

    Returns
    -------
    dict
        A verdict for each key, in the order of the keys.
    """
    cpus = len(context.workers.cpus) or os.cpu_count() or 1
    # a user's file is loaded once a process
    number = max(cpus, -(-len(keys) // SHARE)) if context.only_own_code else cpus
    shares = [keys[at::number] for at in range(number)]
    verdicts: dict[str, Verdict] = {}
    with ThreadPoolExecutor(cpus) as threads:
        try:
            for some in threads.map(lambda share: check_share(share, context, note, source), shares):
                verdicts.update(some)
        except BaseException:
            context.workers.close()  # an interrupted run must not wait for them
            raise
    return {key: verdicts[key] for key in keys}


def check_share(
    keys: Sequence[str], context: RunContext, note: Callable[[str], None], source: str
) -> dict[str, Verdict]:
    """Check some implementations in one process. If one of them ends it, the rest are checked in another process."""
    verdicts: dict[str, Verdict] = {}
    while waiting := [key for key in keys if key not in verdicts]:
        note(waiting[0])
        try:
            for event in context.check(*waiting, source=source, reuse=context.only_own_code):
                if isinstance(event, protocol.ContractChecked):
                    verdicts[event.key] = Verdict(event.status, event.reason)
                    note(event.key)
        except WorkerFailure as failure:
            for key in [failure.variant] if failure.variant else waiting:
                verdicts[key] = Verdict(failure.status, failure.reason)
    return verdicts
