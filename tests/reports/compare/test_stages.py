"""A comparison's cases, from synthetic samples to verdicts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.reports.compare.stages import (
    SETUP_S,
    TRIPLE,
    Process,
    log_ratios,
    looks_of,
    memory_of,
    recomputed,
    with_verdicts,
)
from w2vbench.reports.file.schema.comparison import ComparedRow
from w2vbench.reports.file.schema.fields import Samples
from w2vbench.reports.statistics.looks import LOOKS, STAGES
from w2vbench.reports.statistics.problems import LEAST_BYTES, Floats
from w2vbench.reports.statistics.verdicts import UNFINISHED

from tests.reports.compare.comparisons import case, compared

ALL = LOOKS[-1].processes


def processes_of(
    *processes: Sequence[Floats] | Floats, setups: Sequence[float | None] = (0.0, 0.0, 0.0)
) -> list[Process]:
    """Processes of base, control and head, from logarithms of seconds."""
    return [
        {
            side: Samples(wall_s=np.exp(logs).tolist(), cpu_s=np.exp(logs).tolist(), setup_s=setup)
            for side, logs, setup in zip(TRIPLE, process, setups, strict=True)
        }
        for process in processes
    ]


# memory


def memory(base: int | None, control: int | None, head: int | None) -> str:
    return memory_of(case("mine", "inconclusive", base_bytes=base, control_bytes=control, head_bytes=head), 0.02)


@pytest.mark.parametrize(("base", "margin"), [(9_000, LEAST_BYTES), (10**9, 2 * 10**7)])
@pytest.mark.parametrize(("sign", "verdict"), [(1, "more"), (-1, "less")])
def test_memory_is_compared_by_the_threshold_and_beyond_pythons_own_noise_where_the_control_agrees(
    base: int, margin: int, sign: int, verdict: str
) -> None:
    within, beyond = base + sign * margin, base + sign * (margin + 1)
    assert [memory(base, base, head) for head in (within, beyond)] == ["same", verdict]
    assert [memory(base, control, base) for control in (within, beyond)] == ["same", "unknown"]
    assert {memory(*peaks) for peaks in ((None, base, base), (base, None, base), (base, base, None))} == {"unknown"}


@pytest.mark.parametrize(("needs", "verdict"), [([], "more"), (["numba"], "more"), (["torch"], "unknown")])
def test_memory_gets_a_verdict_only_where_tracing_sees_all_of_it(needs: list[str], verdict: str) -> None:
    peaks = {"base_bytes": 785, "control_bytes": 785, "head_bytes": 10**7}
    (row,) = with_verdicts([measured(0.0, (9, 0)).model_copy(update={**peaks, "needs": needs})], 0.02)
    assert (row.memory, row.untraced) == (verdict, verdict == "unknown")


# figures

logs = st.lists(st.floats(-20, 5), min_size=1, max_size=9)


@given(st.lists(logs, min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_swapping_sides_of_identical_code_turns_the_sign(bases: list[list[float]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    sides = [(np.array(base), np.array(base) + rng.normal(size=len(base))) for base in bases]
    forth = log_ratios(processes_of(*((base, base, head) for base, head in sides))).median
    back = log_ratios(processes_of(*((head, head, base) for base, head in sides))).median
    assert back.ratios == pytest.approx([-ratio for ratio in forth.ratios], abs=1e-12)
    assert forth.controls == back.controls == [0.0] * len(bases)


def test_a_slowed_head_gives_its_factor_in_every_process_and_drift_cancels() -> None:
    drifts = np.cumsum(np.random.default_rng(4).normal(size=(5, 30)), axis=1)
    processes = [(drift, drift, drift + math.log(1.25)) for drift in drifts]
    assert log_ratios(processes_of(*processes)).median.ratios == pytest.approx([math.log(1.25)] * 5)
    assert log_ratios([]).median.ratios == []


@pytest.mark.parametrize("skewed", ["lognormal", "exponential", "mostly fast"])
def test_identical_code_has_a_ratio_of_one_on_skewed_times(skewed: str) -> None:
    """A ratio to the mean of BASE's two loads would be biased: it fails the same bound."""
    rng = np.random.default_rng(5)
    shape = (2000, 3, 30)
    times = {
        "lognormal": lambda: rng.lognormal(sigma=0.5, size=shape),
        "exponential": lambda: 1 + rng.exponential(size=shape),
        "mostly fast": lambda: 1 + 0.5 * (rng.random(shape) < 0.3) + 0.01 * rng.random(shape),
    }[skewed]()
    sides = np.log(times)
    look = log_ratios(processes_of(*sides)).median
    for ratios in (look.ratios, look.controls):
        assert abs(np.mean(ratios)) < 4 * np.std(ratios) / math.sqrt(len(ratios))
    to_mean = np.median(sides[:, 2] - np.log(times[:, :2].mean(axis=1)), axis=1)
    assert abs(to_mean.mean()) > 4 * to_mean.std() / math.sqrt(len(to_mean))


def test_rounds_without_a_figure_count_for_nothing_and_set_up_has_its_own_ratio() -> None:
    process = {
        side: Samples(wall_s=[1.0, None, factor * 2.0], cpu_s=[0.9, None, 1.1], setup_s=0.5 * factor)
        for side, factor in zip(TRIPLE, (1, 1, 2), strict=True)
    }
    stage = log_ratios([process, process])
    assert stage.median.ratios == pytest.approx([math.log(2) / 2] * 2)
    assert stage.mean.ratios == pytest.approx([math.log(5 / 3)] * 2)
    assert stage.setup is not None
    assert stage.setup.ratios == pytest.approx([math.log(2)] * 2)
    assert stage.setup.controls == [0.0, 0.0]


@pytest.mark.parametrize(("head_s", "compared"), [(9e-4, False), (2e-3, True)])
def test_set_up_of_microseconds_is_not_compared(head_s: float, compared: bool) -> None:
    stage = log_ratios(processes_of(np.zeros((3, 3)), setups=(1e-5, 1e-5, head_s)))
    assert (stage.setup is not None) is compared


@pytest.mark.parametrize("seconds", [(2e-3, 9e-4), (9e-4, 2e-3)])
def test_whether_set_up_is_compared_follows_from_the_processes_of_the_first_look_alone(
    seconds: tuple[float, float],
) -> None:
    most, later = (processes_of(np.zeros((3, 3)), setups=(one,) * 3) for one in seconds)
    processes = [*most * 3, *later * (ALL - 3)]
    assert (log_ratios(processes).setup is not None) is (seconds[0] > SETUP_S)


def test_set_up_that_was_not_timed_is_not_compared_nor_shown() -> None:
    stages = [processes_of(*[np.zeros((3, 3))] * 5, setups=(None, None, None))]
    assert log_ratios(stages[0]).setup is None
    (row,) = with_verdicts([case("mine", "same", stages=stages)], 0.02)
    assert (row.setup, row.base_setup_s, row.head_setup_s) == ("unknown", None, None)


# from samples to verdicts


def measured(slowdown: float, stages: Sequence[int], seed: int = 1, noise: float = 0.004) -> ComparedRow:
    """A case of which each process of each stage finds HEAD slower by about a slowdown."""
    rng = np.random.default_rng(seed)

    def process() -> Floats:
        own = rng.normal(-12, 0.1) + rng.normal(0, noise, size=(3, 1)) + rng.normal(0, 0.01, size=(3, 20))
        return np.asarray(np.add(own, [[0.0], [0.0], [math.log1p(slowdown)]]))

    found = [processes_of(*(process() for _ in range(count))) for count in stages]
    return case(f"slower-by-{slowdown}", "same", stages=found)


def test_verdicts_and_typical_times_follow_from_the_samples_alone_whatever_verdict_was_stored() -> None:
    same, slow, much_slower = rows = with_verdicts(
        [measured(0.0, (5, 4)), measured(0.08, (5, 4, 4, 5, 9), 2, noise=0.025), measured(0.8, (5,), 3)], 0.02
    )
    assert (same.verdict, same.processes) == ("same", 5)
    assert (slow.verdict, slow.processes) == ("slower", 13)
    assert (much_slower.verdict, much_slower.processes) == ("slower", 5)
    assert slow.ratio is not None
    assert slow.ratio.estimate == pytest.approx(1.08, rel=0.02)
    used = [process for stage in slow.stages for process in stage][:13]
    medians = [np.median([np.median(process[side].walls) for process in used]) for side in ("base", "head")]
    assert (slow.base_s, slow.head_s) == pytest.approx(medians)
    assert with_verdicts(rows, 0.02) == rows


def test_a_case_has_the_cpu_time_and_the_set_up_of_both_sides() -> None:
    process = {
        side: Samples(wall_s=[1.0] * 3, cpu_s=[factor * 0.8, factor * 1.0, factor * 1.5], setup_s=factor * 0.5)
        for side, factor in zip(TRIPLE, (1, 1, 2), strict=True)
    }
    (row,) = with_verdicts([case("mine", "same", stages=[[process] * 5])], 0.02)
    assert (row.base_cpu_s, row.head_cpu_s) == pytest.approx((1.1, 2.2))
    assert (row.base_setup_s, row.head_setup_s) == (0.5, 1.0)
    assert row.setup == "slower"


def test_at_another_threshold_a_case_that_lacks_processes_is_inconclusive() -> None:
    row = measured(0.005, (5,), noise=0.004)
    assert [with_verdicts([row], threshold)[0].verdict for threshold in (0.02, 0.004)] == ["same", "inconclusive"]
    (unfinished,) = with_verdicts([row], 0.004)
    assert (unfinished.why, unfinished.setup) == (UNFINISHED, "unknown")
    (wider,) = with_verdicts([measured(0.08, (5, 4, 4, 5, 9))], 0.2)
    assert (wider.verdict, wider.processes) == ("same", 5)


def test_a_comparison_of_an_older_version_is_decided_by_the_looks_that_it_had() -> None:
    """It looked after nine processes, and for what these left undecided after eighteen more."""
    same, slow = with_verdicts([measured(0.001, (9, 0), noise=0.009), measured(0.08, (9, 18), 2, noise=0.05)], 0.02)
    assert (same.verdict, same.processes) == ("same", 9)
    assert (slow.verdict, slow.processes) == ("slower", 27)


def test_the_looks_of_a_comparison_are_those_at_which_some_case_was_measured() -> None:
    """Files of older versions have a stage of no processes for a case that was decided before."""
    assert looks_of([measured(0.0, stages) for stages in ((5, 4), (5, 0), (5,), (5, 4, 0))]) == list(LOOKS[:2])


def test_cases_that_are_excluded_or_have_no_samples_keep_their_verdict_and_are_none_of_the_tested() -> None:
    """A correction for more cases would make the slower one inconclusive."""
    slow = measured(0.08, STAGES, 2, noise=0.045)
    others = [
        slow.model_copy(update={"case": f"crashed-{at}", "verdict": "broken", "excluded": True}) for at in range(9)
    ]
    empty = case("empty", "failed", why="HEAD needs torch")
    alone, *kept, last = with_verdicts([slow, *others, empty], 0.02)
    assert alone == with_verdicts([slow], 0.02)[0]
    assert alone.verdict == "slower"
    assert (
        with_verdicts([slow, *(one.model_copy(update={"excluded": False}) for one in others)], 0.02)[0].verdict
        == "inconclusive"
    )
    assert {(one.verdict, one.ratio, one.processes) for one in kept} == {("broken", None, ALL)}
    assert last == empty


def test_verdicts_are_computed_anew_at_a_comparisons_own_threshold_or_another() -> None:
    stored = compared(measured(0.005, (5,), noise=0.004), threshold=0.004)
    own, wider = recomputed(stored), recomputed(stored, 0.02)
    assert (own.threshold, own.cases[0].verdict) == (0.004, "inconclusive")
    assert (wider.threshold, wider.cases[0].verdict) == (0.02, "same")


def test_a_comparison_of_two_result_files_keeps_its_verdicts() -> None:
    stored = compared(case("a", "slower", ratio=1.5), interleaved=False)
    assert recomputed(stored, 0.9) is stored


@pytest.mark.parametrize(("environments", "says"), [([], "the same code measured"), ("SIDES", "the same environment")])
def test_the_reason_says_what_was_measured_twice(environments: Any, says: str) -> None:
    rng = np.random.default_rng(6)
    drifting = [
        [processes_of(*(np.array([[0.0], [0.3], [0.3]]) + rng.normal(0, 0.01, (3, 20)) for _ in range(count)))]
        for count in STAGES
    ]
    row = case("a", "same", stages=[stage for (stage,) in drifting])
    (found,) = recomputed(compared(row, environments=SIDES if environments else [])).cases
    assert (found.verdict, says in found.why) == ("inconclusive", True)


SIDES = [{"python": "3.11", "packages": {"numpy": version}} for version in ("2.2.6", "2.4.6")]


def test_a_comparison_needs_the_same_rounds_on_all_sides_and_two_environments_or_none() -> None:
    uneven = ONE | {"head": {"wall_s": [1.0], "cpu_s": [1.0]}}
    with pytest.raises(ValueError, match="rounds"):
        compared(case("mine", "same", stages=[[ONE, uneven], []]), environments=SIDES)
    with pytest.raises(ValueError, match="environments"):
        compared(case("mine", "same", stages=[[ONE, ONE], []]), environments=SIDES[:1])


ONE = {side: {"wall_s": [1.0, 2.0], "cpu_s": [1.0, 1.0]} for side in TRIPLE}


@pytest.mark.parametrize(
    "stages",
    [
        [[ONE], []],
        [[ONE, {side: ONE[side] for side in ("base", "head")}], []],
        [[ONE, ONE | {"head": {"wall_s": [1.0, None], "cpu_s": [1.0, None]}}], []],
        [[ONE, ONE | {"head": {"wall_s": [1.0], "cpu_s": [1.0, 1.0]}}], []],
        [[], [ONE, ONE]],
    ],
    ids=["one process", "no control", "other rounds", "no CPU time of a round", "no first stage"],
)
def test_a_damaged_comparison_is_refused_when_it_is_read(stages: Any) -> None:
    assert case("mine", "same", stages=[[ONE, ONE], [ONE, ONE]]).stages
    with pytest.raises(ValueError, match=r"process|rounds|stage"):
        compared(case("mine", "same", stages=stages))
