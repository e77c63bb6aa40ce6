"""Print what ``w2vbench tune`` has found: the implementations that its table chooses, and its regret."""

from __future__ import annotations

import json
from collections import Counter

from w2vbench.bench.engine.protocol import Status
from w2vbench.bench.plans.tune.callables import BEST
from w2vbench.bench.plans.tune.merge import sizes_of
from w2vbench.bench.plans.tune.regret import Regret
from w2vbench.bench.plans.tune.tune import Tuned
from w2vbench.impls.choosing.dispatch_table import KernelTimes
from w2vbench.reports.statistics.units import seconds

from .printing import console, plain_table

FINE = (Status.OK, "dropped", Status.SKIPPED)


def print_table(done: Tuned, as_json: bool) -> None:
    """Print, for each kernel, how many sizes were measured, and how often each implementation is chosen there."""
    table = done.table
    if as_json:
        records = {
            name: {
                str(size): {"use": table.choose(name, size), "s": dict(times)} for size, times in its.times_s.items()
            }
            for name, its in table.kernels.items()
        }
        print(json.dumps({"table": str(done.file), "machine": dict(table.machine), "kernels": records}, indent=1))
        return
    rows = [(name, f"{len(table.times(name).times_s)}", chosen(name, table.times(name), done)) for name in done.kernels]
    out = console()
    out.print(plain_table(("kernel", "sizes", "used at so many of them"), rows, no_wrap=(0, 1)))
    failed = {case.implementation.key: case for one in done.problems for case in one.cases if case.status not in FINE}
    for key, case in failed.items():
        out.print(f"{case.status}: {key.replace(BEST, '')} at {case.case.size}: {case.reason}")
    if done.kept:
        out.print(f"kept from before: {sizes_of(done.kept)}")
    out.print(f"wrote {done.file}", soft_wrap=True)


def chosen(name: str, its: KernelTimes, done: Tuned) -> str:
    """Return how often each implementation is chosen at the measured sizes: "numba 12, gather 3"."""
    counts = Counter(done.table.choose(name, size) for size in its.times_s)
    return ", ".join(f"{slug} {count}" for slug, count in counts.most_common())


def print_regret(found: Regret, as_json: bool) -> None:
    """Print how much slower what was chosen is than the fastest, beside fixed choices; and what a call costs beside a bare one."""
    if as_json:
        print(json.dumps(found.as_json(), indent=1))
        return
    out = console()
    header = ("time over the fastest's", "median", "95 %", "worst")
    rows = [(name, *(f"{ratio:.2f}×" for ratio in spread)) for name, spread in found.spreads.items()]
    kernels = list(dict.fromkeys(one.kernel for one in found.sizes))
    of = kernels[0] if len(kernels) == 1 else f"{len(kernels)} kernels"
    out.print(f"{len(found.sizes)} random sizes of {of}, none of them in the table")
    out.print(plain_table(header, rows, 1))
    worst = max(found.sizes, key=lambda one: one.regret)
    out.print(f"worst: {worst.kernel}@{worst.size}: {worst.chosen} was chosen, {worst.fastest} is fastest")
    for one in found.overheads:
        reusing = f", and {one.over_reusing_s * 1e9:.0f} ns longer than one that overwrites its last result"
        out.print(
            f"{one.slug}: a dispatched call takes {one.over_s * 1e9:.0f} ns longer than a direct call of {seconds(one.direct_s)}"
            f"{reusing if one.over_reusing_s != one.over_s else ''}"
        )
