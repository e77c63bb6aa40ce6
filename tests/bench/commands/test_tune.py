"""tune, as a user does: a table that best() takes, and its regret."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from w2vbench.impls.choosing.dispatch_table import DispatchTable, KernelTimes, read, write
from w2vbench.impls.choosing.offered import candidates
from w2vbench.impls.interface.case import Size

from tests.bench.commands.conftest import Ask
from tests.processes import PATIENCE_S, ROOT, started, w2vbench, wait_until

ASKED = ["tune", "--kernel", "lookup", "--vocab", "500", "2000", "--hidden", "8", "16", "--batch", "1", "20"]
ASKED += ["--processes", "2"]
PROGRAM = """
import numpy as np, w2vbench
W, idx = np.random.default_rng(0).standard_normal((1000, 12)).astype(np.float32), np.arange(7)
best, dispatch = w2vbench.best("lookup", V=1000, H=12, B=7), w2vbench.dispatch("lookup")
best.warm()
assert (best(W, idx) == W[idx]).all() and (dispatch(W, idx) == W[idx]).all()
print(best.slug(), dispatch.slug(V=1000, H=12, B=7))
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a tuning was killed, of a table in the file that a variable names."""
    folder = tmp_path_factory.mktemp("tuned")
    journal = folder / "table.toml.unfinished/journal.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("W2VBENCH_TABLE", str(folder / "table.toml"))
        with started(folder, *ASKED) as process:
            wait_until(lambda: journal.exists() and journal.read_text().count("\n") >= 4, process)
            os.killpg(process.pid, signal.SIGKILL)
    assert journal.exists()
    assert not (folder / "table.toml").exists()
    return folder


@pytest.fixture(scope="module")
def tuned(killed: Path) -> Path:
    """The same folder after the tuning went on to its end."""
    done = w2vbench(*ASKED, "--resume", cwd=killed, W2VBENCH_TABLE=str(killed / "table.toml"))
    assert done.returncode == 0, done.stderr
    assert "lookup  8 " in done.stdout
    assert f"wrote {killed}/table.toml" in done.stdout
    return killed


def program(folder: Path, code: str = PROGRAM, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "W2VBENCH_TABLE": str(folder / "table.toml"), **variables}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_a_tuning_that_is_killed_goes_on_and_a_program_uses_its_table(tuned: Path) -> None:
    assert len(read(tuned / "table.toml").kernels["lookup"].times_s) == 8
    done = program(tuned)
    assert done.returncode == 0, done.stderr
    one, other = done.stdout.split()
    assert one == other
    assert one in read(tuned / "table.toml").kernels["lookup"].simplest_first
    assert [file.name for file in tuned.iterdir()] == ["table.toml"]


def test_another_setting_of_numba_refuses_the_table_in_a_line(tuned: Path) -> None:
    done = program(tuned, NUMBA_OPT="2")
    assert "TableError" in done.stderr.splitlines()[-1]
    assert "numba's settings are NUMBA_OPT=2, not absent" in done.stderr
    refused = w2vbench("tune", "--regret", "--out", "table.toml", cwd=tuned, NUMBA_OPT="2")
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert "numba's settings are NUMBA_OPT=2, not absent" in refused.stderr


def test_regret_is_printed_beside_fixed_choices(tuned: Path) -> None:
    asked = ("tune", "--regret", "--out", "table.toml", "--processes", "2")
    done = w2vbench(*asked, "--sizes", "3", cwd=tuned)
    assert done.returncode == 0, done.stderr
    assert "3 random sizes of 1 kernels" not in done.stdout
    for line in ("3 random sizes of lookup", "dispatch ", "always numba", "always NumPy", "a dispatched call takes"):
        assert line in done.stdout
    # with another setting, all that is measured is compiled anew
    found = json.loads(w2vbench(*asked, "--sizes", "1", "--json", "--anyway", cwd=tuned, NUMBA_OPT="2").stdout)
    assert len(found["sizes"]) == 1
    assert set(found["spreads"]["dispatch"]) == {"median", "p95", "worst"}
    assert {one["size"] for one in found["sizes"]}.isdisjoint(
        map(str, read(tuned / "table.toml").kernels["lookup"].times_s)
    )


def test_another_kernel_and_another_size_are_added_to_the_table(tuned: Path, tmp_path: Path) -> None:
    (tmp_path / "table.toml").write_text((tuned / "table.toml").read_text())
    asked = "tune --kernel lookup --kernel scatter.scalar --vocab 1000 --hidden 8 --batch 8 --out table.toml"
    done = w2vbench(*asked.split(), "--processes", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "kept from before: 8 sizes of lookup" in done.stdout
    before, after = (read(folder / "table.toml").kernels for folder in (tuned, tmp_path))
    assert set(after) == {"lookup", "scatter.scalar"}
    new = {*after["lookup"].times_s} - {*before["lookup"].times_s}
    assert {str(size) for size in new} == {"V=1e3,H=8,B=8,f32,i64,zipf,t1"}
    assert before["lookup"].times_s.items() <= after["lookup"].times_s.items()


def test_ctrl_c_adds_finished_kernels_and_replaces_no_times(tmp_path: Path) -> None:
    earlier = KernelTimes(tuple(candidates("lookup")), {Size(500, 8, 5): {"take": 1.0}, Size(9, 8, 5): {"take": 1.0}})
    write(DispatchTable({"lookup": earlier}), tmp_path / "table.toml")
    asked = "tune --kernel lookup --kernel scatter.scalar --vocab 500 2000 --hidden 8 --batch 5 --out table.toml"
    journal = tmp_path / "table.toml.unfinished/journal.jsonl"
    with started(tmp_path, *asked.split(), "--processes", "50") as process:
        wait_until(lambda: journal.exists() and journal.read_text().count("\n") >= 1 + 2 + 2 + 1, process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    said = "interrupted: the table has new times at 1 size of lookup, 2 sizes of scatter.scalar; earlier times at 2 sizes of lookup"
    assert said in err
    kernels = read(tmp_path / "table.toml").kernels
    assert set(kernels) == {"lookup", "scatter.scalar"}
    assert earlier.times_s.items() <= kernels["lookup"].times_s.items()
    assert len(kernels["lookup"].times_s) == 3


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("tune --kernel lokup", "did you mean lookup"),
        ("tune --kernel training", "training is not one function"),
        ("tune --vocab 1", "at least 2"),
        ("tune --vocab 1e9", "too large for every kernel"),
        ("tune --hidden many", "not a whole number"),
        ("tune --out .", "a folder, not a file"),
        ("tune --memory-limit 1M", "at least 512M"),
        ("tune --regret --out none.toml", "no dispatch table: run w2vbench tune"),
        ("tune --regret --out bad.toml", "not a dispatch table"),
        ("tune --regret --processes 3", "must be even"),
        ("tune --nonsense", "--nonsense"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(line: str, what: str, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("a = 1\n")
    code, err = ask(*line.split())
    assert code == 2
    assert what in err
    assert len(err.splitlines()) == 1


def test_a_user_without_a_home_folder_is_told_in_a_line(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("W2VBENCH_TABLE", raising=False)
    monkeypatch.setattr("w2vbench.impls.choosing.dispatch_table.cache_home", homeless)
    monkeypatch.setattr("w2vbench.bench.plans.packages.environments.cache_home", homeless)
    for command in (["tune", "--kernel", "lookup"], ["environments"]):
        code, err = ask(*command)
        assert code == 2
        assert "this user has no home" in err
        assert len(err.splitlines()) == 1
