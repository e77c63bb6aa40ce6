"""Several machines side by side: which is fastest, what is refused, and the page in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from w2vbench.reports.file.files import ResultError
from w2vbench.reports.file.schema.result import ResultFile
from w2vbench.reports.others.machines import (
    Column,
    column,
    fastest,
    html,
    lines,
    markdown,
    overall_slower,
    page_data,
    report_machines,
    side_by_side,
)

from tests import saved
from tests.reports.browser import View, patient
from tests.saved import HOSTILE, row


def machine(name: str, gather: float, dot: float = 1e-3, **suite: Any) -> ResultFile:
    """A machine's run of two problems, at the larger of which one-hot takes ten times as long."""
    environment = {"cpu": name, "cpus_allowed": 4, "memory_bytes": 16 << 30, "packages": {"numpy": "2.4.0"}}
    rows = [row("one-hot", dot * V / 10_000, V=V, baseline=True) for V in (10_000, 100_000)]
    rows += [row("gather", gather, V=V) for V in (10_000, 100_000)]
    return saved.result(*rows, **{"environment": environment, **suite})


def columns() -> list[Column]:
    """B takes twice as long as A for gather; C takes half as long for the one-hot product, and longest for gather."""
    return side_by_side(
        [
            column(machine("B", 2e-5), "b.json"),
            column(machine("A", 1e-5), "a.json"),
            column(machine("C", 8e-5, 5e-4), "c.json"),
        ]
    )


def test_machines_are_in_the_order_of_what_is_to_be_used_on_each() -> None:
    found = columns()
    assert [one.name.partition(",")[0] for one in found] == ["A", "B", "C"]
    assert overall_slower(found) == pytest.approx([1, 2, 8])
    (one,) = fastest(found)
    assert one.problem.startswith("lookup@V=1e5")
    assert [(name[0], use) for name, use, _ in one.machines] == [("A", "gather"), ("B", "gather"), ("C", "gather")]
    assert [seconds for _, _, seconds in one.machines] == pytest.approx([1e-5, 2e-5, 8e-5])
    assert lines(found)[0][1:] == ("A, 4 CPUs, 16 GiB", "gather", "10.0 µs", "2.0×", "8.0×")
    assert "| A, 4 CPUs, 16 GiB | gather | 10.0 µs | 2.0× | 8.0× |" in markdown(found)


def test_machines_that_may_be_as_fast_as_the_fastest_are_named_with_it() -> None:
    def named(*gather: float) -> str:
        found = [column(machine(name, one), name) for name, one in zip("ABCD", gather, strict=False)]
        return lines(side_by_side(found))[0][1].replace(", 4 CPUs, 16 GiB", "")

    assert named(1e-5, 1.16e-5) == "A"
    assert named(1e-5, 1.14e-5, 2e-5) == "A or B"
    assert named(1e-5, 1.14e-5, 1.1e-5, 2e-5) == "A or 2 others"
    assert all("may be as fast" in text for text in (html(columns()), markdown(columns())))


def test_files_that_do_not_belong_side_by_side_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="one file is no comparison"):
        side_by_side([column(machine("A", 1e-5), "a")])
    other = machine("B", 1e-5, corpus={"name": "another text", "tokens": 7})
    with pytest.raises(ResultError, match="runs on different texts"):
        side_by_side([column(machine("A", 1e-5), "a"), column(other, "b")])
    with pytest.raises(ResultError, match="not a file of w2vbench run"):
        column(machine("A", 1e-5, engine="pytest-benchmark"), "a")
    with pytest.raises(ResultError, match="given twice"):
        report_machines([tmp_path / "a", tmp_path / "a"], tmp_path)
    (tmp_path / "result.json").touch()
    with pytest.raises(ResultError, match="given twice"):
        report_machines([tmp_path, tmp_path / "result.json"], tmp_path)
    same = side_by_side([column(machine("A", 1e-5), name) for name in ("a.json", "b.json")])
    assert [one.name for one in same] == ["A, 4 CPUs, 16 GiB (a.json)", "A, 4 CPUs, 16 GiB (b.json)"]


def test_what_a_machine_has_not_measured_is_no_figure_there() -> None:
    small = saved.result(row("one-hot", 1e-3, baseline=True), environment={"cpu": "D", "cpus_allowed": 1})
    data = page_data(side_by_side([column(machine("A", 1e-5), "a"), column(small, "d")]))
    names = [one["name"].partition(",")[0] for one in data["machines"]]
    assert data["times"][names.index("D")] == [[0, 1e-3, 0], 0]
    assert data["times"][names.index("A")] == [[1, 1e-3, 1e-5], [1, 1e-2, 1e-5]]


def test_the_page_fetches_nothing_and_no_text_of_a_file_is_a_tag() -> None:
    pages = []
    for text in (*HOSTILE, "tame"):
        made = machine(text, 1e-5, kernels={"lookup": text}, kind=text)
        pages.append(html(side_by_side([column(made, "a"), column(machine("B", 2e-5), "b")])))
    assert not re.search(r"https?:|src=|@import|url\(", pages[-1])
    tags = [re.findall(r"<[\w/!][^>]*>", page) for page in pages]
    assert all(one == tags[-1] for one in tags)
    assert HOSTILE[0] in unescape(pages[0])


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path) -> Iterator[Any]:
    pages = []

    def open_page(text: str) -> View:
        (tmp_path / "machines.html").write_text(text)
        page = patient(chromium.new_page(viewport={"width": 1280, "height": 900}))
        pages.append(page)
        view = View(page)
        page.goto((tmp_path / "machines.html").as_uri())
        page.wait_for_selector("html[data-ready]")
        return view

    yield open_page
    for page in pages:
        page.close()


def cells(view: View) -> list[list[str]]:
    found: list[list[str]] = view.locate("#machines").evaluate(
        "(table) => [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    return found


def choose(view: View, name: str, value: str) -> None:
    view.locate(f".filters [name={name}]").evaluate(
        "(field, value) => { field.value = value; field.dispatchEvent(new Event('input', { bubbles: true })); }", value
    )


def test_the_filter_row_chooses_figures_implementations_sizes_and_machines(opened: Any) -> None:
    view = opened(html(columns()))
    head, overall, first, second = cells(view)
    assert [name[:1] for name in head[1:]] == ["A", "B", "C"]
    assert overall == ["overall", "1.0×", "2.0×", "8.0×"]
    assert first == ["lookup V=1e4 H=100 B=100", "10.0 µs", "20.0 µs", "80.0 µs"]
    assert second[0].startswith("lookup V=1e5")
    choose(view, "figures", "slower")
    assert cells(view)[2][1:] == ["1.0×", "2.0×", "8.0×"]
    choose(view, "implementation", "one-hot")
    assert [name[:1] for name in cells(view)[0][1:]] == ["C", "A", "B"]
    choose(view, "figures", "own")
    assert sorted(cells(view)[2][1:]) == sorted(["6.3×", "100×", "50×"])
    choose(view, "size", "V=1e5")
    assert len(cells(view)) == 3
    choose(view, "machine", "a, 4")
    assert [name[:1] for name in cells(view)[0][1:]] == ["A"]
    assert view.texts(".filters output") == ["1 problem on 1 machine"]
    assert view.complaints == []
    assert view.requests == [view.page.url]
    assert view.violations() == []
    assert view.overflow() == 0


def many_machines(number: int) -> list[Column]:
    """The columns of machines with as many problems as a default run has: 80, of four implementations."""
    kernels = [f"kernel-{at}" for at in range(8)]
    read = [
        column(
            saved.result(
                *[
                    saved.row(slug, wall * (1 + at / 100), V=V, kernel=kernel, baseline=slug == "a")
                    for kernel in kernels
                    for V in range(1_000, 11_000, 1_000)
                    for slug, wall in (("a", 1e-3), ("b", 1e-4), ("c", 1e-5), ("d", 2e-5))
                ],
                environment={"cpu": f"CPU {at}"},
            ),
            f"{at}.json",
        )
        for at in range(8)
    ]
    return side_by_side([replace(read[at % 8], name=f"machine {at}") for at in range(number)])


def test_a_page_of_many_machines_has_a_column_for_each(opened: Any) -> None:
    text = html(many_machines(200))
    assert len(text) < 3_000_000
    view = opened(text)
    assert len(cells(view)) == 82
    assert len(cells(view)[0]) == 201
    assert view.complaints == []


def test_times_of_examples_say_so() -> None:
    """A training step's 33 µs were shown as a call of 33 ns."""
    pairs = saved.row("numba", 33e-6, covers={"pairs": 1000.0})
    both = [column(saved.result(pairs), file) for file in ("a.json", "b.json")]
    page = markdown(side_by_side(both))
    assert ", time a pair)" in page
    assert "| 33.0 ns |" in page
    calls = [column(saved.result(saved.row("numba", 33e-6)), file) for file in ("a.json", "b.json")]
    assert "time a pair" not in markdown(side_by_side(calls))
