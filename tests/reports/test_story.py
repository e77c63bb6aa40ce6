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
from tests import golden_files, saved
from tests.saved import NOISY, not_measured, processes, row, without_processes


def story(*rows: saved.Content, **suite: Any) -> Finding:
    """The first problem's finding."""
    return findings(saved.result(*rows, **suite))[0]


def at_sizes(slug: str, power: float, first: float, **options: Any) -> list[saved.Content]:
    return [row(slug, first * (V / 10_000) ** power, V=V, **options) for V in (10_000, 100_000, 1_000_000)]


ONE_HOT = row("one-hot", 1e-3, baseline=True)
GATHER = row("gather", 1e-5, title="W[idx]")
SLOW = row("slow", processes(*[50.0] * 5), baseline=True)
PLAIN = (
    row("one-hot", processes(1.0, 1.0, 1.0), baseline=True, V=1_000_000, summary="multiplying by the table"),
    row("gather", processes(1e-6, 1e-6, 1e-6), V=1_000_000, summary="picking the rows"),
)
STORIES: dict[str, Finding] = {
    "the fastest and the baseline": story(ONE_HOT, GATHER),
    "words that need no code": story(*PLAIN),
    "one row": story(row("gather", 1e-5, B=1)),
    "the baseline is fastest": story(row("one-hot", 1e-5, baseline=True), row("gather", 1e-4), row("take", 2e-5)),
    "a baseline alone": story(row("one-hot", 1e-5, baseline=True)),
    "no baseline": story(GATHER, row("take", 1e-4), not_measured=[not_measured("one-hot", "timeout", "")]),
    "a tie with the baseline": story(
        row("one-hot", processes(1.02e-5, 1.0e-5, 1.01e-5), baseline=True), row("gather", processes(1e-5, 1e-5, 1e-5))
    ),
    "a tie": story(ONE_HOT, row("numba", 1.00e-5, needs=["numba"]), row("take", 1.02e-5)),
    "a tie of four": story(ONE_HOT, *(row(slug, wall) for slug, wall in zip("abcd", (1e-5, 1.01e-5, 1.02e-5, 1.021e-5), strict=True))),
    "noise": story(SLOW, row("a", processes(*[1.0] * 5)), row("b", processes(*NOISY))),
    "one process": story(row("slow", processes(50.0), baseline=True), row("a", processes(1.0))),
    "two processes": story(row("slow", processes(50.0, 50.0), baseline=True), row("a", processes(1.0, 1.0))),
    "no processes": story(
        without_processes("slow", 1e-3, baseline=True), without_processes("a", 1e-5), engine="pytest-benchmark"
    ),
    **{
        f"time grows as V^{winner} and the baseline's as V^{baseline}": story(
            *at_sizes("one-hot", baseline, 1e-2, baseline=True), *at_sizes("gather", winner, 1e-5)
        )
        for winner, baseline in ((0.0, 1.0), (1.0, 1.1), (0.8, 0.0), (-0.3, 1.0), (0.1, -0.1))
    },
}  # fmt: skip


def test_what_is_said_reads_as_it_was_checked_by_eye() -> None:
    said = [f"## {name}\n\n{story.sentence}\n\n{story.advice}\n" for name, story in STORIES.items()]
    growth = Interval(0.3, -0.4, 1.0), Interval(0.3, 0.2, 0.4), Interval(0.1, -0.4, 1.0)
    words = [f"- {interval}: {growth_words(interval)}\n" for interval in growth]
    golden_files.check("stories.md", "\n".join(said) + "\n## growth\n\n" + "".join(words))


def test_a_finding_names_its_problem_and_what_to_use() -> None:
    found = STORIES["the fastest and the baseline"]
    assert (found.use, found.problem) == (("gather",), "lookup@V=1e4,H=100,B=100,f32,i64,zipf,t1")


def test_a_problem_without_figures_has_no_story() -> None:
    assert findings(saved.result(not_measured=[not_measured("gather", "crashed", "")])) == []


def test_each_problem_has_its_own_story() -> None:
    found = findings(ResultFile.model_validate(saved.small()))
    assert [one.use[0] for one in found] == ["gather", "gather", "numba"]
    assert "1,000× faster (1,000–1,000)" in found[1].sentence


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


def test_one_vocabulary_tells_nothing_of_growth() -> None:
    assert (
        "grow"
        not in story(
            row("one-hot", 1e-3, baseline=True),
            row("gather", 1e-5),
            row("gather", 1e-5, kernel="scatter.dense", V=100_000),
        ).sentence
    )


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
