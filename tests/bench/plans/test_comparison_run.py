"""A comparison beside the measuring: what figures mean, whose fault it is if a case fails, and which release changed one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.pool import Workers
from w2vbench.bench.engine.pool.worker_process import LongestStep, WorkerFailure
from w2vbench.bench.plans.calibrate.other_rules import RULES
from w2vbench.bench.plans.compare.differences import CaseSelection, ComparedCase, Differences
from w2vbench.bench.plans.compare.first_changed import first_changed
from w2vbench.bench.plans.compare.measured import OVER_BUDGET, ComparisonRun, excuse
from w2vbench.bench.plans.compare.samples import CaseSamples
from w2vbench.bench.plans.packages.narrowing import gaps
from w2vbench.reports.compare.stages import TRIPLE
from w2vbench.reports.file.schema.comparison import ComparedRow
from w2vbench.reports.file.schema.fields import Samples
from w2vbench.reports.others.releases import ReleaseChange
from w2vbench.reports.statistics.looks import LOOKS, STAGES
from w2vbench.reports.statistics.problems import Interval

from tests.bench.plans.sides import facts
from tests.saved import STATUSES

# what is kept


@pytest.mark.parametrize(("measured", "missing"), [(TRIPLE, ""), (("base", "control"), "HEAD: crashed")])
def test_memory_is_missing_only_of_a_case_whose_memory_was_not_measured(
    measured: tuple[str, ...], missing: str
) -> None:
    """Though one process measures the memory of several cases, and ends early."""
    (case, *_) = CaseSelection().cases(facts("lookup/mine"))
    memory = {side: protocol.Memory(variant=side, peak_bytes=8, resident_bytes=8) for side in measured}
    row = CaseSamples(memory=memory, missing_reason="HEAD: crashed").row(case, Path("/tree"), None)
    assert row.memory_missing == missing


# from look to look


class Synthetic(ComparisonRun):
    """A comparison of which each process finds HEAD slower by what is given; ``None`` for a case of which it cannot be told."""

    slower: Mapping[str, float | None]

    def check(self, cases: Sequence[ComparedCase]) -> None:
        """Nothing is wrong."""

    def measure_process(self, stage: int, cases: Sequence[ComparedCase]) -> None:
        self.processes += 1
        for case in cases:
            slower, sign = self.slower[case.facts.slug], (-1) ** self.processes
            shift = math.log1p(0.001 * sign + slower) if slower is not None else 0.05 * sign
            times = {side: math.exp(shift if side == "head" else 0.0) for side in TRIPLE}
            mine = self.samples.setdefault(case, CaseSamples())
            mine.stages += [[] for _ in range(stage + 1 - len(mine.stages))]
            mine.stages[stage].append({side: Samples(wall_s=[one], cpu_s=[one]) for side, one in times.items()})


def test_only_what_a_look_leaves_undecided_is_measured_in_further_processes() -> None:
    notes: list[tuple[str, int, int]] = []
    cases = [CaseSelection().cases(facts(f"lookup/{slug}"))[0] for slug in ("alike", "slow", "noisy")]
    run = Synthetic({"head": context()}, Differences(compared=cases), lambda *note: notes.append(note))
    run.slower = {"alike": 0.0, "slow": 0.8, "noisy": None}
    announced: list[tuple[float, float]] = []
    run.announce = lambda first_s, further_s: announced.append((first_s, further_s))
    run.run()
    first, last = LOOKS[0].processes, LOOKS[-1].processes
    assert [len(run.samples[case].processes) for case in cases] == [first, first, last]
    assert [len(stage) for stage in run.samples[cases[2]].stages] == list(STAGES)
    assert [done for _, done, _ in notes] == list(range(last))
    assert notes[0] == ("all cases", 0, first)
    assert notes[first] == ("1 undecided case", first, LOOKS[1].processes)
    assert len(announced) == 1
    rows = run.rows(Path("/tree"))
    assert [row.verdict for row in rows] == ["same", "slower", "inconclusive"]
    assert [row.processes for row in rows] == [first, first, last]


# cases that fail


def context(workers: Workers | None = None) -> RunContext:
    return RunContext(workers=workers or Workers(), corpus=Path("nowhere"))


def comparing(*keys: str) -> ComparisonRun:
    """A comparison that never starts a worker."""
    cases = [case for key in keys for case in CaseSelection().cases(facts(key))]
    return ComparisonRun({"head": context()}, Differences(compared=cases), lambda text, done, total: None)


@pytest.mark.parametrize(
    ("side_name", "status", "excused", "verdict", "why"),
    [
        ("head", "wrong", "", "wrong", "HEAD: because"),
        *(("head", status, "", "broken", f"HEAD: {status}: because") for status in STATUSES if status != "wrong"),
        ("head", "timeout", "BASE fails too", "inconclusive", "HEAD: timeout: because; but BASE fails too"),
        ("base", "wrong", "", "failed", "BASE: because"),
        *(("base", status, "", "failed", f"BASE: {status}: because") for status in STATUSES if status != "wrong"),
        ("", "crashed", "", "failed", "crashed: because"),
        ("", "error", "", "failed", "error: because"),
    ],
)
def test_a_case_is_wrong_or_broken_only_by_heads_own_fault(
    side_name: str, status: str, excused: str, verdict: str, why: str
) -> None:
    under_way = comparing("lookup/mine")
    first, second = under_way.differences.compared
    under_way.exclude(first, side_name, status, "because", excused)
    assert under_way.differences.excluded == {first: (verdict, why)}
    assert under_way.differences.remaining == [second]


def test_the_budget_cuts_the_last_cases_and_of_undecided_ones_says_that_they_are_inconclusive() -> None:
    under_way = comparing("lookup/mine", "lookup/other")
    every = list(under_way.differences.compared)
    under_way.ends = under_way.started + 1000.0
    under_way.cut_to_budget(every, 100.0, 18, 0)  # 1000 of 1800 seconds: two of four
    assert under_way.differences.compared == every[:2]
    assert under_way.differences.skipped == {OVER_BUDGET: [one.name for one in every[2:]]}
    assert under_way.differences.over_budget == [one.name for one in every[2:]]
    under_way.ends = under_way.started
    under_way.cut_to_budget(every[:2], 1.0, 17, 1)
    assert {status for status, _ in under_way.differences.excluded.values()} == {"inconclusive"}
    assert list(under_way.differences.excluded) == every[:2]
    assert len(under_way.differences.over_budget) == 2


# limits that are no fault of HEAD's

FINE = protocol.ContractChecked(key="lookup/mine", status=protocol.Status.OK, reason="")


def run_of(*events: protocol.Events, death: WorkerFailure | None = None) -> Iterator[protocol.Events]:
    yield from events
    if death:
        raise death


def test_a_limit_that_base_does_not_keep_either_is_no_fault_of_heads() -> None:
    died = WorkerFailure("lookup/mine", protocol.Status.TIMEOUT, "the check took longer than 30 s")
    assert "BASE fails too (timeout: the check took" in excuse(run_of(death=died), Workers(), "timeout")
    failed = protocol.ContractChecked(key="lookup/mine", status=protocol.Status.ERROR, reason="broken")
    assert "BASE fails too (error: broken)" in excuse(run_of(failed), Workers(), "timeout")


@pytest.mark.parametrize(
    ("seconds", "limit_s", "excused"), [(14.0, 30.0, False), (16.0, 30.0, True), (40.0, 300.0, False)]
)
def test_a_stage_of_base_counts_against_its_own_limit(seconds: float, limit_s: float, excused: bool) -> None:
    workers = Workers()
    workers.longest = LongestStep("check", seconds, limit_s)
    assert bool(excuse(run_of(FINE, protocol.Done()), workers, "timeout")) is excused
    assert excuse(run_of(FINE, protocol.Done()), workers, "out of memory") == ""


def test_other_tools_rules_say_nothing_of_one_sample() -> None:
    one = np.log(np.array([1.0]))
    assert not any(rule(one, one) for rule in RULES.values())


RELEASES = [f"1.{at}" for at in range(10)]
CASES = [CaseSelection().cases(facts(f"lookup/{slug}"))[0] for slug in ("one", "two")]


def row(case: ComparedCase, shift: float, seed: int) -> ComparedRow:
    """A compared case that is slower by this log-ratio, in processes that differ by a percent."""
    rng = np.random.default_rng(seed)

    def process() -> dict[str, Samples]:
        times = {side: 1e-5 * math.exp(rng.normal(0, 0.01) + (shift if side == "head" else 0)) for side in TRIPLE}
        return {side: Samples(wall_s=[one], cpu_s=[one]) for side, one in times.items()}

    return ComparedRow(
        case=case.name,
        kernel=case.facts.kernel,
        implementation=case.facts.slug,
        title="",
        verdict="inconclusive",
        stages=[[process() for _ in range(9)], [process() for _ in range(18)]],
    )


def narrowed(
    came: Mapping[str, tuple[str, float]], missing: Sequence[str] = ()
) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Narrow changes that came with these releases, by these log-ratios. Return what was found, and what was compared."""
    compared: list[str] = []

    def measure(before: str, release: str, cases: Sequence[ComparedCase], threshold: float) -> list[ComparedRow]:
        if release in missing:
            return []
        compared.append(release)
        place = RELEASES.index(release)
        shifts = {slug: shift if place >= RELEASES.index(first) else 0.0 for slug, (first, shift) in came.items()}
        return [row(case, shifts[case.facts.slug], place) for case in cases]

    changes = [
        ReleaseChange(case.name, "1.0", "1.9", Interval(math.exp(came[case.facts.slug][1])))
        for case in CASES
        if case.facts.slug in came
    ]
    found = [one for gap in gaps(changes, CASES, RELEASES, 0.02) for one in gap.narrowed(measure, lambda line: None)]
    for one in found:  # what lies between is named, and nothing else
        assert one.undecided == RELEASES[RELEASES.index(one.last) + 1 : RELEASES.index(one.first)]
    return {one.case.partition("@")[0]: (one.last, one.first) for one in found}, compared


def test_each_change_is_found_and_no_release_is_compared_twice() -> None:
    found, compared = narrowed({"one": ("1.4", 0.2), "two": ("1.4", -0.3)})
    assert found == {"lookup/one": ("1.3", "1.4"), "lookup/two": ("1.3", "1.4")}
    assert len(compared) == len({*compared}) <= 4
    found, compared = narrowed({"one": ("1.2", 0.2), "two": ("1.8", 0.1)})
    assert found == {"lookup/one": ("1.1", "1.2"), "lookup/two": ("1.7", "1.8")}
    assert len(compared) == len({*compared})


def test_a_release_that_cannot_be_installed_is_passed_over() -> None:
    found, compared = narrowed({"one": ("1.4", 0.2)}, missing=["1.4", "1.5"])
    assert found == {"lookup/one": ("1.3", "1.6")}
    assert not {"1.4", "1.5"} & {*compared}


def test_bisection_asks_each_at_most_once_and_passes_over_what_it_cannot_tell() -> None:
    for number in range(2, 30):
        for first in range(1, number):
            choices: list[set[int]] = [set(), {first}, {first, first + 1}, {*range(1, number - 1)}]
            for unknown in choices:
                asked: list[int] = []

                def changed(
                    at: int, unknown: set[int] = unknown, asked: list[int] = asked, first: int = first
                ) -> bool | None:
                    asked.append(at)
                    return None if at in unknown else at >= first

                last_same, first_changed_at = first_changed(number, changed)
                assert len(asked) == len({*asked})
                assert last_same < first <= first_changed_at or first - 1 in unknown
                between = range(last_same + 1, first_changed_at)
                assert all(at in unknown for at in between)
