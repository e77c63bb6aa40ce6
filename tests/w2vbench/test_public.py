"""``import w2vbench``: what other people's code uses, also where it has packages called as ours are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import w2vbench
from impls.lookup import lookup
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
    with pytest.raises(AttributeError, match="module 'w2vbench' has no attribute 'nothing'"):
        _ = w2vbench.nothing


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


def test_its_document_names_what_it_has() -> None:
    table = (ROOT / "docs/api.md").read_text(encoding="utf-8").partition("| --- | --- |")[2].partition("\n\n")[0]
    assert {*re.findall(r"`([A-Za-z_]+)(?:\(path\))?`", table)} >= {*w2vbench.__all__}


def test_importing_it_imports_nothing_heavy(tmp_path: Path) -> None:
    heavy = "numpy", "pandas", "pydantic", "numba", "pytest", "importlib.metadata"
    assert python(tmp_path, f"import sys, w2vbench; print([m for m in {heavy} if m in sys.modules])") == "[]"


def test_a_user_who_imports_both_gets_one_kernel(tmp_path: Path) -> None:
    code = "import w2vbench; k = w2vbench.kernels['lookup']; from impls.lookup import lookup; print(k is lookup)"
    assert python(tmp_path, code) == "True"


@pytest.mark.parametrize("first", ["", f"import {', '.join(ROOMS)}; "], ids=["ours first", "theirs first"])
def test_packages_of_the_same_names_stay_their_owners(clashing: Path, first: str) -> None:
    code = f"""{first}import w2vbench
lookup = w2vbench.kernels["lookup"]
print(len(w2vbench.load({str(RESULT)!r})) > 0, len(w2vbench.load_samples({str(RESULT)!r})) > 0)
import bench.part, impls.part, reports.part
print(bench.WHOSE, impls.part.WHOSE, reports.part.WHOSE)
print(w2vbench.Kernel is type(lookup), w2vbench.read.__doc__[:4])
"""
    assert python(clashing, code).splitlines() == ["True True", "theirs theirs theirs", "True Read"]


TABLE = """
import numpy as np, w2vbench
with w2vbench.rooms.ours():
    from impls.case import Size
    from impls.dispatch_table import DispatchTable, KernelTimes, write
    from pathlib import Path
    times = {Size(100, 10, 10): {"numba": 1e-6}}
    kernels = ("lookup", "scatter.accumulate", "output.negative-sampling")
    write(DispatchTable({name: KernelTimes(("numba",), times) for name in kernels}), Path("table.toml"))
W, idx = np.random.default_rng(0).standard_normal((100, 10)).astype(np.float32), np.arange(7)
"""
CALLS = {
    "best": "f = w2vbench.best('lookup', V=100, H=10, B=10, table='table.toml'); print((f(W, idx) == W[idx]).all())",
    "dispatch": "f = w2vbench.dispatch('lookup', table='table.toml'); print((f(W, idx) == W[idx]).all())",
    "warm": "f = w2vbench.best('lookup', V=100, H=10, B=7, table='table.toml'); f.warm(); print((f(W, idx) == W[idx]).all())",
    "another size, from threads": """
from concurrent.futures import ThreadPoolExecutor
def one(n):
    dW = np.zeros((100, 10), np.float32)
    w2vbench.dispatch("scatter.accumulate", table="table.toml")(np.ones((n, 10), np.float32), np.arange(n), dW)
    return (dW[:n] == 1).all() and not dW[n:].any()
f = w2vbench.dispatch("lookup", table="table.toml")
with ThreadPoolExecutor(4) as pool:
    print(all([*pool.map(one, range(8)), *pool.map(lambda n: (f(W, idx[:n]) == W[:n]).all(), range(8))]))
""",
}


@pytest.mark.parametrize("calls", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("first", ["", f"import {', '.join(ROOMS)}"], ids=["ours first", "theirs first"])
def test_what_is_chosen_is_compiled_beside_packages_of_the_same_names(clashing: Path, first: str, calls: str) -> None:
    code = f"{first}{TABLE}import impls.part, sys\n{calls}\nprint(impls.part.WHOSE, sys.modules['impls'].WHOSE)"
    assert python(clashing, code).splitlines() == ["True", "theirs theirs"]


def test_what_is_compiled_beside_packages_of_the_same_names_is_cached(clashing: Path, tmp_path: Path) -> None:
    """Cached code names the classes of its arguments, which are looked up in ``impls``."""
    code = f"""import impls{TABLE}
f = w2vbench.dispatch("output.negative-sampling", table="table.toml")
f(W[:2], W, idx[:2], idx[:6].reshape(2, 3))
import impls, pathlib
print(impls.WHOSE, *sorted((file.name, file.stat().st_mtime_ns) for file in pathlib.Path("cache").rglob("*.nbc")))
"""
    runs = [python(clashing, f"import os; os.environ['NUMBA_CACHE_DIR'] = 'cache'\n{code}") for _ in range(2)]
    assert runs[0] == runs[1]
    assert runs[0].startswith("theirs ('")


def test_the_command_works_beside_packages_of_the_same_names(clashing: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(clashing), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-m", "w2vbench", "list"],
        cwd=clashing,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "one-hot-dot" in done.stdout
