"""Runs that end early: what is finished is kept, and a run goes on from it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil

from tests.bench.commands.loopback import cpu_seconds
from tests.processes import PATIENCE_S, SMALL, journal, started, w2vbench, wait_until

V_ = ("500", "600", "700", "800")
MANY = f"run --kernel lookup --only *gather@* --vocab {' '.join(V_)} --hidden 4 --processes 3".split()


def problems(folder: Path) -> list[dict[str, Any]]:
    """Each problem in the journal as it stood after each process."""
    return [entry for entry in journal(folder) if "problem" in entry]


def wait_for(folder: Path, processes: int) -> None:
    """Until so many processes are finished."""
    wait_until(lambda: (folder / "reports/out/journal.jsonl").exists() and len(problems(folder)) >= processes)


def test_ctrl_c_keeps_the_finished_processes_and_exits_130(tmp_path: Path) -> None:
    with started(tmp_path, *MANY[:-1], "50") as process:  # so many that it has not ended by then
        wait_for(tmp_path, 6)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    result = json.loads((tmp_path / "reports/out/result.json").read_text())
    assert result["w2vbench"]["complete"] is False
    processes = {row["group"]: len(row["extra_info"]["processes"]) for row in result["benchmarks"]}
    assert len(processes) == 4
    assert 6 <= sum(processes.values()) < 4 * 50
    assert f"Interrupted with {sum(processes.values())} of 200 processes finished" in out
    assert not (tmp_path / ".benchmarks").exists()  # until it is complete
    assert (tmp_path / "reports/out/index.html").exists()


def test_an_early_interruption_leaves_no_journal_of_nothing(tmp_path: Path) -> None:
    process = started(tmp_path, *SMALL)
    assert process.stderr
    process.stderr.readline()  # it has begun to check, however long its imports took
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert not (tmp_path / "reports/out/journal.jsonl").exists()


def test_a_run_that_is_killed_goes_on_and_loses_nothing(tmp_path: Path) -> None:
    """However often, and wherever. Of a journal whose last line was cut off, only that line's process is lost."""
    kept: list[dict[str, Any]] = []
    file = tmp_path / "reports/out/journal.jsonl"
    for processes, cut in ((0, False), (5, True), (8, False)):
        with started(tmp_path, *MANY, *["--resume"] * file.exists()) as process:
            wait_for(tmp_path, processes)
            os.killpg(process.pid, signal.SIGKILL)
        if cut:
            text = file.read_text()
            file.write_text(text[: text.rindex("\n", 0, len(text) - 1) + 40])
        assert problems(tmp_path)[: len(kept)] == kept
        kept = problems(tmp_path)
        assert len(kept) >= processes - cut
    resumed = w2vbench(*MANY, "--resume", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    content = json.loads((tmp_path / "reports/out/result.json").read_text())
    assert content["w2vbench"]["complete"] is True
    rows = {row["name"]: row["extra_info"]["processes"] for row in content["benchmarks"]}
    assert [name.partition(",")[0] for name in rows] == [
        f"lookup/{slug}@V={V}" for V in V_ for slug in ("one-hot-dot", "gather")
    ]
    assert {len(measured) for measured in rows.values()} == {3}
    for entry in kept:
        for case in entry["cases"].values():
            assert rows[case["case"]][: len(case["samples"])] == case["samples"]
    assert not file.exists()


def test_no_worker_outlives_a_run_that_is_killed(tmp_path: Path) -> None:
    with started(tmp_path, "run", "--kernel", "lookup", "--vocab", "200000", "--batch", "2000") as process:
        command = psutil.Process(process.pid)
        wait_until(lambda: sum(map(cpu_seconds, command.children())) > 2.0, process)  # they measure
        workers = command.children(recursive=True)
        process.kill()
    assert psutil.wait_procs(workers, timeout=PATIENCE_S)[1] == []
