"""The sentences: true of the figures beside them, whoever wins."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reports.ranking import AS_FAST, MAY_BE_AS_FAST
from reports.results import ResultFile
from reports.statistics import Interval
from reports.story import Finding, findings, growth_words
from tests import saved
from tests.saved import not_measured, row, without_processes


def story(*rows: saved.Content, **suite: Any) -> Finding:
    """The first problem's finding."""
    return findings(saved.result(*rows, **suite))[0]


def processes(*figures: float) -> list[list[float | None]]:
    return [[figure] * 6 for figure in figures]


# -- who wins


def test_the_winner_is_named_with_its_time_and_its_ratio_to_the_baseline() -> None:
    found = story(row("one-hot", 1e-3, baseline=True), row("gather", 1e-5, title="W[idx]"))
    assert (
        found.sentence
        == "gather is fastest at V = 10,000, B = 100: 10.0 µs a call, 100× faster (100–100) than the baseline one-hot (1.00 ms)."
    )
    assert found.advice == "Use gather (W[idx])."
    assert found.use == ("gather",)
    assert found.problem == "lookup@V=1e4,H=100,B=100,f32,i64,zipf,t1"


def test_a_batch_of_one_is_called_one_row() -> None:
    assert "at V = 10,000, one row: " in story(row("gather", 1e-5, B=1)).sentence


def test_where_the_baseline_wins_nothing_beats_it() -> None:
    found = story(row("one-hot", 1e-5, baseline=True), row("gather", 1e-4), row("take", 2e-5))
    assert (
        found.sentence
        == "The baseline one-hot is fastest at V = 10,000, B = 100: 10.0 µs a call. The next, take, is 2.00× slower."
    )
    assert found.use == ("one-hot",)


def test_a_baseline_alone_in_its_problem_is_compared_with_nobody() -> None:
    assert (
        story(row("one-hot", 1e-5, baseline=True)).sentence
        == "The baseline one-hot is fastest at V = 10,000, B = 100: 10.0 µs a call."
    )


def test_where_the_baseline_could_not_be_measured_there_is_no_ratio() -> None:
    found = story(row("gather", 1e-5), row("take", 1e-4), not_measured=[not_measured("one-hot", "timeout", "")])
    assert (
        found.sentence
        == "gather is fastest at V = 10,000, B = 100: 10.0 µs a call. The baseline was not measured, so there is no speed-up."
    )


def test_an_implementation_alone_wins() -> None:
    assert story(row("gather", 1e-5)).use == ("gather",)


def test_a_problem_without_figures_has_no_story() -> None:
    assert findings(saved.result(not_measured=[not_measured("gather", "crashed", "")])) == []


def test_each_problem_has_its_own_story() -> None:
    found = findings(ResultFile.model_validate(saved.small()))
    assert [one.use[0] for one in found] == ["gather", "gather", "numba"]
    assert "1,000× faster (1,000–1,000)" in found[1].sentence


# -- ties


def test_a_baseline_within_the_noise_is_not_beaten() -> None:
    found = story(
        row("one-hot", processes(1.02e-5, 1.0e-5, 1.01e-5), baseline=True), row("gather", processes(1e-5, 1e-5, 1e-5))
    )
    assert (
        found.sentence
        == "No implementation is clearly faster than the baseline one-hot at V = 10,000, B = 100: 10.1 µs a call."
    )
    assert found.advice == "Use one-hot (the one-hot way); about as fast: gather."


@pytest.mark.parametrize(
    ("figures", "tie"),
    [
        (processes(AS_FAST - 0.001, AS_FAST - 0.001, AS_FAST - 0.001), True),  # certain, but too little to matter
        (processes(AS_FAST + 0.001, AS_FAST + 0.001, AS_FAST + 0.001), False),  # certain, and it matters
        (processes(0.95, 1.1, 1.2), True),  # might be nothing
        (processes(1.07, 1.08, 1.09), False),  # more than nothing
        (processes(0.9, 1.3, 2.6), False),  # might be nothing, but a guess of 1.45 is no tie: it is noise
        (processes(MAY_BE_AS_FAST - 0.01), True),  # one process cannot tell
        (processes(MAY_BE_AS_FAST + 0.01), False),
    ],
)
def test_a_tie_is_close_or_close_and_uncertain(figures: list[list[float | None]], tie: bool) -> None:
    count = len(figures)
    found = story(
        row("slow", processes(*[50.0] * count), baseline=True), row("a", processes(*[1.0] * count)), row("b", figures)
    )
    assert found.use == (("a", "b") if tie else ("a",))
    assert ("about as fast: b" in found.advice) == tie


def test_several_ties_are_listed_as_people_list_things() -> None:
    found = story(
        row("slow", 1e-3, baseline=True), row("a", 1e-5), row("b", 1.01e-5), row("c", 1.02e-5), row("d", 1.021e-5)
    )
    assert found.advice == "Use a (the a way); about as fast: b, c and d."


def test_without_processes_medians_decide() -> None:
    found = story(
        without_processes("one-hot", 1e-3, baseline=True),
        without_processes("gather", 1e-5),
        without_processes("take", 1.2e-5),
        engine="pytest-benchmark",
    )
    assert "100× faster than" in found.sentence
    assert found.use == ("gather",)


# -- growth


def at_sizes(slug: str, power: float, first: float, **options: Any) -> list[saved.Content]:
    return [row(slug, first * (V / 10_000) ** power, V=V, **options) for V in (10_000, 100_000, 1_000_000)]


@pytest.mark.parametrize(
    ("winner", "baseline", "says"),
    [
        (0.0, 1.0, "The time of gather does not depend on V; that of one-hot grows about in proportion to V (V^1.00)."),
        (
            1.0,
            1.1,
            "The time of gather grows about in proportion to V (V^1.00); that of one-hot grows about in proportion to V (V^1.10).",
        ),
        (0.8, 0.0, "The time of gather grows as V^0.80; that of one-hot does not depend on V."),
        (-0.3, 1.0, "The time of gather falls as V^-0.30; that of one-hot grows about in proportion to V (V^1.00)."),
        (0.1, -0.1, "The time of gather does not depend on V, and neither does that of one-hot."),
    ],
)
def test_growth_is_told_as_it_is(winner: float, baseline: float, says: str) -> None:
    found = story(*at_sizes("one-hot", baseline, 1e-2, baseline=True), *at_sizes("gather", winner, 1e-5))
    assert found.sentence.endswith(f" {says}")


def test_one_vocabulary_tells_nothing_of_growth() -> None:
    assert (
        "grow"
        not in story(
            row("one-hot", 1e-3, baseline=True),
            row("gather", 1e-5),
            row("gather", 1e-5, kernel="scatter.dense", V=100_000),
        ).sentence
    )


# -- any figures at all


@given(
    st.permutations(["one-hot", "gather", "take", "csr"]),
    st.lists(st.floats(1e-7, 1e-1) | st.floats(1e-5, 1.06e-5), min_size=4, max_size=4),
    st.booleans(),
)
def test_whoever_wins_the_sentence_is_true(order: list[str], figures: list[float], has_baseline: bool) -> None:
    wall = dict(zip(order, figures, strict=True))
    found = story(*[row(slug, wall[slug], baseline=has_baseline and slug == "one-hot") for slug in order])
    least = min(wall.values())
    assume(all(abs(figure / least - AS_FAST) > 1e-9 for figure in figures))
    # of cases that are as fast as each other, the baseline is the one to use, and else the first in the file
    tied = has_baseline and wall["one-hot"] / least < AS_FAST
    assert found.use[0] == ("one-hot" if tied else next(slug for slug in order if wall[slug] / least < AS_FAST))
    assert found.advice.startswith(f"Use {found.use[0]} (")
    # as processes agree exactly, a tie is what differs by less than 3 %
    assert set(found.use) == {slug for slug, figure in wall.items() if figure / least < AS_FAST or figure == least}
    if not has_baseline:
        assert "no speed-up" in found.sentence
    elif wall["one-hot"] / least >= AS_FAST:
        said = re.search(r"([\d,.]+)(×| %) faster \(.*\) than the baseline one-hot", found.sentence)
        assert said is not None
        shown = float(said[1].replace(",", ""))
        ratio = shown if said[2] == "×" else 1 + shown / 100
        assert ratio == pytest.approx(wall["one-hot"] / wall[found.use[0]], rel=0.006)
    else:
        assert found.sentence.startswith(("The baseline one-hot is fastest", "No implementation is clearly faster"))


def test_where_the_file_has_plain_words_the_finding_needs_no_code() -> None:
    one = row("one-hot", processes(1.0, 1.0, 1.0), baseline=True, V=1_000_000)
    other = row("gather", processes(1e-6, 1e-6, 1e-6), V=1_000_000)
    one["extra_info"]["summary"], other["extra_info"]["summary"] = "multiplying by the table", "picking the rows"
    assert story(one, other).sentence == (
        "At a million words, 100 at a time, picking the rows instead of multiplying by the table is 1,000,000× faster (1,000,000–1,000,000): "
        "1.00 µs, not 1.00 s."
    )


def test_growth_that_processes_leave_open_is_not_given_as_a_power() -> None:
    assert growth_words(Interval(0.3, -0.4, 1.0)) == "may depend on V, but these processes leave it undecided"
    assert growth_words(Interval(0.3, 0.2, 0.4)) == "grows as V^0.30"
    assert growth_words(Interval(0.1, -0.4, 1.0)) == "does not depend on V"
