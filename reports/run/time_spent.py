"""Where a run's own time went, as lines of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from w2vbench.reports.drawing.columns import aligned
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.statistics.units import seconds, share

LONGEST = 3
"""So many steps of a phase, and kernels, are named."""


def time_spent(result: ResultFile) -> Iterator[str]:
    """Yield the phases of a run with the steps that took longest in each, then kernels; one line if the file has none.

    A run that was resumed has the phases since then, and all processes of its kernels.
    """
    suite = result.w2vbench
    if not suite.phases:
        yield "The file does not say where the time went: only those of w2vbench run do."
        return
    total = sum(phase.wall_s for phase in suite.phases)
    rows = [("phase", "time", "share", "longest steps")]
    for phase in suite.phases:
        steps = ", ".join(f"{step} {seconds(spent)}" for step, spent in Counter(phase.steps).most_common(LONGEST))
        rows.append((phase.name, seconds(phase.wall_s), share(phase.wall_s / total), steps))
    yield from aligned([*rows, ("all", seconds(total), "", "")], left=(0, 3))
    kernels: Counter[str] = Counter()
    for problem, spent in suite.problem_seconds.items():
        kernels[problem.partition("@")[0]] += spent  # type: ignore[assignment]
    measuring = sum(kernels.values())
    yield ""
    yield from aligned(
        [("kernel", "time", "share"), *((name, seconds(s), share(s / measuring)) for name, s in kernels.most_common())],
        left=(0,),
    )
    yield ""
    yield "A phase's steps are summed over its processes, some of which work side by side. A kernel's time is that of its measurements."
