"""Compiled functions: what they are compiled from, where they are kept, and what they are handed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impls import compile_cache
from impls.compile_cache import cache_folder, cache_key, delete_old
from impls.compiled import OPTIONS, compiled, ready, stand_in_identity, uses
from impls.interface import Array, Implementation, Problem
from impls.lookup import lookup, numba_prefetch
from impls.machine import copy_row, prefetch_row
from tests.impls.files import written

ROOT = Path(compile_cache.__file__).parents[1]
STEP = 3


def helper(x: int) -> int:
    return x + STEP


def caller(x: int, unused: Any, y: int) -> int:
    return helper(x) * y


def copies(to: Array, table: Array, rows: Array) -> None:
    for i in range(len(rows)):
        prefetch_row(table, rows[i])
        copy_row(to, i, table, rows[i])


def test_a_function_is_compiled_with_what_it_calls() -> None:
    assert compiled(caller)(4, None, 2) == caller(4, None, 2) == 14
    assert uses(caller) == [("helper", ("",), helper)]
    assert uses(helper) == [("STEP", ("",), STEP)]


def test_what_a_function_does_not_use_is_not_handed_over() -> None:
    machine = ready(caller, (4, np.random.default_rng(0), 2))
    assert machine(4, object(), 2) == 14  # numba could not take an object
    assert machine(5, None, 1) == 8


def test_machine_code_refuses_arguments_of_other_types() -> None:
    machine = ready(copies, (np.zeros((2, 3), np.float32), np.zeros((5, 3), np.float32), np.zeros(2, np.int64)))
    with pytest.raises(TypeError, match="different type"):
        machine(np.zeros((2, 3)), np.zeros((5, 3)), np.zeros(2, np.int64))


@settings(max_examples=20)
@given(V=st.integers(1, 9), H=st.integers(1, 40), n=st.integers(0, 6), seed=st.integers(0, 99))
def test_rows_are_copied_to_the_last_bit(V: int, H: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table, rows, out = rng.normal(size=(V, H)), rng.integers(V, size=n), np.zeros((n, H))
    compiled(copies)(out, table, rows)
    np.testing.assert_array_equal(out, table[rows])


def test_a_jit_implementation_is_called_compiled_whichever_way_it_is_called() -> None:
    W, idx = np.arange(12, dtype=np.float32).reshape(4, 3), np.array([3, 0])
    problem = Problem(lookup.sizes[0].__class__(4, 3, 2), {"W": W}, [(W, idx)], 2.0)
    function, (out,) = numba_prefetch.start(problem)
    assert function is not numba_prefetch.function
    np.testing.assert_array_equal(function(W, idx, out), W[idx])
    np.testing.assert_array_equal(numba_prefetch(W, idx, out), W[idx])


def test_numba_is_named_as_what_is_needed() -> None:
    mine: Implementation = lookup.implementation("mine", "mine", jit=True)(lambda W, idx: W[idx])
    assert mine.requires == ("numba",)


# where it is kept


def name() -> str:
    """What ``caller`` is kept under."""
    found = cache_key(caller, stand_in_identity())
    assert found
    return found


def test_a_name_follows_callees_constants_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    before = name()
    assert name() == before
    for value in (4, np.uint64(3)):
        monkeypatch.setattr(sys.modules[__name__], "STEP", value)
        assert name() != before
    monkeypatch.setattr(sys.modules[__name__], "STEP", 3)
    assert name() == before
    monkeypatch.setitem(OPTIONS, "fastmath", set())
    assert name() != before


MINE = """
import numpy as np
from impls.lookup import lookup
{imports}


def buffer(problem):
    return np.empty((problem.size.B, problem.size.H), problem.size.float_type)


@lookup.implementation("mine", "mine", jit=True, prepare=buffer)
def mine(W, idx, out):
    for i in range(len(idx)):
        {call}
    return out
"""
JITTED = """
import numba


@numba.njit{options}
def copies(out, i, W, row):
    for j in range(W.shape[1]):
        out[i, j] = {factor} * W[row, j]
"""
BY_NAME = ("from near import copies", "copies(out, i, W, idx[i])")
BY_ITS_MODULE = ("import near", "near.copies(out, i, W, idx[i])")
BY_ITS_MODULES_MODULE = ("from parts import near", "near.copies(out, i, W, idx[i])")


def write(root: Path, use: tuple[str, str] = BY_NAME, options: str = "", factor: int = 1) -> Path:
    """A file whose implementation uses a function of its neighbour, which numba compiles."""
    imports, call = use
    written(
        root / ("parts/near.py" if "parts" in imports else "near.py"), JITTED.format(options=options, factor=factor)
    )
    return written(root / "mine.py", MINE.format(imports=imports, call=call))


CALLED = """
import sys
from pathlib import Path
import numpy as np
from impls import catalogue

found = [catalogue.from_file(Path(file), [], f"side_{at}")[0] for at, file in enumerate(sys.argv[1:])]
W, idx, out = np.ones((3, 2), np.float32), np.array([1]), np.empty((1, 2), np.float32)
print(*(float(one(W, idx, out)[0, 0]) for one in found))
"""


def started(cache: Path, *files: Path) -> subprocess.Popen[str]:
    """A process that loads files side by side, calls each one's implementation, and prints an entry of what it gives."""
    folders = {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", CALLED, *map(str, files)],
        env={**os.environ, **folders},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> list[float]:
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return list(map(float, output.split()))


def results(cache: Path, *files: Path) -> list[float]:
    return ended(started(cache, *files))


def test_a_helper_that_numba_compiles_itself_may_stand_in_another_module(tmp_path: Path) -> None:
    """numba keeps it by its module's name, which the next process does not know: the second run failed, and every one after it."""
    uses = {"one": BY_NAME, "two": BY_ITS_MODULE, "three": BY_ITS_MODULES_MODULE}
    for options, factor in (("", 1), ("(fastmath=True)", 3)):
        files = [write(tmp_path / name, use, options, factor) for name, use in uses.items()]
        for _ in range(2):
            assert results(tmp_path / "cache", *files) == [factor] * 3


def test_processes_that_compile_the_same_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    file = write(tmp_path)
    processes = [started(tmp_path / "cache", file) for _ in range(3)]
    assert [ended(process) for process in processes] == [[1.0]] * 3


def test_kept_code_that_cannot_be_read_is_compiled_anew(tmp_path: Path) -> None:
    file, cache = write(tmp_path), tmp_path / "cache"
    assert results(cache, file) == [1.0]
    spoiled = list(cache.rglob("*.nb[ci]"))
    assert spoiled
    for path in spoiled:
        path.write_bytes(b"no pickle")
    assert results(cache, file) == [1.0]
    assert all(path.read_bytes() != b"no pickle" for path in cache.rglob("*.nb[ci]"))


def test_an_error_of_compilation_names_the_users_own_file(tmp_path: Path) -> None:
    file = write(tmp_path, ("", "out[i] = W.no_such_thing"))
    process = started(tmp_path / "cache", file)
    _, errors = process.communicate()
    assert process.returncode
    assert "no_such_thing" in errors
    assert str(file) in errors


def test_two_versions_in_one_process_each_run_their_own_machine_code_kept_or_not(tmp_path: Path) -> None:
    """Machine code is linked by names, and both have the same."""
    files = [write(tmp_path / str(factor), factor=factor) for factor in (1, 2)]
    for loaded in ((0, 0), (0, 1), (1, 0, 1)):
        assert results(tmp_path / "cache", *(files[at] for at in loaded)) == [at + 1.0 for at in loaded]
    # once for each version, however often it is loaded, and from wherever
    assert len(list((tmp_path / "cache").rglob("*.nbc"))) == 2


def test_without_a_place_to_write_it_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    monkeypatch.setattr(compile_cache, "cache_home", lambda: Path("/proc/nowhere"))
    assert cache_folder("0" * 20) is None

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(compile_cache, "cache_home", homeless)
    assert cache_folder("0" * 20) is None

    def fresh(x: int) -> int:
        return x + 41

    assert compiled(fresh)(1) == 42


def test_only_compiled_code_that_nobody_has_used_for_long_is_taken_away(tmp_path: Path) -> None:
    old = time.time() - 30 * 86_400
    stays = ["a" * 19, "notes-of-20-letters!", "f" * 20]
    for name in (*stays, "0123456789abcdef0123"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, None if name == "f" * 20 else (old, old))
    delete_old(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(stays)
