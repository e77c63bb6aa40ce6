"""Comparing packages as a user does: real environments with releases of a small package, real processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from w2vbench.bench.plans.packages import environments
from w2vbench.bench.plans.packages.packages import PackagesRequest, compare_packages
from w2vbench.bench.plans.packages.packages_run import PackagesRun
from w2vbench.bench.plans.packages.releases import ReleasesRequest, measure_releases
from w2vbench.reports.compare.tables import LeftOut

from tests.bench.commands.wheels import FAST, MINE, SLOW, wheels
from tests.processes import w2vbench

CASE = ("--impl", "mine.py", "--only", "lookup/theirs@V=1e4,*")
RELEASES = {"1.0.0": FAST, "1.0.1": FAST + "\n", "1.1.0": SLOW, "1.1.1": SLOW + "\n"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an implementation file, and with what the commands below leave."""
    at = tmp_path_factory.mktemp("packages")
    wheels(at / "wheels", RELEASES)
    (at / "mine.py").write_text(MINE)
    return at


def variables(folder: Path) -> dict[str, str]:
    """Environments are kept in this folder, and our wheels are found; what uv and pip have downloaded is used again."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = {"UV_FIND_LINKS": str(folder / "wheels"), "PIP_FIND_LINKS": str(folder / "wheels")}
    kept = {"UV_CACHE_DIR": str(caches / "uv"), "PIP_CACHE_DIR": str(caches / "pip")}
    return {"XDG_CACHE_HOME": str(folder / "cache"), **found, **kept}


def run(folder: Path, *arguments: str, **others: str) -> subprocess.CompletedProcess[str]:
    return w2vbench(*arguments, cwd=folder, **variables(folder) | others)


def test_releases_that_are_as_fast_pass(folder: Path) -> None:
    """The whole command; the threshold is so wide that no machine's noise asks for another look."""
    asked = "compare --packages gathers==1.0.0 gathers==1.0.1 --threshold 99% --out alike"
    done = run(folder, *asked.split(), *CASE)
    assert done.returncode == 0, done.stderr
    assert "HEAD is gathers 1.0.1, BASE is gathers 1.0.0" in done.stdout
    assert "What differs: gathers 1.0.0 → 1.0.1. The same on both sides: " in done.stdout
    found = json.loads((folder / "alike/comparison.json").read_text())["w2vbench"]["comparison"]
    assert {row["implementation"]: row["verdict"] for row in found["cases"]} == {"theirs": "same"}


@pytest.fixture
def few_processes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Fewer processes than users get, in this process: sixty times as long is found by any number. Yields fields of requests."""
    for name, value in variables(folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(PackagesRun, "stages", (3, 4))
    monkeypatch.setattr(environments, "held", {})
    yield {"command": "w2vbench", "files": [Path("mine.py")], "globs": ["lookup/theirs@V=1e4,*"]}
    for lock in environments.held.values():  # as the end of a process does
        os.close(lock)


def test_a_release_that_is_slower_is_found_and_only_what_imports_it_is_measured(
    folder: Path, few_processes: dict[str, Any]
) -> None:
    wanted = few_processes | {"globs": ["lookup/*@V=1e4,*"]}
    request = PackagesRequest(base="gathers==1.0.*", head="gathers==1.1.*", out=folder / "out", **wanted)
    said: list[str] = []
    done = compare_packages(request, said.append, nullcontext(lambda what, done, of: None))
    assert sum(line.startswith("1 case: the first look comes in about") for line in said) == 1, said
    found = done.result.w2vbench.comparison
    assert found
    assert {row.implementation: row.verdict for row in found.cases} == {"theirs": "slower"}
    assert done.exit_code == 1
    assert {name for why, names in found.skipped.items() if why == LeftOut.UNAFFECTED for name in names} == {
        "lookup/own@V=1e4,H=100,B=8,f32,i64,zipf,t1"
    }
    assert [side.packages["gathers"] for side in found.environments] == ["1.0.1", "1.1.1"]
    page = re.sub(r"</?span[^>]*>", "", (folder / "out/comparison.html").read_text())
    assert "w2vbench versions gathers" in page  # what to do next
    assert "1.0.1" in (folder / "out/comparison.md").read_text()
    again = run(folder, "compare", "out/comparison.json", "--threshold", "50%", "--out", "again")
    assert (again.returncode, "Changes below 50 %" in again.stdout) == (1, True), again.stderr


def test_the_release_that_made_a_case_slower_is_found_among_those_that_were_not_measured(
    folder: Path, few_processes: dict[str, Any]
) -> None:
    request = ReleasesRequest(package="gathers", specifier=">=1.0", processes=6, out=folder / "out", **few_processes)
    found = measure_releases(
        request, lambda line: None, nullcontext(lambda what, done, of: None)
    ).result.w2vbench.releases
    assert found
    assert list(found.environments) == ["1.0.1", "1.1.1"]
    assert all(list(case.times) == ["1.0.1", "1.1.1"] for case in found.cases)
    assert [(one.last, one.first) for one in found.narrowed] == [("1.0.1", "1.1.0")]
    assert "from gathers 1.1.0 on; 1.0.1 is as before" in (folder / "out/versions.html").read_text()
    again = run(folder, "report", "out/versions.json", "--out", "again")
    assert again.returncode == 0, again.stderr
    assert (folder / "again/versions.md").read_text() == (folder / "out/versions.md").read_text()


def test_environments_are_made_once_listed_and_removed(folder: Path) -> None:
    twice = [run(folder, "compare", "--packages", "gathers==1.1.0", "gathers==1.1.0").stderr for _ in range(2)]
    assert ["nothing to compare" in said for said in twice] == [True, True]
    assert "installing" not in twice[1]
    listed = json.loads(run(folder, "environments", "--json").stdout)
    versions = [one["packages"]["gathers"] for one in listed]
    assert "1.1.0" in versions
    assert len(versions) == len({*versions})
    assert run(folder, "environments", "--remove", "nosuch").returncode == 2
    gone = listed[0]["name"]
    assert "removed 1 from" in run(folder, "environments", "--remove", gone).stderr
    assert gone not in run(folder, "environments").stdout
    assert not Path(listed[0]["folder"]).exists()


WRONG = {
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


def test_an_index_that_cannot_be_reached_is_said_in_one_line(folder: Path, tmp_path: Path) -> None:
    offline = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
    done = run(folder, "compare", "--packages", "numpy==2.2.1", "numpy==2.2.2", UV_CACHE_DIR=str(tmp_path), **offline)
    assert done.returncode == 2
    assert "the package index cannot be reached" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
