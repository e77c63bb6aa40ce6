"""What is shown of a comparison: tables, a sentence, Markdown, JUnit XML and annotations, from its result file alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from .memory import EXPLAINED, Peak, peak
from .results import ComparedRow, Comparison, Ratio, ResultFile, write
from .stages import decided_again
from .statistics import LEAST_BYTES
from .tables import cells, plain
from .units import change, percent, seconds, size_bytes

HEADER = (
    *("case", "verdict", "HEAD against BASE", "in the mean", "BASE against itself", "BASE", "HEAD"),
    *("set-up", "memory", "processes"),
)
MEMORY, SETUP = "more memory", "slower set-up"
ORDER = ("wrong", "broken", "slower", "failed", "inconclusive", "faster", "same")

SAME_CODE = "their code is the same at both revisions (--all measures them too)"
"""Why most cases are not measured: they are only counted, where others are named."""

MORE_CPU = 0.1
"""Share by which CPU time on several threads must rise to be told of: BLAS's threads spin while they wait."""

FEW = 3
"""Cases that share a reason are named up to this number."""

PASSED, SLOWER, UNANSWERED = 0, 1, 3


def failing(case: ComparedRow) -> bool:
    """Whether a case stops a gate: it is wrong or broken now; or it is slower, takes longer to set up, or more memory, which
    is not meant."""
    worse = "slower" in (case.verdict, case.setup) or case.memory == "more"
    return (worse and case.acknowledged is None) or case.verdict in ("wrong", "broken")


def unanswered(case: ComparedRow) -> bool:
    return case.acknowledged is None and case.verdict in ("failed", "inconclusive")


def exit_code(comparison: Comparison) -> int:
    """0: nothing is slower; 1: something is, or wrong, or takes more memory; 3: that could not be told."""
    if any(map(failing, comparison.cases)):
        return SLOWER
    nothing = not comparison.interleaved and not comparison.cases  # two runs that have nothing to tell of each other
    return UNANSWERED if nothing or comparison.over_budget or any(map(unanswered, comparison.cases)) else PASSED


def worst(case: ComparedRow) -> str:
    """A case's verdict, or what else stops a gate."""
    if not failing(case) or case.verdict in ("slower", "wrong", "broken"):
        return case.verdict
    return SETUP if case.setup == "slower" else MEMORY


def ranked(comparison: Comparison) -> list[ComparedRow]:
    """The cases, those to look at first."""
    return sorted(
        comparison.cases, key=lambda case: (not failing(case), not unanswered(case), ORDER.index(case.verdict))
    )


def row(case: ComparedRow) -> tuple[str, ...]:
    """A case's cells under HEADER."""
    verdict = f"{case.verdict}, acknowledged" if case.acknowledged is not None else case.verdict
    processes = f"{case.processes} fresh" if case.second_stage else str(case.processes or "–")
    return (
        case.case,
        verdict,
        changed(case.ratio),
        changed(case.mean),
        changed(case.control),
        seconds(case.base_s),
        seconds(case.head_s),
        setup(case),
        memory(case),
        processes,
    )


def changed(ratio: Ratio | None) -> str:
    return "–" if ratio is None else change(ratio.estimate, ratio.low, ratio.high)


def setup(case: ComparedRow) -> str:
    """``same``, or both times of set-up."""
    if case.setup in ("slower", "faster"):
        return f"{case.setup}: {seconds(case.base_setup_s)} → {seconds(case.head_setup_s)}"
    return "–" if case.setup == "unknown" else f"{case.setup}: {seconds(case.head_setup_s)}"


def memory(case: ComparedRow) -> str:
    """``same``, or both peaks. What is growth of the resident set is marked, and gets no verdict."""
    before, after = peaks(case)
    if case.memory in ("more", "less"):
        return f"{case.memory}: {size_bytes(case.base_bytes)} → {size_bytes(case.head_bytes)}"
    if before is None or after is None:
        return "–"
    if case.untraced or before.resident or after.resident:
        return f"{before} → {after}"
    return f"{case.memory if case.memory == 'same' else 'unsteady'}: {after}"


def peaks(case: ComparedRow) -> tuple[Peak | None, Peak | None]:
    """What stands for a call's peak memory in BASE and in HEAD."""
    return (
        peak(case.base_bytes, case.base_resident_bytes, case.untraced),
        peak(case.head_bytes, case.head_resident_bytes, case.untraced),
    )


def sentence(comparison: Comparison) -> str:
    """What came of it, in one sentence or two."""
    bad = [case for case in comparison.cases if failing(case)]
    least, floor = f"{comparison.threshold * 100:g} %", f"{LEAST_BYTES >> 10} KiB"
    margin = (
        f"a change below {least} counts as none, of memory also one of up to {floor}"
        if comparison.interleaved
        else f"beyond what two runs differ by anyway, of memory beyond {least} and {floor}"
    )
    counted, every = f"{counts(comparison)}; {margin}", cases_of(comparison.cases)
    open_ = [case for case in comparison.cases if unanswered(case)]
    if not comparison.cases:
        return f"Nothing was {'measured' if comparison.interleaved else 'compared'}: the notes say why."
    if bad:
        return f"{len(bad)} of {every} got worse ({counted}): {'; '.join(map(said, bad))}."
    if comparison.over_budget:
        return f"There was no time for {cases_of(comparison.over_budget)} that differ; of the others: {counted}."
    if open_:
        return f"Whether {len(open_)} of {every} got slower could not be told ({counted})."
    if any(case.acknowledged is not None for case in comparison.cases):
        return f"Nothing got slower but what is meant to ({counted})."
    return f"Nothing got slower ({counted})."


def cases_of(cases: Sequence[object]) -> str:
    return f"{len(cases)} {'case' if len(cases) == 1 else 'cases'}"


def said(case: ComparedRow) -> str:
    """What is wrong with a case, in words."""
    what = []
    if case.verdict in ("wrong", "broken"):
        what.append(f"is {case.verdict} ({case.why})")
    elif case.verdict == "slower":
        what.append(f"is slower: {changed(case.ratio)}{f' ({case.why})' if case.why else ''}")
    if case.setup == "slower":
        what.append(f"takes longer to set up: {seconds(case.base_setup_s)} → {seconds(case.head_setup_s)}")
    if case.memory == "more":
        what.append(f"takes more memory: {size_bytes(case.base_bytes)} → {size_bytes(case.head_bytes)}")
    return f"{case.case} {' and '.join(what)}"


def counts(comparison: Comparison) -> str:
    verdicts = list(map(worst, comparison.cases))
    return ", ".join(
        f"{verdicts.count(verdict)} {verdict}" for verdict in (*ORDER, SETUP, MEMORY) if verdict in verdicts
    )


def notes(comparison: Comparison) -> Iterator[str]:
    """What else must be known: caveats, reasons, intended slowdowns, and what was not measured."""
    yield from comparison.caveats
    reasons: dict[str, list[str]] = {}
    for case in ranked(comparison):
        if case.why:
            reasons.setdefault(f"{case.verdict}: {case.why}", []).append(case.case)
        if case.acknowledged is not None:
            reasons.setdefault(f"intended: {case.acknowledged}", []).append(case.case)
    if any(one and one.resident for case in comparison.cases for one in peaks(case)):
        yield f"{EXPLAINED}; it gets no verdict: only what tracing sees to the byte can fail a gate"
    for why, cases in reasons.items():
        yield f"{', '.join(cases) if len(cases) <= FEW else f'{len(cases)} cases'} {why}"
    for case in comparison.cases:
        if more_cpu(case, comparison.threshold):
            yield (
                f"{case.case} takes more CPU time, of all its threads: {seconds(case.base_cpu_s)} → {seconds(case.head_cpu_s)} a call "
                "(verdicts are about elapsed time alone)"
            )
    for what, names in (
        ("added, so there is nothing to compare with", comparison.added),
        ("removed", comparison.removed),
    ):
        if names:
            yield f"{what}: {', '.join(names)}"
    for old, new in comparison.renamed:
        yield f"renamed, with the same code: {old} → {new}"
    for why, cases in comparison.skipped.items():
        named = "" if why == SAME_CODE else f": {', '.join(cases)}"
        yield f"{cases_of(cases)} not {'measured' if comparison.interleaved else 'compared'}: {why}{named}"


def more_cpu(case: ComparedRow, threshold: float) -> bool:
    """Whether a case on several threads takes more CPU time, which its elapsed time need not show."""
    if case.base_cpu_s is None or case.head_cpu_s is None or case.case.endswith(",t1"):
        return False
    return case.head_cpu_s > case.base_cpu_s * (1 + max(MORE_CPU, threshold))


def markdown(comparison: Comparison, warnings: Sequence[str] = ()) -> str:
    """The whole comparison as Markdown, for a job's summary or a comment. warnings: of what may have spoilt its figures."""
    lines = [f"## {heading(comparison)}", "", plain(sentence(comparison)), ""]
    lines += [part for warning in warnings for part in (f"**Warning:** {plain(warning)}", "")]
    if comparison.cases:
        lines += [cells(HEADER), cells(["---", "---", *["---:"] * (len(HEADER) - 2)])]
        lines += [cells(row(case)) for case in ranked(comparison)]
        lines.append("")
    lines += [f"- {plain(note)}" for note in notes(comparison)]
    return "\n".join(lines).rstrip() + "\n"


def heading(comparison: Comparison) -> str:
    return f"{plain(comparison.head)} against {plain(comparison.base)}"


def workflow_commands(comparison: Comparison) -> list[str]:
    """Workflow commands that put each finding at its line of the changed file."""
    found = []
    for case in ranked(comparison):
        if failing(case):
            kind, text = "error", said(case)
        elif unanswered(case):
            kind, text = "warning", f"{case.case}: {case.verdict}, {case.why}"
        else:
            continue
        place = (
            f" file={escaped(case.file, ':,')},line={case.line},title={escaped(worst(case), ':,')}" if case.file else ""
        )
        found.append(f"::{kind}{place}::{escaped(text)}")
    return found


def escaped(text: str, more: str = "") -> str:
    """A text as workflow commands want it."""
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def junit(comparison: Comparison) -> str:
    """The verdicts as JUnit XML: what fails the gate is a failure, what could not be told is skipped."""
    suite = ElementTree.Element(
        "testsuite",
        name="w2vbench compare",
        tests=str(len(comparison.cases)),
        failures=str(sum(map(failing, comparison.cases))),
        skipped=str(sum(unanswered(case) and not failing(case) for case in comparison.cases)),
        time=f"{comparison.seconds:.3f}",
    )
    for case in comparison.cases:
        test = ElementTree.SubElement(
            suite,
            "testcase",
            classname=printable(case.kernel),
            name=printable(case.case),
            file=printable(case.file),
            line=str(case.line),
        )
        if failing(case):
            ElementTree.SubElement(test, "failure", message=printable(said(case)), type=worst(case))
        elif unanswered(case):
            ElementTree.SubElement(test, "skipped", message=printable(f"{case.verdict}: {case.why}"))
        ElementTree.SubElement(test, "system-out").text = printable(
            ", ".join(map(" = ".join, zip(HEADER, row(case), strict=True)))
        )
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def printable(text: str) -> str:
    """What XML may hold."""
    return "".join(character if character.isprintable() else " " for character in text)


def report(result: ResultFile, folder: Path) -> list[Path]:
    """Write ``comparison.html`` and ``comparison.md`` into a folder, and give their paths. Raises ResultError.

    The verdicts are those that the samples give, whatever the file says.
    """
    assert result.w2vbench.comparison is not None
    comparison = decided_again(result.w2vbench.comparison)
    suite = result.w2vbench.model_copy(update={"comparison": comparison})
    texts = {
        "comparison.html": html(result.model_copy(update={"w2vbench": suite})),
        "comparison.md": "# w2vbench compare\n\n" + markdown(comparison, suite.warnings),
    }
    for name, text in texts.items():
        write(folder / name, text)
    return [folder / name for name in texts]


def html(result: ResultFile) -> str:
    """A self-contained page: verdicts with their intervals drawn on one scale."""
    from .page import templates

    comparison = result.w2vbench.comparison
    assert comparison is not None
    span = widest(comparison)
    return (
        templates()
        .get_template("comparison.html")
        .render(
            result=result,
            comparison=comparison,
            heading=f"{comparison.head} against {comparison.base}",
            sentence=sentence(comparison),
            passed=exit_code(comparison) == PASSED,
            failed=exit_code(comparison) == SLOWER,
            header=HEADER,
            rows=[
                (case, row(case), drawn(case, case.margin or comparison.threshold, span)) for case in ranked(comparison)
            ],
            least=percent(math.exp(-span)),
            most=percent(math.exp(span)),
            notes=list(notes(comparison)),
        )
    )


WIDE = 220.0
NARROWEST, WIDEST = math.log(1.05), math.log(2)


def widest(comparison: Comparison) -> float:
    """Half of the scale's width, as a logarithm: enough for every interval, within reason."""
    ends = [
        end
        for case in comparison.cases
        if case.ratio
        for end in (case.ratio.low, case.ratio.high, case.ratio.estimate)
        if end
    ]
    return min(WIDEST, max([NARROWEST, 2 * math.log1p(comparison.threshold), *(abs(math.log(end)) for end in ends)]))


def drawn(case: ComparedRow, threshold: float, span: float) -> dict[str, Any] | None:
    """Where a case's interval and the threshold lie on the scale; what lies outside stops at its ends."""
    if case.ratio is None:
        return None

    def place(ratio: float) -> float:
        return round(min(1.0, max(0.0, 0.5 + math.log(ratio) / (2 * span))) * (WIDE - 8) + 4, 1)

    ratio = case.ratio
    return {
        "at": place(ratio.estimate),
        "low": place(ratio.low or ratio.estimate),
        "high": place(ratio.high or ratio.estimate),
        "zero": place(1.0),
        "margin": (place(1 / (1 + threshold)), place(1 + threshold)),
    }
