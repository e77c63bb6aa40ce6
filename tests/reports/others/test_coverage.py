"""Intervals and ties keep their promises, at the number of processes and rounds that the presets have: by simulation."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scipy import stats
from w2vbench.bench.plans.run.presets import PRESETS
from w2vbench.reports.findings.ranking import rank
from w2vbench.reports.others import coverage
from w2vbench.reports.others.coverage import IMPLEMENTATIONS, ONE_IN_TEN, PROCESSES, ROUNDS, USUAL, Disturbances


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_what_is_simulated_is_the_least_that_a_preset_has(preset: object) -> None:
    settings = preset.settings  # type: ignore[attr-defined]
    assert settings.processes >= PROCESSES
    assert settings.rounds >= ROUNDS
    # samples are a fifth longer than the least, or half as long again, since calls are whole
    assert settings.variant_s >= ROUNDS * 1.5 * settings.sample_s


@pytest.mark.parametrize("count", [coverage.ratio_coverage, coverage.wall_coverage])
@pytest.mark.parametrize("noise", [USUAL, ONE_IN_TEN], ids=["usual", "one process in ten slowed"])
@pytest.mark.parametrize("rounds", [ROUNDS, 3, 1])
def test_the_intervals_of_speed_ups_and_of_wall_times_of_undisturbed_processes_hold_the_true_one(
    count: Callable[[Disturbances, int, int], int], noise: Disturbances, rounds: int
) -> None:
    # more than 95 % where one process in ten is slowed, since none of four is trimmed and the spread is large
    assert 0.93 <= count(noise, rounds, 2_000) / 2_000 <= 0.98


@pytest.mark.parametrize("spread", [0.05, 0.5])
def test_looking_several_times_calls_hardly_more_of_as_many_alike_slower_and_keeps_the_winners_interval(
    spread: float,
) -> None:
    alike, tries = 6, 500
    assert stats.binom.cdf(coverage.any_slower(alike, spread, tries) - 1, tries, 0.05) < 0.999
    assert coverage.winner_coverage_of_looks(alike, spread, tries) >= 0.95 * tries


def test_so_does_that_of_a_run_that_was_interrupted_after_three_processes() -> None:
    assert 0.93 <= coverage.ratio_coverage(USUAL, ROUNDS, 2_000, processes=3) / 2_000 <= 0.97


def test_ten_alike_are_a_tie() -> None:
    rankings = [rank(rows) for rows in coverage.problems(coverage.IDENTICAL, ONE_IN_TEN, ROUNDS, 1_000)]
    assert sum(len(ranking.fastest) == IMPLEMENTATIONS for ranking in rankings) >= 950
    assert not any(len(ranking.fastest) == 1 for ranking in rankings)


def test_of_slow_calls_too_none_of_ten_alike_is_called_slower() -> None:
    assert coverage.none_slower(USUAL, 1, 200) >= 0.95 * 200


def test_one_that_is_a_fifth_faster_is_called_the_fastest() -> None:
    assert coverage.fastest_named(ONE_IN_TEN, ROUNDS, 200) >= 0.95 * 200


def test_the_speed_up_of_the_one_that_happens_to_lead_holds_the_true_one() -> None:
    """Its own 95 % interval, which does not allow for the choice, would hold it less often."""
    assert coverage.winner_coverage(USUAL, ROUNDS, 200) >= 0.95 * 200


def test_the_command_prints_every_share(capsys: pytest.CaptureFixture[str]) -> None:
    coverage.main(4)
    first, heading, looks = capsys.readouterr().out.split("\n\n")
    assert heading == "After 4, 6, 8 processes:"
    rows = 6 * len(coverage.QUESTIONS), len(coverage.AT_ANY_LOOK) * len(coverage.ALIKE) * len(coverage.SPREADS)
    for table, count in zip((first, looks), rows, strict=True):
        lines = table.splitlines()
        assert len(lines) == 2 + count
        assert all(line.count("|") == 5 for line in lines)
