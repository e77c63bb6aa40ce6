"""``import w2vbench``: what other people's code uses, also where it has packages called as ours are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from w2vbench.impls.lookup import lookup

import w2vbench
from tests.processes import ROOT
from tests.w2vbench.repository import write

ROOMS = ("bench", "impls", "reports")
RESULT = ROOT / "tests/data/run.json"


def python(folder: Path, code: str) -> str:
    """What a program prints that a user runs in a folder, whose packages come first."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def clashing(tmp_path: Path) -> Path:
    """A folder with packages of its own called ``bench``, ``impls`` and ``reports``."""
    for room in ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("WHOSE = 'theirs'\n")
        (tmp_path / room / "part.py").write_text("WHOSE = 'theirs'\n")
    return tmp_path


@pytest.mark.parametrize("name", sorted({*w2vbench.__all__}))
def test_each_public_name_is_there(name: str) -> None:
    assert getattr(w2vbench, name) is not None
    assert name in dir(w2vbench)


def test_any_other_name_is_an_attribute_error() -> None:
    assert not hasattr(w2vbench, "nothing")


def test_its_kernels_are_those_of_the_implementations() -> None:
    assert w2vbench.kernels["lookup"] is lookup
    with pytest.raises(TypeError):
        w2vbench.kernels["mine"] = lookup  # type: ignore[index]


def test_the_examples_in_its_document_work(tmp_path: Path) -> None:
    write(tmp_path, {"reports/out/result.json": RESULT.read_text(encoding="utf-8")})
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/api.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "examples.py").write_text("\n".join(blocks))
    assert len(blocks) == 2
    assert "lookup" in python(tmp_path, "import examples")


def test_importing_it_imports_nothing_heavy(tmp_path: Path) -> None:
    heavy = "numpy", "pandas", "pydantic", "numba", "pytest", "importlib.metadata"
    assert python(tmp_path, f"import sys, w2vbench; print([m for m in {heavy} if m in sys.modules])") == "[]"


def test_a_repository_with_packages_of_our_folders_names_keeps_its_own(clashing: Path) -> None:
    code = f"""import bench, impls, reports, w2vbench
print(len(w2vbench.load({str(RESULT)!r})) > 0, len(w2vbench.load_samples({str(RESULT)!r})) > 0)
import bench.part, impls.part, reports.part
print(bench.WHOSE, impls.part.WHOSE, reports.part.WHOSE)
{TABLE}
print((w2vbench.dispatch('lookup', table='table.toml')(W, idx) == W[idx]).all())
"""
    assert python(clashing, code).splitlines() == ["True True", "theirs theirs theirs", "True"]


TABLE = """
import numpy as np
from pathlib import Path
from w2vbench.impls.choosing.dispatch_table import DispatchTable, KernelTimes, write
from w2vbench.impls.interface.case import Size
write(DispatchTable({"lookup": KernelTimes(("numba",), {Size(100, 10, 10): {"numba": 1e-6}})}), Path("table.toml"))
W, idx = np.random.default_rng(0).standard_normal((100, 10)).astype(np.float32), np.arange(7)
"""
