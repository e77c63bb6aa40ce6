"""Two runs' result files compared. They were not interleaved, so the margins are wider, and learnt from the runs themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .frame import samples, wall_s
from .results import Compared, Comparison, Ratio, ResultError, ResultFile, Row
from .statistics import FALSE_ALARMS, Floats, Located, holm

NOISE_BYTES = 512
"""Python's own small objects: a difference in memory below this is none."""
SPREAD = 3.0
"""By how many standard deviations of what is usual between two runs a case must differ."""
FEWEST = 8
"""Cases from which on it can be learnt what is usual between two runs."""


def compare_files(
    base: ResultFile, head: ResultFile, names: tuple[str, str], threshold: float, across: bool
) -> Comparison:
    """Verdicts on the cases that two runs have in common. across: by speed-up over the same race's baseline, not by time.

    Raises ResultError for files that cannot be compared.
    """
    for name, result in zip(names, (base, head), strict=True):
        if result.w2vbench.engine != "race":
            raise ResultError(
                f"{name}: not a file of w2vbench run (its figures were not taken in races); pytest-benchmark compare reads it"
            )
    different = machine(base) != machine(head)
    if different and not across:
        raise ResultError(
            f"runs of different machines ({described(base)}; {described(head)}): their times say nothing about the code; "
            "--across-machines compares speed-ups over the same race's baseline"
        )
    before, after = ({row.case: row for row in result.benchmarks} for result in (base, head))
    common = [case for case in after if case in before and not (across and after[case].extra_info.baseline)]
    logs = {case: (figures(before[case], base, across), figures(after[case], head, across)) for case in common}
    usable = {case: pair for case, pair in logs.items() if min(map(len, pair)) >= 2}
    differences = {case: difference(*pair) for case, pair in usable.items()}
    usual = between_runs(list(differences.values()))
    margins = {case: max(math.log1p(threshold), SPREAD * max(usual, within(*pair))) for case, pair in usable.items()}
    slower = dict(zip(differences, holm([d.p_above(margins[c]) for c, d in differences.items()]), strict=True))
    faster = dict(zip(differences, holm([d.p_below(-margins[c]) for c, d in differences.items()]), strict=True))
    cases = [
        compared(before[c], after[c], head, differences[c], margins[c], slower[c], faster[c], len(usable[c][1]))
        for c in differences
    ]
    return Comparison(
        base=names[0],
        head=names[1],
        base_commit=base.commit_info.get("id"),
        head_commit=head.commit_info.get("id"),
        interleaved=False,
        threshold=threshold,
        cases=cases,
        added=[case for case in after if case not in before],
        removed=[case for case in before if case not in after],
        left_out={"fewer than two launches": [c for c in common if c not in usable]}
        if len(usable) < len(common)
        else {},
        caveats=caveats(base, head, usual, across),
    )


def machine(result: ResultFile) -> tuple[Any, ...]:
    """What two runs of one machine have in common. A host's name is not: containers get new ones."""
    environment = result.w2vbench.environment
    memory = environment.get("memory_bytes")
    return (
        environment.get("cpu"),
        environment.get("cpus_allowed"),
        round(memory / 2**30) if isinstance(memory, int | float) else None,
        environment.get("machine"),
    )


def described(result: ResultFile) -> str:
    cpu, cpus, memory, _ = machine(result)
    return f"{cpu or 'an unknown CPU'}, {cpus or '?'} CPUs, {memory or '?'} GiB"


def figures(row: Row, result: ResultFile, across: bool) -> Floats:
    """The logarithm of each launch's median; across machines, less that of the race's baseline in the same launch."""
    own = launches(row)
    if not across:
        return own
    baseline = next(
        (other for other in result.benchmarks if other.group == row.group and other.extra_info.baseline), None
    )
    if baseline is None or baseline is row:
        return own[:0]
    return own - launches(baseline)


def launches(row: Row) -> Floats:
    return np.array([math.log(float(np.nanmedian(launch))) for launch in samples(row.extra_info)], np.float64)


def difference(before: Floats, after: Floats) -> Located:
    """How much larger the second run's figures are: Welch's standard error and degrees of freedom."""
    parts = [(values.var(ddof=1) / len(values), len(values) - 1) for values in (before, after)]
    variance = sum(part for part, _ in parts)
    degrees = variance**2 / sum(part**2 / free for part, free in parts) if variance else 1
    return Located(float(after.mean() - before.mean()), math.sqrt(variance), max(1, int(degrees)))


def within(before: Floats, after: Floats) -> float:
    """Standard deviation of the difference of two launches, from the spread inside both runs."""
    return math.sqrt(float(before.var(ddof=1) + after.var(ddof=1)) / 2)


def between_runs(differences: Sequence[Located]) -> float:
    """What is usual between these two runs: a robust standard deviation of all cases' differences, most of which are no
    change of the code. Zero where there are too few cases to tell."""
    if len(differences) < FEWEST:
        return 0.0
    middles = np.array([one.middle for one in differences])
    return 1.4826 * float(np.median(np.abs(middles - np.median(middles)))) + abs(float(np.median(middles)))


def compared(
    before: Row,
    after: Row,
    head: ResultFile,
    found: Located,
    margin: float,
    p_slower: float,
    p_faster: float,
    count: int,
) -> Compared:
    """A case's record. "Same" means: no difference beyond its margin."""
    extra = after.extra_info
    if p_slower <= FALSE_ALARMS / 2:
        verdict, why = "slower", f"by more than the {math.expm1(margin):.1%} that two runs may differ by"
    elif p_faster <= FALSE_ALARMS / 2:
        verdict, why = "faster", ""
    elif found.p_within(margin) <= FALSE_ALARMS:
        verdict, why = "same", ""
    else:
        verdict, why = "inconclusive", "launches differ too much to tell: compare the revisions"
    low, high = found.interval()
    source = head.w2vbench.sources.get(f"{extra.kernel}/{extra.implementation}")
    return Compared.model_validate(
        {
            "case": after.case,
            "kernel": extra.kernel,
            "implementation": extra.implementation,
            "title": extra.title,
            "verdict": verdict,
            "why": why,
            "ratio": Ratio(estimate=math.exp(found.middle), low=math.exp(max(low, -20)), high=math.exp(min(high, 20))),
            "launches": count,
            "base_s": wall_s(before),
            "head_s": wall_s(after),
            "memory": memory(before.extra_info.peak_bytes, extra.peak_bytes),
            "base_bytes": before.extra_info.peak_bytes,
            "head_bytes": extra.peak_bytes,
            "file": source.file if source else "",
            "line": source.line if source else 0,
        }
    )


def memory(before: int | None, after: int | None) -> str:
    if before is None or after is None:
        return "unknown"
    return "same" if abs(after - before) <= NOISE_BYTES else "more" if after > before else "less"


def caveats(base: ResultFile, head: ResultFile, usual: float, across: bool) -> list[str]:
    """What makes these two files less than a comparison of revisions."""
    said = [
        "not interleaved: these are two runs, so a case counts as changed only beyond what runs differ by anyway"
        + (f" (these two: {math.expm1(SPREAD * usual):.1%})" if usual else "")
        + "; w2vbench compare REVISION tells more, and sooner"
    ]
    if across:
        said.append("speed-ups over the baseline of the same race are compared, not times")
    ours, theirs = (result.w2vbench.environment for result in (base, head))
    if ours.get("python") != theirs.get("python"):
        said.append(f"Python {ours.get('python')} against {theirs.get('python')}")
    for name in ("numpy", "scipy", "numba"):
        before, after = ((found.get("packages") or {}).get(name) for found in (ours, theirs))
        if before != after:
            said.append(f"{name} {before} against {after}")
    return said
