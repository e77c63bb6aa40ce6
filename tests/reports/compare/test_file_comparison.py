"""Two runs' files compared: what differs in one case is found, and what differs in all of them or in none is not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.reports.compare.files import FEWEST, SPREAD, UNKNOWN, USUAL
from w2vbench.reports.compare.tables import exit_code, memory_cell, notes
from w2vbench.reports.file.schema.comparison import ComparedRow, Comparison
from w2vbench.reports.file.schema.result import ResultFile

from tests import saved
from tests.reports.compare.comparisons import two_files, verdicts
from tests.saved import Processes, row

MANY = 12
PROCESS = 0.01
"""Standard deviation of a process, as a logarithm."""


def changed(found: Comparison) -> dict[str, str]:
    return {slug: verdict for slug, verdict in verdicts(found).items() if verdict in ("slower", "faster")}


def margins(found: Comparison) -> float:
    """The margin that all steady cases have."""
    (margin,) = {case.margin and round(case.margin, 12) for case in found.cases}
    assert margin is not None
    return margin


def alike(count: int = MANY, factor: float = 1.0) -> dict[str, float]:
    return {f"c{number}": factor for number in range(count)}


def steady(factors: dict[str, float]) -> ResultFile:
    """A run in which each case takes 10 µs times a factor, always."""
    return saved.result(*[row(slug, 1e-5 * factor) for slug, factor in factors.items()])


def run(
    rng: np.random.Generator,
    factors: dict[str, float],
    *,
    process: float = PROCESS,
    of_run: float = 0.0,
    processes: int = 3,
) -> ResultFile:
    """The same with noise of each process, and of a case in a run."""
    rows = []
    for slug, factor in factors.items():
        level = math.log(1e-5 * factor) + of_run * rng.standard_normal()
        seconds = np.exp(level + process * rng.standard_normal(processes))
        rows.append(row(slug, [[float(one)] * 3 for one in seconds]))
    return saved.result(*rows)


# -- the same code


@pytest.mark.parametrize("count", [1, FEWEST - 1, FEWEST, MANY])
def test_a_run_compared_with_itself_is_the_same_in_every_case(count: int) -> None:
    one = steady({f"c{n}": n + 1 for n in range(count)})
    found = two_files(one, one)
    assert set(verdicts(found).values()) == {"same"}
    assert (exit_code(found), found.interleaved) == (0, False)


@given(st.integers(0, 2**32), st.floats(0, 0.1), st.integers(1, 10), st.integers(2, 5), st.floats(0, 0.1))
def test_a_run_is_never_slower_or_faster_than_itself(
    seed: int, process: float, count: int, processes: int, threshold: float
) -> None:
    one = run(np.random.default_rng(seed), alike(count), process=process, processes=processes)
    assert changed(two_files(one, one, threshold=threshold)) == {}


@pytest.mark.parametrize(("process", "of_run"), [(0.02, 0.02), (0.04, 0.04), (0.01, 0.03), (0.02, 0.04), (0.03, 0.0)])
@pytest.mark.parametrize("drift", [0.0, 0.15])
def test_of_runs_that_differ_by_noise_alone_few_have_a_false_alarm(process: float, of_run: float, drift: float) -> None:
    rng = np.random.default_rng(20)
    alarms = 0
    for _ in range(60):
        factors = (1.0, math.exp(drift * rng.choice([-1, 1])))
        base, head = (run(rng, alike(MANY, factor), process=process, of_run=of_run) for factor in factors)
        alarms += "slower" in verdicts(two_files(base, head)).values()
    assert alarms / 60 <= 0.05


# -- what changed


@pytest.mark.parametrize(("factor", "verdict"), [(3.0, "slower"), (1 / 3, "faster")])
def test_the_one_case_that_changed_is_called_slower_or_faster_and_no_other(factor: float, verdict: str) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        found = two_files(run(rng, alike()), run(rng, {**alike(), "c3": factor}))
        assert changed(found) == {"c3": verdict}
        ratio: Any = found.cases[3].ratio
        assert ratio.low <= ratio.estimate <= ratio.high
        assert ratio.estimate == pytest.approx(factor, rel=0.05)
        assert (exit_code(found) == 1) == (verdict == "slower")


def beside_steady(middle: float, spread: float, processes: int) -> ResultFile:
    """A file of a case whose processes lie to both sides of a middle, in logarithms, and of steady ones beside it."""
    logs = [middle + spread * (-1) ** number for number in range(processes)]
    walls: list[Processes] = [[[1e-5 * math.exp(log)] * 6 for log in logs], *[[[1e-5] * 6] * processes] * MANY]
    return saved.result(*[row(slug, wall) for slug, wall in zip(("gather", *alike()), walls, strict=True)])


def beside(base: tuple[float, float, int], head: tuple[float, float, int]) -> ComparedRow:
    gather, *others = two_files(beside_steady(*base), beside_steady(*head)).cases
    assert {case.verdict for case in others} == {"same"}
    return gather


def test_a_difference_within_what_processes_of_one_run_differ_by_is_no_change_however_well_it_is_known() -> None:
    assert beside((0.0, 0.035, 40), (0.08, 0.035, 40)).verdict == "same"
    assert beside((0.0, 0.01, 40), (0.08, 0.01, 40)).verdict == "slower"


@pytest.mark.parametrize("sign", [1, -1])
def test_a_difference_beyond_the_margin_that_may_be_chance_is_inconclusive_with_a_reason(sign: int) -> None:
    case = beside((0.0, 0.01, 2), (sign * 0.09, 0.01, 2))
    assert case.verdict == "inconclusive"
    assert case.why


@pytest.mark.parametrize(("sign", "verdict"), [(1, "slower"), (-1, "faster")])
@pytest.mark.parametrize(("count", "usual"), [(1, UNKNOWN), (FEWEST - 1, UNKNOWN), (FEWEST, USUAL), (MANY, USUAL)])
def test_the_margin_is_that_of_what_is_usual_and_wide_where_few_cases_tell_it(
    count: int, usual: float, sign: int, verdict: str
) -> None:
    for beyond, says in ((-0.01, "same"), (0.01, verdict)):
        factor = math.exp(sign * (SPREAD * usual + beyond))
        found = two_files(steady(alike(count)), steady({**alike(count), "c0": factor}))
        assert found.cases[0].verdict == says
        assert margins(found) == pytest.approx(math.expm1(SPREAD * usual))


def test_a_threshold_beyond_what_is_usual_is_the_margin() -> None:
    base, head = steady(alike(1)), steady(alike(1, 1.5))
    for threshold, verdict in ((0.4, "slower"), (0.6, "same")):
        found = two_files(base, head, threshold=threshold)
        assert verdicts(found) == {"c0": verdict}
        assert margins(found) == pytest.approx(threshold)


@pytest.mark.parametrize("shift", [math.log(1.3), -math.log(1.3)])
def test_a_shift_of_all_cases_widens_the_margin_to_both_sides_but_not_for_the_same(shift: float) -> None:
    wide = SPREAD * USUAL + abs(shift)
    logs = {**alike(MANY, shift), "slow": wide + 0.01, "fast": -wide - 0.01, "unsure": wide - 0.01, "kept": 0.0}
    found = two_files(steady(dict.fromkeys(logs, 1.0)), steady({slug: math.exp(log) for slug, log in logs.items()}))
    said = {"slow": "slower", "fast": "faster", "unsure": "inconclusive", "kept": "same"}
    assert verdicts(found) == {**dict.fromkeys(alike(), "inconclusive"), **said}
    assert margins(found) == pytest.approx(math.expm1(wide))


@pytest.mark.parametrize("factor", [1.1, 1.3, 2.0, 10.0, 1 / 1.3, 0.1])
def test_a_run_that_is_slower_as_a_whole_is_neither_called_the_same_nor_slower_and_that_is_told(factor: float) -> None:
    base = steady(alike())
    found = two_files(base, steady(alike(factor=factor)))
    assert set(verdicts(found).values()) == {"inconclusive"}
    assert exit_code(found) == 3
    assert len(found.caveats) == len(two_files(base, base).caveats) + 1


def test_the_margin_is_the_spread_of_cases_and_not_of_the_few_that_changed() -> None:
    logs = np.random.default_rng(1).normal(0, 0.03, 400)
    logs[:40] = 1.1
    found = two_files(steady(alike(400)), steady({f"c{n}": math.exp(log) for n, log in enumerate(logs)}))
    assert margins(found) == pytest.approx(math.expm1(SPREAD * 0.03), rel=0.3)


def test_rounds_that_were_sat_out_are_not_counted() -> None:
    base = saved.result(row("gather", [[1e-5, None, 1e-5], [None, 1e-5]]))
    head = saved.result(row("gather", [[None, 3e-5], [3e-5, None, None]]))
    assert verdicts(two_files(base, head)) == {"gather": "slower"}


def test_runs_may_have_different_numbers_of_processes() -> None:
    rng = np.random.default_rng(1)
    found = two_files(run(rng, alike(), processes=2), run(rng, alike(), processes=6))
    assert {case.processes for case in found.cases} == {6}
    assert "slower" not in verdicts(found).values()


# -- memory


@pytest.mark.parametrize(("threshold", "says"), [(0.0001, "more"), (0.0009, "more"), (0.0011, "same"), (0.5, "same")])
def test_memory_of_two_files_is_compared_by_the_threshold_and_more_of_it_alone_fails_the_gate(
    threshold: float, says: str
) -> None:
    base, head = (saved.result(row("gather", 1e-5, peak_bytes=peak)) for peak in (10**8, 10**8 + 10**5))
    found = two_files(base, head, threshold=threshold)
    assert (found.cases[0].memory, exit_code(found)) == (says, says == "more")
    assert exit_code(two_files(head, base, threshold=threshold)) == 0


def torch(traced: int, resident: int | None, needs: tuple[str, ...] = ("torch",)) -> ResultFile:
    return saved.result(row("torch", 1e-5, peak_bytes=traced, resident_bytes=resident, needs=needs))


@pytest.mark.parametrize(
    ("base", "head", "shown"),
    [
        (torch(785, 10_000_000), torch(785, 50_000_000), "10.0 MB resident → 50.0 MB resident"),
        (torch(785, 16_000_000), torch(16_000_000, 16_000_000, ()), "16.0 MB resident → 16.0 MB"),
        (torch(16_000_000, 16_000_000, ()), torch(785, 16_000_000), "16.0 MB → 16.0 MB resident"),
        (torch(785, None), torch(785, None), "–"),
    ],
    ids=["resident growth", "moved into tracing's sight", "moved out of it", "neither tells it"],
)
def test_memory_that_tracing_does_not_see_is_shown_and_never_judged(
    base: ResultFile, head: ResultFile, shown: str
) -> None:
    """Of torch's 50 MB tracing sees 785 bytes: neither a false "same: 785 B", nor a gate that fails on whole pages."""
    found = two_files(base, head)
    (case,) = found.cases
    assert (case.memory, memory_cell(case), exit_code(found)) == ("unknown", shown, 0)
    assert any("has no verdict" in note for note in notes(found)) == ("resident" in shown)
