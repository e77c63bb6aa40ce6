"""Two runs compared by their result files.

The runs were not interleaved, so the margins are wider. They are estimated from the two runs themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from w2vbench.reports.file.files import ResultError
from w2vbench.reports.file.frame import wall_s
from w2vbench.reports.file.memory import untraced
from w2vbench.reports.file.schema.comparison import ComparedRow, Comparison
from w2vbench.reports.file.schema.result import NotMeasured, ResultFile, Row
from w2vbench.reports.findings.facts import unsteady
from w2vbench.reports.statistics.holm import slower_and_faster
from w2vbench.reports.statistics.problems import (
    Estimate,
    Floats,
    Interval,
    MemoryVerdict,
    finite_median,
    memory_verdict,
    welch,
)
from w2vbench.reports.statistics.units import change
from w2vbench.reports.statistics.verdicts import FALSE_ALARMS, Verdict

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
    baselines = [result.baselines if across else {} for result in (base, head)]
    skipped: dict[str, list[str]] = {}
    pairs = []
    for case in [case for case in after if case in before]:
        old, new = before[case], after[case]
        if across and old.extra_info.baseline and new.extra_info.baseline:
            continue
        pair = Pair(old, new, *(by_problem.get(new.group) for by_problem in baselines))
        if why := incomparable(pair, across):
            skipped.setdefault(why, []).append(case)
        else:
            pairs.append(pair)
    differences = [pair.difference for pair in pairs]
    usual, shift = between_runs(differences)
    margins = [max(math.log1p(threshold), SPREAD * max(usual, within(*pair.logs))) + abs(shift) for pair in pairs]
    cases = [
        compared_row(pair, margin, verdict(pair.difference, margin, margin - abs(shift), *p), head, threshold)
        for pair, margin, p in zip(pairs, margins, slower_and_faster(differences, margins), strict=True)
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


def corpus(result: ResultFile) -> tuple[str, int | None]:
    """Return what identifies a corpus: its name and length."""
    return result.w2vbench.corpus.name, result.w2vbench.corpus.tokens


@dataclass(frozen=True)
class Pair:
    """A case in two runs, and the baselines of its problem if speed-ups over them are compared."""

    before: Row
    after: Row
    baseline_before: Row | None
    baseline_after: Row | None

    @cached_property
    def logs(self) -> tuple[Floats, Floats]:
        """The logarithm of each process's median in either run, less that of the baseline in the same process."""
        return process_logs(self.before, self.baseline_before), process_logs(self.after, self.baseline_after)

    @cached_property
    def difference(self) -> Estimate:
        before, after = self.logs
        return welch(after, before)


def incomparable(pair: Pair, across: bool) -> str:
    """Why a case of two runs cannot be compared; empty if it can."""
    old, new = pair.baseline_before, pair.baseline_after
    if across and (old and old.slug) != (new and new.slug):
        return "its problem has another baseline"
    if across and new is None:
        return "its problem has no baseline"
    if covered(pair.before, old) != covered(pair.after, new):
        return "a call covers other work"
    return "fewer than two processes" if min(map(len, pair.logs)) < 2 else ""


def covered(row: Row, baseline: Row | None) -> list[dict[str, float]]:
    """How many examples a call covers, of a case and of its baseline."""
    return [one.extra_info.covers for one in (row, baseline) if one]


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


def process_logs(row: Row, baseline: Row | None) -> Floats:
    """The logarithm of each process's median, less that of the baseline in the same process if there is one."""
    logs: Floats = np.log([finite_median(process) for process in row.walls])
    return logs if baseline is None else logs - process_logs(baseline, None)


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


def verdict(
    difference: Estimate, margin: float, same_within: float, p_slower: float, p_faster: float
) -> tuple[Verdict, str]:
    """The verdict on the difference of a case between two runs, and the reason for it."""
    if p_slower <= FALSE_ALARMS / 2:
        return "slower", f"by more than the {math.expm1(margin):.1%} that two runs may differ by"
    if p_faster <= FALSE_ALARMS / 2:
        return "faster", ""
    if difference.p_within(same_within) <= FALSE_ALARMS:
        return "same", ""
    return "inconclusive", "two runs are not precise enough: compare the revisions instead"


def compared_row(
    pair: Pair, margin: float, judged: tuple[Verdict, str], head: ResultFile, threshold: float
) -> ComparedRow:
    """The row of a case that both runs have. Memory is exact, so it is compared by the threshold."""
    before, after = pair.before.extra_info, pair.after.extra_info
    misses_some = untraced([*before.needs, *after.needs])
    memory: MemoryVerdict = "unknown" if misses_some else memory_verdict(before.peak_bytes, after.peak_bytes, threshold)
    source = head.w2vbench.sources.get(f"{after.kernel}/{after.implementation}")
    return ComparedRow(
        case=pair.after.case,
        kernel=after.kernel,
        implementation=after.implementation,
        title=after.title,
        verdict=judged[0],
        why=judged[1],
        ratio=pair.difference.interval().map(lambda log: math.exp(min(20.0, max(-20.0, log)))),
        processes=len(pair.logs[1]),
        margin=math.expm1(margin),
        base_s=wall_s(pair.before),
        head_s=wall_s(pair.after),
        memory=memory,
        base_bytes=before.peak_bytes,
        head_bytes=after.peak_bytes,
        base_resident_bytes=before.resident_bytes,
        head_resident_bytes=after.resident_bytes,
        untraced=misses_some,
        file=source.file if source else "",
        line=source.line if source else 0,
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
