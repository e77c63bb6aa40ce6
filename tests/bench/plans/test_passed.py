"""Checks that were passed before are not repeated, and nothing else is taken for passed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.protocol import Status, Verdict
from w2vbench.bench.plans.run import run as running
from w2vbench.bench.plans.run.passed import FILE, PassedChecks
from w2vbench.bench.plans.run.problems import new_problem_run
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface.case import Size

GATHERS = [i for i in catalogue.own() if i.key in ("lookup/gather", "lookup/take")]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    return tmp_path


def test_names_are_kept_for_the_same_code_and_machine_only() -> None:
    PassedChecks({"code": "a"}).add(["one", "two"])
    PassedChecks({"code": "a"}).add(["three"])
    assert PassedChecks({"code": "a"}).includes(["one", "two", "three"])
    assert not PassedChecks({"code": "a"}).includes(["one", "four"])
    assert not PassedChecks({"code": "b"}).includes(["one"])
    nowhere = PassedChecks()
    nowhere.add(["one"])
    assert nowhere.includes(["one"])
    assert not PassedChecks().includes(["one"])


@pytest.mark.parametrize("content", ["", "{", "[1, null]", '["one"]', "7", "\udcff", '{"one": 1', '{"one": 1}'])
def test_a_damaged_file_only_costs_time(cache: Path, content: str) -> None:
    PassedChecks("code").add(["one"])
    (file,) = cache.rglob(FILE)
    file.write_text(content, encoding="utf-8", errors="surrogateescape")
    again = PassedChecks("code")
    assert not again.includes(["one"])
    again.add(["one"])
    assert PassedChecks("code").includes(["one"])


def test_a_file_that_cannot_be_written_only_costs_time(cache: Path) -> None:
    PassedChecks("code").add(["one"])
    (file,) = cache.rglob(FILE)
    file.unlink()
    file.mkdir()
    passed = PassedChecks("code")
    passed.add(["one"])
    assert passed.includes(["one"])
    assert not PassedChecks("code").includes(["one"])


def test_only_what_passed_at_the_same_sizes_is_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    def check(keys: Iterable[str], *_: Any, **__: Any) -> dict[str, Verdict]:
        checked[:] = keys
        return {key: Verdict(Status.OK if key == "lookup/gather" else Status.WRONG, "") for key in keys}

    def admit(size: Size) -> int:
        return running.check_and_admit([new_problem_run(GATHERS, size)], Mock(), PassedChecks("code"), Mock())

    monkeypatch.setattr(running, "check_contracts", check)
    monkeypatch.setattr(running, "admit", Mock())
    both = sorted(one.key for one in GATHERS)
    assert (admit(Size(1000)), sorted(checked)) == (0, both)
    assert (admit(Size(1000)), checked) == (1, ["lookup/take"])
    assert (admit(Size(100_000)), checked) == (1, ["lookup/take"])  # what is checked does not depend on V
    assert (admit(Size(1000, H=300)), sorted(checked)) == (0, both)
    assert (admit(Size(1000, dtype="f64")), sorted(checked)) == (0, both)


def test_code_that_an_installed_package_announces_is_not_only_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may change while code, packages and machine of ours stay as they are, so its checks are repeated."""
    assert RunContext(workers=Mock(), corpus=tmp_path).only_own_code
    info = tmp_path / "announced_pkg-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: announced_pkg\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{catalogue.ENTRY_POINTS}]\nmine = announced_pkg\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert not RunContext(workers=Mock(), corpus=tmp_path).only_own_code


@pytest.mark.parametrize(("reason", "again"), [("overwrites", []), ("", ["scatter.dense/assign"])])
def test_what_is_wrong_on_purpose_is_not_found_wrong_again(
    monkeypatch: pytest.MonkeyPatch, reason: str, again: list[str]
) -> None:
    """Unless nobody said why: it must never count as passed."""
    some = [i for i in catalogue.own() if i.kernel.name == "scatter.dense" and (i.baseline or i.wrong)]
    checked: list[list[str]] = []
    admitted: list[dict[str, Verdict]] = []

    def check(keys: Iterable[str], *_: Any, **__: Any) -> dict[str, Verdict]:
        checked.append([*keys])
        return {key: Verdict(Status.WRONG, reason) if "assign" in key else Verdict(Status.OK) for key in keys}

    monkeypatch.setattr(running, "check_contracts", check)
    monkeypatch.setattr(running, "admit", lambda problem, settings, found: admitted.append(found))
    for before in (0, 1):
        problem = new_problem_run(some, Size(1000))
        assert running.check_and_admit([problem], Mock(), PassedChecks("code"), Mock()) == before
    assert checked == [[one.key for one in some], again]
    assert [found["scatter.dense/assign"] for found in admitted] == [Verdict(Status.WRONG, reason)] * 2
