"""Which cases a comparison of packages measures first."""

from __future__ import annotations

from pathlib import Path

import pytest
from w2vbench.bench.plans.compare.differences import CaseSelection, by_importance
from w2vbench.bench.plans.packages.environments import PythonEnvironment
from w2vbench.bench.plans.packages.packages import affected, by_use
from w2vbench.reports.compare.tables import LeftOut

from tests.bench.plans.sides import facts


def test_what_uses_a_differing_package_itself_comes_first() -> None:
    """All code gets its inputs from NumPy: compiled code differs with it, but its own time hardly does."""
    plain, compiled, other = facts("lookup/gather"), facts("lookup/numba", requires=["numba"]), facts("update.sgd/rows")
    cases = [case for one in (plain, compiled, other) for case in CaseSelection().cases(one)]
    assert {case.facts.slug for case in by_use({"numpy"}, cases)[: len(cases) - 2]} == {"gather", "rows"}
    assert by_use({"numba", "llvmlite"}, cases)[0].facts is compiled
    assert by_use({"psutil"}, cases) == by_importance(cases)
    assert sorted(map(str, by_use({"numpy"}, cases))) == sorted(map(str, cases))


def environment(python: str = "3.11.7", base: str = "/usr", **packages: str) -> PythonEnvironment:
    return PythonEnvironment(folder=Path("/x"), python_version=python, base=base, packages=packages)


SIDES = {
    one.key: one
    for one in (
        facts("lookup/gather", packages=["numpy"]),
        facts("lookup/csr", packages=["numpy", "scipy"]),
        facts("lookup/numba", packages=["llvmlite", "numba", "numpy"], requires=["numba"]),
    )
}


@pytest.mark.parametrize(
    ("head", "measured"),
    [
        (environment(numpy="2.4", scipy="1.15", numba="0.62"), {"gather", "csr", "numba"}),
        (environment(numpy="2.2", scipy="1.17", numba="0.62"), {"csr"}),
        (environment(numpy="2.2", scipy="1.15", numba="0.63"), {"numba"}),
        (environment(numpy="2.2", scipy="1.15", numba="0.62", psutil="7"), set()),
        (environment("3.13.5", numpy="2.2", scipy="1.15", numba="0.62"), {"gather", "csr", "numba"}),
        (environment(base="/opt/fast", numpy="2.2", scipy="1.15", numba="0.62"), {"gather", "csr", "numba"}),
    ],
)
def test_what_uses_nothing_that_differs_is_not_measured(head: PythonEnvironment, measured: set[str]) -> None:
    base = environment(numpy="2.2", scipy="1.15", numba="0.62")
    found = affected(SIDES, SIDES, (base, head), CaseSelection())
    assert {case.facts.slug for case in found.compared} == measured
    assert {name.partition("@")[0] for name in found.skipped.get(LeftOut.UNAFFECTED, [])} == {
        f"lookup/{slug}" for slug in {"gather", "csr", "numba"} - measured
    }
