"""Comparing packages as a user does: real environments with releases of a small package, real processes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.commands.wheels import FAST, MINE, SLOW, wheels
from tests.processes import w2vbench

CASE = "lookup/theirs@V=1e4,*"
RELEASES = {"1.0.0": FAST, "1.0.1": FAST + "\n", "1.1.0": SLOW, "1.1.1": SLOW + "\n"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an implementation file, and with what the commands below leave."""
    at = tmp_path_factory.mktemp("packages")
    wheels(at / "wheels", RELEASES)
    (at / "mine.py").write_text(MINE)
    return at


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose environments are kept in this folder; what uv and pip have downloaded is used again."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = {"UV_FIND_LINKS": str(folder / "wheels"), "PIP_FIND_LINKS": str(folder / "wheels")}
    kept = {"UV_CACHE_DIR": str(caches / "uv"), "PIP_CACHE_DIR": str(caches / "pip")}
    return w2vbench(*arguments, cwd=folder, **{"XDG_CACHE_HOME": str(folder / "cache"), **found, **kept, **variables})


@pytest.fixture(scope="module")
def compared(folder: Path) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    done = run(
        folder, "compare", "--packages", "gathers==1.0.*", "gathers==1.1.*", "--impl", "mine.py", "--only", "theirs"
    )
    assert done.returncode == 1, done.stderr
    content = json.loads((folder / "reports/out/comparison.json").read_text())
    return done, content["w2vbench"]["comparison"]


def test_a_release_that_is_slower_is_found_and_only_what_imports_it_is_measured(
    folder: Path, compared: tuple[subprocess.CompletedProcess[str], dict[str, Any]]
) -> None:
    done, found = compared
    assert {row["implementation"]: row["verdict"] for row in found["cases"]} == {"theirs": "slower"}
    assert (found["base"], found["head"]) == ("gathers 1.0.1", "gathers 1.1.1")
    assert [side["packages"]["gathers"] for side in found["environments"]] == ["1.0.1", "1.1.1"]
    assert "gathers 1.0.1 → 1.1.1" in done.stdout
    assert "The same on both sides: " in done.stdout
    page = (folder / "reports/out/comparison.html").read_text()
    assert "w2vbench versions gathers" in page  # what to do next
    assert "1.0.1" in (folder / "reports/out/comparison.md").read_text()


def test_a_stored_comparison_of_packages_is_decided_again(
    folder: Path, compared: tuple[subprocess.CompletedProcess[str], dict[str, Any]]
) -> None:
    stored = folder / "reports/out/comparison.json"
    again = run(folder, "compare", str(stored), "--threshold", "99%", "--out", "again")
    assert again.returncode == 1, again.stderr
    found = json.loads((folder / "again/comparison.json").read_text())["w2vbench"]["comparison"]
    assert {row["verdict"] for row in found["cases"]} == {"slower"}  # sixty times as long: slower at any threshold
    assert found["threshold"] == 0.99


def test_the_release_that_made_a_case_slower_is_found_among_those_that_were_not_measured(folder: Path) -> None:
    done = run(
        folder,
        "versions",
        "gathers",
        ">=1.0",
        "--impl",
        "mine.py",
        "--only",
        "theirs",
        "--kernel",
        "lookup",
        "--turns",
        "6",
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((folder / "reports/out/versions.json").read_text())["w2vbench"]["releases"]
    assert list(found["environments"]) == ["1.0.1", "1.1.1"]
    assert all(list(case["times"]) == ["1.0.1", "1.1.1"] for case in found["cases"])
    assert {(one["last"], one["first"]) for one in found["narrowed"]} == {("1.0.1", "1.1.0")}
    assert "from gathers 1.1.0 on; 1.0.1 is as before" in done.stdout
    assert "from gathers 1.1.0 on" in (folder / "reports/out/versions.html").read_text()


def test_environments_are_made_once_listed_and_removed(
    folder: Path, compared: tuple[subprocess.CompletedProcess[str], dict[str, Any]]
) -> None:
    listed = json.loads(run(folder, "environments", "--json").stdout)
    versions = [one["packages"]["gathers"] for one in listed]
    assert {"1.0.1", "1.1.1"} <= {*versions}
    assert len(versions) == len({*versions})  # the second command made none of them again
    assert "installing" not in run(folder, "compare", "--packages", "gathers==1.0.1", "gathers==1.0.1").stderr
    assert run(folder, "environments", "--remove", "nosuch").returncode == 2
    gone = listed[0]["name"]
    assert "removed 1 of" in run(folder, "environments", "--remove", gone).stdout
    assert gone not in run(folder, "environments").stdout
    assert not Path(listed[0]["folder"]).exists()


WRONG = {
    "the same": (["gathers==1.0.1", "gathers==1.0.1"], "nothing to compare"),
    "no such release": (["gathers==7", "gathers==1.0.1"], "gathers==7"),
    "no requirement": (["gath!ers", "gathers"], "no requirement"),
    "an option": (["--index-url=http://127.0.0.1:9", "gathers"], "index-url"),
    "one side": (["gathers==1.0.1"], "both sides"),
    "no such Python": (["gathers==1.0.0", "gathers==1.0.1", "--python", "3.99"], "3.99"),
    "no such file": (["gathers==1.0.0", "gathers==1.0.1", "--impl", "nosuch.py"], "nosuch.py"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_compared_is_said_in_one_line(folder: Path, arguments: list[str], said: str) -> None:
    done = run(folder, "compare", "--packages", *arguments)
    complaint = [line for line in done.stderr.splitlines() if not line.startswith("w2vbench: resolving")]
    assert (done.returncode, len(complaint)) == (2, 1), done.stderr
    assert said in complaint[0]


@pytest.mark.parametrize("offline", [{"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}])
def test_an_index_that_cannot_be_reached_is_said_in_one_line(
    folder: Path, offline: dict[str, str], tmp_path: Path
) -> None:
    done = run(folder, "compare", "--packages", "numpy==2.2.1", "numpy==2.2.2", UV_CACHE_DIR=str(tmp_path), **offline)
    assert done.returncode == 2
    assert "the package index cannot be reached" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
