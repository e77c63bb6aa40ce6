"""What is shown of a calibration: shares with exact intervals, the smallest slowdown found, and its Markdown."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.calibration import (
    POWER,
    groups,
    markdown,
    other_rows,
    rows,
    sentences,
    smallest,
)
from reports.result_schema import Calibration, Trial
from tests import golden_files
from tests.saved import HOSTILE

VERDICTS = ("slower", "faster", "same", "inconclusive", "broken")


def trials(
    injected: float,
    threshold: float = 0.02,
    *,
    rules: dict[str, bool] | None = None,
    comparison: int = 0,
    **counts: int,
) -> list[Trial]:
    """So many trials with each verdict."""
    every = {"injected": injected, "threshold": threshold, "rules": rules or {}, "comparison": comparison}
    return [
        Trial.model_validate({"case": f"c{n}", "verdict": verdict, **every})
        for verdict in VERDICTS
        for n in range(counts.get(verdict, 0))
    ]


def calibrated(*found: list[Trial], **fields: Any) -> Calibration:
    return Calibration.model_validate(
        {"threshold": 0.02, "comparisons": 3, **fields, "trials": [trial for some in found for trial in some]}
    )


def whole() -> Calibration:
    """A calibration with all kinds of trials, of which every share can be worked out in one's head."""
    yes, no = {"min + 2.5 %": True, "t-test": True}, {"min + 2.5 %": False, "t-test": True}
    return calibrated(
        trials(0.0, same=40, inconclusive=5, rules=no),
        trials(0.0, slower=1, same=4, rules=yes),
        trials(0.02, slower=25, inconclusive=25, rules=no),
        trials(0.1, slower=50, rules=yes),
        trials(0.02, 0.005, slower=45, same=5, rules=yes),
        trials(1 / 1.05 - 1, faster=48, same=2, rules=no),
        found=[(0.01, 0.0), (0.02, 0.5), (0.05, 0.95), (0.1, 1.0)],
        seconds=721.0,
    )


# -- groups and shares


def test_trials_are_grouped_by_slowdown_and_threshold_as_they_first_come() -> None:
    assert {key: len(found) for key, found in groups(whole()).items()} == {
        (0.0, 0.02): 50,
        (0.02, 0.02): 50,
        (0.1, 0.02): 50,
        (0.02, 0.005): 50,
        (1 / 1.05 - 1, 0.02): 50,
    }
    assert list(groups(whole()))[3] == (0.02, 0.005)


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.02, -0.1]), st.sampled_from([0.02, 0.005]), st.sampled_from(VERDICTS)))
)
def test_no_trial_is_lost_or_counted_twice(found: list[tuple[float, float, str]]) -> None:
    made = calibrated(
        *[trials(injected, threshold, rules={}, **{verdict: 1}) for injected, threshold, verdict in found]
    )
    parts = groups(made)
    assert sum(map(len, parts.values())) == len(found)
    assert all((t.injected, t.threshold) == key for key, part in parts.items() for t in part)
    assert [int(cells[2]) for cells in rows(made)] == [len(part) for part in parts.values()]


# -- what it comes to


@pytest.mark.parametrize(
    ("found", "least"),
    [
        ([], None),
        ([(0.01, 0.5), (0.02, 0.9)], None),
        ([(0.01, POWER)], 0.01),
        ([(0.01, POWER - 0.001), (0.02, POWER)], 0.02),
        ([(0.01, 0.1), (0.02, 0.97), (0.03, 0.9), (0.04, 0.96), (0.05, 1.0)], 0.04),
        ([(0.01, 0.99), (0.02, 0.5)], None),
        ([(0.05, 1.0), (0.02, 0.96), (0.01, 0.2)], 0.02),
    ],
)
def test_the_smallest_slowdown_is_one_from_which_on_all_are_found(
    found: list[tuple[float, float]], least: float | None
) -> None:
    assert smallest(calibrated(found=found)) == least


@given(st.lists(st.tuples(st.floats(0.001, 1), st.floats(0, 1)), unique_by=lambda one: one[0]))
def test_no_slowdown_from_the_smallest_up_is_missed_and_no_smaller_one_would_do(
    found: list[tuple[float, float]],
) -> None:
    least = smallest(calibrated(found=found))
    good = [s for s, _ in found if all(share >= POWER for other, share in found if other >= s)]
    assert least == min(good, default=None)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ([], "0 of 0 cases. 0 of 3"),
        ([trials(0.0, same=9, inconclusive=2)], "0 of 11 cases. 0 of 3"),
        ([trials(0.0, faster=2, same=1, comparison=1)], "0 of 3 cases. 1 of 3"),
        ([trials(0.0, slower=3, faster=1, comparison=1), trials(0.0, same=4)], "3 of 8 cases. 1 of 3"),
        ([trials(0.0, slower=1, comparison=n) for n in range(3)], "3 of 3 cases. 3 of 3"),
        ([trials(0.02, slower=1, comparison=n) for n in range(3)], "0 of 0 cases. 0 of 3"),
    ],
)
def test_a_comparison_counts_once_however_many_of_its_verdicts_are_false(found: list[list[Trial]], says: str) -> None:
    (said,) = sentences(calibrated(*found))
    assert said == f"Identical code was called slower in {says} comparisons called some of it slower or faster."


def test_a_trial_without_a_rules_answer_counts_as_not_called() -> None:
    made = calibrated(
        trials(0.0, same=1, rules={"t-test": True, "min": True}), trials(0.0, same=1, rules={"min": True})
    )
    assert [cells.partition(" ")[0] for cells in other_rows(made)[0]] == ["the", "2", "50.0%", "100.0%"]
    made = calibrated(trials(0.0, same=1), trials(0.0, same=1, rules={"min": True}))
    assert other_rows(made) == [("the same code", "2")]


def test_where_no_slowdown_was_found_none_is_promised() -> None:
    for found in ([], [(0.1, 0.5)]):
        assert len(sentences(calibrated(trials(0.0, same=3), found=found))) == 1


# -- Markdown


def test_the_markdown_reads_as_the_one_that_was_checked_by_eye() -> None:
    many = calibrated(trials(0.0, same=1_234), trials(0.025, slower=1), trials(1.5, slower=1))
    golden_files.check("calibration.md", markdown(whole()) + "\n" + markdown(many))


def test_a_calibration_without_trials_has_tables_without_rows() -> None:
    made = markdown(calibrated(comparisons=0))
    assert "0 of 0 cases" in made
    assert len([line for line in made.splitlines() if line.startswith("|")]) == 4


@pytest.mark.parametrize("text", [*HOSTILE, "a|b", "a\\|b", "a\nb\n# c"])
def test_no_rules_name_breaks_out_of_its_cell(text: str) -> None:
    made = markdown(calibrated(trials(0.0, same=2, rules={text: True})))
    assert not re.search(r"<(?!!--)", made)
    table = [line for line in made.splitlines() if line.startswith("|")][-3:]
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in table} == {4}


def test_identical_code_that_is_called_broken_or_slower_to_set_up_is_told() -> None:
    made = calibrated(trials(0.0, same=8), trials(0.0, broken=2))
    assert any("2 cases could not be compared, or were called broken or wrong" in said for said in sentences(made))
    assert not any("set-up" in said for said in sentences(made))
    slow = [trial.model_copy(update={"setup": "slower" if n == 0 else "same"}) for n, trial in enumerate(made.trials)]
    said = sentences(made.model_copy(update={"trials": slow}))
    assert any("Its set-up was called slower or faster in 1 of 10 cases" in one for one in said)
