"""Installers: pip's way beside uv's, what their complaints become, and what is refused before environments are made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from w2vbench.bench.plans.packages.asked import check_package, selected
from w2vbench.bench.plans.packages.environments import split_requirements
from w2vbench.bench.plans.packages.installed_releases import check_number, matching, newest_of_each_minor
from w2vbench.bench.plans.packages.installers import (
    Installer,
    Pip,
    complaint,
    find_python,
    installer,
    interpreter,
    releases,
)
from w2vbench.bench.plans.run.request import PlanError, Request
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface import Implementation

from tests.bench.commands.wheels import FAST, MINE, wheels

RELEASES = dict.fromkeys(("1.0.0", "1.0.1", "2.0.0", "2.1.0rc1"), FAST)


@pytest.fixture
def only_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package index that has nothing but our wheels."""
    folder = wheels(tmp_path / "wheels", RELEASES)
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_NO_INDEX", "1")


@pytest.mark.usefixtures("only_ours")
@pytest.mark.parametrize("way", [Pip(), installer()], ids=["pip", "the one that is used"])
def test_an_environment_has_the_newest_release_that_is_asked_for(way: Installer, tmp_path: Path) -> None:
    assert way.resolve(["gathers<2"], sys.executable) == {"gathers": "1.0.1"}
    way.make(tmp_path / "made", sys.executable, ["gathers==1.0.1"])
    python = str(interpreter(tmp_path / "made"))
    code = "import gathers, sys; print(gathers.__version__, sys.prefix)"
    version, prefix = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert (version, Path(prefix)) == ("1.0.1", tmp_path / "made")


@pytest.mark.usefixtures("only_ours")
@pytest.mark.parametrize("way", [Pip(), installer()], ids=["pip", "the one that is used"])
@pytest.mark.parametrize("wanted", [["gathers==7"], ["gathers<1.5", "gathers>1.5"], ["nosuch-package"]])
def test_requirements_that_cannot_be_met_are_named_in_one_line(way: Installer, wanted: list[str]) -> None:
    with pytest.raises(PlanError, match=wanted[0].partition("<")[0]) as raised:
        way.resolve(wanted, sys.executable)
    assert "\n" not in str(raised.value)


@pytest.mark.usefixtures("only_ours")
def test_a_version_that_does_not_exist_is_no_conflict_for_pip() -> None:
    with pytest.raises(PlanError, match=r"^no release of gathers meets ==7\.\*: the newest is 2\.0\.0$"):
        Pip().resolve(["gathers>=1.0", "gathers==7.*"], sys.executable)
    with pytest.raises(PlanError, match="conflicting dependencies"):  # each can be met alone
        Pip().resolve(["gathers<1.5", "gathers>1.5"], sys.executable)


@pytest.mark.usefixtures("only_ours")
def test_final_releases_are_chosen_by_a_range_and_by_minor_version() -> None:
    published = releases("gathers", sys.executable)
    assert matching(published, "") == ["1.0.0", "1.0.1", "2.0.0"]
    assert matching(published, "<2") == ["1.0.0", "1.0.1"]
    assert matching(published, "2.0.0") == ["2.0.0"]
    assert newest_of_each_minor(matching(published, "")) == ["1.0.1", "2.0.0"]
    with pytest.raises(PlanError, match="no range"):
        matching(published, "=>2")
    with pytest.raises(PlanError, match="nosuch"):
        releases("nosuch-package", sys.executable)


def test_several_requirements_stand_in_one_pair_of_quotes() -> None:
    assert split_requirements("") == []
    assert split_requirements(" numpy==2.2.*  scipy ") == ["numpy==2.2.*", "scipy"]
    assert split_requirements("numpy >=2, <3 numba[extra]==0.62") == ["numpy >=2, <3", "numba[extra]==0.62"]
    for wrong in (
        "mylib @ https://example.org/x.whl",
        "mylib@https://example.org/x.whl",
        "numpy=2",
        "-r file",
        "https://example.org/x.whl",
        "numpy==2; rm -rf",
    ):
        with pytest.raises(PlanError, match=r"requirement|address"):
            split_requirements(wrong)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ERROR: HTTP error 403 while getting x\n", "the package index refuses (HTTP error 403 while getting x.)"),
        ("WARNING: Retrying after connection broken by x\nERROR: none found\n", "the package index cannot be reached (none found.)"),
        ("WARNING: Retrying after connection broken by x\nERROR: Could not find a version that satisfies a (from versions: none)\n"
         "ERROR: No matching distribution found for a\n", "the package index cannot be reached"),
        ("error: No solution\n  cause: Because a and b\n", "No solution. Because a and b."),
        ("ERROR: No such (from versions: 1.0, 1.1)\nERROR: No match for a==7\n", "No such. No match for a==7."),
        ("  × No solution found:\n  ╰─▶ Because a\n      and b\n", "No solution found:. Because a and b."),
        ("Killed\n", ""),
    ],
)  # fmt: skip
def test_a_complaint_becomes_one_line(text: str, expected: str) -> None:
    assert complaint(text) == expected


def test_interpreters_are_found_by_version_and_path() -> None:
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert find_python("") == find_python(own) == find_python(sys.executable) == sys.executable
    for missing in ("3.99", "/nosuch/python", "nosuch"):
        with pytest.raises(PlanError):
            find_python(missing)


@pytest.mark.parametrize(
    ("chosen", "matching", "said"),
    [
        ([], [], "no release of numpy matches '>=2.4': widen it"),
        (["2.4.6"], ["2.4.5", "2.4.6"], "only one minor version of numpy (newest: 2.4.6) matches '>=2.4'"),
        (["2.4.6"], ["2.4.5", "2.4.6"], "--all takes its other patches too, or widen it"),
        (["2.4.6"], ["2.4.6"], "only one release of numpy (2.4.6) matches '>=2.4', and two are needed: widen it"),
    ],
)
def test_too_few_releases_are_said_with_what_would_give_more(chosen: list[str], matching: list[str], said: str) -> None:
    with pytest.raises(PlanError) as raised:
        check_number(chosen, matching, "numpy", ">=2.4")
    assert said in str(raised.value)


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
