"""What is shown of a comparison: what stops a gate, the words for it, and that no name in a file can break out of Markdown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.comparison import (
    FEW,
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
    ranked,
    sentence,
    unanswered,
)
from reports.comparison_page import report
from reports.files import ResultError
from reports.result_schema import ComparedRow
from tests import golden_files, saved
from tests.reports.comparisons import SITUATIONS, SIZE, case, compared, everything
from tests.saved import HOSTILE

OPEN = ("failed", "inconclusive")


def name(one: ComparedRow) -> str:
    return one.implementation


# -- what stops a gate


@pytest.mark.parametrize("meant", [None, "it checks more", ""])
@pytest.mark.parametrize("peak", ["more", "less", "same", "unknown"])
@pytest.mark.parametrize("verdict", ORDER)
def test_a_case_alone_passes_fails_or_leaves_the_question_open(verdict: str, peak: str, meant: str | None) -> None:
    expected = {"slower": SLOWER, "failed": UNANSWERED, "inconclusive": UNANSWERED}.get(verdict, PASSED)
    if peak == "more":
        expected = SLOWER
    if meant is not None:
        expected = PASSED
    if verdict in ("wrong", "broken"):  # nobody can mean it to be
        expected = SLOWER
    one = case("gather", verdict, memory=peak, acknowledged=meant)
    assert exit_code(compared(one)) == expected
    assert (failing(one), unanswered(one)) == (expected == SLOWER, meant is None and verdict in OPEN)


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        ((), UNANSWERED),
        (("same",), UNANSWERED),
        (("failed",), UNANSWERED),
        (("slower",), SLOWER),
        (("broken",), SLOWER),
    ],
)
def test_what_there_was_no_time_for_leaves_the_question_open(cases: tuple[str, ...], expected: int) -> None:
    found = compared(*[case("gather", verdict) for verdict in cases], over_budget=[f"lookup/take@{SIZE}"])
    assert exit_code(found) == expected


@pytest.mark.parametrize("interleaved", [True, False])
def test_that_nothing_differs_passes_but_two_runs_without_a_common_case_do_not(interleaved: bool) -> None:
    assert exit_code(compared(interleaved=interleaved)) == (PASSED if interleaved else UNANSWERED)
    assert exit_code(compared(case("a", "same"), interleaved=interleaved)) == PASSED


def test_slower_set_up_stops_a_gate_unless_it_is_meant() -> None:
    slow = case("gather", "same", setup="slower", base_setup_s=0.01, head_setup_s=0.05)
    assert exit_code(compared(slow)) == SLOWER
    assert exit_code(compared(slow.model_copy(update={"acknowledged": "it must"}))) == PASSED


def test_exit_codes_are_those_that_the_command_documents() -> None:
    assert (PASSED, SLOWER, UNANSWERED) == (0, 1, 3)


def test_every_verdict_that_a_file_may_have_has_a_rank() -> None:
    assert set(ORDER) == set(get_args(ComparedRow.model_fields["verdict"].annotation))


@given(st.lists(st.tuples(st.sampled_from(ORDER), st.sampled_from(["more", "same"]), st.none() | st.just("meant"))))
def test_of_many_cases_the_worst_decides(found: list[tuple[str, str, str | None]]) -> None:
    cases = [case(f"c{n}", v, memory=m, acknowledged=a) for n, (v, m, a) in enumerate(found)]
    each = [exit_code(compared(one)) for one in cases]
    assert exit_code(compared(*cases)) == (SLOWER if SLOWER in each else UNANSWERED if UNANSWERED in each else PASSED)
    order = ranked(compared(*cases))
    assert sorted(map(name, order)) == sorted(map(name, cases))
    ranks = [[SLOWER, UNANSWERED, PASSED].index(exit_code(compared(one))) for one in order]
    assert ranks == sorted(ranks)
    alike: dict[tuple[bool, bool], list[int]] = {}
    for one in order:
        alike.setdefault((failing(one), unanswered(one)), []).append(ORDER.index(one.verdict))
    assert all(verdicts == sorted(verdicts) for verdicts in alike.values())


def test_cases_of_one_verdict_keep_their_order() -> None:
    cases = [case(slug, "same") for slug in "cab"]
    assert list(map(name, ranked(compared(*cases)))) == ["c", "a", "b"]


# -- words


def test_what_is_said_reads_as_it_was_checked_by_eye() -> None:
    said = [f"# {name}\n\n{markdown(comparison)}" for name, comparison in SITUATIONS.items()]
    golden_files.check("comparisons.md", "\n".join(said))


@pytest.mark.parametrize("verdict", ["wrong", "broken"])
def test_what_is_wrong_or_broken_got_worse_whatever_is_acknowledged(verdict: str) -> None:
    meant = case("a", verdict, why="because", acknowledged="meant", ratio=1.5)
    assert f"{meant.case} is {verdict} (because)" in sentence(compared(meant))


@pytest.mark.parametrize("count", [1, FEW, FEW + 1])
def test_few_cases_with_one_reason_are_named_and_many_counted(count: int) -> None:
    (note,) = notes(compared(*[case(f"c{n}", "failed", why="crashed") for n in range(count)]))
    assert note.endswith(" failed: crashed")
    assert (f"lookup/c0@{SIZE}" in note) == (count <= FEW)
    assert note.startswith(f"{count} cases") == (count > FEW)


@pytest.mark.parametrize(
    ("threads", "base", "head", "told"),
    [
        (4, 1e-3, 2e-3, True),
        (4, 1e-3, 1.05e-3, False),
        (4, 2e-3, 1e-3, False),
        (4, 0.0, 1e-3, True),
        (1, 1e-3, 2e-3, False),
    ],
)
def test_more_cpu_time_on_several_threads_is_told_though_no_more_time_passes(
    threads: int, base: float, head: float, told: bool
) -> None:
    one = case("same", "same").model_copy(
        update={"case": f"lookup/same@{SIZE[:-1]}{threads}", "base_cpu_s": base, "head_cpu_s": head}
    )
    said = [note for note in notes(compared(one)) if "more CPU time over all its threads" in note]
    assert bool(said) is told
    assert exit_code(compared(one)) == PASSED


# -- Markdown


def test_a_report_is_the_files_that_it_names(tmp_path: Path) -> None:
    paths = report(saved.result(comparison=everything().model_dump(), engine="compare"), tmp_path / "new")
    assert {file.name for file in (tmp_path / "new").iterdir()} == {path.name for path in paths}


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(ResultError, match="out"):
        report(saved.result(comparison=everything().model_dump()), tmp_path / "out")


NASTY = (*HOSTILE, "a|b", "a\\|b", "`tick`", "`a|b", "a\nb\n\n# c", "a\r\n| x |", "a\u2028b", "\x1b[31m", "")


@pytest.mark.parametrize("text", NASTY)
def test_no_name_or_reason_breaks_out_of_markdown(text: str) -> None:
    hostile = compared(
        case("a", "wrong", case=text, why=text),
        case("b", "slower", case=f"{text} ", ratio=1.5, acknowledged=text),
        base=text,
        head=text,
        caveats=[text],
        added=[text],
        removed=[text],
        renamed=[(text, text)],
        skipped={text: [text]},
    )
    made = markdown(hostile)
    assert not re.search(r"<(?!!--)", made)
    lines = made.splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 4
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in rows} == {len(HEADER) + 1}
    expected = len(list(notes(hostile)))
    assert [line[:2] for line in lines] == ["##", "", lines[2][:2], "", *["| "] * 4, "", *["- "] * expected]
    assert heading(hostile) in lines[0]
