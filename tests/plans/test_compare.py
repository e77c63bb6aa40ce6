"""A comparison of two revisions beside the measuring: what figures mean, and whose fault it is if a case fails."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.engine import protocol
from bench.engine.context import RunContext
from bench.engine.experiment import Outcome
from bench.engine.pool import Died, Workers
from bench.engine.protocol import Plan, Source
from bench.plans.calibrate import RULES
from bench.plans.compare import (
    OVER_BUDGET,
    TRIPLE,
    CaseSamples,
    Compared,
    Comparing,
    excuse,
    keep,
    memory_of,
    record,
    sources_of,
    variant_name,
)
from bench.plans.differences import Chosen, Differences, NotComparable, list_sides
from bench.plans.revisions import RevisionError, Tree
from reports.statistics import LEAST_BYTES, Floats
from tests.plans.sides import facts

# memory


def peaks(*peak_bytes: int | None, needs: tuple[str, ...] = ()) -> CaseSamples:
    """Peak allocations of base, control and head."""
    sides = zip(TRIPLE, peak_bytes, strict=True)
    return CaseSamples(
        memory={side: protocol.Memory(variant=side, peak_bytes=peak, needs=needs) for side, peak in sides}
    )


@pytest.mark.parametrize(
    ("base", "control", "head", "verdict"),
    [
        (1000, 1000, 1000, "same"),
        (1000, 1000, 1000 + LEAST_BYTES, "same"),
        (1000, 1000, 1001 + LEAST_BYTES, "more"),
        (1000, 1000, 1000 - LEAST_BYTES, "same"),
        (1000, 1000, 999 - LEAST_BYTES, "less"),
        (0, 0, 10**9, "more"),
        (10**9, 10**9, 0, "less"),
        (1000, 1000 + LEAST_BYTES, 1000, "same"),
        (1000, 1001 + LEAST_BYTES, 10**9, "unknown"),
        (1001 + LEAST_BYTES, 1000, 1000, "unknown"),
        (10**9, 10**9 + 2 * 10**7, 10**9 + 2 * 10**7, "same"),
        (10**9, 10**9, 10**9 + 2 * 10**7 + 1, "more"),
        (10**9, 10**9 - 2 * 10**7, 10**9 - 2 * 10**7 - 1, "less"),
        (10**9, 10**9 + 2 * 10**7 + 1, 10**9, "unknown"),
        (None, 1000, 1000, "unknown"),
        (1000, None, 1000, "unknown"),
        (1000, 1000, None, "unknown"),
    ],
)
def test_memory_is_compared_by_the_threshold_and_beyond_pythons_own_noise(
    base: int | None, control: int | None, head: int | None, verdict: str
) -> None:
    assert memory_of(peaks(base, control, head), 0.02) == verdict


@pytest.mark.parametrize(("threshold", "verdict"), [(0.02, "more"), (0.04, "more"), (0.06, "same")])
def test_memory_has_the_threshold_that_is_asked_for(threshold: float, verdict: str) -> None:
    assert memory_of(peaks(10**6, 10**6, 10**6 + 50_000), threshold) == verdict


def test_memory_that_was_never_measured_is_unknown() -> None:
    assert memory_of(CaseSamples(), 0.02) == "unknown"
    assert memory_of(peaks(1, 1, None), 0.02) == "unknown"


# figures


def samples_of(*processes: tuple[Floats, Floats, Floats]) -> CaseSamples:
    """Processes of base, control and head, in logarithms of seconds."""
    made = CaseSamples()
    made.wall_s[0] = [dict(zip(TRIPLE, map(np.exp, process), strict=True)) for process in processes]
    return made


logs = st.lists(st.floats(-20, 5), min_size=1, max_size=9)


@given(st.lists(logs, min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_swapping_both_sides_of_identical_code_turns_the_sign(bases: list[list[float]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    sides = [(np.array(base), np.array(base) + rng.normal(size=len(base))) for base in bases]
    forth = samples_of(*((base, base, head) for base, head in sides)).stage(0).median
    back = samples_of(*((head, head, base) for base, head in sides)).stage(0).median
    assert back.ratios == pytest.approx([-ratio for ratio in forth.ratios], abs=1e-12)
    assert forth.controls == back.controls == [0.0] * len(bases)


def test_swapping_bases_two_loads_turns_the_control_alone() -> None:
    rng = np.random.default_rng(3)
    base, control, head = rng.normal(size=(3, 30))
    one = samples_of((base, control, head))
    plain, swapped = one.stage(0).median, one.stage(0, ("control", "base", "head")).median
    assert swapped.ratios == pytest.approx(plain.ratios)
    assert swapped.controls == pytest.approx([-ratio for ratio in plain.controls])


def test_a_slowed_head_gives_its_factor_in_every_process_and_drift_cancels() -> None:
    rng = np.random.default_rng(4)
    processes = []
    for _ in range(5):
        drift = np.cumsum(rng.normal(size=30))
        processes.append((drift, drift, drift + math.log(1.25)))
    found = samples_of(*processes)
    assert found.stage(0).median.ratios == pytest.approx([math.log(1.25)] * 5)
    assert found.stage(1).median.ratios == []


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
    look = samples_of(*((one[0], one[1], one[2]) for one in sides)).stage(0).median
    for ratios in (look.ratios, look.controls):
        assert abs(np.mean(ratios)) < 4 * np.std(ratios) / math.sqrt(len(ratios))
    to_mean = np.median(sides[:, 2] - np.log(times[:, :2].mean(axis=1)), axis=1)
    assert abs(to_mean.mean()) > 4 * to_mean.std() / math.sqrt(len(to_mean))


def test_the_typical_time_is_the_median_processs_median() -> None:
    found = samples_of(*((np.log([s, s, 9.0 * s]),) * 3 for s in (1e-6, 2e-6, 5e-3)))
    assert found.typical_s(0, "base") == pytest.approx(2e-6)
    assert found.typical_s(1, "base") is None


def test_what_a_process_found_is_kept_by_stage_and_side() -> None:
    (case, *_) = Chosen().cases(facts("lookup/mine"))
    outcome, found = Outcome(), CaseSamples()
    for side, factor in zip(TRIPLE, (1, 1, 2), strict=True):
        name = variant_name(case, side)
        outcome.timed[name] = protocol.Timed(
            variant=name,
            calls=3,
            rounds=2,
            prepare_s=0.5 * factor,
            adapt_s=None,
            wall_s=[1.0, None, factor * 2.0],
            cpu_s=[0.9, None, 1.1],
        )
    name = variant_name(case, "head")
    outcome.memory[name] = protocol.Memory(variant=name, peak_bytes=77, resident_bytes=8192, needs=("torch",))
    for _ in range(2):
        keep(outcome, case, TRIPLE, found, 1)
    assert [len(stage) for stage in found.wall_s] == [0, 2]
    assert found.wall_s[1][0]["base"].tolist() == [1.0, 2.0]
    stage = found.stage(1)
    assert stage.median.ratios == pytest.approx([math.log(2) / 2] * 2)
    assert stage.mean.ratios == pytest.approx([math.log(5 / 3)] * 2)
    assert stage.setup is not None
    assert stage.setup.ratios == pytest.approx([math.log(2)] * 2)
    assert stage.setup.controls == [0.0, 0.0]
    assert found.plan == dict.fromkeys(TRIPLE, Plan(calls=3, rounds=2))
    assert [found.peak_bytes(side) for side in TRIPLE] == [None, None, 77]
    assert [found.resident_bytes(side) for side in TRIPLE] == [None, None, 8192]
    assert found.needs == {"torch"}


@pytest.mark.parametrize(("needs", "verdict"), [(set(), "more"), ({"numba"}, "more"), ({"torch"}, "unknown")])
def test_memory_gets_a_verdict_only_where_tracing_sees_all_of_it(needs: set[str], verdict: str) -> None:
    (case, *_) = Chosen().cases(facts("lookup/mine"))
    samples = peaks(785, 785, 10**7, needs=tuple(needs))
    made = Differences(compared=[case], excluded={case: ("inconclusive", "because")})
    found = record(case, Compared(made, {case: samples}, {}, set(), 0.0), Path("/tree"), 0.02)
    assert (found["memory"], found["untraced"]) == (verdict, verdict == "unknown")


# cases that fail


def context(workers: Workers | None = None) -> RunContext:
    return RunContext(workers=workers or Workers(), corpus=Path("nowhere"))


def comparing(*keys: str) -> Comparing:
    """A comparison that never starts a worker."""
    cases = [case for key in keys for case in Chosen().cases(facts(key))]
    return Comparing(context(), Differences(compared=cases), lambda text, done, total: None)


@pytest.mark.parametrize(
    ("side_name", "status", "verdict", "told"),
    [
        ("head", "wrong", "wrong", "HEAD: because"),
        ("head", "error", "wrong", "HEAD: error: because"),
        ("head", "crashed", "broken", "HEAD: crashed: because"),
        ("head", "timeout", "broken", "HEAD: timeout: because"),
        ("head", "out of memory", "broken", "HEAD: out of memory: because"),
        ("head", "skipped", "broken", "HEAD: skipped: because"),
        ("base", "wrong", "failed", "BASE: because"),
        ("base", "error", "failed", "BASE: error: because"),
        ("base", "crashed", "failed", "BASE: crashed: because"),
        ("base", "out of memory", "failed", "BASE: out of memory: because"),
        ("", "crashed", "failed", "crashed: because"),
        ("", "error", "failed", "error: because"),
    ],
)
def test_a_case_is_wrong_or_broken_only_by_heads_own_fault(
    side_name: str, status: str, verdict: str, told: str
) -> None:
    under_way = comparing("lookup/mine")
    first, second = under_way.differences.compared
    under_way.exclude(first, side_name, status, "because")
    assert under_way.differences.excluded == {first: (verdict, told)}
    assert under_way.differences.standing == [second]


def test_the_budget_cuts_the_last_cases_and_of_undecided_ones_says_that_they_are_inconclusive() -> None:
    under_way = comparing("lookup/mine", "lookup/other")
    every = list(under_way.differences.compared)
    under_way.ends = under_way.started + 1000.0
    under_way.cut(every, 100.0, 18, 0)  # 1000 of 1800 seconds: two of four
    assert under_way.differences.compared == every[:2]
    assert under_way.differences.skipped == {OVER_BUDGET: [one.name for one in every[2:]]}
    assert under_way.differences.over_budget == [one.name for one in every[2:]]
    under_way.ends = under_way.started
    under_way.cut(every[:2], 1.0, 17, 1)
    assert {status for status, _ in under_way.differences.excluded.values()} == {"inconclusive"}
    assert list(under_way.differences.excluded) == every[:2]
    assert len(under_way.differences.over_budget) == 2


def test_a_budget_with_room_for_all_cuts_nothing() -> None:
    under_way = comparing("lookup/mine")
    under_way.ends = under_way.started + 1000.0
    under_way.cut(list(under_way.differences.compared), 1.0, 8, 0)
    under_way.cut(list(under_way.differences.compared), 1.0, 0, 0)
    assert len(under_way.differences.standing) == 2
    assert not under_way.differences.skipped
    assert not under_way.differences.over_budget


class Answered(Workers):
    """A worker that has said already what each side has."""

    def __init__(self, **sides: dict[str, Any]) -> None:
        super().__init__()
        self.said = [protocol.SourceListed(source=name, **{"interface": 1, **said}) for name, said in sides.items()]

    def work(self, *_: Any, **__: Any) -> Iterator[protocol.Events]:
        yield protocol.Stage(name="loading")
        yield from self.said
        yield protocol.Done()


def test_both_sides_are_listed_by_key() -> None:
    one = facts("lookup/mine", strays=["lib/a.py"])
    found = list_sides(context(Answered(base={}, head={"implementations": (one,)})))
    assert found == ({}, {"lookup/mine": one})


@pytest.mark.parametrize(
    ("base", "head", "message", "answerable"),
    [
        ({"error": "SyntaxError: no"}, {}, "BASE cannot be loaded: SyntaxError: no", False),
        ({}, {"error": "SyntaxError: no"}, "HEAD cannot be loaded: SyntaxError: no", True),
        ({"error": "SyntaxError: no"}, {"error": "SyntaxError: no"}, "HEAD cannot be loaded: SyntaxError: no", True),
        ({}, {"interface": 2}, r"version 1 in BASE, 2 in HEAD\)", False),
    ],
)
def test_what_is_not_heads_fault_leaves_the_question_open(
    base: dict[str, Any], head: dict[str, Any], message: str, answerable: bool
) -> None:
    with pytest.raises(RevisionError, match=message) as caught:
        list_sides(context(Answered(base=base, head=head)))
    assert isinstance(caught.value, NotComparable) is not answerable


def test_sources_are_both_folders_and_the_files_in_each() -> None:
    trees = Tree("main", Path("/b"), "1" * 40), Tree("the work tree", Path("/h"), "2" * 40)
    base, head = Source(tree="/b"), Source(tree="/h")
    assert sources_of(*trees) == {"base": base, "control": base, "head": head}
    files = sources_of(*trees, [Path("sub/mine.py")])
    assert [files[name].files for name in ("base", "head")] == [("/b/sub/mine.py",), ("/h/sub/mine.py",)]


# limits that are no fault of HEAD's

FINE = protocol.Verdict(key="lookup/mine", status="ok", reason="")


def run_of(*events: protocol.Events, death: Died | None = None) -> Iterator[protocol.Events]:
    yield from events
    if death:
        raise death


def test_a_limit_that_base_does_not_keep_either_is_no_fault_of_heads() -> None:
    died = Died("lookup/mine", "timeout", "the check took longer than 30 s")
    assert "BASE fails too (timeout: the check took" in excuse(lambda: run_of(death=died), 30, "timeout")
    for failed in (
        protocol.Verdict(key="lookup/mine", status="error", reason="broken"),
        protocol.Excluded(variant="mine|base", status="error", reason="broken"),
    ):
        assert "BASE fails too (error: broken)" in excuse(lambda one=failed: run_of(one), 30, "timeout")  # type: ignore[misc]


def test_a_limit_that_base_keeps_with_room_to_spare_is_heads_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert excuse(lambda: run_of(FINE, protocol.Done()), 30, "timeout") == ""
    clock = iter([0.0, 1.0, 1.0, 17.0, 17.0])
    monkeypatch.setattr("bench.plans.compare.time.monotonic", lambda: next(clock))
    assert "a step of BASE takes 16 s of the 30 s too" in excuse(lambda: run_of(FINE, protocol.Done()), 30, "timeout")


def test_what_fails_by_a_limit_that_base_barely_keeps_is_inconclusive() -> None:
    under_way = comparing("lookup/mine")
    (first, *_) = under_way.differences.compared
    under_way.exclude(first, "head", "timeout", "too long", "BASE fails too")
    assert under_way.differences.excluded[first] == ("inconclusive", "HEAD: timeout: too long; but BASE fails too")
    under_way.exclude(first, "head", "timeout", "too long")
    assert under_way.differences.excluded[first] == ("broken", "HEAD: timeout: too long")


def test_other_tools_rules_say_nothing_of_one_sample() -> None:
    one = np.log(np.array([1.0]))
    assert not any(rule(one, one) for rule in RULES.values())
