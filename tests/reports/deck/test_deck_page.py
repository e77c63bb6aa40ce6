"""The source deck's page: what it says of a run's figures, and how it is read, projected and moved through in a browser."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from w2vbench.bench.commands.terminal.summaries import print_run
from w2vbench.reports.deck import missing as deck_missing
from w2vbench.reports.deck import page as deck_page
from w2vbench.reports.deck.facts import facts
from w2vbench.reports.deck.printed import HEADER, deck_table
from w2vbench.reports.deck.screens import CHAPTERS, CHARTS
from w2vbench.reports.deck.story import SCREENS
from w2vbench.reports.drawing.diagrams import DIAGRAMS, diagram
from w2vbench.reports.drawing.markdown import markdown_table
from w2vbench.reports.file.files import dump, read
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.outputs import report
from w2vbench.reports.run.markdown import as_markdown
from w2vbench.reports.run.page import html

from tests import golden_files, saved
from tests.reports.browser import PHONE, WIDE, Show
from tests.reports.deck.deck_runs import DECK_PAGES, figures, interrupted, profiles, whole

PROJECTED = (1920, 1080)


def as_text(result: ResultFile) -> str:
    """What the page says of a run, without the story's own texts."""
    parts = []
    for screen in SCREENS:
        view = deck_page.view(screen, result)
        parts.append(f"## {screen.label}: {screen.title}")
        parts += [f"{side.title}: {side.where} {side.remark}".strip() for side in view.sides]
        parts += [" | ".join(row).strip() for row in view.table]
        parts += view.found
        parts += [f"unknown: {view.unknown}"] * bool(view.unknown)
    parts += ["## The beginning", deck_missing.coverage(result), deck_missing.processes(result)]
    parts += [*(" | ".join(line) for line in deck_page.headlines(result))]
    parts += ["## Steps", *(f"{name} | {time} | {cells}" for name, time, cells in deck_page.steps(result))]
    return "\n".join(parts) + "\n"


def test_figures_and_speed_ups_are_shown_as_printed_as_they_must_be_read_and_as_measured() -> None:
    rows = figures()
    result = saved.result(*rows, profiles=profiles(rows))
    golden_files.check("deck.md", "\n".join(markdown_table(HEADER, deck_table(result))) + "\n")
    assert "## The source deck's figures" in as_markdown(result)
    page = html(result)
    assert "84.7 ms" in page
    assert all(f'<th scope="col">{name}</th>' in page for name in HEADER)
    assert deck_table(saved.result(saved.row("gather", 1e-6))) == []  # of another size


def test_what_the_page_says_of_a_run() -> None:
    golden_files.check("deck-page.txt", as_text(whole()))


def test_what_was_not_measured_is_said_and_never_made_up() -> None:
    result = interrupted()
    golden_files.check("deck-page-interrupted.txt", as_text(result))
    page = deck_page.html(result)
    assert page.count("Not measured before the run was interrupted.") > 10
    assert page.count("The result file does not have the worked example.") == 3
    assert "This run measured 1 of the " in page
    assert "was interrupted" in page


def test_a_run_of_a_few_kernels_names_them_and_marks_no_family_of_what_it_lacks() -> None:
    result = saved.result(*figures()[:2], preset="deck", warnings=["the machine was busy <b>"])
    assert deck_missing.absent("scatter.dense", result) == "Not in this run, which measured only lookup."
    loop = next(screen for screen in SCREENS if screen.label == "Slide 13")
    assert [side.kind for side in deck_page.view(loop, result).sides] == ["", ""]
    one_hot = next(screen for screen in SCREENS if screen.label == "Slides 7 to 9")
    assert [side.kind for side in deck_page.view(one_hot, result).sides] == ["textbook", "numpy"]
    page = deck_page.html(result)
    assert '<ul class="warning"><li>the machine was busy &lt;b&gt;</li></ul>' in page
    assert "For all: <code>w2vbench run --preset deck</code>" in page


def test_every_figure_that_a_sentence_may_lack_has_a_name_for_what_it_is_worked_out_from() -> None:
    needed = {name for screen in SCREENS for text in screen.found for name in deck_missing.names(text)}
    assert needed <= deck_missing.NEEDS.keys()
    kernels = {f"figures of {kernel}" for kernel in deck_missing.shown_kernels()}
    assert {
        text.removesuffix(" at several V") for text in deck_missing.NEEDS.values() if text.startswith("figures")
    } <= kernels
    assert deck_missing.coverage(whole()) == ""


@pytest.mark.parametrize(
    ("caches", "at_100_000", "said"),
    [
        ({"L3": "32768K"}, 1e-2, True),
        ({"L3": "32M"}, 1e-2, True),
        ({"L3": "32M"}, 1e-3, False),  # as V grows
        ({"L3": "256M"}, 1e-2, False),  # holds both tables
        ({}, 1e-2, False),
    ],
)
def test_growth_beyond_that_of_v_is_put_down_to_the_caches_only_if_they_hold_just_the_small_table(
    caches: dict[str, str], at_100_000: float, said: bool
) -> None:
    walls = {10**4: 1e-4, 10**5: at_100_000, 10**6: 1e-1}
    rows = [saved.row("one-hot-dot", wall_s, V=V, B=1, dtype="f64", baseline=True) for V, wall_s in walls.items()]
    found = facts(saved.result(*rows, preset="deck", environment={"caches": caches}))["one_hot_caches"]
    assert ("it takes 100×, and not 10×" in found and "8.00 MB (read at 80.0 GB/s)" in found) == said
    assert bool(found) == said


@pytest.mark.parametrize(("processes", "said"), [(1, "All figures are of one process."), (6, "all others of 6.")])
def test_the_number_of_processes_is_the_files(processes: int, said: str) -> None:
    row = saved.row("gather", 1e-6, V=10**6, B=1, dtype="f64")
    row["extra_info"]["processes"] = row["extra_info"]["processes"][:1] * processes
    assert deck_missing.processes(saved.result(row, preset="deck")).endswith(said)


def test_a_run_of_the_deck_has_the_page_and_no_other_has(tmp_path: Path) -> None:
    run = whole()
    (tmp_path / "result.json").write_text(dump(run), encoding="utf-8")
    again = read(tmp_path / "result.json")  # the page needs nothing else
    assert [path.name for path in report(again, tmp_path)] == ["index.html", "report.md", "cases.csv", "deck.html"]
    assert (tmp_path / "deck.html").read_text(encoding="utf-8") == deck_page.html(run)
    assert 'href="deck.html"' in html(again)
    other = saved.result(*figures(), preset="default")
    assert len(report(other, tmp_path)) == 3
    assert "deck.html" not in html(other)


def test_another_run_in_the_folder_removes_the_page_and_no_file_of_the_users(tmp_path: Path) -> None:
    other = saved.result(*figures(), preset="default")
    report(whole(), tmp_path)
    report(other, tmp_path)
    assert not (tmp_path / "deck.html").exists()
    (tmp_path / "deck.html").write_text("<html>slides of the user's</html>")
    report(other, tmp_path)
    assert (tmp_path / "deck.html").read_text() == "<html>slides of the user's</html>"


def test_a_file_of_pytest_benchmark_at_the_decks_sizes_has_no_page(tmp_path: Path) -> None:
    result = saved.result(*figures(), preset="deck", engine="pytest-benchmark")
    assert "deck.html" not in [path.name for path in report(result, tmp_path)]
    assert "deck.html" not in html(result)


def test_the_terminal_names_the_page(tmp_path: Path) -> None:
    for result, named in ((whole(), True), (saved.result(*figures()), False)):
        screen = Console(file=io.StringIO(), width=100)
        print_run(screen, result, out=tmp_path, tables=False, unfinished="")
        printed = screen.file.getvalue()  # type: ignore[attr-defined]
        assert ("slide by slide: " in printed and "deck.html" in printed) == named
        assert "The source deck's figures" in printed


def test_every_slide_from_4_to_24_has_a_screen_and_every_name_in_the_story_is_known() -> None:
    numbers: set[int] = set()
    for screen in SCREENS[:-1]:  # the last has all figures
        ends = [int(word) for word in screen.slides.split() if word.isdigit()]
        numbers |= set(range(ends[0], ends[-1] + 1)) if ends else set()
    assert numbers == {*range(4, 25)} - {23}  # which the deck does not use
    known = facts(whole()).keys()
    assert {name for screen in SCREENS for text in screen.found for name in deck_missing.names(text)} <= known
    assert {screen.diagram for screen in SCREENS if screen.diagram} - DIAGRAMS.keys() == set()
    assert all(diagram(screen.diagram) for screen in SCREENS if screen.diagram)
    assert {screen.chart for screen in SCREENS} - {""} == CHARTS.keys()
    assert len({screen.anchor for screen in SCREENS}) == len(SCREENS)
    assert len(deck_page.steps(whole())) == len(CHAPTERS)


@pytest.mark.parametrize("name", DECK_PAGES)
def test_the_page_opens_offline_fits_every_window_and_keeps_nobody_out(show: Show, name: str) -> None:
    view = show(name)
    for width in (1920, WIDE, 1280, 1000, 901, 900, 600, PHONE):
        view.page.set_viewport_size({"width": width, "height": 900})
        assert view.overflow() == 0, width
    for width, scheme in ((1920, "light"), (WIDE, "dark"), (PHONE, "light"), (PHONE, "dark")):
        view.page.set_viewport_size({"width": width, "height": 900})
        view.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert view.violations() == [], (width, scheme)
    ids = view.locate("[id]").evaluate_all("(all) => all.map((element) => element.id)")
    assert len(ids) == len(set(ids))
    links = view.locate('a[href^="#"]').evaluate_all("(all) => all.map((link) => link.getAttribute('href').slice(1))")
    assert set(links) <= set(ids)


def test_each_screen_fits_a_projected_window_in_large_type(show: Show) -> None:
    view = show("deck")
    view.page.set_viewport_size({"width": PROJECTED[0], "height": PROJECTED[1]})
    heights = view.locate(".screen").evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().height)")
    assert len(heights) == len(SCREENS) + 1
    assert max(heights) <= PROJECTED[1] - 40
    sizes = view.locate(".claim, .warning, .found p, .figures td").evaluate_all(
        "(all) => all.map((one) => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert min(sizes) >= 18


def test_layers_are_shown_line_by_line_with_time_and_memory(show: Show) -> None:
    view = show("deck")
    for place, sides in (("slide-4", 2), ("slide-10", 2), ("slide-15-16", 2), ("slide-17-20", 3)):
        assert view.locate(f"#{place} .code-block table.lines").count() == sides
        assert view.locate(f"#{place} .code-block .amount:has-text('800 kB')").count() == sides
        assert view.locate(f"#{place} .figures tr.here").count() == 1


def test_keys_go_from_screen_to_screen(show: Show) -> None:
    view = show("deck")

    def now() -> str:
        return str(view.locate("nav [aria-current]").get_attribute("href"))

    assert now() == "#cover"
    for _ in range(2):
        view.page.keyboard.press("ArrowRight")
    assert now() == "#slide-5-6"
    assert view.page.url.endswith("#slide-5-6")
    view.page.keyboard.press("ArrowLeft")
    assert now() == "#slide-4"
    for _ in SCREENS:
        view.page.keyboard.press("ArrowRight")
    assert now() == "#all-figures"
    view.page.keyboard.press("ArrowRight")
    assert now() == "#all-figures"
    there = show("deck", "gradients")
    there.page.wait_for_selector("nav [aria-current][href='#gradients']")
    assert there.texts("nav [aria-current]") == ["Gradients"]


def test_the_wrong_backward_is_shown_wrong_and_the_doubtful_claim_settled(show: Show) -> None:
    view = show("deck")
    assert view.texts("#slide-11-12 .differs") == ["078", "01012"]  # word 0 came twice: (3, 4) and (7, 8)
    assert "Not timed: a later gradient overwrites an earlier one." in view.texts("#slide-11-12 .apart")
    losses = view.locate("#slide-15-16 .worked .figures tbody tr").evaluate_all(
        "(all) => all.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    for _, softmax, of_difference, _ in losses:
        assert softmax == of_difference
    assert [row[0] for row in losses if row[1] == row[3]] == ["2, 0"]  # only where b is 0
