"""A comparison for people and for CI: tables, a sentence, Markdown, JUnit XML and annotations, from its result file."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from enum import StrEnum

from packaging.utils import canonicalize_name
from w2vbench.reports.drawing.markdown import bullets, document, markdown_table, paragraphs, plain
from w2vbench.reports.file.memory import EXPLANATION, Peak, peak
from w2vbench.reports.file.schema.comparison import ComparedRow, Comparison
from w2vbench.reports.statistics.problems import LEAST_BYTES
from w2vbench.reports.statistics.units import change, counted, seconds, size_bytes

HEADER = (
    *("case", "verdict", "change of time", "change of mean time", "A/A difference", "BASE", "HEAD"),
    *("set-up", "memory", "processes"),
)
MEMORY, SETUP = "more memory", "slower set-up"
ORDER = ("wrong", "broken", "slower", "failed", "inconclusive", "faster", "same")

GATE_CASES = 16
"""Most cases that are measured unless the user selects some. The verdicts share one error rate, so each further case costs all others power."""


class LeftOut(StrEnum):
    """Why cases that are left out of a comparison are, in the words of the result file: TOO_MANY are named, the others counted."""

    TOO_MANY = f"more than {GATE_CASES} cases differ (--all measures them too, --kernel and --only choose)"
    SAME_CODE = "their code is the same at both revisions (--all measures them too)"
    UNAFFECTED = "they import nothing that differs (--all measures them too)"


MORE_CPU = 0.1
"""CPU time on several threads is only reported if it rises by more than this: BLAS's threads spin while they wait."""

APART = 1.1
"""A ratio of the times that are shown is explained if it is off by more than this, and outside of the interval."""
FEW = 3
"""Up to this many cases with the same reason are named."""

PASSED, SLOWER, UNANSWERED = 0, 1, 3


def failing(case: ComparedRow) -> bool:
    """Whether a case fails the gate.

    It does if it is wrong or broken; or if its time, its set-up time or its memory got worse and this is not acknowledged.
    """
    worse = "slower" in (case.verdict, case.setup) or case.memory == "more"
    return (worse and case.acknowledged is None) or case.verdict in ("wrong", "broken")


def unanswered(case: ComparedRow) -> bool:
    """Whether it is unknown if a case got slower."""
    return case.acknowledged is None and case.verdict in ("failed", "inconclusive")


def exit_code(comparison: Comparison) -> int:
    """Return PASSED if nothing got worse, SLOWER if something did or is wrong, UNANSWERED if that is unknown."""
    if any(map(failing, comparison.cases)):
        return SLOWER
    nothing = not comparison.interleaved and not comparison.cases  # two runs without a common case
    return UNANSWERED if nothing or comparison.over_budget or any(map(unanswered, comparison.cases)) else PASSED


def worst(case: ComparedRow) -> str:
    """Return a case's verdict, or what else fails the gate."""
    if not failing(case) or case.verdict in ("slower", "wrong", "broken"):
        return case.verdict
    return SETUP if case.setup == "slower" else MEMORY


def ranked(comparison: Comparison) -> list[ComparedRow]:
    """Return the cases with the worst first."""

    def order(case: ComparedRow) -> tuple[int, int]:
        return 0 if failing(case) else 1 if unanswered(case) else 2, ORDER.index(case.verdict)

    return sorted(comparison.cases, key=order)


def row(case: ComparedRow) -> tuple[str, ...]:
    """Return a case's cells under HEADER."""
    excused = case.acknowledged is not None and case.verdict not in ("wrong", "broken")
    verdict = f"{case.verdict}, acknowledged" if excused else case.verdict
    return (
        case.case,
        verdict,
        change(case.ratio),
        change(case.mean),
        change(case.control),
        seconds(case.base_s),
        seconds(case.head_s),
        setup_cell(case),
        memory_cell(case),
        str(case.processes or "–"),
    )


def setup_cell(case: ComparedRow) -> str:
    """The verdict on set-up time, with one time or both."""
    if case.setup in ("slower", "faster"):
        return f"{case.setup}: {seconds(case.base_setup_s)} → {seconds(case.head_setup_s)}"
    return "–" if case.setup == "unknown" else f"{case.setup}: {seconds(case.head_setup_s)}"


def memory_cell(case: ComparedRow) -> str:
    """The verdict on peak memory, with one peak or both. Growth of the resident set is marked, and has no verdict."""
    before, after = peaks(case)
    if case.memory in ("more", "less"):
        return f"{case.memory}: {size_bytes(case.base_bytes)} → {size_bytes(case.head_bytes)}"
    if before is None or after is None:
        return "–"
    if case.untraced or before.resident or after.resident:
        return f"{before} → {after}"
    return f"{case.memory if case.memory == 'same' else 'unsteady'}: {after}"


def peaks(case: ComparedRow) -> tuple[Peak | None, Peak | None]:
    """The peak memory of a call in BASE and in HEAD."""
    return (
        peak(case.base_bytes, case.base_resident_bytes, case.untraced),
        peak(case.head_bytes, case.head_resident_bytes, case.untraced),
    )


def sentence(comparison: Comparison) -> str:
    """Return the outcome in a few sentences, with each case that got worse."""
    worse = [case for case in comparison.cases if failing(case)]
    return outcome(comparison, f": {'; '.join(map(fault, worse))}" if worse else "")


def outcome(comparison: Comparison, worse_cases: str = "") -> str:
    """Return the outcome in a few sentences; ``worse_cases`` says which got worse."""
    worse = sum(map(failing, comparison.cases))
    without_verdict = sum(map(unanswered, comparison.cases))
    every = counted(len(comparison.cases), "case")
    changed = "with differing packages" if comparison.environments else "with changed code"
    if not comparison.cases:
        return f"Nothing was {'measured' if comparison.interleaved else 'compared'}, for the reasons listed."
    if worse:
        text = f"{worse} of {every} got worse{worse_cases}."
    elif comparison.over_budget:
        text = f"There was no time to measure {counted(len(comparison.over_budget), 'case')} {changed}."
    elif without_verdict:
        text = f"Inconclusive: it is unknown whether {without_verdict} of {every} got slower."
    elif any(case.acknowledged is not None for case in comparison.cases):
        text = "Nothing got worse, except for acknowledged slowdowns."
    else:
        text = "Nothing got slower."
    if beyond := comparison.skipped.get(LeftOut.TOO_MANY):
        text += (
            f" {counted(len(beyond), 'case')} {changed} {'was' if len(beyond) == 1 else 'were'} not measured (--all)."
        )
    return f"{text} Verdicts: {counts(comparison)}. {margin_text(comparison)}"


def margin_text(comparison: Comparison) -> str:
    """Which changes count as none."""
    threshold, floor = f"{comparison.threshold * 100:g} %", f"{LEAST_BYTES >> 10} KiB"
    if comparison.interleaved:
        return f"Changes below {threshold} count as none, and so do changes of memory up to {floor}."
    return (
        "A change of time counts if it exceeds what two runs usually differ by, and one of memory if it exceeds both "
        f"{threshold} and {floor}."
    )


def fault(case: ComparedRow) -> str:
    """What got worse in a case."""
    faults = []
    if case.verdict in ("wrong", "broken"):
        faults.append(f"is {case.verdict} ({case.why})")
    elif case.verdict == "slower":
        faults.append(f"is slower: {change(case.ratio)}{f' ({case.why})' if case.why else ''}")
    return f"{case.case} {' and '.join((*faults, *other_faults(case)))}"


def other_faults(case: ComparedRow) -> Iterator[str]:
    """Yield what got worse in a case beside the time of a call."""
    if case.setup == "slower":
        yield f"takes longer to set up: {seconds(case.base_setup_s)} → {seconds(case.head_setup_s)}"
    if case.memory == "more":
        yield f"takes more memory: {size_bytes(case.base_bytes)} → {size_bytes(case.head_bytes)}"


def counts(comparison: Comparison) -> str:
    """The number of cases with each verdict, and how many of these are acknowledged."""
    verdicts = list(map(worst, comparison.cases))
    excused: list[str] = [
        case.verdict for case in comparison.cases if case.acknowledged is not None and not failing(case)
    ]

    def count(verdict: str) -> str:
        meant = excused.count(verdict) if verdict in ("slower", "failed", "inconclusive") else 0
        return f"{verdicts.count(verdict)} {verdict}{f' ({meant} acknowledged)' if meant else ''}"

    return ", ".join(count(verdict) for verdict in (*ORDER, SETUP, MEMORY) if verdict in verdicts)


def notes(comparison: Comparison) -> Iterator[str]:
    """Yield caveats, reasons, acknowledged slowdowns, and what was not measured."""
    yield from comparison.caveats
    reasons = defaultdict(list)
    for case in ranked(comparison):
        if case.why:
            reasons[f"{case.verdict}: {case.why}"].append(case.case)
        if case.acknowledged is not None:
            reasons[f"acknowledged: {case.acknowledged}"].append(case.case)
        if case.memory_missing and not case.excluded:
            reasons[f"memory was not measured: {case.memory_missing}"].append(case.case)
    if any(one and one.resident for case in comparison.cases for one in peaks(case)):
        yield f"{EXPLANATION} It has no verdict: only traced allocation, which is exact, can fail the gate."
    for why, cases in reasons.items():
        yield f"{', '.join(cases) if len(cases) <= FEW else f'{len(cases)} cases'} {why}"
    for case in comparison.cases:
        if more_cpu(case, comparison.threshold):
            yield (
                f"{case.case} takes more CPU time over all its threads: {seconds(case.base_cpu_s)} → {seconds(case.head_cpu_s)} a call. "
                "Verdicts are on elapsed time only."
            )
    if comparison.interleaved and (apart := [case.case for case in comparison.cases if is_apart(case)]):
        yield (
            f"{', '.join(apart) if len(apart) <= FEW else f'{len(apart)} cases'}: the ratio compares samples of the same round, so that "
            "what slows the machine cancels out. BASE and HEAD are each side’s typical time, and need not have that ratio."
        )
    for side, names in (("HEAD", comparison.added), ("BASE", comparison.removed)):
        if names:
            yield f"only in {side}, so not compared: {', '.join(names)}"
    for old, new in comparison.renamed:
        yield f"renamed, with the same code: {old} → {new}"
    for why, cases in comparison.skipped.items():
        verb = "measured" if comparison.interleaved else "compared"
        yield f"{counted(len(cases), 'case')} not {verb}: {why}{named(why, cases)}"


def named(why: str, cases: Sequence[str]) -> str:
    """Return the names of cases that were left out, as far as they are of use."""
    if why == LeftOut.TOO_MANY:
        more = len(cases) - GATE_CASES
        return f": {', '.join(cases[:GATE_CASES])}{f' and {more} more' if more > 0 else ''}"
    return f": {', '.join(cases)}" if why not in tuple(LeftOut) and len(cases) <= FEW else ""


def is_apart(case: ComparedRow) -> bool:
    """Whether the times that are shown have another ratio than the one beside them, by more than APART and its interval."""
    if case.ratio is None or not case.base_s or not case.head_s:
        return False
    estimate = case.ratio.estimate
    low = min(case.ratio.low or estimate, estimate / APART)
    high = max(case.ratio.high or estimate, estimate * APART)
    return not low <= case.head_s / case.base_s <= high


def more_cpu(case: ComparedRow, threshold: float) -> bool:
    """Whether a case on several threads takes more CPU time, which its elapsed time need not show."""
    if case.base_cpu_s is None or case.head_cpu_s is None or case.case.endswith(",t1"):
        return False
    return case.head_cpu_s > case.base_cpu_s * (1 + max(MORE_CPU, threshold))


def markdown(comparison: Comparison, warnings: Sequence[str] = ()) -> str:
    """Return the whole comparison as Markdown, for a job's summary or a comment.

    Parameters
    ----------
    comparison
        The comparison.
    warnings
        Disturbances that make its figures doubtful.
    """
    environments = environment_rows(comparison) if comparison.environments else []
    return document(
        [f"## {heading(comparison)}"],
        [plain(sentence(comparison))],
        markdown_table(ENVIRONMENT_HEADER, environments) if environments else [],
        paragraphs(warnings, "**Warning:** "),
        markdown_table(HEADER, map(row, ranked(comparison)), left=2) if comparison.cases else [],
        bullets(notes(comparison)),
    )


def heading(comparison: Comparison) -> str:
    return f"{plain(comparison.head)} against {plain(comparison.base)}"


ENVIRONMENT_HEADER = ("", "BASE", "HEAD", "")
SAME = "the same"
ABSENT = "–"
"""The version of a package that a side lacks."""


def environment_rows(comparison: Comparison) -> list[tuple[str, str, str, str]]:
    """Return what both environments have, under ENVIRONMENT_HEADER: what was asked for, what else differs, and the rest."""
    base, head = comparison.environments
    names = sorted({*base.packages, *head.packages})
    asked = {name for name in names for side in (base, head) if any(is_about(name, one) for one in side.requirements)}
    rows = [(name, base.packages.get(name, ABSENT), head.packages.get(name, ABSENT)) for name in names]
    rows += [("Python", base.python, head.python), ("BLAS", base.blas, head.blas)]

    def kind(row: tuple[str, str, str]) -> str:
        return ("asked for" if row[0] in asked else "differs too") if row[1] != row[2] else SAME

    order = ("asked for", "differs too", SAME)
    return sorted(((*row, kind(row)) for row in rows), key=lambda row: order.index(row[3]))


def is_about(package: str, requirement: str) -> bool:
    """Whether a requirement (``numpy==2.2.*``) is one of a package."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0]
    return canonicalize_name(name) == package


def environment_text(comparison: Comparison) -> str:
    """Return how both environments differ, and what is the same, in a line or two."""
    rows = environment_rows(comparison)
    differing = [f"{name} {before} → {after}" for name, before, after, kind in rows if kind != SAME]
    same = [f"{name} {value}" for name, value, _, kind in rows if kind == SAME and value]
    return f"What differs: {'; '.join(differing) or 'nothing'}. The same on both sides: {', '.join(same)}."
