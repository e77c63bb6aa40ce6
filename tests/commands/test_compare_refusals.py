"""What compare does not measure, and why; and a comparison that is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.commands.theirs import MINE, ROWS, compared, leftovers
from tests.plans.repositories import state
from tests.processes import ROOT, w2vbench


def test_nothing_is_measured_where_nothing_differs(repository: Path, tmp_path: Path) -> None:
    (repository / "mine.py").write_text(MINE.replace("idx", "ids").replace("@lookup", "# a comment\n@lookup"))
    done = w2vbench("compare", "HEAD", "--impl", "mine.py", "--out", str(tmp_path / "out"), cwd=repository)
    assert done.returncode == 0, done.stderr
    assert "Nothing was measured" in done.stdout
    assert "process" not in done.stderr


def test_a_file_that_is_new_has_nothing_to_be_compared_with(repository: Path, tmp_path: Path) -> None:
    (repository / "more.py").write_text(MINE)
    done = w2vbench("compare", "HEAD", "--impl", "more.py", "--out", str(tmp_path / "out"), cwd=repository)
    assert done.returncode == 0, done.stderr
    assert len(compared(tmp_path / "out")["added"]) == 5


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
        (("compare", "HEAD", "--impl", "nosuchfolder/missing.py"), "no such file"),
        (("compare", "HEAD", "--impl", "mine.py", "--threshold", "much"), "--threshold"),
        (("compare", "HEAD", "--impl", "mine.py", "--budget", "-3m"), "--budget"),
        (("compare", "a.json", "b.json"), "a.json: No such file"),
        (("history", "--store", "nowhere"), "nowhere: no such folder"),
        (("history", "--acknowledge", "lookup/gather@*"), "needs both"),
    ],
)
def test_what_cannot_be_compared_gets_one_line(
    repository: Path,
    ask: Callable[..., tuple[int | None, str]],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    complaint: str,
) -> None:
    monkeypatch.chdir(repository)
    code, said = ask(*arguments)
    assert code == 2
    assert complaint in said.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--impl", "missing.py"), "is at neither revision"),
        (("--impl", "mine.py", "--only", "nothing*"), "no case matches"),
    ],
)
def test_what_neither_revision_has_is_refused(repository: Path, options: tuple[str, ...], complaint: str) -> None:
    done = w2vbench("compare", "HEAD", *options, cwd=repository)
    assert done.returncode == 2, done.stdout
    assert complaint in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_outside_of_a_repository_one_line_says_so(ask: Callable[..., tuple[int | None, str]]) -> None:
    code, said = ask("compare", "HEAD")
    assert (code, "not in a git repository" in said) == (2, True)


def test_this_clone_is_compared_with_itself_in_no_time() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not in a git clone")
    with tempfile.TemporaryDirectory() as out:
        done = w2vbench("compare", "HEAD", "HEAD", "--out", out, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        assert "Nothing was measured" in done.stdout
        left_out = compared(Path(out))["skipped"]
        assert sum(len(cases) for why, cases in left_out.items() if "same" in why) > 50
