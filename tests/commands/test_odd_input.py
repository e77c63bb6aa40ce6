"""Odd values for every option of every command: each is either taken, or answered in one line with exit code 2.

``ODD=all pytest tests/test_odd_input.py`` tries every value with every option (five minutes); otherwise each option gets some.
"""

from __future__ import annotations

import io
import os
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
from typer.main import get_command

from bench.commands import main
from bench.commands.main import app
from bench.engine import environment
from bench.engine.pool import Workers
from bench.plans import journal
from bench.plans import train as training
from impls import words
from tests.processes import git

ODD = (
    *("", " ", "-", "--", "-1", "0", "00", "1_0", "0x10", "+5", "1.5", "1e3%", "%", "150%", "1e99", "1e16", "9" * 19, "9" * 5000),
    *("nan", "inf", "-inf", "1e400", "1e300", "1e-400", "1e-9", "1e999999999", "٣", "½", "5s5", "1e9h", "-5m", "4GiBiB", "-4G", "1e15T"),
    *("\udcff", "caf\udce9.txt", "a\nb", "a\rb\x1b[31m", "🦆", "e\u0301", "a" * 5000, "[red]", "[/red]", "{}", "%s", "*", "[", "$(x)"),
    *("/dev/null", "/dev/full", "/dev/zero", "/proc/self/mem", "folder", "missing", "missing/file", "locked/file", "empty.json"),
    *("lookup", "lookup/gather", "lookup/gather@V=5", "lookup/gather@V=1e5,H=0,B=1,f32,i64,zipf,t1", "HEAD", "HEAD~1000000000000000000000"),
)  # fmt: skip
EACH = len(ODD) if os.environ.get("ODD") == "all" else 4
COMMAND = get_command(app)
"""Built once: typer would build it anew at each call, which takes longer than all else here."""
NEEDED: dict[str, list[str]] = {
    "run": ["--kernel", "lookup", "--vocab", "100", "--batch", "2"],
    "profile": ["lookup/gather"],
    "compare": ["HEAD", "--impl", "mine.py"],
    "report": ["empty.json"],
    "quality": ["--kernel", "training.cbow", "--only", "numba"],
}
"""What a command is given beside the odd value, so that this is what it stumbles over."""


class Began(Exception):
    """Measuring, or training, would have begun: the input was taken."""


def began(*arguments: object, **options: object) -> None:
    raise Began


Answer = tuple[int | None, str]


@dataclass
class Asked:
    """A command line."""

    patch: pytest.MonkeyPatch

    def __call__(self, *arguments: str) -> Answer:
        """Exit code (None: the input was taken) and what stood on stderr."""
        out, err = io.StringIO(), io.StringIO()
        self.patch.setattr(sys, "argv", ["w2vbench", *arguments])
        self.patch.setattr(sys, "stdout", out)
        self.patch.setattr(sys, "stderr", err)
        try:
            main.main()
        except SystemExit as end:
            return int(end.code or 0), err.getvalue()
        except Began:
            return None, err.getvalue()
        raise AssertionError("main always exits")


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Runs commands in a folder of their own, as far as to where processes would be started."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.json").write_text("{}")
    (tmp_path / "mine.py").write_text(
        "from impls.lookup import lookup\n@lookup.implementation('mine', 'mine')\ndef mine(W, idx):\n    return W[idx]\n"
    )
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "mine.py")
    git(tmp_path, "commit", "-qm", "first")
    small = words.encode("small", ["the cat sat on the mat and the dog sat on the cat\n" * 50])
    monkeypatch.chdir(tmp_path)
    for owner, name, instead in (
        (words, "builtin", lambda: small),
        (environment, "busy_cpus", lambda: [0.0]),
        (environment, "describe", lambda busy: {}),
        (journal, "lock_folder", lambda folder: None),
        (main, "app", COMMAND),
        *((import_module(f"bench.commands.{name}"), "stop_on_signals", lambda: None) for name in ("setup", "train")),
        (Workers, "__enter__", began),
        (training, "train_implementation", began),
    ):
        monkeypatch.setattr(owner, name, instead)
    return Asked(monkeypatch)


def options() -> Iterator[tuple[str, str]]:
    """Every option and argument of every command, but for flags."""
    for name, command in COMMAND.commands.items():  # type: ignore[attr-defined]
        for one in command.params:
            if not getattr(one, "is_flag", False):
                yield name, one.opts[0]


def lines_with(command: str, option: str) -> Iterator[list[str]]:
    """Command lines with odd values in one place."""
    for value in random.Random(f"{command} {option}").sample(ODD, EACH):
        needed = [] if not option.startswith("-") else NEEDED.get(command, [])
        yield [command, *needed, option, value] if option.startswith("-") else [command, value]


@pytest.mark.parametrize(("command", "option"), list(options()), ids=" ".join)
def test_an_odd_value_is_taken_or_answered_in_one_line(command: str, option: str, ask: Callable[..., Answer]) -> None:
    for line in lines_with(command, option):
        code, said = ask(*line)
        assert code in (None, 0, 2) or (command, code) == ("history", 3), (line, code, said)
        if code == 2:
            answer = said.splitlines()[command == "train" and "reading " in said :]  # after what it is doing
            assert len(answer) == 1, (line, said)
            assert answer[0].startswith("w2vbench: "), (line, said)
            assert len(said) < 2000, (line, said)
