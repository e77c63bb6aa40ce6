"""Which release between two measured ones changed a case, from comparisons that are made up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from w2vbench.bench.plans.compare.differences import CaseSelection, ComparedCase
from w2vbench.bench.plans.compare.first_changed import first_changed
from w2vbench.bench.plans.packages.narrowing import gaps
from w2vbench.reports.compare.stages import TRIPLE
from w2vbench.reports.file.schema.comparison import ComparedRow
from w2vbench.reports.file.schema.fields import Samples
from w2vbench.reports.others.releases import ReleaseChange
from w2vbench.reports.statistics.problems import Interval

from tests.bench.plans.sides import facts

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
