"""The journal: what is finished is on disk, and a disk that is full is told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.engine.journal import Journal, JournalError, hold
from bench.engine.race import RaceResult, Settings, enter
from impls import catalogue
from impls.case import Size

RUN = {"command": "w2vbench run"}
LOOKUPS = [i for i in catalogue.own() if i.kernel.name == "lookup"]


def race(processes: int) -> RaceResult:
    made = enter(LOOKUPS[:2], Size(1000), Settings())
    made.processes = processes
    for lane in made.lanes:
        lane.wall_s = [[1e-6, None]] * processes
    return made


def test_a_race_is_read_back_as_it_last_stood(tmp_path: Path) -> None:
    journal = Journal(tmp_path, RUN)
    journal.begin()
    for processes in (1, 2):
        journal.add(race(processes))
        journal.append({"limits": {"read": []}})
    again = Journal(tmp_path, RUN)
    assert again.finished(LOOKUPS) == {race(2).problem: race(2)}
    assert again.limits == [{"read": []}] * 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    journal = Journal(tmp_path, RUN)
    journal.path = Path("/dev/full")
    with pytest.raises(JournalError) as error:
        journal.add(race(1))
    assert "No space left on device" in str(error.value)
    assert "--resume" in str(error.value)
    assert "\n" not in str(error.value)


def test_two_runs_into_one_folder_do_not_mix(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    hold(tmp_path)
    with pytest.raises(JournalError, match="another --out"):
        hold(tmp_path)


def test_journals_put_aside_are_all_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path, RUN)
    assert [journal.begin() for _ in range(3)] == [False, True, True]
    assert len(list(tmp_path.glob("journal.previous-*.jsonl"))) == 2


def test_another_run_or_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no unfinished run"):
        Journal(tmp_path, RUN).finished(LOOKUPS)
    Journal(tmp_path, {"command": "w2vbench run --preset full"}).begin()
    with pytest.raises(JournalError, match="another one"):
        Journal(tmp_path, RUN).finished(LOOKUPS)
