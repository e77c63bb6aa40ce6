"""What a notebook shows of a result file: charts and a summary."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from w2vbench.reports.file.files import ResultError
from w2vbench.reports.run.figures import LINE, apart, figure
from w2vbench.reports.run.summary import summary

from tests.saved import HOSTILE, PROBLEM, PYTEST, result, row

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_a_chart_names_every_implementation_and_its_time_at_the_largest_size() -> None:
    made = figure(PROBLEM, "lookup")
    said = texts(made._repr_svg_())
    assert {"one-hot-dot", "gather", "take", "V, different words", "1,000", "100,000"} <= {*said}
    assert said[0] == made.title == "lookup: time per call, H = 100, B = 100, f32"


def test_a_chart_of_memory_is_in_bytes() -> None:
    made = figure(PROBLEM, "lookup", of="memory")
    assert "one-hot-matmul" in texts(made.svg)
    assert any(text.endswith("MB") for text in texts(made.svg))


def test_a_chart_asks_for_nothing_from_elsewhere() -> None:
    svg = figure(PROBLEM, "lookup").svg
    assert svg.replace("http://www.w3.org/2000/svg", "").count("://") == 0
    assert "<script" not in svg


def test_one_vocabulary_is_drawn_against_the_batch() -> None:
    rows = [row(slug, B * 1e-6, B=B) for slug in ("one", "two") for B in (10, 100, 1000)]
    assert "B, words, bags or examples a call" in texts(figure(result(*rows), "lookup").svg)


def test_one_size_alone_can_be_drawn() -> None:
    assert "one" in texts(figure(result(row("one", 1e-6)), "lookup").svg)


def test_a_file_of_pytest_benchmark_can_be_drawn() -> None:
    kernels = {part for part in summary(PYTEST).text.split() if part == "lookup"}
    assert kernels == {"lookup"}
    assert texts(figure(PYTEST, "lookup").svg)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_breaks_out_of_a_drawing(hostile: str) -> None:
    svg = figure(result(row(hostile, 1e-6), row("two", 2e-6)), "lookup").svg
    assert hostile in texts(svg)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_breaks_out_of_a_summary(hostile: str) -> None:
    html = summary(result(row(hostile, 1e-6), row("two", 2e-6)))._repr_html_()
    assert "<script" not in html
    assert "<img" not in html


def test_a_summary_is_the_commands_last_lines() -> None:
    made = summary(PROBLEM)
    assert str(made) == made.text
    assert "lookup" in made.text
    assert "take" in made.html
    assert made.html.count("<tr>") == 2


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(ResultError, match=r"^no figures of scatter: the file has lookup$"):
        figure(PROBLEM, "scatter")
    with pytest.raises(ValueError, match=r"^of must be time or memory, not 'speed'$"):
        figure(PROBLEM, "lookup", of="speed")  # type: ignore[arg-type]
    with pytest.raises(ResultError, match="memory"):
        figure(result(row("one", 1e-6)), "lookup", of="memory")


def test_a_chart_is_saved_as_it_is(tmp_path: Path) -> None:
    made = figure(PROBLEM, "lookup")
    made.save(tmp_path / "lookup.svg")
    assert (tmp_path / "lookup.svg").read_text(encoding="utf-8") == made.svg


@pytest.mark.parametrize("wanted", [[], [50.0], [0, 0, 0], [10, 11, 99, 99.5, 100], [100.0] * 5])
def test_labels_are_moved_apart_within_the_chart(wanted: list[float]) -> None:
    places = apart(wanted, 0, 100)
    assert all(after - before >= LINE - 1e-9 for before, after in itertools.pairwise(places))
    assert all(at <= 100 for at in places)
