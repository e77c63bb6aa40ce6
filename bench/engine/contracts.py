"""The contract of many implementations, in processes of their own, on every CPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from . import protocol
from .context import RunContext
from .contract import Verdict
from .pool import Died

TOGETHER = 6
"""Implementations of ours that a process checks before it asks for more: some take a hundred times as long as others."""


def check_contracts(
    keys: Sequence[str], context: RunContext, note: Callable[[str], None] = lambda key: None, source: str = ""
) -> dict[str, Verdict]:
    """Put implementations through their kernels' contracts: a verdict for each key.

    Nothing is timed, so every CPU is used. note is given each key in turn.
    """
    cpus = len(context.workers.cpus) or os.cpu_count() or 1
    again = context.own  # what others have written is loaded once a process
    together = min(TOGETHER, -(-len(keys) // cpus)) or 1
    shares = (
        [keys[at : at + together] for at in range(0, len(keys), together)]
        if again
        else [keys[at::cpus] for at in range(cpus)]
    )
    verdicts: dict[str, Verdict] = {}
    with ThreadPoolExecutor(cpus) as threads:
        try:
            for found in threads.map(lambda share: check_share(share, context, note, source, again), shares):
                verdicts.update(found)
        except BaseException:
            context.workers.close()  # an interrupted run must not wait for them
            raise
    return {key: verdicts[key] for key in keys}


def check_share(
    keys: Sequence[str], context: RunContext, note: Callable[[str], None], source: str, again: bool
) -> dict[str, Verdict]:
    """The contract in one process. An implementation that brings it down gets the verdict; the rest go on in another.

    again: whether the process may have checked others before.
    """
    verdicts: dict[str, Verdict] = {}
    while waiting := [key for key in keys if key not in verdicts]:
        note(waiting[0])
        try:
            for event in context.check(*waiting, source=source, again=again):
                if isinstance(event, protocol.Verdict):
                    verdicts[event.key] = Verdict(event.status, event.reason)
                    note(event.key)
        except Died as death:
            for key in [death.variant] if death.variant else waiting:
                verdicts[key] = Verdict(death.status, death.reason)
    return verdicts
