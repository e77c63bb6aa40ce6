"""What a run did not measure of the deck page, and why: so that a gap on it names what is missing."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING

from w2vbench.reports.statistics.units import counted, listed

from .facts import GROWTHS, TIMES
from .screens import CHAPTERS, CHARTS, Screen, Side
from .story import SCREENS

if TYPE_CHECKING:
    from w2vbench.reports.file.schema.result import ResultFile

SEVERAL_V = " at several V"
EXAMPLES = "the worked examples"
FEW = 3
"""Up to so many measured kernels are named; of more, the one that is missing."""


def kernel(case: str) -> str:
    return case.partition("/")[0]


NEEDS = (
    {name: f"figures of {kernel(case)}" for name, case in TIMES.items()}
    | {name: f"figures of {kernel(key)}{SEVERAL_V}" for name, key in GROWTHS.items()}
    | dict.fromkeys(
        ("table", "one_hot_bytes", "result_bytes", "claimed_rate", "read_rate", "one_hot_rate"), "figures of lookup"
    )
    | dict.fromkeys(
        ("add_at_rows", "rows_best", "rows_best_s", "rows_numpy", "rows_numpy_s"), "figures of scatter.accumulate"
    )
    | dict.fromkeys(("book_moved", "book_rows", "row_bytes"), "figures of output.negative-sampling")
    | dict.fromkeys(("dots_V", "dots_H", "dots_score", "dots_dh", "dots_table"), EXAMPLES)
    | {
        "one_hot_caches": f"figures of lookup{SEVERAL_V}",
        "hook": "a line profile of lookup",
        "zeroing_share": "a line profile of scatter.dense",
        "softmax_memory": "the memory of output.softmax",
        "book_kept": "the memory of output.negative-sampling",
        "numpy": "NumPy’s version",
    }
)
"""What each figure in the story's sentences is worked out from."""


def names(sentence: str) -> set[str]:
    """The figures that a sentence needs."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def missing_findings(screen: Screen, known: dict[str, str]) -> str:
    """Return how many of a screen's findings are missing, and for want of what; empty if none is."""
    missing = [names(sentence) - known.keys() for sentence in screen.found]
    number = sum(map(bool, missing))
    if not number:
        return ""
    more = "more finding" if number < len(screen.found) else "finding"
    needs = {NEEDS[name] for one in missing for name in one}
    widest = sorted(need for need in needs if need + SEVERAL_V not in needs)
    return f"{counted(number, more)} need{'s' * (number == 1)} {listed(widest)}, which this run does not have."


def absent(kernel: str, result: ResultFile) -> str:
    """Why the file has nothing of a kernel, or not what a screen shows of it."""
    if not result.w2vbench.complete:
        return "Not measured before the run was interrupted."
    measured = sorted(measured_kernels(result))
    if kernel in measured:
        return f"Not in this run, which measured other implementations or sizes of {kernel}."
    if 0 < len(measured) <= FEW:
        return f"Not in this run, which measured only {listed(measured)}."
    return f"Not in this run, which did not measure {kernel}."


def why_not(side: Side, result: ResultFile) -> str:
    """Why a case has no figures."""
    case = next((one for one in result.w2vbench.not_measured if one.case == side.case), None)
    if case is None:
        return absent(kernel(side.case), result)
    return f"Not timed: {case.reason}." if case.marked_wrong else f"Not measured: {case.reason}"


def shown_kernels() -> set[str]:
    """The kernels that the screens show."""
    cases = [side.case for screen in SCREENS for side in screen.sides if not side.is_layer]
    return set(
        map(kernel, [*cases, *(key for _, lines in CHARTS.values() for _, key in lines), *(key for _, key in CHAPTERS)])
    )


def measured_kernels(result: ResultFile) -> set[str]:
    return {row.extra_info.kernel for row in result.benchmarks}


def coverage(result: ResultFile) -> str:
    """How many of the screens' kernels the run measured; empty if all."""
    shown = shown_kernels()
    has = len(shown & measured_kernels(result))
    return f"This run measured {has} of the {len(shown)} kernels that the slides show." if has < len(shown) else ""


def processes(result: ResultFile) -> str:
    """Of how many processes the page's figures are."""
    counts = sorted({len(row.extra_info.processes) for row in result.benchmarks})
    if not counts or counts[-1] == 1:
        return "All figures are of one process."
    others = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    return f"Figures of layers (impls/layers.py) are of one process, all others of {others}."
