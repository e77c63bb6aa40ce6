"""The table that says where each implementation wins."""

from __future__ import annotations

import pytest

from reports.page import as_markdown
from reports.wins import ABSENT, FASTEST, OTHER, PLAIN, Wins, wins
from tests import saved
from tests.saved import not_measured, row


def table(*rows: saved.Content, **suite: object) -> Wins:
    """The only kernel's table."""
    (found,) = wins(saved.result(*rows, **suite))
    return found


def kinds(found: Wins) -> dict[str, list[str]]:
    return {slug: [cell.kind for cell in cells] for slug, cells in found.rows}


def texts(found: Wins) -> dict[str, list[str]]:
    return {slug: [cell.text for cell in cells] for slug, cells in found.rows}


def test_each_size_has_its_own_winner() -> None:
    found = table(row("gather", 1e-5, V=1_000), row("take", 3e-5, V=1_000), row("gather", 1e-4), row("take", 2e-5))
    assert texts(found) == {"gather": ["fastest", "5.00× slower"], "take": ["3.00× slower", "fastest"]}
    assert kinds(found) == {"gather": [FASTEST, OTHER], "take": [OTHER, FASTEST]}


def test_who_cannot_be_told_from_the_fastest_wins_too() -> None:
    assert kinds(table(row("gather", 1.00e-5), row("take", 1.01e-5))) == {"gather": [FASTEST], "take": [FASTEST]}


def test_the_fastest_without_a_compiler_is_marked_where_one_with_it_wins() -> None:
    found = table(row("gather", 3e-5), row("take", 2e-5), row("numba", 1e-5, needs=["numba"]))
    assert texts(found) == {"gather": ["3.00× slower"], "take": ["2.00× slower †"], "numba": ["fastest"]}
    assert kinds(found)["take"] == [PLAIN]


def test_no_mark_where_numpy_is_as_fast_as_any() -> None:
    found = table(row("take", 2e-5), row("gather", 1e-5), row("numba", 1.01e-5, needs=["numba"]))
    assert kinds(found) == {"take": [OTHER], "gather": [FASTEST], "numba": [FASTEST]}


def test_what_has_no_figures_says_why_and_what_was_not_asked_for_has_a_dash() -> None:
    found = table(
        row("gather", 1e-5, V=1_000), row("take", 2e-5, V=1_000), row("gather", 1e-5),
        row("gather", 1e-5, V=20_000), not_measured=[not_measured("take", "timeout", "")],
    )  # fmt: skip
    assert texts(found)["take"] == ["2.00× slower", "timeout", "–"]
    assert kinds(found)["take"][1:] == [ABSENT, ABSENT]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([{"V": 1_000}, {"V": 10_000}], ("V=1e3", "V=1e4")),
        ([{"V": 1_000, "B": 8}, {"V": 1_000, "B": 100}], ("V=1e3, B=8", "V=1e3, B=100")),
        ([{"V": 1_000, "dtype": "f32"}, {"V": 1_000, "dtype": "f64"}], ("V=1e3, f32", "V=1e3, f64")),
        ([{"V": 1_000}], ("V=1e3",)),
    ],
)
def test_columns_are_named_by_what_tells_them_apart(sizes: list[dict[str, object]], expected: tuple[str, ...]) -> None:
    found = table(*(row(slug, 1e-5, **size) for size in sizes for slug in ("gather", "take")))  # type: ignore[arg-type]
    assert found.sizes == expected


def test_an_implementation_alone_has_nobody_to_win_against() -> None:
    assert wins(saved.result(row("gather", 1e-5))) == []


def test_the_table_is_in_the_markdown_report() -> None:
    text = as_markdown(saved.result(row("gather", 3e-5), row("take", 1e-5)))
    assert "| take | **fastest** |" in text
    assert "| gather | 3.00× slower |" in text
