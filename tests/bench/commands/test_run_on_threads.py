"""A run on several numbers of threads, as a user makes it: real processes, real files."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.processes import w2vbench


def test_a_run_on_several_numbers_of_threads_compares_each_with_its_own_limits(tmp_path: Path) -> None:
    line = "run --only lookup/gather --vocab 1000 --hidden 8 --batch 10 --processes 3 --threads 2 1"
    done = w2vbench(*line.split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "reports/out/result.json").read_text())
    suite = content["w2vbench"]
    sizes = [(row["name"].partition("@")[0], row["extra_info"]["size"]["threads"]) for row in content["benchmarks"]]
    assert sizes == [(f"lookup/{slug}", threads) for threads in (1, 2) for slug in ("one-hot-dot", "gather")]
    assert {len(row["extra_info"]["processes"]) for row in content["benchmarks"]} == {3}
    assert set(suite["limits_by_threads"]) == {"1", "2"}
    assert suite["limits"] == suite["limits_by_threads"]["1"]
    assert suite["environment"]["idlest_cpu"] is not None
    cells = [line.split() for line in done.stdout.partition("on more threads  ")[2].splitlines()[2:6]]
    assert {cells[0][0], cells[2][0]} == {"lookup/one-hot-dot", "lookup/gather"}
    assert [row[-1] for row in cells[1::2]] == [row[-1] for row in cells[1::2] if row[-1] == "%"]  # of efficiency
    too_few = len(os.sched_getaffinity(0)) < 2
    assert ("2 threads were asked for, but only 1 CPU" in done.stdout) == too_few
    page = (tmp_path / "reports/out/index.html").read_text()
    assert 'id="threads"' in page
    assert "## On more threads" in (tmp_path / "reports/out/report.md").read_text()
    again = w2vbench("report", "reports/out/result.json", "--out", "again", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again/index.html").read_text() == page
