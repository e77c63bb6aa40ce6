"""What is shown of a comparison: what stops a gate, the words for it, and that no name in a file can break out of any form of it.

``GOLDEN=rewrite pytest tests/test_comparison.py`` writes ``tests/golden/comparison.md`` again; then look at it.
"""

from __future__ import annotations

import json
import os
import re
from html import unescape
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.comparison import (
    FEW,
    HEADER,
    ORDER,
    PASSED,
    SAME_CODE,
    SLOWER,
    UNANSWERED,
    exit_code,
    failing,
    heading,
    markdown,
    memory_cell,
    notes,
    ranked,
    row,
    sentence,
    setup_cell,
    unanswered,
    worst,
)
from reports.comparison_ci import escaped, junit, printable, workflow_commands
from reports.comparison_page import WIDE, drawing, half_width, html, report
from reports.files import ResultError
from reports.results import ComparedRow, Comparison, ResultFile
from tests import saved
from tests.saved import HOSTILE

GOLDEN = Path(__file__).parents[1] / "golden"
SIZE = "V=1e4,H=100,B=100,f32,i64,zipf,t1"
OPEN = ("failed", "inconclusive")
MARGIN = "Changes below 2 % count as none, and so do changes of memory up to 4 KiB."


def case(slug: str, verdict: str, **fields: Any) -> ComparedRow:
    """A case with a verdict; its ratio as one figure or as (estimate, low, high)."""
    for name in ("ratio", "control", "mean"):
        if name in fields:
            figures = fields[name] if isinstance(fields[name], tuple) else (fields[name],)
            fields[name] = dict(zip(("estimate", "low", "high"), figures, strict=False))
    return ComparedRow.model_validate(
        {
            "case": f"lookup/{slug}@{SIZE}",
            "kernel": "lookup",
            "implementation": slug,
            "title": f"the {slug} way",
            "verdict": verdict,
            **fields,
        }
    )


def compared(*cases: ComparedRow, **fields: Any) -> Comparison:
    return Comparison.model_validate({"base": "v1.0", "head": "HEAD", "threshold": 0.02, **fields, "cases": cases})


def everything() -> Comparison:
    """A comparison with each verdict, and all else that can be said of one."""
    return compared(
        case(
            *("same", "same"),
            ratio=(1.001, 0.992, 1.01),
            control=(0.999, 0.99, 1.008),
            mean=(1.004, 0.97, 1.05),
            base_s=1e-5,
            head_s=1.001e-5,
            setup="same",
            base_setup_s=0.02,
            head_setup_s=0.021,
        ).model_copy(update={"memory": "same", "base_bytes": 4_000, "head_bytes": 4_000, "processes": 9}),
        case(
            "gather", "slower", ratio=(1.0512, 1.032, 1.07), control=(1.001, 0.99, 1.01), base_s=1e-5, head_s=1.05e-5
        ).model_copy(
            update={"memory": "more", "base_bytes": 999, "head_bytes": 40_000, "processes": 18, "second_stage": True}
        ),
        case("take", "slower", ratio=(3.0, 2.9, 3.1), base_s=1e-5, head_s=3e-5, acknowledged="checks its indices"),
        case("fast", "faster", ratio=(0.8, 0.75, 0.85), memory="less", base_bytes=2_000, head_bytes=1_000),
        case("add-at", "wrong", why="duplicates | are lost"),
        case("numba", "broken", why="HEAD: timeout: longer than 30 s"),
        case("csr", "failed", why="not comparable: HEAD needs scipy, which is not installed"),
        *[case(f"noisy-{n}", "inconclusive", why="the interval includes the threshold") for n in range(4)],
        added=[f"lookup/new@{SIZE}"],
        removed=[f"lookup/old@{SIZE}"],
        renamed=[(f"lookup/a@{SIZE}", f"lookup/b@{SIZE}")],
        skipped={SAME_CODE: ["x", "y"], "over the budget": ["z"]},
        caveats=["pyproject.toml differs"],
        seconds=12.3456,
    )


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


@pytest.mark.parametrize(
    ("verdict", "peak", "meant", "says"),
    [
        ("wrong", "more", None, "wrong"),
        ("wrong", "same", "meant", "wrong"),
        ("broken", "more", "meant", "broken"),
        ("slower", "more", None, "slower"),
        ("slower", "more", "meant", "slower"),
        ("same", "more", None, "more memory"),
        ("faster", "more", None, "more memory"),
        ("inconclusive", "more", None, "more memory"),
        ("failed", "more", None, "more memory"),
        ("same", "more", "meant", "same"),
        ("faster", "less", None, "faster"),
        ("inconclusive", "same", None, "inconclusive"),
    ],
)
def test_the_worst_of_a_case_is_its_verdict_or_the_memory_that_stops_the_gate(
    verdict: str, peak: str, meant: str | None, says: str
) -> None:
    assert worst(case("a", verdict, memory=peak, acknowledged=meant)) == says


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


# -- order, rows and words


def test_what_stops_the_gate_comes_first_then_what_is_worse() -> None:
    assert list(map(name, ranked(everything()))) == [
        "add-at",
        "numba",
        "gather",
        "csr",
        *[f"noisy-{n}" for n in range(4)],
        "take",
        "fast",
        "same",
    ]
    swollen = case("swollen", "same", memory="more")
    assert list(map(name, ranked(compared(case("csr", "failed"), swollen)))) == ["swollen", "csr"]


def test_cases_of_one_verdict_keep_their_order() -> None:
    cases = [case(slug, "same") for slug in "cab"]
    assert list(map(name, ranked(compared(*cases)))) == ["c", "a", "b"]


def test_a_row_has_a_cell_for_each_column_and_a_dash_for_what_is_not_there() -> None:
    assert row(case("gather", "failed")) == (f"lookup/gather@{SIZE}", "failed", *["–"] * (len(HEADER) - 2))
    assert row(everything().cases[1])[1:] == (
        "slower",
        "+5.1 % (+3.2 to +7.0 %)",
        "–",
        "+0.1 % (-1.0 to +1.0 %)",
        "10.0 µs",
        "10.5 µs",
        "–",
        "more: 999 B → 40.0 kB",
        "18 fresh",
    )
    assert row(everything().cases[2])[1:3] == ("slower, acknowledged", "3.00× slower (2.90–3.10)")


@pytest.mark.parametrize(
    ("verdict", "peaks", "says"),
    [
        ("same", (4_000, 4_100), "same: 4.10 kB"),
        ("less", (4_000, 1_000), "less: 4.00 kB → 1.00 kB"),
        ("unknown", (4_000, 9_000), "unsteady: 9.00 kB"),
        ("unknown", (None, 9_000), "–"),
        ("unknown", (4_000, None), "–"),
    ],
)
def test_memory_is_both_peaks_where_it_changed(verdict: str, peaks: tuple[Any, Any], says: str) -> None:
    assert memory_cell(case("gather", "same", memory=verdict, base_bytes=peaks[0], head_bytes=peaks[1])) == says


@pytest.mark.parametrize(
    ("verdict", "says"), [("same", "same: 50.0 ms"), ("slower", "slower: 10.0 ms → 50.0 ms"), ("unknown", "–")]
)
def test_set_up_is_both_times_where_it_changed(verdict: str, says: str) -> None:
    assert setup_cell(case("gather", "same", setup=verdict, base_setup_s=0.01, head_setup_s=0.05)) == says


def test_slower_set_up_stops_a_gate_unless_it_is_meant() -> None:
    slow = case("gather", "same", setup="slower", base_setup_s=0.01, head_setup_s=0.05)
    assert exit_code(compared(slow)) == 1
    assert sentence(compared(slow)) == (
        f"1 of 1 case got worse: lookup/gather@{SIZE} takes longer to set up: 10.0 ms → 50.0 ms. "
        f"Verdicts: 1 slower set-up. {MARGIN}"
    )
    assert exit_code(compared(slow.model_copy(update={"acknowledged": "it must"}))) == 0


def test_what_is_slower_in_the_mean_alone_says_so() -> None:
    spiky = case("gather", "slower", ratio=1.0, mean=1.5, why="in the mean, by 50.0%: some calls take much longer")
    assert "(in the mean, by 50.0%: some calls take much longer)" in sentence(compared(spiky))


def test_the_sentence_names_all_that_got_worse_and_in_what() -> None:
    assert sentence(everything()) == (
        f"3 of 11 cases got worse: lookup/gather@{SIZE} is slower: +5.1 % (+3.2 to +7.0 %) and takes more memory: 999 B → 40.0 kB; "
        f"lookup/add-at@{SIZE} is wrong (duplicates | are lost); "
        f"lookup/numba@{SIZE} is broken (HEAD: timeout: longer than 30 s). "
        f"Verdicts: 1 wrong, 1 broken, 2 slower, 1 failed, 4 inconclusive, 1 faster, 1 same. {MARGIN}"
    )


def test_more_memory_alone_is_said_without_a_word_of_time() -> None:
    swollen = case("gather", "faster", memory="more", base_bytes=999, head_bytes=40_000)
    assert sentence(compared(swollen)).startswith(
        f"1 of 1 case got worse: lookup/gather@{SIZE} takes more memory: 999 B → 40.0 kB. Verdicts: "
    )


def test_where_all_is_well_nothing_is_said_to_be_open() -> None:
    assert (
        sentence(compared(case("a", "same"), case("b", "faster"), threshold=0.005))
        == f"Nothing got slower. Verdicts: 1 faster, 1 same. {MARGIN.replace('2 %', '0.5 %')}"
    )


def test_where_something_is_slower_on_purpose_nothing_else_got_slower() -> None:
    meant = case("b", "slower", ratio=1.5, acknowledged="it checks more")
    assert (
        sentence(compared(case("a", "same"), meant))
        == f"Nothing got worse, except for acknowledged slowdowns. Verdicts: 1 slower, 1 same. {MARGIN}"
    )


def test_what_is_wrong_or_broken_got_worse_whatever_is_meant() -> None:
    for verdict in ("wrong", "broken"):
        said = sentence(compared(case("a", verdict, why="because", acknowledged="meant", ratio=1.5)))
        assert said.startswith(
            f"1 of 1 case got worse: lookup/a@{SIZE} is {verdict} (because). Verdicts: 1 {verdict}. "
        )


def test_what_there_was_no_time_for_is_said_before_what_could_not_be_told_and_after_what_got_worse() -> None:
    cases = case("a", "same"), case("b", "inconclusive", why="noise")
    late = {"skipped": {"no time": ["x", "y"]}, "over_budget": ["x", "y"]}
    assert sentence(compared(*cases, **late)) == (
        f"There was no time to measure 2 cases with changed code. Verdicts: 1 inconclusive, 1 same. {MARGIN}"
    )
    assert "There was no time to measure 1 case with changed code." in sentence(compared(*cases, over_budget=["x"]))
    assert sentence(compared(*cases, case("c", "slower", ratio=1.5), **late)).startswith("1 of 3 cases got worse")
    assert sentence(compared(**late)) == "Nothing was measured; the notes give the reasons."


@pytest.mark.parametrize("verdict", OPEN)
def test_what_could_not_be_told_is_admitted(verdict: str) -> None:
    assert sentence(compared(case("a", "same"), case("b", verdict, why="noise"))) == (
        f"Inconclusive: it is unknown whether 1 of 2 cases got slower. Verdicts: 1 {verdict}, 1 same. {MARGIN}"
    )
    assert "unknown" not in sentence(compared(case("a", "same"), case("b", verdict, acknowledged="meant")))


def test_two_runs_have_no_threshold_to_speak_of() -> None:
    for cases in ([case("a", "same")], [case("a", "slower", ratio=1.5)]):
        said = sentence(compared(*cases, interleaved=False))
        assert "exceeds what two runs usually differ by, and one of memory if it exceeds both 2 % and 4 KiB" in said
        assert MARGIN not in said


def test_a_comparison_of_nothing_says_so_and_has_no_table() -> None:
    empty = compared(skipped={SAME_CODE: ["a", "b"]})
    assert sentence(empty) == "Nothing was measured; the notes give the reasons."
    assert (
        sentence(empty.model_copy(update={"interleaved": False})) == "Nothing was compared; the notes give the reasons."
    )
    assert "|" not in markdown(empty)
    assert f"- 2 cases not measured: {SAME_CODE}" in markdown(empty)
    two_runs = empty.model_copy(update={"interleaved": False})
    assert f"- 2 cases not compared: {SAME_CODE}" in markdown(two_runs)


def test_notes_tell_caveats_reasons_intentions_and_what_was_not_raced() -> None:
    assert list(notes(everything())) == [
        "pyproject.toml differs",
        f"lookup/add-at@{SIZE} wrong: duplicates | are lost",
        f"lookup/numba@{SIZE} broken: HEAD: timeout: longer than 30 s",
        f"lookup/csr@{SIZE} failed: not comparable: HEAD needs scipy, which is not installed",
        "4 cases inconclusive: the interval includes the threshold",
        f"lookup/take@{SIZE} acknowledged: checks its indices",
        f"only in HEAD, so not compared: lookup/new@{SIZE}",
        f"only in BASE, so not compared: lookup/old@{SIZE}",
        f"renamed, with the same code: lookup/a@{SIZE} → lookup/b@{SIZE}",
        f"2 cases not measured: {SAME_CODE}",
        "1 case not measured: over the budget: z",
    ]
    assert list(notes(compared(case("a", "same")))) == []


@pytest.mark.parametrize("count", [1, FEW, FEW + 1])
def test_few_cases_with_one_reason_are_named_and_many_counted(count: int) -> None:
    (note,) = notes(compared(*[case(f"c{n}", "failed", why="crashed") for n in range(count)]))
    assert note.endswith(" failed: crashed")
    assert (f"lookup/c0@{SIZE}" in note) == (count <= FEW)
    assert note.startswith(f"{count} cases") == (count > FEW)


# -- Markdown


def test_the_markdown_reads_as_the_one_that_was_checked_by_eye(tmp_path: Path) -> None:
    paths = report(saved.result(comparison=everything().model_dump(), engine="compare"), tmp_path / "new")
    assert {file.name for file in (tmp_path / "new").iterdir()} == {path.name for path in paths}
    made = (tmp_path / "new" / "comparison.md").read_bytes()
    if os.environ.get("GOLDEN") == "rewrite":
        (GOLDEN / "comparison.md").write_bytes(made)
    assert made.decode() == (GOLDEN / "comparison.md").read_text("utf-8")


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


# -- the page


def page(comparison: Comparison) -> str:
    return html(saved.result(comparison=comparison.model_dump(), engine="compare"))


def test_the_page_shows_every_cell_and_every_note_and_fetches_nothing() -> None:
    shown = everything()
    made = unescape(re.sub(r"<[^>]*>", "\n", page(shown)))
    for text in (*(cell for one in shown.cases for cell in row(one)), *notes(shown), sentence(shown)):
        assert text in made
    assert not re.search(r"https?:|src=|@import|url\(", page(shown))
    assert page(shown).count('class="range"') == len([one for one in shown.cases if one.ratio])


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_file_is_a_tag_of_the_page(text: str) -> None:
    found = [case("a", "wrong", case=text, why=text, file=text), case("b", "same", case=f"{text} ", acknowledged=text)]
    others: dict[str, Any] = {"caveats": [text], "added": [text], "removed": [text], "renamed": [(text, text)]}
    hostile = compared(*found, **others, skipped={text: [text]}, base=text, head=text)
    tame = compared(*found, **others).model_dump_json().replace(json.dumps(text)[1:-1], "tame")
    tags = [
        re.findall(r"<\w[^>]*>|</\w+>", page(made))
        for made in (
            hostile,
            Comparison.model_validate_json(tame).model_copy(update={"skipped": {"tame": ["tame"]}}),
        )
    ]
    assert tags[0] == tags[1]


def test_the_page_of_two_runs_speaks_of_two_runs() -> None:
    made = page(compared(case("a", "same", ratio=1.0), interleaved=False))
    assert "These are two runs" in made
    assert "one process" not in made


@pytest.mark.parametrize(
    ("cases", "fields", "says"),
    [
        (["same"], {}, "Nothing got slower"),
        (["slower", "failed"], {}, "Something got worse"),
        (["broken"], {}, "Something got worse"),
        (["inconclusive"], {}, "Inconclusive"),
        (["same"], {"over_budget": ["x"]}, "Inconclusive"),
        ([], {}, "Nothing was measured"),
        ([], {"interleaved": False}, "Inconclusive"),
    ],
)
def test_the_pages_headline_is_as_good_or_bad_as_the_exit_code(
    cases: list[str], fields: dict[str, Any], says: str
) -> None:
    made = page(compared(*[case(f"c{n}", verdict) for n, verdict in enumerate(cases)], **fields))
    assert f"<h1>{says}</h1>" in made


def test_a_case_with_a_margin_of_its_own_has_its_band_as_wide() -> None:
    bands = [
        float(found[1])
        for margin in (None, 0.02, 0.2)
        if (found := re.search(r'class="margin" x="[^"]*" width="([^"]*)"', page(band(margin))))
    ]
    assert bands[0] == bands[1] < bands[2] < WIDE


def band(margin: float | None) -> Comparison:
    return compared(case("a", "same", ratio=(1.0, 0.6, 1.6), margin=margin), interleaved=False)


ratios = st.floats(1e-11, 1e8)


@given(st.lists(ratios, min_size=3, max_size=3), ratios, st.floats(0, 10))
def test_what_is_drawn_stays_on_its_scale_and_in_order(ends: list[float], other: float, threshold: float) -> None:
    low, estimate, high = sorted(ends)
    one = case("a", "same", ratio=(estimate, low, high))
    places = drawing(one, threshold, half_width(compared(one, case("b", "same", ratio=other), threshold=threshold)))
    assert places is not None
    assert 4 <= places["low"] <= places["at"] <= places["high"] <= WIDE - 4
    assert 4 <= places["margin"][0] <= places["zero"] <= places["margin"][1] <= WIDE - 4
    assert places["zero"] == WIDE / 2


def test_a_case_without_a_ratio_is_not_drawn() -> None:
    assert drawing(case("a", "failed"), 0.02, 1.0) is None


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


def test_a_slower_case_is_an_error_at_its_line_and_an_open_one_a_warning() -> None:
    found = compared(
        case("b", "inconclusive", why="too noisy", file="impls/lookup.py", line=9),
        case("a", "slower", ratio=(1.05, 1.03, 1.07), file="impls/lookup.py", line=7),
        case("c", "same", file="impls/lookup.py", line=8),
        case("d", "slower", ratio=1.5, acknowledged="meant", file="impls/lookup.py", line=8),
    )
    assert workflow_commands(found) == [
        f"::error file=impls/lookup.py,line=7,title=slower::lookup/a@{SIZE} is slower: +5.0 %25 (+3.0 to +7.0 %25)",
        f"::warning file=impls/lookup.py,line=9,title=inconclusive::lookup/b@{SIZE}: inconclusive, too noisy",
    ]


def test_an_annotation_is_titled_by_what_stops_the_gate() -> None:
    place = {"file": "impls/lookup.py", "line": 9}
    found = compared(
        case("a", "same", memory="more", base_bytes=999, head_bytes=40_000, **place),
        case("b", "broken", why="HEAD: crashed: signal 11", acknowledged="meant", **place),
        case("c", "inconclusive", memory="more", base_bytes=999, head_bytes=40_000, acknowledged="meant", **place),
    )
    assert workflow_commands(found) == [
        f"::error file=impls/lookup.py,line=9,title=broken::lookup/b@{SIZE} is broken (HEAD: crashed: signal 11)",
        f"::error file=impls/lookup.py,line=9,title=more memory::lookup/a@{SIZE} takes more memory: 999 B → 40.0 kB",
    ]


def test_a_case_without_a_file_is_annotated_without_a_place() -> None:
    assert workflow_commands(compared(case("a", "failed", why="crashed"))) == [
        f"::warning::lookup/a@{SIZE}: failed, crashed"
    ]
    assert workflow_commands(compared(case("a", "same"))) == []


def test_hostile_texts_stay_in_their_part_of_the_command() -> None:
    (made,) = workflow_commands(
        compared(case("a", "wrong", why="100%\r\n::error::x", case="a::b\n", file="x,line=9:%\n.py", line=3))
    )
    assert made == ("::error file=x%2Cline=9%3A%25%0A.py,line=3,title=wrong::a::b%0A is wrong (100%25%0D%0A::error::x)")
    assert len(made.splitlines()) == 1


# -- JUnit


def suite(comparison: Comparison) -> ElementTree.Element:
    """The XML, parsed from the bytes that a file would have."""
    return ElementTree.fromstring(junit(comparison).encode())


def test_the_suite_counts_what_it_holds() -> None:
    found = suite(everything())
    assert dict(found.attrib) == {
        "name": "w2vbench compare",
        "tests": "11",
        "failures": "3",
        "skipped": "5",
        "time": "12.346",
    }
    tests = found.findall("testcase")
    assert [test.get("name") for test in tests] == [one.case for one in everything().cases]
    failures = {test.get("name", "").partition("@")[0]: test.find("failure") for test in tests}
    failed = {slug: failure for slug, failure in failures.items() if failure is not None}
    assert {slug: failure.get("type") for slug, failure in failed.items()} == {
        "lookup/gather": "slower",
        "lookup/add-at": "wrong",
        "lookup/numba": "broken",
    }
    assert failed["lookup/add-at"].get("message") == f"lookup/add-at@{SIZE} is wrong (duplicates | are lost)"
    skipped = [test.find("skipped") for test in tests]
    assert next(one.get("message") for one in skipped if one is not None) == (
        "failed: not comparable: HEAD needs scipy, which is not installed"
    )
    assert tests[0].findtext("system-out", "").startswith(f"case = lookup/same@{SIZE}, verdict = same, ")


@given(st.lists(st.tuples(st.sampled_from(ORDER), st.sampled_from(["more", "same"]), st.none() | st.just("meant"))))
def test_each_test_is_a_failure_or_skipped_or_neither_as_is_counted(found: list[tuple[str, str, str | None]]) -> None:
    made = suite(compared(*[case(f"c{n}", v, memory=m, acknowledged=a) for n, (v, m, a) in enumerate(found)]))
    tests = made.findall("testcase")
    marks = [{mark.tag for mark in test} - {"system-out"} for test in tests]
    assert all(len(mark) <= 1 for mark in marks)
    assert made.get("tests") == str(len(found)) == str(len(tests))
    assert made.get("failures") == str(marks.count({"failure"}))
    assert made.get("skipped") == str(marks.count({"skipped"}))


def test_more_memory_alone_is_a_failure_of_its_own_type() -> None:
    (failure,) = suite(compared(case("a", "faster", memory="more", base_bytes=999, head_bytes=40_000))).iter("failure")
    assert (failure.get("type"), failure.get("message")) == (
        "more memory",
        f"lookup/a@{SIZE} takes more memory: 999 B → 40.0 kB",
    )


def test_a_comparison_of_nothing_is_a_suite_without_tests() -> None:
    found = suite(compared())
    assert (found.get("tests"), found.get("failures"), found.get("skipped"), len(found)) == ("0", "0", "0", 0)


@given(st.text(st.characters(codec="utf-8")))
def test_any_name_and_reason_at_all_make_xml_that_parses(text: str) -> None:
    found = suite(
        compared(
            case("a", "wrong", case=text, why=text), case("b", "failed", case=f"{text}2", why=text, acknowledged=None)
        )
    )
    assert found.findall("testcase")[0].get("name") == printable(text)


@pytest.mark.parametrize("text", ["\x00", "\x1b[31m", "\ufffe", "\uffff", "a\r\nb", "]]>", "&amp;", *HOSTILE])
def test_what_xml_may_not_hold_is_a_space_and_the_rest_is_kept(text: str) -> None:
    failure = suite(compared(case("a", "wrong", why=text))).find("testcase/failure")
    assert failure is not None
    kept = "".join(c if c.isprintable() else " " for c in text)
    assert failure.get("message") == f"lookup/a@{SIZE} is wrong ({kept})"


def test_what_may_have_spoilt_the_figures_is_said_wherever_they_are_shown(tmp_path: Path) -> None:
    warning = "the machine was busy | <b>very</b>"
    content = saved.content(
        engine="compare", warnings=[warning], comparison=compared(case("same", "same")).model_dump()
    )
    result = ResultFile.model_validate(content)
    report(result, tmp_path)
    assert "**Warning:** the machine was busy" in (tmp_path / "comparison.md").read_text()
    page = (tmp_path / "comparison.html").read_text()
    assert '<p class="warning">the machine was busy' in page
    assert "<b>very" not in page


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
