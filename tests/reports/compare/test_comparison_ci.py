"""What continuous integration reads of a comparison: annotations of GitHub's, and JUnit's XML."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.reports.compare.ci import escaped, junit, printable, workflow_commands
from w2vbench.reports.compare.tables import ORDER
from w2vbench.reports.file.schema.comparison import Comparison

from tests import golden_files
from tests.reports.compare.comparisons import SWOLLEN, case, compared, everything
from tests.saved import HOSTILE

# -- workflow commands


def undone(text: str) -> str:
    """A workflow command's text as the runner reads it."""
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text


@given(st.text(st.sampled_from("%\r\n:,02A5Da ") | st.characters(codec="utf-8")))
def test_what_is_escaped_is_one_line_without_separators_and_comes_back_whole(text: str) -> None:
    for more in ("", ":,"):
        made = escaped(text, more)
        assert not set(made) & set(f"\r\n{more}")
        assert undone(made) == text


def test_annotations_and_xml_read_as_they_were_checked_by_eye() -> None:
    """What stops the gate is an error at its line, and what is open a warning; what is acknowledged or well is not annotated."""
    golden_files.check("annotations.txt", "\n".join(workflow_commands(everything())) + "\n")
    golden_files.check("junit.xml", junit(everything()))


def test_hostile_texts_stay_in_their_part_of_the_command() -> None:
    hostile = case("a", "wrong", why="100%\r\n::error::x", case="a::b\n", file="x,line=9:%\n.py", line=3)
    (made,) = workflow_commands(compared(hostile))
    assert made == ("::error file=x%2Cline=9%3A%25%0A.py,line=3,title=wrong::a::b%0A is wrong (100%25%0D%0A::error::x)")


# -- JUnit


def suite(comparison: Comparison) -> ElementTree.Element:
    """The XML, parsed from the bytes that a file would have."""
    return ElementTree.fromstring(junit(comparison).encode())


@pytest.mark.parametrize("meant", [None, "meant"])
@pytest.mark.parametrize("verdict", ORDER)
def test_a_failure_is_of_the_verdict_or_the_memory_that_stops_the_gate(verdict: str, meant: str | None) -> None:
    one = case("a", verdict, **SWOLLEN, acknowledged=meant, file="a.py", line=1)
    says = verdict if verdict in ("wrong", "broken", "slower") else "more memory"
    fails = meant is None or verdict in ("wrong", "broken")
    assert [failure.get("type") for failure in suite(compared(one)).iter("failure")] == [says] * fails
    start = f"::error file=a.py,line=1,title={says}::{one.case} "
    assert [made[: len(start)] for made in workflow_commands(compared(one))] == [start] * fails


@given(st.lists(st.tuples(st.sampled_from(ORDER), st.sampled_from(["more", "same"]), st.none() | st.just("meant"))))
def test_each_test_is_a_failure_or_skipped_or_neither_as_is_counted(found: list[tuple[str, str, str | None]]) -> None:
    made = suite(compared(*[case(f"c{n}", v, memory=m, acknowledged=a) for n, (v, m, a) in enumerate(found)]))
    tests = made.findall("testcase")
    marks = [{mark.tag for mark in test} - {"system-out"} for test in tests]
    assert all(len(mark) <= 1 for mark in marks)
    assert made.get("tests") == str(len(found)) == str(len(tests))
    assert made.get("failures") == str(marks.count({"failure"}))
    assert made.get("skipped") == str(marks.count({"skipped"}))


NASTY = ("\x00", "\x1b[31m", "\ufffe", "\uffff", "a\r\nb", "]]>", "&amp;", *HOSTILE)


@given(st.sampled_from(NASTY) | st.text(st.characters(codec="utf-8")))
def test_any_name_and_reason_at_all_make_xml_in_which_what_it_may_not_hold_is_a_space(text: str) -> None:
    failed = case("b", "failed", case=f"{text}2", why=text, acknowledged=None)
    test = suite(compared(case("a", "wrong", case=text, why=text), failed)).find("testcase")
    assert test is not None
    kept = "".join(c if c.isprintable() else " " for c in text)
    assert test.get("name") == printable(text) == kept
    failure = test.find("failure")
    assert failure is not None
    assert failure.get("message") == f"{kept} is wrong ({kept})"
