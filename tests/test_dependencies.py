"""What is imported is declared, and what is declared is true: ``tox -e lowest`` runs the tests with the oldest allowed versions."""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.test_imports import FILES, ROOT, imports, named
from tests.test_packaging import PROJECT

NEEDED = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
EXTRAS = {
    extra: [Requirement(text) for text in texts] for extra, texts in PROJECT["project"]["optional-dependencies"].items()
}
USERS = [*NEEDED, *(one for extra in ("peers", "jax", "cluster") for one in EXTRAS[extra])]
EVERY = [*NEEDED, *(one for extra in EXTRAS.values() for one in extra)]
UPPER_BOUNDS: dict[str, str] = {}
"""Packages of which a newer version is not allowed, each with why."""
OPTIONAL = {
    "reports/drawing/picture.py": "dev",
    "bench/plans/cluster/connection.py": "cluster",
    "bench/commands/run_on_cluster.py": "cluster",
}
"""Files that are run in the clone only, or for one option, and the extra that they need beside."""


INVENTED = ("installed_here", "nonexistent_pkg_xyz")
"""Packages that tests make, or that nobody has."""


def names(requirements: list[Requirement]) -> set[str]:
    return {one.name.lower().replace("-", "_") for one in requirements}


def others(file: Path) -> set[str]:
    """The packages of others that a file imports, in functions too."""
    found = {
        name.partition(".")[0]
        for name in imports(file.read_text(encoding="utf-8"), "w2vbench.room.folder.folder")
        if not name.startswith(".")
    }
    return found - sys.stdlib_module_names - {"w2vbench", "tests", *INVENTED}


@pytest.mark.parametrize("file", FILES, ids=named)
def test_every_import_is_declared(file: Path) -> None:
    """Users install the dependencies, and the extras whose packages implementations name."""
    extras = ["peers", "jax", *filter(None, [OPTIONAL.get(file.relative_to(ROOT).as_posix())])]
    assert others(file) <= names([*NEEDED, *(one for extra in extras for one in EXTRAS[extra])])


def test_every_import_of_the_tests_is_declared() -> None:
    """They run after ``pip install -e '.[dev]'``; those of implementations that need another package are skipped without it."""
    found = {name for file in (ROOT / "tests").rglob("*.py") for name in others(file)}
    assert found <= names([*NEEDED, *(one for extra in ("dev", "peers", "jax") for one in EXTRAS[extra])])


@pytest.mark.parametrize("file", [*(ROOT / "examples").rglob("*.py"), ROOT / "conftest.py"], ids=named)
def test_an_example_needs_nothing_beside(file: Path) -> None:
    assert others(file) <= names(NEEDED)


def test_the_notebook_and_the_scripts_of_actions_need_nothing_beside() -> None:
    cells = json.loads((ROOT / "docs" / "example.ipynb").read_text(encoding="utf-8"))["cells"]
    lines = [line for cell in cells if cell["cell_type"] == "code" for line in (*cell["source"], "\n")]
    assert set(imports("".join(line for line in lines if not line.startswith("!")), "")) == {"w2vbench"}
    scripts = list((ROOT / ".github").rglob("*.py"))
    assert scripts
    assert set().union(*map(others, scripts)) == set()


def test_each_dependency_of_users_is_imported() -> None:
    assert names(NEEDED) - {name for file in FILES for name in others(file)} == set()


def test_a_newer_version_is_refused_only_with_a_reason() -> None:
    bounded = {one.name for one in EVERY for bound in one.specifier if bound.operator in ("<", "<=", "==", "~=", "===")}
    assert bounded == set(UPPER_BOUNDS)


def test_each_dependency_of_users_has_a_lower_bound() -> None:
    assert [one.name for one in USERS if not any(bound.operator == ">=" for bound in one.specifier)] == []


@pytest.mark.skipif("OLDEST" not in os.environ, reason="tox -e lowest installs the oldest versions")
@pytest.mark.parametrize("needed", USERS, ids=lambda one: one.name)
def test_the_lower_bound_can_be_installed(needed: Requirement) -> None:
    if needed.marker and not needed.marker.evaluate():
        pytest.skip(f"not needed here: {needed.marker}")
    (bound,) = (bound for bound in needed.specifier if bound.operator == ">=")
    assert Version(Version(version(needed.name)).public) == Version(bound.version)


def test_the_oldest_versions_that_tox_installs_for_the_tests_are_those_of_the_extra() -> None:
    words = (
        (ROOT / "tox.ini")
        .read_text(encoding="utf-8")
        .partition("--resolution lowest-direct")[2]
        .splitlines()[0]
        .split()
    )
    asked = [word for word in words if ">=" in word]
    assert asked
    assert set(map(Requirement, asked)) <= set(EXTRAS["dev"])


def test_the_lock_of_ci_has_an_allowed_version_of_every_dependency_that_it_installs() -> None:
    """``.ci/lock.txt`` says how it is made."""
    lines = (ROOT / ".ci" / "lock.txt").read_text(encoding="utf-8").splitlines()
    locked = [Requirement(line) for line in lines if not line.startswith("#")]
    here = {one.name: one for one in locked if one.marker is None or one.marker.evaluate()}
    for needed in (*NEEDED, *EXTRAS["dev"]):
        if needed.marker is None or needed.marker.evaluate():
            (pin,) = here[needed.name.lower().replace("_", "-")].specifier
            assert pin.operator == "=="
            assert needed.specifier.contains(pin.version), needed
