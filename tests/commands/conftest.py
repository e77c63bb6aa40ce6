"""Fixtures of the commands' tests."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from typer.main import get_command

from bench.commands import main
from bench.engine import environment
from bench.engine.pool import Workers
from bench.plans import train as training
from impls import texts
from tests.commands.theirs import make_repository

COMMAND = get_command(main.app)
"""Built once: typer would build it anew at each call, which takes longer than all else here."""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A stranger's repository, whose file imports a module of its own."""
    return make_repository(tmp_path / "theirs")


class Began(Exception):
    """Measuring, or training, would have begun: the input was taken."""


Ask = Callable[..., tuple[int | None, str]]
"""Runs a command line. Returns its exit code (None: the input was taken) and what stood on stderr."""


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs commands in this process and in a folder of their own, as far as to where processes would be started."""
    small = texts.encode("small", ["the cat sat on the mat and the dog sat on the cat\n" * 50])
    monkeypatch.chdir(tmp_path)
    for owner, name, instead in (
        (texts, "builtin", lambda: small),
        (environment, "busy_cpus", lambda: [0.0]),
        (environment, "describe", lambda busy: {}),
        (main, "app", COMMAND),
        (signal, "signal", lambda *_: None),
        (Workers, "__enter__", Mock(side_effect=Began)),
        (training, "train_implementation", Mock(side_effect=Began)),
    ):
        monkeypatch.setattr(owner, name, instead)

    def asked(*arguments: str) -> tuple[int | None, str]:
        err = io.StringIO()
        for name, value in (("argv", ["w2vbench", *arguments]), ("stdout", io.StringIO()), ("stderr", err)):
            monkeypatch.setattr(sys, name, value)
        with pytest.raises((SystemExit, Began)) as end:
            main.main()
        return int(end.value.code or 0) if isinstance(end.value, SystemExit) else None, err.getvalue()

    return asked
