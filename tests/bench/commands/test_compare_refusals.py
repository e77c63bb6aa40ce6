"""What compare does not measure, and why; and a comparison that is ended."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path

import psutil
import pytest

from tests.bench.commands.theirs import GATHERS, MINE, ROWS, compared, leftovers, source
from tests.bench.plans.repositories import state
from tests.processes import PATIENCE_S, ROOT, git, started, w2vbench, wait_until

LATE = source({**GATHERS, "slows": "from kept.rows import rows_of\n    return rows_of(W, idx)"})
"""An import inside a function would be one side's."""


@pytest.mark.parametrize(
    ("file", "text", "code", "said"),
    [
        ("mine.py", MINE.replace("idx", "ids").replace("@lookup", "# a comment\n@lookup"), 0, "Nothing was measured"),
        ("steps.json", "50", 0, "steps.json"),
        ("mine.py", LATE.replace("from kept.rows import rows_of\n\n", "\n", 1), 3, "import it at the top of the file"),
        ("kept/rows.py", f"import os\nos.environ['A'] = '1'\n{ROWS}", 3, "kept/rows.py:2 runs `os.environ['A'] = '1'`"),
    ],
    ids=["names and comments", "a file that no case depends on", "a late import", "a change of the process"],
)
def test_what_is_not_measured_has_a_reason(
    repository: Path, tmp_path: Path, file: str, text: str, code: int, said: str
) -> None:
    (repository / file).write_text(text)
    done = w2vbench("compare", "HEAD", "--impl", "mine.py", "--out", str(tmp_path / "out"), cwd=repository)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in " ".join(done.stdout.split())
    assert "all cases" not in done.stderr


@pytest.mark.parametrize(
    ("base", "head", "said"),
    [(MINE, LATE.replace("from kept.rows import rows_of\n\n", "\n", 1), "import it at the top"), ("1 / 0", MINE, "BASE cannot")],
    ids=["a case", "all"],
)  # fmt: skip
def test_what_is_not_comparable_passes_on_request(
    repository: Path, tmp_path: Path, base: str, head: str, said: str
) -> None:
    (repository / "mine.py").write_text(base)
    git(repository, "commit", "-qam", "base", "--allow-empty")
    (repository / "mine.py").write_text(head)
    asked = ("compare", "HEAD", "--impl", "mine.py", "--out", str(tmp_path / "out"))
    done = [w2vbench(*asked, *more, cwd=repository) for more in ((), ("--pass-inconclusive",))]
    assert [one.returncode for one in done] == [3, 0]
    assert all(said in " ".join((one.stdout + one.stderr).split()) for one in done)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_comparison_that_is_ended_tidies_up(repository: Path, ending: signal.Signals, tmp_path: Path) -> None:
    (repository / "kept" / "rows.py").write_text(ROWS.replace("W[idx]", "W[idx + 0]"))
    before = state(repository)
    asked = ("compare", "HEAD", "--impl", "mine.py", "--out", str(tmp_path / "out"))
    process = started(repository, *asked)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("all cases"):
            break
    command = psutil.Process(process.pid)
    wait_until(lambda: command.children(recursive=True), process)
    workers = command.children(recursive=True)
    process.send_signal(ending)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "w2vbench: interrupted: nothing is kept"
    assert "Traceback" not in errors
    assert psutil.wait_procs(workers, timeout=PATIENCE_S)[1] == []  # one that was about to start ends by itself
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
