"""The journal: finished processes are on disk, and a full disk is reported in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from w2vbench.bench.engine.protocol import MachineLimits, SamplePlan
from w2vbench.bench.plans.run.journal import Journal, JournalError
from w2vbench.bench.plans.run.keeping import locked
from w2vbench.bench.plans.run.problems import ProblemRun, new_problem_run
from w2vbench.bench.plans.run.request import PlanError
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface.case import Size
from w2vbench.reports.file.schema.fields import Samples

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


def test_two_runs_into_one_folder_do_not_mix_and_the_next_may_begin_when_one_has_ended(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with locked(tmp_path), pytest.raises(PlanError, match="another --out"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_journals_put_aside_are_all_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path, RUN)
    assert [journal.begin() for _ in range(3)] == [False, True, True]
    assert len(list(tmp_path.glob("journal.previous-*.jsonl"))) == 2


def test_another_run_or_none_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no unfinished run"):
        Journal(tmp_path, RUN).read([problem(0)])
    Journal(tmp_path, {"command": "w2vbench run --preset full"}).begin()
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
    {"problem": 1},
    {"problem": "PROBLEM", "cases": []},
    {"problem": "PROBLEM", "cases": 5},
    {"machine_limits": None},
    {"machine_limits": []},
    {"machine_limits": {"threads": "\ud800"}},
    {"machine_limits": "\ud800"},
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
