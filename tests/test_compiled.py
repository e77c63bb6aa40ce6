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
from numpy.typing import NDArray

from impls import compiled as module
from impls.compiled import called, compiled, digest, folder, forget, names, ready
from impls.interface import Implementation, Problem
from impls.lookup import lookup, numba_prefetch
from impls.machine import copy_row, prefetch_row

Array = NDArray[Any]
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
    assert [name for name, _ in called(caller)] == ["helper"]
    assert names(helper.__code__) == ["STEP"]


def test_what_a_function_does_not_use_is_not_handed_over() -> None:
    machine = ready(caller, (4, np.random.default_rng(0), 2))
    assert machine(4, object(), 2) == 14  # numba could not take an object
    assert machine(5, None, 1) == 8


def test_machine_code_refuses_arguments_of_other_types() -> None:
    machine = ready(copies, (np.zeros((2, 3), np.float32), np.zeros((5, 3), np.float32), np.zeros(2, np.int64)))
    with pytest.raises(TypeError, match="different type"):
        machine(np.zeros((2, 3)), np.zeros((5, 3)), np.zeros(2, np.int64))


@settings(deadline=None, max_examples=20)
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


def test_a_digest_follows_callees_and_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(caller)
    assert digest(caller) == before
    monkeypatch.setattr(sys.modules[__name__], "STEP", 4)
    assert digest(caller) != before
    monkeypatch.setattr(sys.modules[__name__], "STEP", np.uint64(3))
    assert digest(caller) != before


EDITED = """
import sys
sys.path.insert(0, {root!r})
import numpy as np
from impls.compiled import compiled
from mine import outer
print(compiled(outer)(1))
"""


def test_an_edit_in_another_file_is_noticed(tmp_path: Path) -> None:
    """numba's own cache would give the old answer: the outer function's file has not changed."""
    (tmp_path / "mine.py").write_text("from inner import inner\n\ndef outer(x):\n    return inner(x)\n")
    root = str(Path(module.__file__).parents[1])
    for answer in (10, 20):
        (tmp_path / "inner.py").write_text(f"def inner(x):\n    return x * {answer}\n")
        done = subprocess.run(
            [sys.executable, "-c", EDITED.format(root=root)],
            cwd=tmp_path,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == str(answer)
    assert len(list((tmp_path / "cache/w2vbench").iterdir())) == 2


def test_without_a_place_to_write_it_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    monkeypatch.setattr(module, "cache_home", lambda: Path("/proc/nowhere"))
    assert folder("0" * 20) is None

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(module, "cache_home", homeless)
    assert folder("0" * 20) is None

    def fresh(x: int) -> int:
        return x + 41

    assert compiled(fresh)(1) == 42


def test_only_compiled_code_that_nobody_has_used_for_long_is_taken_away(tmp_path: Path) -> None:
    old = time.time() - 30 * 86_400
    kept = ["a" * 19, "notes-of-20-letters!", "f" * 20]
    for name in (*kept, "0123456789abcdef0123"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, None if name == "f" * 20 else (old, old))
    forget(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
