"""Fixtures of the commands' tests."""

from __future__ import annotations

import io
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.main import get_command

from bench.commands import main
from bench.engine import environment
from bench.engine.pool import Workers
from bench.plans import train as training
from impls import words
from tests.commands.theirs import make_repository

COMMAND = get_command(main.app)
"""Built once: typer would build it anew at each call, which takes longer than all else here."""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A stranger's repository, whose file imports a module of its own."""
    return make_repository(tmp_path / "theirs")


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
    """Runs commands in this process and in a folder of their own, as far as to where processes would be started."""
    small = words.encode("small", ["the cat sat on the mat and the dog sat on the cat\n" * 50])
    monkeypatch.chdir(tmp_path)
    for owner, name, instead in (
        (words, "builtin", lambda: small),
        (environment, "busy_cpus", lambda: [0.0]),
        (environment, "describe", lambda busy: {}),
        (main, "app", COMMAND),
        (signal, "signal", lambda *_: None),
        (Workers, "__enter__", began),
        (training, "train_implementation", began),
    ):
        monkeypatch.setattr(owner, name, instead)
    return Asked(monkeypatch)
