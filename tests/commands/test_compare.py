"""Comparing revisions as a user does: real repositories, real processes. The changes are so large that no machine's noise hides them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psutil
import pytest

from bench.engine import cpus
from tests import saved
from tests.processes import ROOT, git, w2vbench

MINE = '''
"""Outside implementations."""
import numpy as np
from impls.lookup import lookup
from kept.rows import rows_of


@lookup.implementation("slows", "gather")
def slows(W, idx):
    return rows_of(W, idx)


@lookup.implementation("stays", "np.take")
def stays(W, idx):
    return np.take(W, idx, axis=0)


@lookup.implementation("goes", "gather")
def goes(W, idx):
    return W[idx]


@lookup.implementation("breaks", "gather")
def breaks(W, idx):
    return W[idx + 0]


@lookup.implementation("hoards", "gather")
def hoards(W, idx):
    return W[idx - 0]
'''

ROWS = """
def rows_of(W, idx):
    return W[idx]
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A stranger's repository, whose file imports a module of its own."""
    folder = tmp_path / "theirs"
    (folder / "kept").mkdir(parents=True)
    (folder / "mine.py").write_text(MINE)
    (folder / "kept" / "rows.py").write_text(ROWS)
    (folder / "kept" / "__init__.py").write_text("")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


def state(folder: Path) -> tuple[str, str, bytes]:
    """What a comparison must leave as it is."""
    return (
        git(folder, "status", "--porcelain", "--ignored"),
        git(folder, "worktree", "list"),
        (folder / ".git" / "index").read_bytes(),
    )


def leftovers() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("w2vbench-tree-*"))


def compared(folder: Path, out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((out / "comparison.json").read_text())["w2vbench"]["comparison"]
    return content


def test_each_change_gets_its_verdict_and_the_repository_is_left_as_it_was(repository: Path, tmp_path: Path) -> None:
    (repository / "kept" / "rows.py").write_text(
        "def rows_of(W, idx):\n    for _ in range(2000):\n        out = W[idx]\n    return out\n"
    )
    changed = MINE
    for old, new in (
        ("return W[idx + 0]", "return W[idx] * 2"),
        ("return W[idx - 0]", "return np.concatenate([W[idx]] * 50)[: len(idx)].copy()"),
        ('"goes"', '"came"'),
        ("return W[idx]\n\n\n@", "return W[idx * 1]\n\n\n@"),
        ('"""Outside implementations."""', '"""Comments may change."""'),
        ("def stays(W, idx):", "def stays(W, idx):  # no change"),
    ):
        assert changed.count(old) == 1
        changed = changed.replace(old, new)
    (repository / "mine.py").write_text(changed)
    before, out, junit = state(repository), tmp_path / "out", tmp_path / "junit.xml"
    summary = tmp_path / "summary.md"
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    done = w2vbench(
        "compare", "HEAD", "--impl", "mine.py", "--out", str(out), "--junit", str(junit), cwd=repository, **environment
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    found = compared(repository, out)
    verdicts = {case["case"].partition("@")[0]: case for case in found["cases"]}
    assert set(verdicts) == {"lookup/slows", "lookup/breaks", "lookup/hoards"}
    assert verdicts["lookup/slows"]["verdict"] == "slower"
    assert verdicts["lookup/slows"]["ratio"]["low"] > 10
    assert verdicts["lookup/slows"]["second_stage"]
    assert verdicts["lookup/slows"]["processes"] == 18
    assert (verdicts["lookup/breaks"]["verdict"], verdicts["lookup/breaks"]["why"][:5]) == ("wrong", "HEAD:")
    assert verdicts["lookup/hoards"]["memory"] == "more"
    assert found["added"] == ["lookup/came"]
    assert found["removed"] == ["lookup/goes"]
    assert any("lookup/stays" in case for cases in found["skipped"].values() for case in cases)
    assert "::error file=mine.py,line=8,title=slower::lookup/slows@" in done.stdout
    assert "is slower" in summary.read_text()
    assert int(ElementTree.parse(junit).getroot().attrib["failures"]) >= 3
    assert state(repository) == before
    assert not leftovers()
    decided_again(out)


def decided_again(out: Path) -> None:
    """A stored comparison is decided by its samples, not by the verdicts that the file says."""
    content = json.loads((out / "comparison.json").read_text())
    cases = content["w2vbench"]["comparison"]["cases"]
    slows = next(case for case in cases if case["case"].startswith("lookup/slows"))
    slows |= {"verdict": "same", "ratio": None, "why": "forged"}
    (out / "forged.json").write_text(json.dumps(content))
    done = w2vbench("compare", "forged.json", "--out", "again", cwd=out)
    assert done.returncode == 1, done.stderr
    assert (out / "again/comparison.md").read_text() == (out / "comparison.md").read_text()
    assert w2vbench("report", "forged.json", "--out", "reported", cwd=out).returncode == 0
    assert (out / "reported/comparison.md").read_text() == (out / "comparison.md").read_text()
    wide = w2vbench("compare", "forged.json", "--threshold", "50%", "--out", "wide", "--json", cwd=out)
    assert json.loads(wide.stdout)["w2vbench"]["comparison"]["threshold"] == 0.5
    done = w2vbench("compare", "forged.json", "--kernel", "lookup", cwd=out)
    assert (done.returncode, "has been measured already" in done.stderr) == (2, True)


def test_a_slowdown_that_the_change_acknowledges_passes_and_is_shown(repository: Path, tmp_path: Path) -> None:
    (repository / "kept" / "rows.py").write_text(
        "def rows_of(W, idx):\n    for _ in range(300):\n        out = W[idx]\n    return out\n"
    )
    said = w2vbench("history", "--acknowledge", "lookup/slows@*", "--why", "it must", cwd=repository)
    assert said.returncode == 0, said.stderr
    asked = ("compare", "HEAD", "--impl", "mine.py", "--only", "*/slows@V=1e4*", "--out", str(tmp_path / "out"))
    done = w2vbench(*asked, cwd=repository)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "intended: it must" in done.stdout
    (case,) = compared(repository, tmp_path / "out")["cases"]
    assert (case["verdict"], case["acknowledged"]) == ("slower", "it must")


READS = """
import json
from pathlib import Path

import numpy as np
from impls.lookup import lookup


def steps(problem):
    return json.loads((Path(__file__).parent / "steps.json").read_text())


@lookup.implementation("reads", "gather, as often as a file says", prepare=steps)
def reads(W, idx, steps):
    for _ in range(steps):
        out = W[idx]
    return out


@lookup.implementation("plain", "gather")
def plain(W, idx):
    return W[idx]
"""


def test_a_file_that_prepare_reads_is_a_change_of_code_and_any_other_is_named(repository: Path, tmp_path: Path) -> None:
    (repository / "mine.py").write_text(READS)
    (repository / "steps.json").write_text("1")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "reads a file")
    (repository / "steps.json").write_text("50")
    asked = ("compare", "HEAD", "--impl", "mine.py", "--out", str(tmp_path / "out"), "--only")
    done = w2vbench(*asked, "*/reads@V=1e4*", cwd=repository)
    assert done.returncode == 1, done.stdout + done.stderr
    (case,) = compared(repository, tmp_path / "out")["cases"]
    assert (case["verdict"], case["implementation"]) == ("slower", "reads")
    done = w2vbench(*asked, "plain", cwd=repository)
    assert done.returncode == 0, done.stderr
    assert "no implementation that was chosen depends on them: steps.json" in " ".join(done.stdout.split())


FELT = """
import time

import numpy as np
from impls.lookup import lookup


def counter(problem):
    {setup}
    return np.zeros(1, np.int64)


@lookup.implementation("felt", "gather, every tenth call slow", prepare=counter)
def felt(W, idx, count):
    count[0] += 1
    end = time.perf_counter() + {steady}
    while time.perf_counter() < end:
        pass
    if {slow} and count[0] % 10 == 0:
        time.sleep(0.05)
    return W[idx]
"""


def test_what_a_user_feels_is_judged_though_the_median_is_the_same(repository: Path, tmp_path: Path) -> None:
    """Every tenth call 50 ms slower; and set-up that takes a fifth of a second."""
    asked = ("compare", "HEAD", "--impl", "mine.py", "--out", str(tmp_path / "out"), "--only", "*/felt@V=1e4*")
    (repository / "mine.py").write_text(FELT.format(setup="pass", slow=0, steady=0.002))
    git(repository, "commit", "-qam", "steady")
    (repository / "mine.py").write_text(FELT.format(setup="pass", slow=1, steady=0.002))
    done = w2vbench(*asked, cwd=repository)
    assert done.returncode == 1, done.stdout + done.stderr
    (case,) = compared(repository, tmp_path / "out")["cases"]
    assert case["verdict"] == "slower"
    assert case["mean"]["low"] > 1.5
    assert "in the mean, by" in done.stdout
    (repository / "mine.py").write_text(FELT.format(setup="time.sleep(0.2)", slow=0, steady=0.002))
    done = w2vbench(*asked, cwd=repository)
    assert done.returncode == 1, done.stdout + done.stderr
    (case,) = compared(repository, tmp_path / "out")["cases"]
    assert (case["setup"], case["setup_ratio"]["low"] > 10) == ("slower", True)
    assert "takes longer to set up" in done.stdout


def test_what_is_set_for_the_whole_process_is_not_compared_in_one(repository: Path, tmp_path: Path) -> None:
    (repository / "kept" / "rows.py").write_text("import os\nos.environ['ROWS'] = '1'\n" + ROWS)
    done = w2vbench("compare", "HEAD", "--impl", "mine.py", "--out", str(tmp_path / "out"), cwd=repository)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "kept/rows.py:2 runs `os.environ['ROWS'] = '1'`" in done.stdout


def test_what_is_slower_on_several_threads_only_is_found_there(repository: Path, tmp_path: Path) -> None:
    several = "import os\nTIMES = 1 if os.environ['OMP_NUM_THREADS'] == '1' else 2000\n"
    (repository / "kept" / "rows.py").write_text(
        f"{several}def rows_of(W, idx):\n    for _ in range(TIMES):\n        out = W[idx]\n    return out\n"
    )
    asked = ("compare", "HEAD", "--impl", "mine.py", "--only", "*/slows@V=1e4*", "--threads", "2", "--json")
    done = w2vbench(*asked, "--out", str(tmp_path / "out"), cwd=repository)
    assert done.returncode == 1, done.stdout + done.stderr
    suite = json.loads(done.stdout)["w2vbench"]
    (case,) = suite["comparison"]["cases"]
    assert case["case"].endswith(",t2")
    assert case["verdict"] == "slower"
    assert case["head_cpu_s"] > 10 * case["base_cpu_s"] > 0
    assert suite["environment"]["idlest_cpu"] is None  # not kept on one
    if len(cpus.allowed()) < 2:
        assert any("2 threads were asked for" in warning for warning in suite["warnings"])


def test_nothing_is_raced_where_nothing_differs(repository: Path, tmp_path: Path) -> None:
    (repository / "mine.py").write_text(MINE.replace("idx", "ids").replace("@lookup", "# a comment\n@lookup"))
    done = w2vbench("compare", "HEAD", "--impl", "mine.py", "--out", str(tmp_path / "out"), cwd=repository)
    assert done.returncode == 0, done.stderr
    assert "Nothing was measured" in done.stdout
    assert "process" not in done.stderr


def test_a_file_that_is_new_has_nothing_to_be_compared_with(repository: Path, tmp_path: Path) -> None:
    (repository / "more.py").write_text(MINE)
    done = w2vbench("compare", "HEAD", "--impl", "more.py", "--out", str(tmp_path / "out"), cwd=repository)
    assert done.returncode == 0, done.stderr
    assert len(compared(repository, tmp_path / "out")["added"]) == 5


def test_an_import_inside_a_function_is_refused_since_it_would_be_one_sides(repository: Path, tmp_path: Path) -> None:
    late = MINE.replace("    return rows_of(W, idx)", "    from kept.rows import rows_of\n    return rows_of(W, idx)")
    (repository / "mine.py").write_text(late.replace("from kept.rows import rows_of\n\n", "\n", 1))
    done = w2vbench("compare", "HEAD", "--impl", "mine.py", "--out", str(tmp_path / "out"), cwd=repository)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "import it at the top of the file" in done.stdout.replace("\n", " ")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_comparison_that_is_ended_tidies_up(repository: Path, ending: signal.Signals, tmp_path: Path) -> None:
    (repository / "kept" / "rows.py").write_text(ROWS.replace("W[idx]", "W[idx + 0]"))
    before = state(repository)
    asked = ("compare", "HEAD", "--impl", "mine.py", "--out", str(tmp_path / "out"))
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", *asked],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("first stage"):
            break
    time.sleep(0.5)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(ending)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert workers
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
    assert state(repository) == before
    assert not leftovers()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("compare", "nosuch", "--impl", "mine.py"), "no revision 'nosuch'"),
        (("compare", "HEAD"), "is no clone of w2vbench"),
        (("compare", "HEAD", "--impl", "missing.py"), "missing.py is at neither revision"),
        (("compare", "HEAD", "--impl", "nosuchfolder/missing.py"), "no such file"),
        (("compare", "HEAD", "--impl", "mine.py", "--only", "nothing*"), "no case matches"),
        (("compare", "HEAD", "--impl", "mine.py", "--threshold", "much"), "--threshold"),
        (("compare", "HEAD", "--impl", "mine.py", "--budget", "-3m"), "--budget"),
        (("compare", "a.json", "b.json"), "a.json: No such file"),
        (("history", "--store", "nowhere"), "nowhere: no such folder"),
        (("history", "--acknowledge", "lookup/gather@*"), "needs both"),
    ],
)
def test_what_cannot_be_compared_gets_one_line(
    repository: Path, arguments: tuple[str, ...], complaint: str, tmp_path: Path
) -> None:
    done = w2vbench(
        *arguments, *(("--out", str(tmp_path / "out")) if "history" not in arguments else ()), cwd=repository
    )
    assert done.returncode == 2, done.stdout
    last = done.stderr.strip().splitlines()[-1]
    assert complaint in last
    assert "Traceback" not in done.stderr


def test_outside_of_a_repository_one_line_says_so(tmp_path: Path) -> None:
    done = w2vbench("compare", "HEAD", cwd=tmp_path)
    assert done.returncode == 2
    assert "not in a git repository" in done.stderr


def test_this_clone_is_compared_with_itself_in_no_time() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not in a git clone")
    with tempfile.TemporaryDirectory() as out:
        done = w2vbench("compare", "HEAD", "HEAD", "--out", out, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        assert "Nothing was measured" in done.stdout
        left_out = compared(ROOT, Path(out))["skipped"]
        assert sum(len(cases) for why, cases in left_out.items() if "same" in why) > 50


def test_a_calibration_is_kept_can_be_added_to_and_shows_other_rules_beside_its_own(tmp_path: Path) -> None:
    asked = ("calibrate", "--batches", "1", "--cases", "1", "--kernel", "lookup", "--out", str(tmp_path))
    assert w2vbench(*asked, cwd=tmp_path).returncode == 0
    again = w2vbench(*asked, "--same-only", "--add", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    found = json.loads((tmp_path / "calibration.json").read_text())["w2vbench"]["calibration"]
    kinds = [(round(trial["injected"], 3), trial["threshold"]) for trial in found["trials"]]
    assert kinds == [(0, 0.02), (0.02, 0.02), (0.05, 0.02), (0.1, 0.02), (0.02, 0.005), (-0.048, 0.02), (0, 0.02)]
    assert all(set(trial["rules"]) == set(found["trials"][0]["rules"]) for trial in found["trials"])
    assert found["comparisons"] == 2
    for text in (again.stdout, (tmp_path / "calibration.md").read_text()):
        assert "Mann-Whitney" in text
        assert "Identical code was called slower in" in text
    other = w2vbench(*asked, "--add", "--threshold", "5%", cwd=tmp_path)
    assert other.returncode == 2
    assert "no calibration at this threshold" in other.stderr


def test_a_budget_leaves_cases_out_and_says_so(repository: Path, tmp_path: Path) -> None:
    (repository / "mine.py").write_text(
        MINE.replace("W[idx]", "W[idx * 1]").replace("np.take(W, idx", "np.take(W, idx * 1")
    )
    asked = ("compare", "HEAD", "--impl", "mine.py", "--budget", "1s", "--out", str(tmp_path / "out"))
    done = w2vbench(*asked, cwd=repository)
    assert done.returncode in (0, 3), done.stderr
    left_out = compared(repository, tmp_path / "out")["skipped"]
    assert any("--budget" in why and cases for why, cases in left_out.items())


def stored(folder: Path, walls: list[float]) -> None:
    """Runs as w2vbench run keeps them, one after another, with these times."""
    folder.mkdir(parents=True)
    for at, wall in enumerate(walls):
        content = saved.result(saved.row("gather", wall, baseline=True)).model_dump(mode="json", by_alias=True)
        content["datetime"] = f"2026-01-{at + 1:02}T12:00:00+00:00"
        content["commit_info"] = {"id": f"{at:040x}", "dirty": False}
        (folder / f"{at + 1:04}_w2vbench-quick.json").write_text(json.dumps(content))


def test_history_shows_where_a_time_changed_and_fails_until_somebody_says_that_it_is_meant(tmp_path: Path) -> None:
    stored(tmp_path / ".benchmarks" / "machine", [1e-5] * 6 + [2e-5] * 6)
    shown = w2vbench("history", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "slower by" in " ".join(shown.stdout.split())
    assert "▁" in shown.stdout
    assert (tmp_path / "reports/out/history.html").read_text().count("<svg") == 1
    assert w2vbench("history", "--fail", cwd=tmp_path).returncode == 1
    (series,) = json.loads(w2vbench("history", "--json", cwd=tmp_path).stdout)[0]["series"]
    assert [change["after"]["commit"] for change in series["changes"]] == [f"{6:040x}"[:9]]
    assert w2vbench("history", "--acknowledge", "lookup/gather@*", "--why", "checks now", cwd=tmp_path).returncode == 0
    assert w2vbench("history", "--fail", cwd=tmp_path).returncode == 0
    assert "intended (checks now)" in " ".join(w2vbench("history", cwd=tmp_path).stdout.split())


def test_history_of_steady_times_has_no_change(tmp_path: Path) -> None:
    stored(tmp_path / ".benchmarks" / "machine", [1e-5, 1.01e-5, 0.99e-5, 1e-5, 1.02e-5, 1e-5, 0.98e-5])
    assert w2vbench("history", "--fail", cwd=tmp_path).returncode == 0


def test_two_result_files_are_compared_with_the_caveat_that_they_were_not_interleaved(tmp_path: Path) -> None:
    for name, wall in (("a", 1e-5), ("b", 3e-5)):
        rows = [saved.row("gather", wall, baseline=True), saved.row("take", 1e-5)]
        text = json.dumps(saved.result(*rows).model_dump(mode="json", by_alias=True))
        (tmp_path / f"{name}.json").write_text(text)
    done = w2vbench("compare", "a.json", "b.json", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "not interleaved" in " ".join(done.stdout.split())
    assert w2vbench("compare", "a.json", "a.json", cwd=tmp_path).returncode in (0, 3)
    assert (tmp_path / "reports/out/comparison.html").exists()
    again = w2vbench("report", "reports/out/comparison.json", "--out", "again", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again/comparison.md").exists()
