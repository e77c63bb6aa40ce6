"""Which installed distributions an implementation uses."""

from __future__ import annotations

from pathlib import Path

import pytest
from w2vbench.bench.engine.worker.variants.distributions import canonical, required_by, used_by
from w2vbench.bench.engine.worker.variants.sources import facts
from w2vbench.impls.catalogue import discovery as catalogue

from w2vbench import impls

PACKAGE = Path(impls.__file__).parent
IMPLEMENTATIONS = {i.key: i for i in catalogue.own()}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("lookup/gather", {"numpy"}),
        ("lookup/csr-one-hot", {"numpy", "scipy"}),
        ("lookup/numba", {"numpy", "numba", "llvmlite"}),  # its own code names no package: numba compiles it
        ("scatter.dense/unique-csr", {"numpy", "scipy"}),
    ],
)
def test_an_implementation_uses_what_it_imports_and_what_that_requires(key: str, expected: set[str]) -> None:
    """Otherwise a comparison of packages would say that nothing of a case differs, and be wrong."""
    found = facts(IMPLEMENTATIONS[key], PACKAGE, PACKAGE.parent, PACKAGE.parent / "nowhere")
    assert {*found.packages} == expected


def test_names_are_those_of_distributions() -> None:
    assert canonical("Scikit_Learn[all] >=1; python_version > '3'") == "scikit-learn"
    assert used_by(["yaml_nosuch", "os", "numpy.linalg"]) == {"numpy"}
    assert {"iniconfig", "pluggy"} <= required_by("pytest")
    assert required_by("nosuch") == frozenset()
