"""Odd values for every option of every command: each is either taken, or answered in one line with exit code 2.

``ODD=all pytest tests/bench/commands/test_odd_input.py`` tries every value with every option (five minutes); otherwise each option gets some.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from typer.main import get_command
from w2vbench.bench.main import app
from w2vbench.bench.plans.packages import installers
from w2vbench.bench.plans.run.request import PlanError

from tests.bench.commands.conftest import Ask
from tests.processes import git

ODD = (
    *("", " ", "-", "--", "-1", "0", "00", "1_0", "0x10", "+5", "1.5", "1e3%", "%", "150%", "1e99", "1e16", "9" * 19, "9" * 5000),
    *("nan", "inf", "-inf", "1e400", "1e300", "1e-400", "1e-9", "1e999999999", "٣", "½", "5s5", "1e9h", "-5m", "4GiBiB", "-4G", "1e15T"),
    *("\udcff", "caf\udce9.txt", "a\nb", "a\rb\x1b[31m", "🦆", "e\u0301", "a" * 5000, "[red]", "[/red]", "{}", "%s", "*", "[", "$(x)"),
    *("/dev/null", "/dev/full", "/dev/zero", "/proc/self/mem", "folder", "missing", "missing/file", "locked/file", "empty.json"),
    *("lookup", "lookup/gather", "lookup/gather@V=5", "lookup/gather@V=1e5,H=0,B=1,f32,i64,zipf,t1", "HEAD", "HEAD~1000000000000000000000"),
)  # fmt: skip
EACH = len(ODD) if os.environ.get("ODD") == "all" else 4
NEEDED: dict[str, list[str]] = {
    "run": ["--kernel", "lookup", "--vocab", "100", "--batch", "2"],
    "profile": ["lookup/gather"],
    "compare": ["HEAD", "--impl", "mine.py"],
    "report": ["empty.json"],
    "quality": ["--kernel", "training.cbow", "--only", "numba"],
    "versions": ["numpy"],
    "bisect": ["HEAD", "HEAD", "lookup/mine", "--impl", "mine.py"],
}
"""What a command is given beside the odd value, so that this is what it stumbles over."""


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No value is looked up in a package index, where anything may have that name."""

    def refuses(command: Sequence[str], text: str | None = None) -> str:
        raise PlanError("the package index cannot be reached")

    monkeypatch.setattr(installers, "run", refuses)
    monkeypatch.setattr(installers, "pip", pip)


pip = cache(installers.pip)


@pytest.fixture(autouse=True)
def filled(tmp_path: Path) -> None:
    """What the values name is there."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.json").write_text("{}")
    (tmp_path / "mine.py").write_text(
        "from w2vbench.impls.lookup import lookup\n@lookup.implementation('mine', 'mine')\ndef mine(W, idx):\n    return W[idx]\n"
    )
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "mine.py")
    git(tmp_path, "commit", "-qm", "first")


def options() -> Iterator[tuple[str, str]]:
    """Every option and argument of every command, but for flags."""
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        for one in command.params:
            if not getattr(one, "is_flag", False):
                yield name, one.opts[0]


def lines_with(command: str, option: str) -> Iterator[list[str]]:
    """Command lines with odd values in one place."""
    for value in random.Random(f"{command} {option}").sample(ODD, EACH):
        needed = [] if not option.startswith("-") else NEEDED.get(command, [])
        yield [command, *needed, option, value] if option.startswith("-") else [command, value]


@pytest.mark.parametrize(("command", "option"), list(options()), ids=" ".join)
def test_an_odd_value_is_taken_or_answered_in_one_line(command: str, option: str, ask: Ask) -> None:
    for line in lines_with(command, option):
        code, said = ask(*line)
        assert code in (None, 0, 2) or (command, code) == ("history", 3), (line, code, said)
        if code == 2:
            doing = ("reading ", "w2vbench: resolving ")
            answer = [line for line in said.splitlines() if not line.startswith(doing)]
            assert len(answer) == 1, (line, said)
            assert answer[0].startswith("w2vbench: "), (line, said)
            assert len(said) < 2000, (line, said)
