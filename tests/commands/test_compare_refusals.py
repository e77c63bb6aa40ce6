"""What compare does not measure, and why; and a comparison that is ended."""

from __future__ import annotations

import signal
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from tests.commands.theirs import GATHERS, MINE, ROWS, compared, leftovers, source
from tests.plans.repositories import state
from tests.processes import ROOT, started, w2vbench


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
    late = source({**GATHERS, "slows": "from kept.rows import rows_of\n    return rows_of(W, idx)"})
    (repository / "mine.py").write_text(late.replace("from kept.rows import rows_of\n\n", "\n", 1))
    done = w2vbench("compare", "HEAD", "--impl", "mine.py", "--out", str(tmp_path / "out"), cwd=repository)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "import it at the top of the file" in done.stdout.replace("\n", " ")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_comparison_that_is_ended_tidies_up(repository: Path, ending: signal.Signals, tmp_path: Path) -> None:
    (repository / "kept" / "rows.py").write_text(ROWS.replace("W[idx]", "W[idx + 0]"))
    before = state(repository)
    asked = ("compare", "HEAD", "--impl", "mine.py", "--out", str(tmp_path / "out"))
    process = started(repository, *asked)
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


def test_this_clone_is_compared_with_itself_in_no_time() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not in a git clone")
    with tempfile.TemporaryDirectory() as out:
        done = w2vbench("compare", "HEAD", "HEAD", "--out", out, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        assert "Nothing was measured" in done.stdout
        left_out = compared(Path(out))["skipped"]
        assert sum(len(cases) for why, cases in left_out.items() if "same" in why) > 50
