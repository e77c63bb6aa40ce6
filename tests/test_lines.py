"""Line profiles: the deck's own view of a function."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.engine import lines
from impls import catalogue, words
from impls.case import Size
from impls.interface import Array

ROOT = Path(__file__).resolve().parents[1]
BY_KEY = {i.key: i for i in catalogue.own()}


def profiled(key: str, size: Size) -> dict[str, dict[str, float]]:
    """Each line of code by its text, and the number of calls under the key ``calls``."""
    implementation = BY_KEY[key]
    problem = implementation.kernel.make(size, words.builtin(), np.random.default_rng(0))
    found = lines.profile(implementation, problem)
    assert 0 < found["unit_s"] <= 1e-6
    assert 0 <= found["hook_s"] < 1e-4
    return {line["text"].strip(): line for line in found["lines"] if line["hits"]} | {"calls": {"n": found["calls"]}}


def test_a_loop_over_the_batch_is_hit_once_a_word() -> None:
    B = 37
    found = profiled("scatter.scalar/loop", Size(500, 1, B))
    calls = found["calls"]["n"]
    assert found["dW[word] += dout[i]"]["hits"] == calls * B
    assert found["for i, word in enumerate(idx):"]["hits"] == calls * (B + 1)


def test_what_a_line_takes_stands_beside_it() -> None:
    """A sleep takes at least as long as it says, however busy the machine is."""
    pause = 0.02

    def waits(W: Array, idx: Array) -> Array:
        time.sleep(pause)
        return W[idx]

    gather = BY_KEY["lookup/gather"]
    problem = gather.kernel.make(Size(100, 4, 1), words.builtin(), np.random.default_rng(0))
    found = lines.profile(replace(gather, function=waits), problem, pass_s=3 * pause)
    waited = next(line for line in found["lines"] if line["text"].strip() == "time.sleep(pause)")
    assert waited["hits"] == found["calls"]
    assert waited["time_s"] >= found["calls"] * pause


def test_memory_growth_stands_beside_the_line_that_touches_the_pages() -> None:
    B, V = 100, 200_000  # 80 MB: beyond what the allocator keeps for the next call
    found = profiled("lookup/one-hot-matmul", Size(V, 4, B))
    made = sum(line.get("memory_bytes") or 0 for text, line in found.items() if "one_hot" in text)
    assert made == pytest.approx(B * V * 4, rel=0.25)


def test_the_command_prints_source_and_figures_and_gives_json(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    case = "scatter.scalar/add-at@V=1e3,H=1,B=100,f32,i64,zipf,t1"

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        full = [sys.executable, "-m", "bench", "profile", *arguments]
        return subprocess.run(
            full, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    plain = command(case)
    assert plain.returncode == 0, plain.stderr
    assert "np.add.at(dW, idx, dout)" in plain.stdout
    assert "its hook adds about" in plain.stdout
    found = json.loads(command(case, "--json").stdout)
    assert found["case"] == case
    assert [line["hits"] for line in found["lines"] if "np.add.at(dW" in line["text"]] == [found["calls"]]
    unknown = command("lookup/nothing")
    assert unknown.returncode == 2
    assert unknown.stderr.count("\n") == 1
