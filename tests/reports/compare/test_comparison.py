"""What is shown of a comparison: what stops a gate, the words for it, and that no name in a file can break out of Markdown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.reports.compare.page import report
from w2vbench.reports.compare.tables import (
    HEADER,
    ORDER,
    PASSED,
    SLOWER,
    UNANSWERED,
    exit_code,
    failing,
    heading,
    markdown,
    notes,
    outcome,
    ranked,
    unanswered,
)
from w2vbench.reports.file.schema.comparison import ComparedRow

from tests import golden_files, saved
from tests.reports.compare.comparisons import SITUATIONS, case, compared, everything, with_texts
from tests.saved import HOSTILE

VERDICTS = get_args(ComparedRow.model_fields["verdict"].annotation)

# -- what stops a gate


@pytest.mark.parametrize("meant", [None, "it checks more", ""])
@pytest.mark.parametrize("worse", [{}, {"memory": "more"}, {"memory": "less"}, {"memory": "same"}, {"setup": "slower"}])
@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_case_alone_passes_fails_or_leaves_the_question_open(
    verdict: str, worse: dict[str, str], meant: str | None
) -> None:
    expected = {"slower": SLOWER, "failed": UNANSWERED, "inconclusive": UNANSWERED}.get(verdict, PASSED)
    if "more" in worse.values() or "slower" in worse.values():
        expected = SLOWER
    if meant is not None:
        expected = PASSED
    if verdict in ("wrong", "broken"):  # nobody can mean it to be
        expected = SLOWER
    one = case("gather", verdict, **worse, acknowledged=meant)
    open_ = meant is None and verdict in ("failed", "inconclusive")
    assert exit_code(compared(one)) == expected
    assert (failing(one), unanswered(one)) == (expected == SLOWER, open_)


@given(st.lists(st.tuples(st.sampled_from(VERDICTS), st.sampled_from(["more", "same"]), st.none() | st.just("meant"))))
def test_of_many_cases_the_worst_decides_and_comes_first(found: list[tuple[str, str, str | None]]) -> None:
    cases = [case(f"c{n:02}", v, memory=m, acknowledged=a) for n, (v, m, a) in enumerate(found)]
    each = [exit_code(compared(one)) for one in cases]
    assert exit_code(compared(*cases)) == (SLOWER if SLOWER in each else UNANSWERED if UNANSWERED in each else PASSED)
    order = ranked(compared(*cases))
    ranks = [[SLOWER, UNANSWERED, PASSED].index(exit_code(compared(one))) for one in order]
    assert len(order) == len(cases)
    assert ranks == sorted(ranks)
    alike: dict[tuple[bool, bool], list[tuple[int, str]]] = {}  # those of one verdict keep their order
    for one in order:
        alike.setdefault((failing(one), unanswered(one)), []).append((ORDER.index(one.verdict), one.implementation))
    assert all(its == sorted(its) for its in alike.values())


# -- words


def test_what_is_said_reads_as_it_was_checked_by_eye() -> None:
    said = [f"# {name}\n\n{markdown(comparison)}" for name, comparison in SITUATIONS.items()]
    golden_files.check("comparisons.md", "\n".join(said))


def test_an_acknowledged_slowdown_is_counted_as_one_beside_another() -> None:
    both = compared(case("a", "slower", acknowledged="it checks more"), case("b", "slower"))
    assert "1 of 2 cases got worse. Verdicts: 2 slower (1 acknowledged)." in outcome(both)
    wrong = compared(case("a", "wrong", acknowledged="no excuse"), case("b", "same", acknowledged="for its memory"))
    assert "1 of 2 cases got worse. Verdicts: 1 wrong, 1 same." in outcome(wrong)


# -- Markdown


def test_a_report_is_the_files_that_it_names(tmp_path: Path) -> None:
    result = saved.result(comparison=everything().model_dump(), engine="compare")
    assert {*report(result, tmp_path / "new")} == {*(tmp_path / "new").iterdir()}


NASTY = (*HOSTILE, "a|b", "a\\|b", "`tick`", "`a|b", "a\nb\n\n# c", "a\r\n| x |", "a\u2028b", "\x1b[31m", "")


@pytest.mark.parametrize("text", NASTY)
def test_no_name_or_reason_breaks_out_of_markdown(text: str) -> None:
    hostile = with_texts(text)
    made = markdown(hostile)
    assert not re.search(r"<(?!!--)", made)
    lines = made.splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 4
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in rows} == {len(HEADER) + 1}
    expected = len(list(notes(hostile)))
    assert [line[:2] for line in lines] == ["##", "", lines[2][:2], "", *["| "] * 4, "", *["- "] * expected]
    assert heading(hostile) in lines[0]
