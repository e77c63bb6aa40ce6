"""A comparison errs as rarely as it promises over all of its looks, whatever its processes do, and stops early where it can."""

from __future__ import annotations

from statistics import mean

import pytest
from scipy import stats
from w2vbench.reports.compare.errors import CASES, FEWER_LOOKS, KINDS, THRESHOLD, Comparisons, Effects, steady
from w2vbench.reports.statistics.looks import LOOKS
from w2vbench.reports.statistics.verdicts import FALSE_ALARMS, FALSE_SAME

INDEPENDENT = [kind for kind in KINDS if not kind.startswith("drifting")]
"""What a test of processes assumes."""


@pytest.mark.parametrize("kind", INDEPENDENT)
def test_of_sixteen_cases_on_the_threshold_any_is_called_slower_or_faster_as_rarely_as_promised(kind: str) -> None:
    tries = 80
    calls = list(Comparisons(KINDS[kind], THRESHOLD).decisions(tries))
    alarms = sum(any(one.verdict in ("slower", "faster") for one in decisions) for decisions in calls)
    assert stats.binom.cdf(alarms - 1, tries, FALSE_ALARMS) < 0.999
    same = sum(one.verdict == "same" for decisions in calls for one in decisions)
    assert stats.binom.cdf(same - 1, tries * CASES, FALSE_SAME) < 0.999


@pytest.mark.parametrize("effects", KINDS.values(), ids=KINDS)
def test_what_is_many_times_slower_is_found_by_the_first_look(effects: Effects) -> None:
    for decisions in Comparisons(effects, 3.0).decisions(5):
        assert {(one.verdict, one.processes) for one in decisions} == {("slower", LOOKS[0].processes)}


@pytest.mark.parametrize("slower", [0.0, 0.03, 0.8])
def test_more_looks_take_fewer_processes_and_find_nearly_as_much(slower: float) -> None:
    found = []
    for looks in (LOOKS, FEWER_LOOKS):
        calls = [one for decisions in Comparisons(steady, slower, looks).decisions(20) for one in decisions]
        found.append((mean(one.processes for one in calls), mean(one.verdict == "slower" for one in calls)))
    (processes, slow), (processes_then, slow_then) = found
    assert processes < processes_then
    assert slow >= slow_then - 0.1
