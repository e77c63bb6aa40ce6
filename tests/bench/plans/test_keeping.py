"""What a run keeps: its journal, results written over those of an earlier run, and checks that were passed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.protocol import MachineLimits, SamplePlan, Status, Verdict
from w2vbench.bench.plans.run import run as running
from w2vbench.bench.plans.run.journal import Journal, JournalError
from w2vbench.bench.plans.run.keeping import keep, replaced
from w2vbench.bench.plans.run.passed import FILE, PassedChecks
from w2vbench.bench.plans.run.problems import ProblemRun, new_problem_run
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface.case import Size
from w2vbench.reports.file.files import ResultError, read, write
from w2vbench.reports.file.schema.fields import Samples

from tests import saved
from tests.saved import row


def test_a_page_that_a_smaller_run_replaces_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out = Path("my out/result.json")
    large, small = saved.result(row("gather", 1e-5), row("take", 1e-5)), saved.result(row("gather", 1e-5))
    kept = keep(large, out, 0, store_as="default")
    assert replaced(out, large) == ""
    said = replaced(out, small)
    assert said == (
        "my out showed an earlier run, with 1 timing that this one lacks; its page: w2vbench report "
        f"{kept.stored} --out earlier"
    )
    keep(small, out, 0)
    assert replaced(out, large) == ""  # which has all that is there


def test_what_is_stored_nowhere_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out = Path("out/result.json")
    whole = saved.result(row("gather", 1e-5), row("take", 1e-5))
    keep(whole, out, 0)
    Path(".benchmarks/here").mkdir(parents=True)
    Path(".benchmarks/here/0001_gone.json").symlink_to("nowhere")
    Path(".benchmarks/here/0002_folder.json").mkdir()
    assert replaced(out, saved.result()).endswith(
        "with 2 timings that this one lacks; its page: w2vbench report out/result.previous-1.json --out earlier"
    )
    assert len(read(out.with_name("result.previous-1.json")).benchmarks) == 2


@pytest.mark.parametrize("text", ["", "no JSON", "{}"])
def test_a_file_that_is_no_result_is_nothing_to_keep(tmp_path: Path, text: str) -> None:
    path = tmp_path / "result.json"
    write(path, text)
    with pytest.raises(ResultError):
        read(path)
    assert replaced(path, saved.result()) == ""
    assert path.exists()


LIMITS = MachineLimits(threads=1, read=[(1e6, 1e10)], write=[], copy=[], matmul={"f32": 1e11})
RUN = {"command": "w2vbench run"}
LOOKUPS = [i for i in catalogue.own() if i.kernel.name == "lookup"]


def problem(processes: int) -> ProblemRun:
    made = new_problem_run(LOOKUPS[:2], Size(1000))
    made.processes = processes
    for case in made.cases:
        case.samples = [Samples(wall_s=[1e-6, None], cpu_s=[0.0, None], setup_s=0.1)] * processes
        case.plan = SamplePlan(calls=3, rounds=2)
    return made


def test_a_problem_is_read_back_as_it_last_stood(tmp_path: Path) -> None:
    journal = Journal(tmp_path, RUN)
    journal.begin()
    for processes in (1, 2):
        journal.add(problem(processes))
        journal.add_limits(LIMITS)
    again, restored = Journal(tmp_path, RUN), problem(0)
    again.read([restored])
    assert restored == problem(2)
    assert again.limits == [LIMITS] * 2


@pytest.mark.parametrize("written", [0, 1, 20, None])
def test_a_run_that_was_killed_while_it_began_can_be_gone_on_from(tmp_path: Path, written: int | None) -> None:
    """Nothing was finished then, but the command that goes on from a killed run must not depend on when it was killed."""
    journal = Journal(tmp_path, RUN)
    journal.begin()
    first = journal.path.read_text()
    journal.path.write_text(first[:written])
    again, restored = Journal(tmp_path, RUN), problem(0)
    again.read([restored])
    again.add(problem(1))
    assert restored == problem(0)
    third, restored = Journal(tmp_path, RUN), problem(0)
    third.read([restored])
    assert restored == problem(1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    journal = Journal(tmp_path, RUN)
    journal.path = Path("/dev/full")
    with pytest.raises(JournalError) as error:
        journal.add(problem(1))
    assert "No space left on device" in str(error.value)
    assert "--resume" in str(error.value)
    assert "\n" not in str(error.value)


def test_another_run_cannot_be_resumed_and_journals_put_aside_are_all_kept(tmp_path: Path) -> None:
    other = Journal(tmp_path, {"command": "w2vbench run --preset full"})
    assert [other.begin() for _ in range(3)] == [False, True, True]
    assert len(list(tmp_path.glob("journal.previous-*.jsonl"))) == 2
    with pytest.raises(JournalError, match="another one"):
        Journal(tmp_path, RUN).read([problem(0)])


def test_a_damaged_line_is_as_good_as_none_and_all_others_count(tmp_path: Path) -> None:
    """A disk may change a figure, too, so that the line is still JSON."""
    journal = Journal(tmp_path, RUN)
    journal.begin()
    for processes in (1, 2, 3):
        journal.add(problem(processes))
    first, one, two, three = journal.path.read_bytes().splitlines(keepends=True)
    for damaged in (three.replace(b"1e-06", b"7e-06", 1), b"\xff" + three, b"[" * 100_000 + b"\n", three[:-20]):
        assert damaged != three
        journal.path.write_bytes(first + one + two + damaged)
        restored = problem(0)
        Journal(tmp_path, RUN).read([restored])
        assert restored == problem(2)


ODD: list[dict[str, Any]] = [
    {"problem": []},
    {"problem": "PROBLEM", "cases": []},
    {"machine_limits": None},
    {"machine_limits": {"threads": "\ud800"}},
]


@pytest.mark.parametrize("entry", ODD, ids=range(len(ODD)))
def test_what_another_version_may_have_written_is_one_line(tmp_path: Path, entry: dict[str, Any]) -> None:
    journal, found = Journal(tmp_path, RUN), problem(0)
    journal.begin()
    journal.append({name: found.problem if value == "PROBLEM" else value for name, value in entry.items()})
    with pytest.raises(JournalError, match="written by another version"):
        Journal(tmp_path, RUN).read([found])


def test_a_folder_in_the_journals_place_is_one_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path, RUN)
    journal.path.mkdir()
    with pytest.raises(JournalError, match="Is a directory"):
        journal.read([problem(0)])


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
