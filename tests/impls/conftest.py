"""What tests of identities and copies share: a small tree's digest, and a copy of this package."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.impls.identity.identities import WORLD, digest
from w2vbench import impls


@pytest.fixture(scope="session")
def original() -> str:
    """The digest of the small tree that tests of identities edit."""
    return digest(WORLD)


@pytest.fixture
def package_copy(tmp_path: Path) -> Iterator[Path]:
    """The sources of this package at another place. What is loaded from them under a name with copy_ is forgotten."""
    folder = tmp_path / "elsewhere" / "impls"
    shutil.copytree(Path(impls.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    yield folder
    for name in [name for name in sys.modules if name.startswith("copy_")]:
        del sys.modules[name]
