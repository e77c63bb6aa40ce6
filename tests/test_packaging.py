"""What the distributions contain; ``.ci/package`` builds and uses them."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ROOMS = ("impls", "bench", "reports", "w2vbench")


def test_each_package_of_the_rooms_is_in_the_wheel() -> None:
    packages = {
        ".".join(file.parent.relative_to(ROOT).parts) for room in ROOMS for file in (ROOT / room).rglob("__init__.py")
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages


def test_changelog_begins_with_the_version_that_is_built() -> None:
    """A release takes its notes from there."""
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines() if line.startswith("## ")]
    assert headings[0].split()[1] == PROJECT["project"]["version"]
