"""Fixtures of the commands' tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.theirs import make_repository


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A stranger's repository, whose file imports a module of its own."""
    return make_repository(tmp_path / "theirs")
