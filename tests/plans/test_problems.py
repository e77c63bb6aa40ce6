"""Problems of well-behaved and hostile implementations, in real workers."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from bench.engine.context import RunContext
from bench.engine.contracts import check_contracts
from bench.engine.pool import RUN_VARIABLE, Workers
from bench.engine.protocol import MeasurementSettings
from bench.plans.problems import WORKER_BYTES, ProblemRun, measure_next, new_problem_run
from bench.plans.session import saved_corpus
from impls import catalogue, words
from impls.case import Size
from tests.contexts import context_of, measure_problem

HOSTILE = """
import ctypes, os, subprocess, sys, threading, time
import numpy as np
from impls.lookup import lookup

SMALL = 60
CHILDREN = []

def small(W):
    return len(W) < SMALL or len(W) == 300  # the contract's own sizes

@lookup.implementation("good", "gather")
def good(W, idx):
    return W[idx]

@lookup.implementation("raises", "raises at the problem's size")
def raises(W, idx):
    if not small(W):
        raise RuntimeError("not today\\nreally")
    return W[idx]

@lookup.implementation("wrong-later", "wrong at the problem's size only")
def wrong_later(W, idx):
    return W[idx] if small(W) else W[idx] + 1

@lookup.implementation("exits", "ends the process")
def exits(W, idx):
    if not small(W):
        os._exit(3)
    return W[idx]

@lookup.implementation("crashes", "reads address 0")
def crashes(W, idx):
    if not small(W):
        ctypes.string_at(0)
    return W[idx]

@lookup.implementation("sleeps", "never comes back")
def sleeps(W, idx):
    if not small(W):
        time.sleep(3600)
    return W[idx]

@lookup.implementation("greedy", "asks for 100 TB")
def greedy(W, idx):
    if not small(W):
        np.empty((10**13,), np.float64).fill(0)
    return W[idx]

@lookup.implementation("changes-input", "writes into W")
def changes_input(W, idx):
    out = W[idx]
    if not small(W):
        W[0] += 1
    return out

@lookup.implementation("noisy", "prints a lot")
def noisy(W, idx):
    print("x" * 100_000)
    return W[idx]

@lookup.implementation("forks", "leaves processes behind, one in a session of its own")
def forks(W, idx):
    if not small(W) and not CHILDREN:
        for own_session in (False, True):
            CHILDREN.append(subprocess.Popen(["sleep", "3217"], start_new_session=own_session))
        if not os.fork():  # holds the worker's pipes too
            os.setsid()
            time.sleep(3217)
    return W[idx]

@lookup.implementation("crashes-beside-a-child", "leaves its pipes to a process of its own, and crashes")
def crashes_beside_a_child(W, idx):
    if not small(W):
        if not os.fork():
            os.setsid()
            time.sleep(3217)
        os.kill(os.getpid(), 11)
    return W[idx]

@lookup.implementation("spins", "holds the interpreter for ever")
def spins(W, idx):
    while not small(W):
        pass
    return W[idx]

@lookup.implementation("not-a-number", "returns NaN at the problem's size")
def not_a_number(W, idx):
    return W[idx] if small(W) else W[idx] * np.float32("nan")

@lookup.implementation("threads", "leaves a thread running")
def threads(W, idx):
    if not small(W) and threading.active_count() < 3:
        threading.Thread(target=time.sleep, args=(3600,)).start()
    return W[idx]

@lookup.implementation("reads", "waits for standard input")
def reads(W, idx):
    sys.stdin.read()
    return W[idx]

@lookup.implementation("absent", "needs a package that nobody has", requires=("surely_not_installed",))
def absent(W, idx):
    import surely_not_installed
    return W[idx]
"""

QUICK = MeasurementSettings(processes=2, rounds=3, sample_s=0.0005, variant_s=0.01, time_limit_s=3.0)


Tracks = Callable[..., RunContext]


@pytest.fixture(scope="module")
def track() -> Iterator[Tracks]:
    """Makes a track with files and settings; workers and the corpus' folder are shared."""
    with saved_corpus(words.builtin()) as folder, Workers() as workers:
        yield lambda settings=QUICK, *files: context_of(workers, folder, files, settings)


@pytest.fixture(scope="module")
def hostile_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("outside") / "hostile.py"
    file.write_text(textwrap.dedent(HOSTILE))
    return file


@pytest.fixture(scope="module")
def hostile_problem(track: Tracks, hostile_file: Path) -> ProblemRun:
    mine = [i for i in catalogue.from_file(hostile_file) if i.slug != "absent"]
    return measure_problem(mine, Size(1000, 8, 16), track(QUICK, hostile_file))


@pytest.mark.parametrize(
    ("slug", "status", "reason"),
    [
        ("good", "ok", ""),
        ("noisy", "ok", ""),
        ("forks", "ok", ""),
        ("threads", "ok", ""),
        ("reads", "ok", ""),
        ("spins", "timeout", "--time-limit"),
        ("not-a-number", "wrong", "row 0 is not W["),
        ("raises", "error", "RuntimeError: not today really"),
        ("wrong-later", "wrong", "row 0 is not W["),
        ("exits", "crashed", "exit code 3"),
        ("crashes", "crashed", "SIGSEGV"),
        ("crashes-beside-a-child", "crashed", "SIGSEGV"),
        ("sleeps", "timeout", "--time-limit"),
        ("greedy", "out of memory", "memory"),
        ("changes-input", "wrong", "changes its input W"),
    ],
)
def test_each_hostile_implementation_becomes_a_row_with_its_reason(
    hostile_problem: ProblemRun, slug: str, status: str, reason: str
) -> None:
    case = next(case for case in hostile_problem.cases if case.implementation.slug == slug)
    assert case.status == status
    assert reason in case.reason
    assert "\n" not in case.reason


def test_the_others_are_measured_as_if_the_hostile_were_not_there(hostile_problem: ProblemRun) -> None:
    good = next(case for case in hostile_problem.cases if case.implementation.slug == "good")
    assert len(good.samples) == QUICK.processes
    assert all(sample is not None and 0 < sample < 1 for process in good.samples for sample in process.wall_s)
    assert good.memory.peak_bytes is not None
    assert good.memory.peak_bytes >= 16 * 8 * 4


@pytest.mark.skipif(sys.platform != "linux", reason="orphans can be adopted on Linux only")
def test_no_process_is_left_behind(hostile_file: Path) -> None:
    mine = [i for i in catalogue.from_file(hostile_file) if i.slug in ("forks", "exits", "sleeps")]
    with saved_corpus(words.builtin()) as folder, Workers() as workers:
        measure_problem(mine, Size(1000, 8, 16), context_of(workers, folder, (hostile_file,), QUICK))
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
        "import os\nfrom impls.lookup import lookup\n"
        "@lookup.implementation('first', 'fine')\ndef first(W, idx):\n    return W[idx]\n"
        "@lookup.implementation('dies', 'ends the process')\ndef dies(W, idx):\n    os._exit(7)\n"
        "@lookup.implementation('lacks', 'needs', requires=('surely_not_installed',))\ndef lacks(W, idx):\n    return W[idx]\n"
        "@lookup.implementation('last', 'fine')\ndef last(W, idx):\n    return W[idx]\n"
    )
    verdicts = check_contracts([i.key for i in catalogue.from_file(file)], track(QUICK, file))
    assert {key.partition("/")[2]: verdict.status for key, verdict in verdicts.items()} == {
        "first": "ok",
        "dies": "crashed",
        "lacks": "skipped",
        "last": "ok",
    }
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


def test_every_ring_is_gone_round_and_reset(track: Tracks) -> None:
    """Accumulating changes dW; between samples it is set back, or sums would grow with the number of calls."""
    add_at = next(i for i in catalogue.own() if i.key == "scatter.accumulate/add-at")
    problem = add_at.kernel.make(Size(50, 4, 10), words.builtin(), np.random.default_rng(0))
    for batch in problem.batches:
        add_at(*batch)
    assert problem.inputs["dW"].any()
    problem.reset()
    assert not problem.inputs["dW"].any()


def test_workspaces_that_do_not_fit_together_are_cut_and_said_so(track: Tracks, tmp_path: Path) -> None:
    """Each of two copies of W fits beside W itself, but not both; a shared buffer counts once."""
    file = tmp_path / "copies.py"
    file.write_text(
        "from impls.lookup import lookup\n"
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


def test_a_profile_that_ends_the_process_costs_no_times(track: Tracks, tmp_path: Path) -> None:
    file = tmp_path / "profiled.py"
    file.write_text(
        "import os, sys\nfrom impls.lookup import lookup\n"
        "@lookup.implementation('shy', 'ends the process when it is profiled')\n"
        "def f(W, idx):\n    if sys.modules.get('line_profiler'):\n        os._exit(1)\n    return W[idx]\n"
    )
    mine = catalogue.from_file(file)
    problem = new_problem_run(mine, Size(500, 4, 8))
    measure_next(problem, track(QUICK, file), profiled=["shy"])
    (case,) = problem.cases
    assert (case.status, problem.processes) == ("ok", 1)
    assert case.profile is not None
    assert "exit code 1" in case.profile.why_not
    assert len(case.samples) == 1
    assert case.memory.peak_bytes is not None
    assert case.memory.peak_bytes >= 8 * 4 * 4


def test_a_memory_measurement_that_fails_costs_an_implementation_no_times(track: Tracks, tmp_path: Path) -> None:
    file = tmp_path / "forked.py"
    file.write_text(
        "import os, time\nfrom impls.lookup import lookup\nhome = os.getpid()\n"
        "@lookup.implementation('sleeps-when-forked', 'hangs in the memory child')\n"
        "def f(W, idx):\n    if os.getpid() != home:\n        time.sleep(100)\n    return W[idx]\n"
    )
    result = measure_problem(catalogue.from_file(file), Size(500, 4, 8), track(QUICK, file))
    (case,) = result.cases
    assert case.status == "ok"
    assert len(case.samples) == QUICK.processes
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


def test_code_from_outside_gets_processes_of_its_own(track: Tracks, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from impls.lookup import lookup\n\n@lookup.implementation('mine', 'mine')\ndef mine(W, idx):\n    return W[idx]\n"
    )
    mine = track(MeasurementSettings(processes=1, rounds=2, sample_s=1e-4, variant_s=1e-3, profile=False), file)
    result = measure_problem(catalogue.from_file(file), Size(200, 4, 8), mine)
    assert [case.status for case in result.cases] == ["ok"]
    assert mine.workers.idle == []
