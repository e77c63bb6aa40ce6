"""Two runs compared by their result files.

The runs were not interleaved, so the margins are wider. They are estimated from the two runs themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .files import ResultError
from .frame import wall_s
from .memory import untraced
from .results import ComparedRow, Comparison, NotMeasured, Ratio, ResultFile, Row
from .samples import walls
from .statistics import Estimate, Floats, Interval, finite_median, memory_verdict
from .units import change
from .verdicts import FALSE_ALARMS, holm

SPREAD = 3.0
"""A case must differ by this many standard deviations of the usual difference between the two runs."""
FEWEST = 8
"""Cases needed to estimate the usual difference between two runs."""
USUAL, UNKNOWN = 0.02, 0.1
"""Standard deviation of log-ratios between two runs: at least, and where there are too few cases to estimate it."""
BROKEN = ("wrong", "error")


def compare_files(
    base: ResultFile, head: ResultFile, names: tuple[str, str], threshold: float, across: bool
) -> Comparison:
    """Return verdicts on the cases that two runs have in common.

    Parameters
    ----------
    base, head
        The two runs.
    names
        What to call them.
    threshold
        The share of time and of peak memory that counts as no change.
    across
        Whether the runs may be of different machines. Then speed-ups over the same problem's baseline are compared, instead
        of times.

    Raises
    ------
    ResultError
        If the files cannot be compared.
    """
    for name, result in zip(names, (base, head), strict=True):
        if result.w2vbench.engine != "run":
            raise ResultError(f"{name}: not a file of w2vbench run, whose figures are interleaved")
    different = machine(base) != machine(head)
    if different and not across:
        raise ResultError(
            f"runs of different machines ({machine_text(base)}; {machine_text(head)}): their times do not compare the code; "
            "--across-machines compares speed-ups over the same problem's baseline"
        )
    if corpus(base) != corpus(head):
        raise ResultError("runs on different corpora: they did not do the same work")
    before, after = ({row.case: row for row in result.benchmarks} for result in (base, head))
    skipped: dict[str, list[str]] = {}
    logs = {}
    for case in [case for case in after if case in before]:
        if across and after[case].extra_info.baseline and before[case].extra_info.baseline:
            continue
        pair = process_logs(before[case], base, across), process_logs(after[case], head, across)
        if across and baseline_of(before[case], base) != baseline_of(after[case], head):
            skipped.setdefault("its problem has another baseline", []).append(case)
        elif across and not baseline_of(after[case], head):
            skipped.setdefault("its problem has no baseline", []).append(case)
        elif examples_covered(before[case], base, across) != examples_covered(after[case], head, across):
            skipped.setdefault("a call covers other work", []).append(case)
        elif min(map(len, pair)) < 2:
            skipped.setdefault("fewer than two processes", []).append(case)
        else:
            logs[case] = pair
    differences = {case: difference(*pair) for case, pair in logs.items()}
    usual, shift = between_runs(list(differences.values()))
    margins = {
        case: max(math.log1p(threshold), SPREAD * max(usual, within(*pair))) + abs(shift) for case, pair in logs.items()
    }
    slower = dict(zip(differences, holm([d.p_above(margins[c]) for c, d in differences.items()]), strict=True))
    faster = dict(zip(differences, holm([d.p_below(-margins[c]) for c, d in differences.items()]), strict=True))
    cases = [
        compared_row(
            before[case],
            after[case],
            head,
            difference=estimate,
            margin=margins[case],
            shift=shift,
            p_slower=slower[case],
            p_faster=faster[case],
            processes=len(logs[case][1]),
            threshold=threshold,
        )
        for case, estimate in differences.items()
    ]
    lost = [one for one in head.w2vbench.not_measured if one.case in before]
    unmeasured = {one.case for result in (base, head) for one in result.w2vbench.not_measured}
    if unknown := [case for case in after if case not in before and case in unmeasured]:
        skipped["no figures in BASE"] = unknown
    return Comparison(
        base=names[0],
        head=names[1],
        base_commit=base.commit_info.id,
        head_commit=head.commit_info.id,
        interleaved=False,
        threshold=threshold,
        cases=[*map(lost_row, lost), *cases],
        added=[case for case in after if case not in before and case not in unmeasured],
        removed=[case for case in before if case not in after and case not in unmeasured],
        skipped=skipped,
        caveats=caveats(base, head, usual, shift, across),
    )


def lost_row(one: NotMeasured) -> ComparedRow:
    """The row of a case that was measured in BASE and not in HEAD."""
    return ComparedRow(
        case=one.case,
        kernel=one.kernel,
        implementation=one.implementation,
        title=one.title,
        verdict="wrong" if one.status in BROKEN else "failed" if one.status == "skipped" else "broken",
        why=f"HEAD: {one.status}: {one.reason}",
    )


def corpus(result: ResultFile) -> tuple[str, str]:
    """Return what identifies a corpus: its name and length."""
    record = result.w2vbench.corpus
    return repr(getattr(record, "name", None)), repr(getattr(record, "tokens", None))


def baseline_of(row: Row, result: ResultFile) -> str:
    """The slug of the baseline of a case's problem; empty if it has none."""
    problem = (other for other in result.benchmarks if other.group == row.group and other.extra_info.baseline)
    return next((other.extra_info.implementation for other in problem), "")


def examples_covered(row: Row, result: ResultFile, across: bool) -> list[dict[str, float]]:
    """How many examples a call of a case covers; across machines, also a call of its problem's baseline."""
    problem = (other for other in result.benchmarks if across and other.group == row.group)
    return [one.extra_info.covers for one in (row, *(other for other in problem if other.extra_info.baseline))]


def machine(result: ResultFile) -> tuple[Any, ...]:
    """Return what identifies a machine. Its host name does not: containers get new ones."""
    environment = result.w2vbench.environment
    memory = environment.get("memory_bytes")
    gibibytes = round(memory / 2**30) if isinstance(memory, int | float) else None
    named = (environment.get(name) for name in ("cpu", "cpus_allowed", "machine"))
    return (*(None if value is None else str(value) for value in named), gibibytes)


def machine_text(result: ResultFile) -> str:
    """Return a machine's description for people."""
    cpu, cpus, _, memory = machine(result)
    return f"{cpu or 'an unknown CPU'}, {cpus or '?'} CPUs, {memory or '?'} GiB"


def process_logs(row: Row, result: ResultFile, across: bool) -> Floats:
    """The logarithm of each process's median; across machines, less that of the problem's baseline in the same process."""
    own = log_medians(row)
    if not across:
        return own
    baseline = next(
        (other for other in result.benchmarks if other.group == row.group and other.extra_info.baseline), None
    )
    if baseline is None or baseline is row:
        return own[:0]
    return own - log_medians(baseline)


def log_medians(row: Row) -> Floats:
    return np.array([math.log(finite_median(process)) for process in walls(row.extra_info.processes)], np.float64)


def difference(before: Floats, after: Floats) -> Estimate:
    """The difference of the means of two runs, with Welch's standard error and degrees of freedom."""
    parts = [(values.var(ddof=1) / len(values), len(values) - 1) for values in (before, after)]
    variance = sum(part for part, _ in parts)
    degrees = variance**2 / sum(part**2 / free for part, free in parts) if variance else 1
    return Estimate(float(after.mean() - before.mean()), math.sqrt(variance), max(1, int(degrees)))


def within(before: Floats, after: Floats) -> float:
    """The standard deviation of a process, from the spread within both runs."""
    return math.sqrt(float(before.var(ddof=1) + after.var(ddof=1)) / 2)


def between_runs(differences: Sequence[Estimate]) -> tuple[float, float]:
    """Estimate how much cases usually differ between the two runs.

    Returns
    -------
    tuple of float
        A robust standard deviation of the cases' differences about their median; and that median. The machine or the code
        may have caused the shift of the median: two runs cannot show which.
    """
    if len(differences) < FEWEST:
        return UNKNOWN, 0.0
    values = np.array([one.value for one in differences])
    shift = float(np.median(values))
    return max(USUAL, 1.4826 * float(np.median(np.abs(values - shift)))), shift


def compared_row(
    before: Row,
    after: Row,
    head: ResultFile,
    *,
    difference: Estimate,
    margin: float,
    shift: float,
    p_slower: float,
    p_faster: float,
    processes: int,
    threshold: float,
) -> ComparedRow:
    """The row of a case that both runs have.

    It is called the same if it differs by less than its margin. Memory is exact, so it is compared by the threshold.
    """
    extra = after.extra_info
    misses_some = untraced([*before.extra_info.needs, *extra.needs])
    if p_slower <= FALSE_ALARMS / 2:
        verdict, why = "slower", f"by more than the {math.expm1(margin):.1%} that two runs may differ by"
    elif p_faster <= FALSE_ALARMS / 2:
        verdict, why = "faster", ""
    elif difference.p_within(margin - abs(shift)) <= FALSE_ALARMS:
        verdict, why = "same", ""
    else:
        verdict, why = "inconclusive", "two runs are not precise enough: compare the revisions instead"
    low, high = difference.interval()
    source = head.w2vbench.sources.get(f"{extra.kernel}/{extra.implementation}")
    return ComparedRow.model_validate(
        {
            "case": after.case,
            "kernel": extra.kernel,
            "implementation": extra.implementation,
            "title": extra.title,
            "verdict": verdict,
            "why": why,
            "ratio": Ratio(
                estimate=math.exp(max(-20.0, min(20.0, difference.value))),
                low=math.exp(max(low, -20)),
                high=math.exp(min(high, 20)),
            ),
            "processes": processes,
            "margin": math.expm1(margin),
            "base_s": wall_s(before),
            "head_s": wall_s(after),
            "memory": "unknown"
            if misses_some
            else memory_verdict(before.extra_info.peak_bytes, extra.peak_bytes, threshold),
            "base_bytes": before.extra_info.peak_bytes,
            "head_bytes": extra.peak_bytes,
            "base_resident_bytes": before.extra_info.resident_bytes,
            "head_resident_bytes": extra.resident_bytes,
            "untraced": misses_some,
            "file": source.file if source else "",
            "line": source.line if source else 0,
        }
    )


def caveats(base: ResultFile, head: ResultFile, usual: float, shift: float, across: bool) -> list[str]:
    """Why this comparison is less precise than one of revisions."""
    texts = [
        "These two runs were not interleaved. A case counts as changed only if it differs by more than two runs usually do "
        f"(here {math.expm1(SPREAD * usual):.1%}). w2vbench compare REVISION finds smaller changes, and is faster."
    ]
    if abs(shift) > usual:
        texts.append(
            f"The time of a typical case changed: {change(Interval(math.exp(shift)))}. Two runs cannot show whether the "
            "machine or the code caused it."
        )
    if across:
        texts.append("Speed-ups over the baseline of the same problem are compared, and not times.")
    for name, result in (("BASE", base), ("HEAD", head)):
        if not result.w2vbench.complete:
            texts.append(f"{name} was interrupted.")
        if unsteady(result):
            texts.append(f"The machine's speed varied while {name} ran.")
    ours, theirs = (result.w2vbench.environment for result in (base, head))
    if ours.get("python") != theirs.get("python"):
        texts.append(f"Python {ours.get('python')} in BASE, {theirs.get('python')} in HEAD.")
    for name in ("numpy", "scipy", "numba"):
        before, after = (
            packages.get(name) if isinstance(packages := environment.get("packages"), dict) else None
            for environment in (ours, theirs)
        )
        if before != after:
            texts.append(f"{name} {before or 'missing'} in BASE, {after or 'missing'} in HEAD.")
    return texts


UNSTEADY = 1.3


def unsteady(result: ResultFile) -> bool:
    """Whether the machine's own speed varied by more than UNSTEADY during a run."""
    variation = result.w2vbench.environment.get("clock_variation")
    return isinstance(variation, int | float) and variation > UNSTEADY
