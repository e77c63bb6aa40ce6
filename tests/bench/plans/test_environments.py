"""Environments in the cache folder: made once, known by what they hold, safe from other commands; and which cases their differences concern."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from w2vbench.bench.plans.compare.differences import CaseSelection, by_importance
from w2vbench.bench.plans.packages import environments
from w2vbench.bench.plans.packages.environments import (
    LOCK,
    RECORD,
    PythonEnvironment,
    cache_folder,
    environment_for,
    kept,
    remove,
    remove_all,
    unfinished,
)
from w2vbench.bench.plans.packages.installers import Installer, interpreter
from w2vbench.bench.plans.packages.packages import affected, by_use
from w2vbench.bench.plans.run.request import PlanError
from w2vbench.reports.compare.tables import LeftOut

from tests.bench.plans.sides import facts


class Copies(Installer):
    """An installer of environments whose interpreter is this one. It fails for a package called ``broken``."""

    made: list[Sequence[str]]

    def __init__(self) -> None:
        self.made = []

    def resolve(self, requirements: Sequence[str], python: str) -> dict[str, str]:
        return dict(one.split("==") for one in requirements if "==" in one)

    def make(self, folder: Path, python: str, pinned: Sequence[str]) -> None:
        self.made.append(pinned)
        interpreter(folder).parent.mkdir(parents=True)
        if "broken==1" in pinned:
            raise PlanError("no space is left")
        interpreter(folder).symlink_to(sys.executable)


@pytest.fixture
def installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copies:
    only = Copies()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(environments, "installer", lambda: only)
    monkeypatch.setattr(environments, "held", {})
    return only


def made(*requirements: str) -> environments.PythonEnvironment:
    return environment_for(requirements, sys.executable, lambda line: None)


def forget() -> None:
    """Give the locks back, as the end of a process does."""
    for lock in environments.held.values():
        os.close(lock)
    environments.held.clear()


def test_an_environment_is_made_once_for_each_set_of_versions(installer: Copies) -> None:
    first, again, other = made("a==1", "b==2"), made("b==2", "a==1"), made("a==1", "b==3")
    assert first.name == again.name != other.name
    assert len(installer.made) == 2
    assert {one.name for one in kept()} == {first.name, other.name}
    assert dict(first.packages) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("damage", ["record", "not JSON", "interpreter"])
def test_a_damaged_environment_is_made_again(installer: Copies, damage: str) -> None:
    one = made("a==1")
    if damage == "interpreter":
        interpreter(one.folder).unlink()
    else:
        (one.folder / RECORD).write_text("{}" if damage == "record" else "{")
    forget()
    assert made("a==1").works
    assert len(installer.made) == 2


def test_what_could_not_be_made_leaves_nothing(installer: Copies) -> None:
    with pytest.raises(PlanError, match="no space"):
        made("broken==1")
    assert kept() == []
    assert [file.suffix for file in cache_folder().iterdir()] == [LOCK]


def test_what_a_killed_command_was_making_is_replaced_or_removed(installer: Copies) -> None:
    name = made("a==1").name
    forget()
    remove(name)
    unfinished(name).mkdir()
    (unfinished(name) / "half").write_text("")
    assert made("a==1").works
    assert not unfinished(name).exists()
    forget()
    unfinished(name).mkdir()
    (cache_folder() / "of-an-older-version" / "lib").mkdir(parents=True)
    assert remove_all() == (2, 0)
    assert not unfinished(name).exists()
    assert kept() == []


HOLDS = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_SH); print('held', flush=True); sys.stdin.read()"


def test_an_environment_that_another_command_uses_is_not_removed(installer: Copies) -> None:
    name = made("a==1").name
    forget()
    lock = cache_folder() / f"{name}{LOCK}"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdin
        other.stdout.readline()
        assert not remove(name)
        assert remove_all() == (0, 1)
        assert made("a==1").works  # but two may use it
        forget()
        other.stdin.close()
    assert remove(name)
    assert kept() == []


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
