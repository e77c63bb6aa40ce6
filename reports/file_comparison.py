"""Two runs' result files compared. They were not interleaved, so the margins are wider, and learnt from the runs themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .frame import wall_s
from .memory import untraced
from .results import ComparedRow, Comparison, NotMeasured, Ratio, ResultError, ResultFile, Row
from .samples import walls
from .statistics import Estimate, Floats, memory_verdict, middle
from .verdicts import FALSE_ALARMS, holm

SPREAD = 3.0
"""By how many standard deviations of what is usual between two runs a case must differ."""
FEWEST = 8
"""Cases from which on it can be learnt what is usual between two runs."""
USUAL, UNKNOWN = 0.02, 0.1
"""What two runs differ by at least, and where there are too few cases to learn it, as standard deviations of logarithms."""
BROKEN = ("wrong", "error")


def compare_files(
    base: ResultFile, head: ResultFile, names: tuple[str, str], threshold: float, across: bool
) -> Comparison:
    """Verdicts on the cases that two runs have in common. across: by speed-up over the same problem's baseline, not by time.

    Raises ResultError for files that cannot be compared.
    """
    for name, result in zip(names, (base, head), strict=True):
        if result.w2vbench.engine != "run":
            raise ResultError(f"{name}: not a file of w2vbench run, whose figures are interleaved")
    different = machine(base) != machine(head)
    if different and not across:
        raise ResultError(
            f"runs of different machines ({described(base)}; {described(head)}): their times say nothing about the code; "
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
        pair = figures(before[case], base, across), figures(after[case], head, across)
        if across and baseline_of(before[case], base) != baseline_of(after[case], head):
            skipped.setdefault("its problem has another baseline", []).append(case)
        elif across and not baseline_of(after[case], head):
            skipped.setdefault("its problem has no baseline", []).append(case)
        elif covered(before[case], base, across) != covered(after[case], head, across):
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
        compared(
            *(before[c], after[c], head, differences[c], margins[c]),
            *(shift, slower[c], faster[c], len(logs[c][1]), threshold),
        )
        for c in differences
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
        cases=[*map(broken, lost), *cases],
        added=[case for case in after if case not in before and case not in unmeasured],
        removed=[case for case in before if case not in after and case not in unmeasured],
        skipped=skipped,
        caveats=caveats(base, head, usual, shift, across),
    )


def broken(one: NotMeasured) -> ComparedRow:
    """A case that BASE has figures of, and HEAD has none."""
    return ComparedRow(
        case=one.case,
        kernel=one.kernel,
        implementation=one.implementation,
        title=one.title,
        verdict="wrong" if one.status in BROKEN else "failed" if one.status == "skipped" else "broken",
        why=f"HEAD: {one.status}: {one.reason}",
    )


def corpus(result: ResultFile) -> tuple[str, str]:
    """What tells corpora apart: their names and lengths."""
    record = result.w2vbench.corpus
    return repr(getattr(record, "name", None)), repr(getattr(record, "tokens", None))


def baseline_of(row: Row, result: ResultFile) -> str:
    """The slug of the baseline of a case's problem; empty if it has none."""
    problem = (other for other in result.benchmarks if other.group == row.group and other.extra_info.baseline)
    return next((other.extra_info.implementation for other in problem), "")


def covered(row: Row, result: ResultFile, across: bool) -> list[dict[str, float]]:
    """How many examples a call of a case covers; across machines, of its problem's baseline too."""
    problem = (other for other in result.benchmarks if across and other.group == row.group)
    return [one.extra_info.covers for one in (row, *(other for other in problem if other.extra_info.baseline))]


def machine(result: ResultFile) -> tuple[Any, ...]:
    """What two runs of one machine have in common. A host's name is not: containers get new ones."""
    environment = result.w2vbench.environment
    memory = environment.get("memory_bytes")
    gibibytes = round(memory / 2**30) if isinstance(memory, int | float) else None
    named = (environment.get(name) for name in ("cpu", "cpus_allowed", "machine"))
    return (*(None if value is None else str(value) for value in named), gibibytes)


def described(result: ResultFile) -> str:
    cpu, cpus, _, memory = machine(result)
    return f"{cpu or 'an unknown CPU'}, {cpus or '?'} CPUs, {memory or '?'} GiB"


def figures(row: Row, result: ResultFile, across: bool) -> Floats:
    """The logarithm of each process's median; across machines, less that of the problem's baseline in the same process."""
    own = processes(row)
    if not across:
        return own
    baseline = next(
        (other for other in result.benchmarks if other.group == row.group and other.extra_info.baseline), None
    )
    if baseline is None or baseline is row:
        return own[:0]
    return own - processes(baseline)


def processes(row: Row) -> Floats:
    return np.array([math.log(middle(process)) for process in walls(row.extra_info.processes)], np.float64)


def difference(before: Floats, after: Floats) -> Estimate:
    """How much larger the second run's figures are: Welch's standard error and degrees of freedom."""
    parts = [(values.var(ddof=1) / len(values), len(values) - 1) for values in (before, after)]
    variance = sum(part for part, _ in parts)
    degrees = variance**2 / sum(part**2 / free for part, free in parts) if variance else 1
    return Estimate(float(after.mean() - before.mean()), math.sqrt(variance), max(1, int(degrees)))


def within(before: Floats, after: Floats) -> float:
    """Standard deviation of a process, from the spread inside both runs."""
    return math.sqrt(float(before.var(ddof=1) + after.var(ddof=1)) / 2)


def between_runs(differences: Sequence[Estimate]) -> tuple[float, float]:
    """What is usual between these two runs: a robust standard deviation of all cases' differences about their median, and
    that median, by which the machine may have changed its speed, or the code its own: two runs cannot tell."""
    if len(differences) < FEWEST:
        return UNKNOWN, 0.0
    middles = np.array([one.value for one in differences])
    shift = float(np.median(middles))
    return max(USUAL, 1.4826 * float(np.median(np.abs(middles - shift)))), shift


def compared(
    before: Row,
    after: Row,
    head: ResultFile,
    found: Estimate,
    margin: float,
    shift: float,
    p_slower: float,
    p_faster: float,
    count: int,
    threshold: float,
) -> ComparedRow:
    """A case's record. "Same" means: no difference beyond its margin; memory is exact, and compared by the threshold itself."""
    extra = after.extra_info
    unseen = untraced([*before.extra_info.needs, *extra.needs])
    if p_slower <= FALSE_ALARMS / 2:
        verdict, why = "slower", f"by more than the {math.expm1(margin):.1%} that two runs may differ by"
    elif p_faster <= FALSE_ALARMS / 2:
        verdict, why = "faster", ""
    elif found.p_within(margin - abs(shift)) <= FALSE_ALARMS:
        verdict, why = "same", ""
    else:
        verdict, why = "inconclusive", "these two runs cannot tell: compare the revisions"
    low, high = found.interval()
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
                estimate=math.exp(max(-20.0, min(20.0, found.value))),
                low=math.exp(max(low, -20)),
                high=math.exp(min(high, 20)),
            ),
            "processes": count,
            "margin": math.expm1(margin),
            "base_s": wall_s(before),
            "head_s": wall_s(after),
            "memory": "unknown"
            if unseen
            else memory_verdict(before.extra_info.peak_bytes, extra.peak_bytes, threshold),
            "base_bytes": before.extra_info.peak_bytes,
            "head_bytes": extra.peak_bytes,
            "base_resident_bytes": before.extra_info.resident_bytes,
            "head_resident_bytes": extra.resident_bytes,
            "untraced": unseen,
            "file": source.file if source else "",
            "line": source.line if source else 0,
        }
    )


def caveats(base: ResultFile, head: ResultFile, usual: float, shift: float, across: bool) -> list[str]:
    """What makes these two files less than a comparison of revisions."""
    said = [
        "not interleaved: these are two runs, so a case counts as changed only beyond what runs differ by anyway"
        + f" (here {math.expm1(SPREAD * usual):.1%})"
        + "; w2vbench compare REVISION tells more, and sooner"
    ]
    if abs(shift) > usual:
        said.append(
            f"a typical case takes {math.exp(shift):.2f} times as long: the machine's doing or the code's, which two runs cannot tell"
        )
    if across:
        said.append("speed-ups over the baseline of the same problem are compared, not times")
    for name, result in (("BASE", base), ("HEAD", head)):
        if not result.w2vbench.complete:
            said.append(f"{name} was interrupted")
        if unsteady(result):
            said.append(f"the machine was not steady while {name} ran")
    ours, theirs = (result.w2vbench.environment for result in (base, head))
    if ours.get("python") != theirs.get("python"):
        said.append(f"Python {ours.get('python')} against {theirs.get('python')}")
    for name in ("numpy", "scipy", "numba"):
        before, after = (
            packages.get(name) if isinstance(packages := found.get("packages"), dict) else None
            for found in (ours, theirs)
        )
        if before != after:
            said.append(f"{name} {before} against {after}")
    return said


UNSTEADY = 1.3


def unsteady(result: ResultFile) -> bool:
    """Whether the machine's own speed varied by more than UNSTEADY during a run."""
    found = result.w2vbench.environment.get("clock_variation")
    return isinstance(found, int | float) and found > UNSTEADY
