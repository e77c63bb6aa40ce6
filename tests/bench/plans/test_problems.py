"""Problems of well-behaved and hostile implementations, in real workers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.contracts import check_contracts
from w2vbench.bench.engine.pool.pool import Workers
from w2vbench.bench.engine.pool.worker_process import RUN_VARIABLE
from w2vbench.bench.engine.protocol import MeasurementSettings
from w2vbench.bench.plans.run.problems import WORKER_BYTES, Extras, measure_next, new_problem_run
from w2vbench.bench.plans.run.session import saved_corpus
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.corpus import texts
from w2vbench.impls.interface.case import Size

from tests.contexts import context_of, measure_problem, workers_without_numba

HOSTILE = {
    "good": ("", "ok", ""),
    "prints-a-lot": ('print("x" * 100_000)', "ok", ""),
    "leaves-processes": (
        """
        if not STARTED:
            STARTED.append([subprocess.Popen(["sleep", "3217"], start_new_session=own) for own in (False, True)])
            if not os.fork():  # holds the worker's pipes too
                os.setsid()
                time.sleep(3217)""",
        "ok",
        "",
    ),
    "leaves-a-thread": (
        "if threading.active_count() < 3: threading.Thread(target=time.sleep, args=(3600,)).start()",
        "ok",
        "",
    ),
    "waits-for-input": ("sys.stdin.read()", "ok", ""),
    "spins": ("while True: pass", "timeout", "--time-limit"),
    "sleeps": ("time.sleep(3600)", "timeout", "--time-limit"),
    "not-a-number": ('return W[idx] * np.float32("nan")', "wrong", "row 0 is not W["),
    "wrong-later": ("return W[idx] + 1", "wrong", "row 0 is not W["),
    "raises": (r'raise RuntimeError("not today\nreally")', "error", "RuntimeError: not today really"),
    "exits": ("os._exit(3)", "crashed", "exit code 3"),
    "reads-address-0": ("ctypes.string_at(0)", "crashed", "SIGSEGV"),
    "crashes-beside-a-child": (
        """
        if not os.fork():  # it has the worker's pipes
            os.setsid()
            time.sleep(3217)
        os.kill(os.getpid(), 11)""",
        "crashed",
        "SIGSEGV",
    ),
    "greedy": ("np.empty((10**13,), np.float64).fill(0)", "out of memory", "memory"),
    "changes-input": ("W[0] += 1", "wrong", "changes its input W"),
}
"""What a gather does besides at the problem's size, and the status and reason that it gets. It passes the contract's own sizes."""


def file_of(folder: Path, *gathers: tuple[str, str]) -> Path:
    """A file of gathers. gathers: the slug and the first statements of each."""
    file = folder / "outside.py"
    file.write_text("import ctypes, os, subprocess, sys, threading, time\nimport numpy as np\nSTARTED = []\n")
    with file.open("a") as text:
        text.write("from w2vbench.impls.lookup import lookup\n")
        for slug, body in gathers:
            text.write(f"@lookup.implementation({slug!r}, 'a gather')\ndef {slug.replace('-', '_')}(W, idx):\n")
            text.write(f"    if len(W) >= 60 and len(W) != 300:\n        {body or 'pass'}\n    return W[idx]\n")
    return file


QUICK = MeasurementSettings(processes=2, rounds=3, sample_s=0.0005, variant_s=0.01, time_limit_s=10.0)


Tracks = Callable[..., RunContext]


@pytest.fixture(scope="module")
def track() -> Iterator[Tracks]:
    """Makes a track with files and settings; workers and the corpus' folder are shared."""
    with saved_corpus(texts.builtin()) as folder, workers_without_numba() as workers:
        yield lambda settings=QUICK, *files: context_of(workers, folder, files, settings)


def test_a_function_that_compiles_another_at_its_first_call_is_measured_like_others(tmp_path: Path) -> None:
    """numba looks at its own errors' frames meanwhile, and a call that compiles takes a second."""
    file = tmp_path / "late.py"
    file.write_text(
        "import numpy as np\nfrom numba import njit\nfrom w2vbench.impls.lookup import lookup\n"
        "@njit\ndef rows(W, idx):\n    return W[idx] + np.float32(0)\n"
        "@lookup.implementation('late', 'compiled at its first call', requires=('numba',))\n"
        "def late(W, idx):\n    return rows(W, idx)\n"
    )
    with saved_corpus(texts.builtin()) as folder, Workers() as workers:
        context = context_of(workers, folder, (file,), QUICK)
        (late,) = measure_problem(catalogue.from_file(file), Size(1000, 8, 16), context).cases
    assert (late.status, late.reason) == ("ok", "")
    for samples in late.samples:
        assert sum(one is not None for one in samples.wall_s) == QUICK.rounds
        assert samples.wall_median_s < 0.01


@pytest.mark.skipif(sys.platform != "linux", reason="orphans can be adopted on Linux only")
def test_each_hostile_implementation_becomes_a_row_with_its_reason_and_the_others_are_measured(tmp_path: Path) -> None:
    """As if the hostile were not there, and no process is left behind."""
    file = file_of(tmp_path, *((slug, body) for slug, (body, *_) in HOSTILE.items()))
    with saved_corpus(texts.builtin()) as folder, workers_without_numba() as workers:
        context = context_of(workers, folder, (file,), QUICK)
        cases = measure_problem(catalogue.from_file(file), Size(1000, 8, 16), context).cases
    found = {case.implementation.slug: case for case in cases}
    assert {slug: case.status for slug, case in found.items()} == {slug: one[1] for slug, one in HOSTILE.items()}
    for slug, (_, _, reason) in HOSTILE.items():
        assert reason in found[slug].reason
        assert "\n" not in found[slug].reason
    good = found["good"]
    assert len(good.samples) == QUICK.processes
    assert all(sample is not None and 0 < sample < 1 for process in good.samples for sample in process.wall_s)
    assert (good.memory.peak_bytes or 0) >= 16 * 8 * 4
    left = [line for process in psutil.process_iter() if (line := marked(process, workers.run_id))]
    assert left == []


def marked(process: psutil.Process, mark: str) -> str:
    """The command of a process that a run's workers, or what they started, must have left; empty for any other."""
    try:
        return " ".join(process.cmdline()) if process.environ().get(RUN_VARIABLE) == mark else ""
    except psutil.Error:
        return ""


def test_the_contract_finds_the_crash_and_goes_on(track: Tracks, tmp_path: Path) -> None:
    file = tmp_path / "mixed.py"
    file.write_text(
        "import os\nfrom w2vbench.impls.lookup import lookup\n"
        "gather = lambda W, idx: W[idx]\n"
        "first = lookup.implementation('first', 'fine')(gather)\n"
        "dies = lookup.implementation('dies', 'ends the process')(lambda W, idx: os._exit(7))\n"
        "lacks = lookup.implementation('lacks', 'needs', requires=('surely_not_installed',))(gather)\n"
        "last = lookup.implementation('last', 'fine')(gather)\n"
    )
    verdicts = check_contracts([i.key for i in catalogue.from_file(file)], track(QUICK, file))
    assert [(key.partition("/")[2], verdict.status) for key, verdict in verdicts.items()] == [
        *(("first", "ok"), ("dies", "crashed"), ("lacks", "skipped"), ("last", "ok"))
    ]
    assert "pip install surely_not_installed" in verdicts["lookup/lacks"].reason


def test_an_implementation_that_would_not_fit_is_skipped_before_it_is_tried(track: Tracks) -> None:
    mine = [i for i in catalogue.own() if i.key in ("lookup/one-hot-matmul", "lookup/gather")]
    small = MeasurementSettings(processes=1, rounds=2, sample_s=0.0005, variant_s=0.01, memory_limit_bytes=600 << 20)
    result = measure_problem(mine, Size(20_000, 4, 10_000), track(small))
    statuses = {case.implementation.slug: (case.status, case.reason) for case in result.cases}
    assert statuses["gather"] == ("ok", "")
    assert statuses["one-hot-matmul"][0] == "skipped"
    assert "1.27 GB" in statuses["one-hot-matmul"][1]


def test_peak_memory_is_what_the_arrays_say(track: Tracks) -> None:
    """gather allocates its (B, H) result; the one-hot product a (B, V) matrix beside it."""
    mine = [i for i in catalogue.own() if i.key in ("lookup/one-hot-matmul", "lookup/gather", "lookup/take-out")]
    V, H, B = 2000, 64, 256
    result = measure_problem(mine, Size(V, H, B), track(MeasurementSettings(processes=1, rounds=2, sample_s=0.0005)))
    peak = {case.implementation.slug: case.memory.peak_bytes for case in result.cases}
    assert peak["gather"] == pytest.approx(B * H * 4, rel=0.1)
    assert peak["one-hot-matmul"] == pytest.approx(B * V * 4 + B * H * 4, rel=0.05)
    assert peak["take-out"] is not None
    assert peak["take-out"] < 4096
    prepared = {case.implementation.slug: case.memory.prepare_bytes for case in result.cases}
    assert prepared["take-out"] == pytest.approx(B * H * 4, rel=0.05)


def test_workspaces_that_do_not_fit_together_are_cut_and_said_so(track: Tracks, tmp_path: Path) -> None:
    """Each of two copies of W fits beside W itself, but not both; a shared buffer counts once."""
    file = tmp_path / "copies.py"
    file.write_text(
        "from w2vbench.impls.lookup import lookup\n"
        "def copy(problem):\n    return problem.inputs['W'].copy()\n"
        "def shared(problem):\n    return problem.buffer('row', (problem.size.V, problem.size.H))\n"
        "def gather(W, idx, workspace):\n    return W[idx]\n"
        "one = lookup.implementation('one', 'a copy', temporaries='VH', prepare=copy)(gather)\n"
        "two = lookup.implementation('two', 'a copy', temporaries='VH', prepare=copy)(gather)\n"
        "three = lookup.implementation('three', 'a buffer', shares='VH', prepare=shared)(gather)\n"
        "four = lookup.implementation('four', 'the same', shares='VH', prepare=shared)(gather)\n"
    )
    size = Size(200_000, 100, 4)
    room = MeasurementSettings(
        processes=1, rounds=1, memory_limit_bytes=WORKER_BYTES + 3 * size.V * size.H * 4 + (1 << 20)
    )
    result = measure_problem(catalogue.from_file(file), size, track(room, file))
    statuses = {case.implementation.slug: case.status for case in result.cases}
    assert sorted(statuses.values()) == ["ok", "ok", "ok", "skipped"]
    assert "skipped" in (statuses["one"], statuses["two"])
    assert "beside the others" in next(case.reason for case in result.cases if case.reason)


def test_a_profile_or_a_memory_measurement_that_fails_costs_no_times(track: Tracks, tmp_path: Path) -> None:
    home = "STARTED.append(os.getpid()) if not STARTED else os.getpid() == STARTED[0] or time.sleep(100)"
    file = file_of(
        tmp_path,
        ("ends-when-profiled", "sys.modules.get('line_profiler') and os._exit(1)"),
        ("sleeps-when-forked", home),
    )
    shy, forked = catalogue.from_file(file)
    problem = new_problem_run([shy], Size(500, 4, 8))
    measure_next(problem, track(QUICK, file), Extras(check=True, memory=True, profiled=[shy.slug]))
    (case,) = problem.cases
    assert (case.status, problem.processes, len(case.samples)) == ("ok", 1, 1)
    assert case.profile is not None
    assert "exit code 1" in case.profile.why_not
    assert (case.memory.peak_bytes or 0) >= 8 * 4 * 4
    (case,) = measure_problem([forked], Size(500, 4, 8), track(QUICK, file)).cases
    assert (case.status, len(case.samples)) == ("ok", QUICK.processes)
    assert "no answer in" in case.memory.why_not


# workers that are used again


def test_a_pass_shares_a_worker_and_the_next_pass_has_another(track: Tracks) -> None:
    gather = [i for i in catalogue.own() if i.key in ("lookup/gather", "lookup/take")]
    mine = track(MeasurementSettings(processes=1, rounds=2, sample_s=1e-4, variant_s=1e-3, profile=False))
    used: list[int] = []
    for passes in range(2):
        mine.workers.retire()
        assert mine.workers.idle == []
        for V in (200, 300, 400):
            assert measure_problem(gather, Size(V + passes, 4, 8), mine).processes == 1
            (idle,) = mine.workers.idle
            used.append(idle.process.pid)
    assert len(set(used[:3])) == len(set(used[3:])) == 1
    assert used[0] != used[3]
