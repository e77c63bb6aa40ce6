"""A shell may close the command's standard streams, or lead them to a full disk: it ends as it would have, and in no traceback."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.processes import PATIENCE_S, ROOT, SMALL, w2vbench

BENCH = f"PYTHONPATH={ROOT} {sys.executable} -m bench"


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
@pytest.mark.parametrize(("command", "code"), [("list --kernel lookup", 0), ("list --kernel lokup", 2)])
def test_closed_streams_change_no_exit_code(tmp_path: Path, closed: str, command: str, code: int) -> None:
    done = shell(f"{BENCH} {command} {closed}", tmp_path)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if closed == "2>&-":
        assert "w2vbench:" not in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_standard_output_is_told(tmp_path: Path) -> None:
    done = shell(f"{BENCH} list > /dev/full", tmp_path)
    assert done.returncode == 2
    assert done.stderr == "w2vbench: what was to be printed is lost: No space left on device\n"


def test_a_run_whose_streams_are_closed_is_kept(tmp_path: Path) -> None:
    done = shell(
        f"{BENCH} {' '.join(part if '*' not in part else repr(part) for part in SMALL)} >&- 2>&- <&-", tmp_path
    )
    assert done.returncode == 0
    assert json.loads((tmp_path / "reports/out/result.json").read_text())["w2vbench"]["complete"] is True


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    done = shell(f"{{ {BENCH} list --json; echo $? > code; }} | head -c 10", tmp_path)
    assert (len(done.stdout), done.stderr, (tmp_path / "code").read_text()) == (10, "", "0\n")


def test_a_corpus_whose_name_is_no_utf_8_is_read_and_the_command_can_be_typed_again(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9's.txt")
    (tmp_path / name).write_text("the cat sat on the mat and the dog sat on the cat\n" * 50)
    done = w2vbench(*SMALL, "--corpus", name, "--processes", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    suite = json.loads((tmp_path / "reports/out/result.json").read_text())["w2vbench"]
    assert suite["corpus"]["name"] == r"caf\udce9's.txt"
    typed = suite["command"].rpartition("--corpus ")[2].partition(" --processes")[0]
    if Path("/bin/bash").exists():
        again = subprocess.run(["/bin/bash", "-c", f"printf %s {typed}"], capture_output=True, check=True)
        assert again.stdout == b"caf\xe9's.txt"


def test_an_unbuffered_stream_loses_nothing(tmp_path: Path) -> None:
    """With PYTHONUNBUFFERED, as in many containers, Python itself would not write the rest of an interrupted write."""
    unbuffered, plain = (shell(f"{name} {BENCH} list", tmp_path) for name in ("PYTHONUNBUFFERED=1", ""))
    assert (unbuffered.returncode, unbuffered.stdout) == (0, plain.stdout)


def on_a_terminal(command: str, columns: int, folder: Path) -> str:
    """What a command shows on a terminal of that many columns, its errors too."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    shown = b""
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    with subprocess.Popen(
        ["sh", "-c", f"{BENCH} {command}"],
        cwd=folder,
        env={**environment, "TERM": "xterm"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    ):
        os.close(slave)
        with contextlib.suppress(OSError):  # the end, on Linux
            while part := os.read(master, 1 << 16):
                shown += part
    os.close(master)
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).replace("\r\n", "\n")


def test_a_narrow_terminal_breaks_lines_between_words_and_hides_no_description(tmp_path: Path) -> None:
    listed = on_a_terminal("list --kernel scatter", 80, tmp_path)
    assert max(map(len, listed.splitlines())) <= 80
    assert "slide" not in listed
    assert "…" not in listed
    assert "slide" in on_a_terminal("list --kernel scatter", 100, tmp_path)
    *lines, end = on_a_terminal("list --kernel lokup", 80, tmp_path).splitlines()
    assert max(map(len, (*lines, end))) <= 80
    whole = w2vbench("list", "--kernel", "lokup", cwd=tmp_path).stderr.split()
    assert [word for line in (*lines, end) for word in line.split()] == whole
