"""Comparing revisions as a user does: real repositories, real processes. The changes are so large that no machine's noise hides them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from bench.engine import cpus
from tests.commands.theirs import MINE, ROWS, compared, leftovers, state
from tests.processes import git, w2vbench


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
    assert "acknowledged: it must" in done.stdout
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
    assert "no selected implementation depends on them: steps.json" in " ".join(done.stdout.split())


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


CRASHES = """
import os

calls = 0


def rows_of(W, idx):
    global calls
    calls += len(W) > 1000
    if calls > 30:  # more than the check makes
        os._exit(3)
    return W[idx]
"""


def test_a_head_that_crashes_after_its_check_is_broken_and_base_is_not_blamed(repository: Path, tmp_path: Path) -> None:
    (repository / "kept" / "rows.py").write_text(CRASHES)
    asked = ("compare", "HEAD", "--impl", "mine.py", "--only", "slows", "--out", str(tmp_path / "out"))
    done = w2vbench(*asked, cwd=repository)
    assert done.returncode == 1, done.stdout + done.stderr
    cases = compared(repository, tmp_path / "out")["cases"]
    assert {(case["verdict"], case["why"].startswith("HEAD: crashed")) for case in cases} == {("broken", True)}


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


def test_a_budget_leaves_cases_out_and_says_so(repository: Path, tmp_path: Path) -> None:
    (repository / "mine.py").write_text(
        MINE.replace("W[idx]", "W[idx * 1]").replace("np.take(W, idx", "np.take(W, idx * 1")
    )
    asked = ("compare", "HEAD", "--impl", "mine.py", "--budget", "1s", "--out", str(tmp_path / "out"))
    done = w2vbench(*asked, cwd=repository)
    assert done.returncode in (0, 3), done.stderr
    left_out = compared(repository, tmp_path / "out")["skipped"]
    assert any("--budget" in why and cases for why, cases in left_out.items())
