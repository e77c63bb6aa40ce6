"""``w2vbench run --cluster`` with real Dask workers: three under addresses of their own on loopback, which the tests share."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reports.files import read
from reports.frame import speedup
from tests.commands.loopback import Loopback, another_version
from tests.processes import started, w2vbench

pytest.importorskip("distributed")

HOSTS = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
V_ = ("500", "600", "700", "800")
CASES = f"run --kernel lookup --only *gather@* --vocab {' '.join(V_)} --hidden 8 --batch 10 --processes 4".split()


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    loopback = Loopback(tmp_path_factory.mktemp("loopback"))
    loopback.start_scheduler()
    for host in HOSTS:
        loopback.start_worker(host)
    yield loopback
    loopback.close()


def on(machines: Loopback) -> list[str]:
    return [*CASES, "--cluster", machines.address, "--share-hosts"]


def entries(folder: Path) -> list[dict[str, Any]]:
    """The finished problems in the journal of the only kind of machine."""
    lines = [line for file in folder.glob("reports/out/*/journal.jsonl") for line in file.read_text().splitlines(True)]
    return [entry for line in lines if line.endswith("\n") and "problem" in (entry := json.loads(line))]


def wait_until(ready: Callable[[], object]) -> None:
    for _ in range(3000):
        if ready():
            return
        time.sleep(0.02)
    raise TimeoutError


def result_of(folder: Path) -> Path:
    (file,) = folder.glob("reports/out/*/result.json")
    return file


def test_a_machine_is_killed_another_is_of_another_version_and_figures_are_those_of_a_local_run(
    machines: Loopback, tmp_path: Path
) -> None:
    machines.start_worker("127.0.0.5", another_version(tmp_path / "other"))
    folder = tmp_path / "fleet"
    folder.mkdir()
    with started(folder, *on(machines)) as client:
        wait_until(lambda: entries(folder))
        measured_on = str(entries(folder)[0]["machine"])
        (killed,) = re.findall(r"\((127\.0\.0\.\d):", measured_on)
        machines.kill(killed)
        _, err = client.communicate(timeout=120)
    assert client.returncode == 0, err
    assert re.search(r"\(127\.0\.0\.5:\d+\) is refused: its code of w2vbench is another", err)
    assert f"({killed}:" in err.partition(" is gone")[0]
    fleet = read(result_of(folder))
    assert {row.extra_info.size.V for row in fleet.benchmarks} == {*map(int, V_)}
    assert {len(row.extra_info.processes) for row in fleet.benchmarks} == {4}
    assert len({row.extra_info.machine for row in fleet.benchmarks}) > 1
    assert not list(folder.glob("reports/out/*/journal.jsonl"))
    machines.kill("127.0.0.5")
    machines.start_worker(killed)

    local = w2vbench(*CASES, cwd=tmp_path)
    assert local.returncode == 0, local.stderr
    here = read(tmp_path / "reports/out/result.json")
    for one, other in zip(fleet.benchmarks, here.benchmarks, strict=True):
        assert one.case == other.case
        ratios = [speedup(row, of.baselines[row.group]) for row, of in ((one, fleet), (other, here))]
        if one.extra_info.baseline:
            continue
        logs = [[math.log(end) for end in (ratio.low, ratio.estimate, ratio.high) if end] for ratio in ratios if ratio]
        within = sum(high - low for low, _, high in logs)  # twice what intervals at 95 % that just meet are apart
        assert abs(logs[0][1] - logs[1][1]) <= within, one.case


def test_a_client_that_is_killed_goes_on_and_a_machine_at_half_speed_is_named_and_measured_again(
    machines: Loopback, tmp_path: Path
) -> None:
    with started(tmp_path, *on(machines)) as client:
        wait_until(lambda: entries(tmp_path))
        os.killpg(client.pid, signal.SIGKILL)
    kept = entries(tmp_path)
    assert len(kept) < len(V_)
    slow = HOSTS[-1]
    with machines.at_half_speed(slow):
        resumed = w2vbench(*on(machines), "--resume", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert re.search(rf"\({slow}:\d+\) takes [\d.]+ times as long as others of its kind", resumed.stderr)
    result = read(result_of(tmp_path))
    rows = {row.case: row.extra_info for row in result.benchmarks}
    assert len(rows) == 2 * len(V_)
    assert not [extra.machine for extra in rows.values() if extra.doubt]
    assert not [extra.machine for extra in rows.values() if f"({slow}:" in extra.machine]
    for entry in kept:
        for case in entry["cases"].values():
            walls = [process.wall_s for process in rows[case["case"]].processes]
            assert walls == [process["wall_s"] for process in case["samples"]]


def test_a_scheduler_that_ends_is_one_line_and_what_is_finished_is_kept(machines: Loopback, tmp_path: Path) -> None:
    with started(tmp_path, *on(machines)) as client:
        wait_until(lambda: entries(tmp_path))
        assert machines.scheduler
        machines.scheduler.kill()
        _, err = client.communicate(timeout=60)
    assert client.returncode == 3, err
    assert "Traceback" not in err
    assert len(re.findall("the scheduler at .* is gone: what is finished is kept", err)) == 1
    assert read(result_of(tmp_path)).w2vbench.complete is False
    assert entries(tmp_path)
