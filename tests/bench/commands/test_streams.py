"""A shell may close the command's standard streams, or lead them to a full disk: it ends as it would have, and in no traceback."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any, cast

import pytest
from w2vbench.bench.commands.terminal import streams

from tests import saved
from tests.bench.engine.book import changed, written
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


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&- <&-"])
def test_with_closed_streams_pages_are_made_and_layers_are_checked(tmp_path: Path, closed: str) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(saved.text(saved.small()))
    assert shell(f"{BENCH} report a.json b.json {closed}", tmp_path).returncode == 0
    assert (tmp_path / "reports/out/machines.html").exists()
    written(tmp_path, changed([("np.add.at(dW, self.idx, dout)", "dW[self.idx] = dout")]))
    assert shell(f"{BENCH} check --book layers.py --untimed {closed}", tmp_path).returncode == 1


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


class InParts(io.RawIOBase):
    """A pipe of which a signal interrupts each write after some bytes."""

    def __init__(self) -> None:
        self.got = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.got += bytes(data[:100])
        return min(len(data), 100)


def test_an_interrupted_write_loses_nothing_of_an_unbuffered_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """With PYTHONUNBUFFERED, as in many containers, Python itself would not write the rest."""
    pipes = {name: InParts() for name in ("stdout", "stderr")}
    unbuffered = {name: io.TextIOWrapper(cast(Any, pipe), "utf-8", write_through=True) for name, pipe in pipes.items()}
    for name, stream in unbuffered.items():
        monkeypatch.setattr(sys, name, stream)
    streams.open_streams()
    for name, pipe in pipes.items():
        print("a line", file=getattr(sys, name))
        assert pipe.got == b"a line\n"  # at once
        print("x" * 100_000, file=getattr(sys, name))
        assert len(pipe.got) == len("a line\n") + 100_001


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
