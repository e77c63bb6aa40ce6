"""Check many implementations, in several processes, on every CPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.protocol import Verdict
from w2vbench.impls.interface.case import Size

from .context import RunContext
from .worker_process import WorkerFailure


def check_contracts(
    keys: Collection[str],
    context: RunContext,
    note: Callable[[str], None] = lambda key: None,
    source: str = "",
    sizes: Mapping[str, Sequence[Size]] | None = None,
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
    sizes
        By key, the sizes at which it will be measured, if they are known.

    Returns
    -------
    dict
        A verdict for each key, in the order of the keys.
    """

    def check(key: str) -> Verdict:
        note(key)
        try:
            events = list(context.check(key, source, (sizes or {}).get(key, ())))
        except WorkerFailure as failure:
            return Verdict(failure.status, failure.reason)
        (checked,) = (event for event in events if isinstance(event, protocol.ContractChecked))
        return Verdict(checked.status, checked.reason)

    def check_family(family: Sequence[str]) -> dict[str, Verdict]:
        return {key: check(key) for key in family}

    cpus = len(context.workers.cpus) or os.cpu_count() or 1
    with ThreadPoolExecutor(cpus) as threads:
        try:
            checked = dict[str, Verdict]()
            for verdicts in threads.map(check_family, families(keys)):
                checked |= verdicts
            return {key: checked[key] for key in keys}
        except BaseException:
            context.workers.close()  # an interrupted run must not wait for them
            raise


def families(keys: Collection[str]) -> list[list[str]]:
    """Return keys by the family of their kernel (output, scatter), those with many kernels first.

    What a process has compiled for one implementation it need not compile for others of a family.
    """
    kernels: dict[str, dict[str, list[str]]] = {}
    for key in keys:
        kernel = key.partition("/")[0]
        kernels.setdefault(kernel.partition(".")[0], {}).setdefault(kernel, []).append(key)
    ordered = sorted(kernels.values(), key=len, reverse=True)
    return [[key for each in family.values() for key in each] for family in ordered]
