"""The page: implementations marked and hidden, and the address that keeps the view."""

from __future__ import annotations

from typing import Any

import pytest

from tests.reports.browser import (
    Show,
    View,
    click_header,
)
from tests.saved import HOSTILE

# -- marking and hiding an implementation


def test_a_click_on_a_row_marks_its_implementation_everywhere_and_again_no_more(show: Show) -> None:
    view = show("every status", "")
    view.draw()
    view.locate(".kernel table.problem td >> nth=0").click()
    assert view.texts("tr.marked b") == ["one-hot"] * 3
    assert view.texts("button.implementation.marked") == ["one-hot"]
    view.page.wait_for_function("document.querySelector('.plot').data[1].opacity < 1")
    assert view.drawn() == {"lookup/one-hot": 1, "lookup/gather": 0.2}
    assert set(view.drawn(2).values()) == {1}  # every kernel's plot dims nothing
    view.locate("#every td >> nth=0").click()
    assert view.locate("tr.marked").count() == 0
    view.page.wait_for_function("document.querySelector('.plot').data[1].opacity === 1")


def test_a_row_is_marked_by_the_keyboard(show: Show) -> None:
    view = show("every status", "")
    name = view.locate("#every").get_by_role("button", name="gather").first
    name.focus()
    for key, pressed, rows in (("Enter", "true", 3), ("Space", "false", 0)):
        view.page.keyboard.press(key)
        assert name.get_attribute("aria-pressed") == pressed
        assert view.locate("tr.marked").count() == rows
        assert view.page.evaluate("document.activeElement.textContent") == "gather"
    view.page.evaluate("getSelection().selectAllChildren(document.querySelector('h1'))")
    view.page.keyboard.press("Enter")  # somebody who selects text with the mouse marks nothing; a key does
    assert view.locate("tr.marked").count() == 3


def test_a_button_of_the_legend_takes_an_implementation_out_of_the_plots_and_dims_its_rows(show: Show) -> None:
    view = show("every status", "")
    view.draw()
    button = view.locate(".legend").first.get_by_role("button", name="gather")
    ink = view.style("#every tr[data-implementation='lookup/gather'] td", "color")
    button.click()
    view.page.wait_for_function("document.querySelector('.plot').data.length === 1")
    assert [list(view.drawn(plot)) for plot in (0, 1)] == [["lookup/one-hot"]] * 2
    assert view.locate(".plot >> nth=0 >> .scatterlayer .trace").count() == 1
    assert button.get_attribute("aria-pressed") == "false"
    assert view.texts("tr.hidden b") == ["gather"] * 3
    assert view.style("#every tr.hidden td", "color") != ink
    button.press("Enter")
    view.page.wait_for_function("document.querySelector('.plot').data.length === 2")
    assert view.locate("tr.hidden").count() == 0


# -- the address of a view


def seen(view: View) -> dict[str, Any]:
    """All that a reader can choose, as the page shows it."""
    values = "(all) => all.map((one) => one.value)"
    return {
        "choices": view.locate("select, input").evaluate_all(values),
        "tables": [view.table(f"table.problem >> nth={at}") for at in range(view.locate("table.problem").count())],
        "marked": view.texts(".marked"),
        "hidden": view.texts("tr.hidden b"),
        "pressed": view.locate("[aria-pressed]").evaluate_all("(all) => all.map((one) => one.ariaPressed)"),
        "order": view.locate("#every th").evaluate_all("(all) => all.map((one) => one.ariaSort)"),
        "findings": view.texts(".finding"),
    }


def test_the_address_of_a_view_opens_the_same_view(show: Show) -> None:
    view = show("every status", "")
    untouched = seen(view)
    view.locate("select.size").first.select_option("V=1e4,H=100,B=100,f32,i64,zipf,t1")
    view.locate("select.over").first.select_option("gather")
    view.locate("select.over").nth(1).select_option("csr")
    view.locate(".legend").first.get_by_role("button", name="implementation-3").click()
    view.locate("#every").get_by_role("button", name="numba").click()
    click_header(view, "#every", "wall")
    click_header(view, "#every", "wall")
    view.locate("form select[name=V]").select_option("10000")
    view.locate("form input").fill("a")
    chosen, address = seen(view), view.page.url.partition("#")[2]
    assert chosen != untouched
    again = show("every status", address)
    assert seen(again) == chosen
    again.draw()
    # the same address in a page that is open already, as when it is pasted there, and then another
    pasted = show("every status", "")
    pasted.page.evaluate("(address) => { location.hash = address; }", address)
    pasted.page.wait_for_function("document.querySelector('form input').value === 'a'")
    assert seen(pasted) == chosen
    pasted.page.evaluate("location.hash = 'mark='")
    pasted.page.wait_for_function("document.querySelector('form input').value === ''")
    assert seen(pasted) == untouched


def test_when_everything_is_chosen_back_the_address_is_empty_again(show: Show) -> None:
    view = show("every status", "")
    for _ in range(2):
        view.locate(".legend button").first.click()
    assert "#" not in view.page.url


NONSENSE = (
    "mark=<img src=x onerror=alert(1)>&hide=<script>alert(2)</script>&sort=<b>&kernel=<i>&V=1&status=x&text=<u>",
    "size=lookup <img src=x onerror=alert(3)>&over=lookup <script>&over=&size=&size=none",
    "over=lookup constructor&over=lookup __proto__&size=__proto__ x&over=toString x&mark=__proto__",
    "sort=99&V=-1&B=NaN", "=", "&&&==&=&#", "%E0%A4%A&hide=%FF", "sort=--1&hide=&mark=",
)  # fmt: skip


@pytest.mark.parametrize("address", NONSENSE)
def test_an_address_that_makes_no_sense_or_mischief_is_text(show: Show, address: str) -> None:
    untouched = seen(show("every status"))
    view = show("every status", address)
    view.draw()
    assert view.locate("img").count() == 0
    assert view.locate("script").count() == 3
    if "text=" in address:
        assert view.locate("form input").input_value() == "<u>"
        assert view.texts("#shown") == ["0 cases"]
        view.locate("form input").fill("")
    shown = seen(view)
    if "over=lookup" in address:  # a name that no implementation has: no figures are made up
        assert shown["choices"] == untouched["choices"]
        assert {line[3] for line in shown["tables"][-1] if len(line) > 3} == {"–"}
    else:
        assert shown == untouched


def test_hostile_names_can_be_chosen_and_kept_in_the_address(show: Show) -> None:
    _, image, _, end = HOSTILE
    view = show("hostile", "")
    view.draw()
    view.locate("select.over").first.select_option(image)
    view.locate(".legend button").nth(1).click()
    view.locate("form select[name=kernel]").select_option(end)
    view.locate("#every").get_by_role("button").filter(has_text="f").first.click()
    chosen = seen(view)
    again = show("hostile", view.page.url.partition("#")[2])
    again.draw()
    assert seen(again) == chosen
    assert again.names() == ["f", "f"]
    assert set(again.texts("tr.hidden b")) == {image}
    assert again.locate("img").count() == 0
