"""Which cases a comparison of packages measures first."""

from __future__ import annotations

from bench.plans.differences import CaseSelection, by_importance
from bench.plans.packages import by_use
from tests.plans.sides import facts


def test_what_uses_a_differing_package_itself_comes_first() -> None:
    """All code gets its inputs from NumPy: compiled code differs with it, but its own time hardly does."""
    plain, compiled, other = facts("lookup/gather"), facts("lookup/numba", requires=["numba"]), facts("update.sgd/rows")
    cases = [case for one in (plain, compiled, other) for case in CaseSelection().cases(one)]
    assert {case.facts.slug for case in by_use({"numpy"}, cases)[: len(cases) - 2]} == {"gather", "rows"}
    assert by_use({"numba", "llvmlite"}, cases)[0].facts is compiled
    assert by_use({"psutil"}, cases) == by_importance(cases)
    assert sorted(map(str, by_use({"numpy"}, cases))) == sorted(map(str, cases))
