"""Fixtures of the commands' tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench.commands.asking import answer_to, stand_ins
from tests.bench.commands.theirs import make_repository


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A stranger's repository, whose file imports a module of its own."""
    return make_repository(tmp_path / "theirs")


Ask = Callable[..., tuple[int | None, str]]
"""Runs a command line. Returns its exit code (None: the input was taken) and what stood on stderr."""


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs commands in this process and in a folder of their own, as far as to where processes would be started."""
    monkeypatch.chdir(tmp_path)
    for owner, name, instead in stand_ins():
        monkeypatch.setattr(owner, name, instead)
    return answer_to
