"""A repository of somebody else's, in which ``pytest --benchmark`` runs as a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

from tests.processes import PATIENCE_S, ROOT

FAST = ("--benchmark-min-rounds=2", "--benchmark-max-time=0.02", "--benchmark-min-time=0.0001")
KERNELS = """
import numpy as np
from w2vbench.impls.scatter.scalar import scalar
{more}

@scalar.implementation("mine", "as it should be")
def mine(dout, idx, dW):
    np.add.at(dW, idx, dout)
"""
CLASHING = {
    **{f"{room}/__init__.py": "WHOSE = 'theirs'\n" for room in ("bench", "impls", "reports")},
    **{f"{room}/part.py": "WHOSE = 'theirs'\n" for room in ("bench", "impls", "reports")},
    "conftest.py": """
import pytest
import bench.part, impls

@pytest.fixture(autouse=True)
def theirs():
    import bench, reports.part
    assert bench.WHOSE == reports.part.WHOSE == "theirs"
    yield
    import impls.part
    assert impls.WHOSE == impls.part.WHOSE == "theirs"
""",
}
"""Packages called as ours are, of which one is imported before our plugin has any work, and others during a benchmark."""


def pyproject(*files: str, pytest_options: str = "") -> str:
    listed = ", ".join(f'"{file}"' for file in files)
    return f"[tool.w2vbench]\nimplementations = [{listed}]\n\n[tool.pytest.ini_options]\n{pytest_options}\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, which comes first on ``sys.path``, with our plugin as an installation would register it."""
    registered = any(entry.value == "w2vbench.pytest_plugin" for entry in entry_points(group="pytest11"))
    plugin = () if registered else ("-p", "w2vbench.pytest_plugin")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugin, "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def collected(folder: Path, *arguments: str) -> list[str]:
    """Return the names of what would be run."""
    done = run_pytest(folder, *arguments, "--collect-only", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line]
