"""The page of a comparison: it shows what the Markdown shows, and no text of a file is a tag of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page
from w2vbench.reports.compare.page import WIDE, drawing, half_width, html, report, steps
from w2vbench.reports.compare.stages import TRIPLE
from w2vbench.reports.compare.tables import PASSED, SLOWER, UNANSWERED, exit_code, notes, outcome, row
from w2vbench.reports.file.schema.comparison import Comparison

from tests import saved
from tests.reports.browser import patient
from tests.reports.compare.comparisons import case, compared, everything, of_packages, with_texts
from tests.saved import HOSTILE


def page(comparison: Comparison) -> str:
    return html(saved.result(comparison=comparison.model_dump(), engine="compare"))


def test_the_page_shows_every_cell_and_every_note_and_fetches_nothing() -> None:
    shown = everything()
    made = unescape(re.sub(r"<[^>]*>", "\n", page(shown)))
    for text in (*(cell for one in shown.cases for cell in row(one)), *notes(shown), outcome(shown)):
        assert text in made
    assert not re.search(r"https?:|src=|@import|url\(", page(shown))
    assert page(shown).count('class="range"') == len([one for one in shown.cases if one.ratio])


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    """A tab as wide as a phone."""
    tab = patient(chromium.new_page(viewport={"width": 390, "height": 844}))
    yield tab
    tab.close()


def test_a_phone_shows_every_verdict_and_change_without_scrolling_aside(phone: Page) -> None:
    phone.set_content(page(everything()))
    for shown in (".verdict", "td.change"):
        boxes = [box for one in phone.locator(shown).all() if (box := one.bounding_box())]
        assert boxes
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
    table = phone.locator(".scroll").first
    assert table.evaluate("(one) => one.scrollWidth <= one.clientWidth")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_file_is_a_tag_of_the_page(text: str) -> None:
    hostile, tame = (re.findall(r"<\w[^>]*>|</\w+>", page(with_texts(one))) for one in (text, "tame"))
    assert hostile == tame


@pytest.mark.parametrize(
    ("verdicts", "fields", "code", "says"),
    [
        ("same", {}, PASSED, "Nothing got slower"),
        ("slower failed", {}, SLOWER, "Something got worse"),
        ("broken", {}, SLOWER, "Something got worse"),
        ("inconclusive", {}, UNANSWERED, "Inconclusive"),
        ("same", {"over_budget": ["x"]}, UNANSWERED, "Inconclusive"),
        ("slower", {"over_budget": ["x"]}, SLOWER, "Something got worse"),
        ("", {"over_budget": ["x"]}, UNANSWERED, "Inconclusive"),
        ("", {}, PASSED, "Nothing was measured"),
        ("same", {"interleaved": False}, PASSED, "Nothing got slower"),
        ("", {"interleaved": False}, UNANSWERED, "Inconclusive"),
    ],
)
def test_the_pages_headline_is_as_good_or_bad_as_the_exit_code(
    verdicts: str, fields: dict[str, Any], code: int, says: str
) -> None:
    found = compared(*[case(f"c{n}", verdict) for n, verdict in enumerate(verdicts.split())], **fields)
    assert exit_code(found) == code
    assert f"<h1>{says}</h1>" in page(found)


@pytest.mark.parametrize("sides", [[], of_packages().environments], ids=["revisions", "packages"])
def test_the_page_says_after_how_many_processes_looks_decided(sides: Sequence[Any]) -> None:
    process = {side: {"wall_s": [1.0], "cpu_s": [1.0]} for side in TRIPLE}
    for sizes, says in (
        ((0,), ""),
        ((5,), "5"),
        ((9, 18), "27 at most 9 and 27"),
        ((5, 4, 4), "13 at most 5, 9 and 13"),
    ):
        stages = [[process] * size for size in sizes]
        how = page(compared(case("a", "same", stages=stages), environments=sides)).partition('id="how"')[2]
        found = re.findall(
            r"(\d+) (?:fresh )?processes(?:( at most): each of the looks after ([\d, and]+) decided)?", how
        )
        assert " ".join(part.strip() for one in found for part in one if part) == says


def test_a_case_with_a_margin_of_its_own_has_its_band_as_wide() -> None:
    cases = [case("a", "same", ratio=(1.0, 0.6, 1.6), margin=margin) for margin in (None, 0.02, 0.2)]
    pages = [page(compared(one, interleaved=False)) for one in cases]
    bands = [float(re.findall(r'class="margin" x="[^"]*" width="([^"]*)"', made)[0]) for made in pages]
    assert bands[0] == bands[1] < bands[2] < WIDE


def test_what_both_environments_share_is_one_line_and_no_row() -> None:
    made = unescape(page(of_packages()))
    table = made.partition('class="environments"')[2].partition("</table>")[0]
    assert re.findall(r'<th scope="row">([^<]*)', table) == ["numba", "extra", "llvmlite"]
    assert "The same on both sides: numpy 2.2.6, scipy 1.17.1, Python 3.11.7, BLAS openblas 0.3.29" in made
    side = of_packages().environments[0]
    assert '<table class="environments"' not in page(compared(case("a", "same"), environments=[side, side]))


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


def test_a_change_beyond_the_scale_is_an_arrow_that_points_outwards() -> None:
    cases = [case(f"c{at}", "slower", ratio=ratio) for at, ratio in enumerate((50.0, 0.02, 1.05))]
    found = compared(*cases)
    drawn = [drawing(one, 0.02, half_width(found)) for one in cases]
    assert [one and one["beyond"] for one in drawn] == [1, -1, 0]
    made = page(found).partition("<tbody>")[2].partition("</tbody>")[0]
    assert [made.count(tag) for tag in ("<path ", "<circle ")] == [2, 1]


def test_what_may_have_spoilt_the_figures_is_said_wherever_they_are_shown(tmp_path: Path) -> None:
    warning = "the machine was busy | <b>very</b>"
    report(saved.result(warnings=[warning], comparison=compared(case("same", "same")).model_dump()), tmp_path)
    assert "**Warning:** the machine was busy" in (tmp_path / "comparison.md").read_text()
    made = (tmp_path / "comparison.html").read_text()
    assert "the machine was busy" in made
    assert "<b>very" not in made


FILES = " --impl 'my kernels.py' --corpus text"
Side = tuple[Sequence[str], Mapping[str, str], str]
"""Requirements, versions by package, and Python."""


def advice(base: Side, head: Side) -> list[list[str]]:
    """The words of the commands that the page suggests for a slower case, and for an undecided one."""
    names = ("requirements", "packages", "python")
    sides = [dict(zip(names, side, strict=True)) for side in (base, head)]
    found = compared(case("slow", "slower", ratio=1.5), case("open", "inconclusive", ratio=1.0), environments=sides)
    return [shlex.split(command) for step in steps(found, FILES) for _, command in step.commands]


def option(words: Sequence[str], name: str) -> str:
    return words[words.index(name) + 1]


def test_suggested_commands_use_the_same_files_requirements_and_interpreter() -> None:
    releases, again = advice(
        (["numba==0.62.*", "numpy==2.2.*"], {"numba": "0.62.1", "numpy": "2.2.6"}, "3.12.1"),
        (["numba==0.63.*", "numpy==2.2.*"], {"numba": "0.63.1", "numpy": "2.2.6"}, "3.12.1"),
    )
    assert releases[:4] == ["w2vbench", "versions", "numba", ">=0.62.1,<=0.63.1"]
    assert option(releases, "--with") == "numpy==2.2.*"
    assert [option(releases, name) for name in ("--impl", "--corpus")] == ["my kernels.py", "text"]
    assert again[2:5] == ["--packages", "numba==0.62.* numpy==2.2.*", "numba==0.63.* numpy==2.2.*"]
    assert [option(words, "--python") for words in (releases, again)] == ["3.12", "3.12"]
    assert again[-4:] == shlex.split(FILES)


@pytest.mark.parametrize(("threads", "more"), [(1, []), (4, ["--threads", "4"])])
def test_undecided_cases_are_measured_again_by_their_whole_names(threads: int, more: list[str]) -> None:
    cases = [f"{name}@V=1e4,H=100,B=100,f32,i64,zipf,t{threads}" for name in ("lookup/gather", "scatter.rows/csr")]
    found = compared(*[case("open", "inconclusive", ratio=1.0, case=name) for name in cases])
    (only,) = steps(found, "")
    ((_, command),) = only.commands
    assert shlex.split(command) == ["w2vbench", "compare", "v1.0", "--only", cases[0], "--only", cases[1], *more]


def test_a_copy_of_base_that_is_suggested_is_removed_too() -> None:
    (slow,) = steps(compared(case("slow", "slower", ratio=1.5)), "")
    commands = [command for _, command in slow.commands]
    added, removed = (
        next(at for at, one in enumerate(commands) if f"git worktree {verb} ../base" in one)
        for verb in ("add", "remove")
    )
    assert added < removed


@pytest.mark.parametrize("at_base", [False, True])
def test_of_a_package_that_one_side_lacks_only_the_known_version_bounds_the_releases(at_base: bool) -> None:
    sides: tuple[Side, Side] = (
        (["numpy"], {"numpy": "2.2.6"}, "3.12.1"),
        (["rich"], {"numpy": "2.2.6", "rich": "1.2"}, "3.12.1"),
    )
    releases, _ = advice(*(sides[::-1] if at_base else sides))
    assert releases[1:4] == ["versions", "rich", "<=1.2"]
    assert "--all" not in releases  # which would be every release that there ever was


def test_where_the_pythons_differ_commands_name_them() -> None:
    numpy, newer = {"numpy": "2.2.6"}, {"numpy": "2.3.0"}
    releases, again = advice((["numpy"], numpy, "3.9.20"), (["numpy"], newer, "3.13.1"))
    assert option(releases, "--python") == "3.13"
    assert again[3:8] == ["numpy", "numpy", "--python", "3.9", "3.13"]
    profile, again = advice(([], numpy, "3.9.20"), ([], numpy, "3.13.1"))
    assert profile[1] == "profile"
    assert again[3:8] == ["", "", "--python", "3.9", "3.13"]
    _, again = advice(([], numpy, "3.14.1"), ([], numpy, "3.14.1t"))
    assert again[3:8] == ["", "", "--python", "3.14", "3.14t"]


def test_a_requirement_with_quotes_is_one_word_of_the_command() -> None:
    marked = "numpy; python_version >= '3.9'"
    _, again = advice(([marked], {"numpy": "1"}, "3.12.1"), (["numpy"], {"numpy": "2"}, "3.12.1"))
    assert again[3] == marked
