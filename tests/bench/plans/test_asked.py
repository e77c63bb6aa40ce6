"""What is refused before environments are made, and what must not be: a file may need what only they have."""

from __future__ import annotations

from pathlib import Path

import pytest
from w2vbench.bench.plans.packages.asked import check_package, selected
from w2vbench.bench.plans.run.request import PlanError, Request
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface import Implementation

from tests.bench.commands.wheels import MINE

KERNEL = """from dataclasses import replace
from w2vbench.impls.lookup import lookup
mine = replace(lookup, name="mine.rows")

@mine.implementation("take", "of a kernel of its own")
def take(W, idx):
    return W[idx]
"""


def keys(file: Path, *kernels: str, globs: tuple[str, ...] = ()) -> list[str]:
    return [one.key for one in selected(Request(files=[file], kernels=kernels, globs=globs), 1, "here")]


def test_a_kernel_of_a_file_is_accepted_and_others_are_not(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(KERNEL)
    assert keys(file, "mine") == keys(file, "mine.rows") == keys(file, globs=("take",)) == ["mine.rows/take"]
    with pytest.raises(PlanError, match=r"no kernel 'lokup'; there are mine\.rows"):
        keys(file, "lokup")
    with pytest.raises(PlanError, match="no case matches --kernel and --only here"):
        keys(file, globs=("lookup/*",))


def test_of_a_file_that_only_an_environment_can_load_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    assert keys(tmp_path / "mine.py", "lokup") == []


def chosen(slug: str) -> list[Implementation]:
    return [one for one in catalogue.own() if one.kernel.name == "lookup" and one.slug == slug]


@pytest.mark.parametrize(
    ("slug", "package"), [("gather", "NumPy"), ("numba", "llvmlite"), ("numba", "numba"), ("torch", "torch")]
)
def test_a_package_that_an_implementation_imports_or_requires_is_accepted(slug: str, package: str) -> None:
    check_package(package, chosen(slug))


def test_a_package_that_nothing_imports_is_refused() -> None:
    for slug, package in (("gather", "numba"), ("numba", "requests")):
        with pytest.raises(PlanError, match=f"no selected implementation imports {package}"):
            check_package(package, chosen(slug))
