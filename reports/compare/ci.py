"""A comparison for CI: annotations of a workflow, and JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree

from w2vbench.reports.file.schema.comparison import Comparison

from .tables import HEADER, failing, fault, ranked, row, unanswered, worst


def workflow_commands(comparison: Comparison) -> list[str]:
    """Return GitHub's workflow commands, which show each fault at its line of the changed file."""
    commands = []
    for case in ranked(comparison):
        if failing(case):
            kind, text = "error", fault(case)
        elif unanswered(case):
            kind, text = "warning", f"{case.case}: {case.verdict}, {case.why}"
        else:
            continue
        place = (
            f" file={escaped(case.file, ':,')},line={case.line},title={escaped(worst(case), ':,')}" if case.file else ""
        )
        commands.append(f"::{kind}{place}::{escaped(text)}")
    return commands


def escaped(text: str, separators: str = "") -> str:
    """A text as workflow commands require it."""
    for character in f"%\r\n{separators}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def junit(comparison: Comparison) -> str:
    """Return the verdicts as JUnit XML: cases that fail the gate are failures, cases without a verdict are skipped."""
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
            ElementTree.SubElement(test, "failure", message=printable(fault(case)), type=worst(case))
        elif unanswered(case):
            ElementTree.SubElement(test, "skipped", message=printable(f"{case.verdict}: {case.why}"))
        ElementTree.SubElement(test, "system-out").text = printable(
            ", ".join(map(" = ".join, zip(HEADER, row(case), strict=True)))
        )
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def printable(text: str) -> str:
    """Text that XML allows."""
    return "".join(character if character.isprintable() else " " for character in text)
