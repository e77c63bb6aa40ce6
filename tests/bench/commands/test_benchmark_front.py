"""``pytest --benchmark``: the kernels under pytest-benchmark, with its own options, in real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import PATIENCE_S, ROOT
from tests.w2vbench.repository import FAST

FEW = ("--benchmark", *FAST, "-q", "-k", "scatter.scalar and 1e5 and not torch and not jax")
Saved = tuple[Path, subprocess.CompletedProcess[str]]


def run_pytest(*arguments: str, storage: Path) -> subprocess.CompletedProcess[str]:
    """Run pytest in the repository, keeping files elsewhere."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        *arguments,
        f"--benchmark-storage=file://{storage}",
    ]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


@pytest.fixture(scope="module")
def saved_run(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    storage = tmp_path_factory.mktemp("storage")
    save = ("--benchmark-save=first", f"--benchmark-json={storage}/all.json")
    return storage, run_pytest(*FEW, *save, storage=storage)


def test_one_table_ranks_the_implementations_and_rows_carry_cpu_time_and_memory(saved_run: Saved) -> None:
    storage, result = saved_run
    assert result.returncode == 0, result.stdout
    assert "benchmark 'scatter.scalar@V=1e5,H=1,B=100,f32,i64,zipf,t1': 5 tests" in result.stdout
    assert "5 passed" in result.stdout
    content = json.loads((storage / "all.json").read_text())
    rows = {row["extra_info"]["implementation"]: row for row in content["benchmarks"]}
    assert set(rows) == {"loop", "add-at", "bincount", "unique-bincount", "numba"}
    assert rows["bincount"]["extra_info"]["peak_bytes"] >= 1000 * 8
    assert rows["loop"]["extra_info"]["cpu_s"] > 0


@pytest.mark.parametrize(
    ("flags", "collected", "absent"),
    [
        ((), "tests/bench/plans/test_problems.py", "test_kernel["),
        (("--benchmark",), "bench/test_kernels.py::test_kernel[lookup/gather@V=1e5", "tests/"),
    ],
    ids=["tests", "kernels"],
)
def test_either_tests_or_kernels_are_collected(
    tmp_path: Path, flags: tuple[str, ...], collected: str, absent: str
) -> None:
    most = [
        f"--ignore={one}"
        for one in (*ROOT.glob("tests/*"), *ROOT.glob("tests/bench/*"))
        if one.name not in ("bench", "plans")
    ]
    printed = run_pytest(*flags, *most, "--collect-only", "-q", storage=tmp_path).stdout
    assert collected in printed
    assert absent not in printed


def test_benchmarks_that_are_named_without_the_option_name_it(tmp_path: Path) -> None:
    done = run_pytest("bench", storage=tmp_path)
    assert done.returncode != 0
    assert "bench/test_kernels.py has benchmarks: pytest --benchmark times them" in done.stdout


def test_one_s_own_file_is_benchmarked_and_what_is_wrong_or_stops_working_fails(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("""
import numpy as np
from w2vbench.impls.scatter.scalar import scalar

@scalar.implementation("mine-nothing", "nothing at all")
def nothing(dout, idx, dW):
    pass

@scalar.implementation("mine-stops", "works once at a size that is timed", prepare=lambda problem: [0])
def stops(dout, idx, dW, calls):
    calls[0] += 1
    if calls[0] == 1 or len(dW) < 100_000:
        np.add.at(dW, idx, dout)

@scalar.implementation("mine-right", "as it should be")
def right(dout, idx, dW):
    np.add.at(dW, idx, dout)
""")
    result = run_pytest("--benchmark", f"--benchmark-impl={file}", *FAST, "-q", "-k", "mine and 1e5", storage=tmp_path)
    assert result.returncode == 1, result.stdout
    assert "2 failed, 1 passed" in result.stdout
    assert "wrong: dW at the touched rows" in result.stdout
    assert "wrong: a timed call's result: dW at the touched rows" in result.stdout


def test_the_decks_sizes_are_timed_for_what_the_deck_measures(tmp_path: Path) -> None:
    result = run_pytest("--benchmark", "--benchmark-preset=deck", "--collect-only", "-q", storage=tmp_path)
    assert "lookup/one-hot-dot@V=1e6,H=100,B=1,f64,i64,zipf,t1" in result.stdout
    assert "lookup/take@V=1e6" in result.stdout
    assert "lookup/take-out@" not in result.stdout
