"""Compiled functions: what they are compiled from, where they are kept, and what they are handed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from w2vbench.impls.catalogue.discovery import all_defined
from w2vbench.impls.compiling import cache as compile_cache
from w2vbench.impls.compiling.cache import cache_folder, cache_key, delete_old
from w2vbench.impls.compiling.functions import (
    OPTIONS,
    compiled,
    counts_references,
    dispatcher,
    machinery,
    makes_no_arrays,
    reader,
    ready,
)
from w2vbench.impls.compiling.intrinsics.rows import copy_row, prefetch_row
from w2vbench.impls.interface import Array, Implementation, Problem
from w2vbench.impls.interface.case import Size
from w2vbench.impls.lookup import lookup, numba_prefetch

from tests.impls.catalogue.files import written
from tests.tables import table

ROOT = Path(compile_cache.__file__).parents[2]
STEP = 3


def helper(x: int) -> int:
    return x + STEP


def caller(x: int, unused: Any, y: int) -> int:
    return helper(x) * y


def copies(to: Array, table: Array, rows: Array) -> None:
    for i in range(len(rows)):
        prefetch_row(table, rows[i])
        copy_row(to, i, table, rows[i])


def test_a_function_is_compiled_with_what_it_calls_and_is_not_handed_what_it_does_not_use() -> None:
    assert compiled(caller)(4, None, 2) == caller(4, None, 2) == 14
    machine = ready(caller, (4, np.random.default_rng(0), 2))
    assert machine(4, object(), 2) == 14  # numba could not take an object


def test_what_a_function_calls_in_a_lambda_or_in_a_comprehension_is_compiled_too() -> None:
    def of_all(n: int) -> int:
        add: Callable[[int], int] = lambda x: helper(x) + 1  # noqa: E731
        return add(n) + sum([helper(x) for x in range(n)])

    assert ready(of_all, (3,))(3) == of_all(3)


def factorial(n: int) -> int:
    return 1 if n < 2 else n * factorial(n - 1)


def even(n: int) -> bool:
    return n == 0 or odd(n - 1)


def odd(n: int) -> bool:
    return n > 0 and even(n - 1)


@pytest.mark.parametrize("function", [factorial, even])
def test_a_function_that_calls_itself_is_refused(function: Callable[..., Any]) -> None:
    for _ in range(2):  # the first attempt leaves nothing behind
        with pytest.raises(TypeError, match=rf"{function.__name__}\(\) calls itself"):
            ready(function, (4,))
    assert ready(helper, (1,))(1) == helper(1)


def test_functions_may_be_values_that_are_chosen_while_compiled_code_runs() -> None:
    code = """
import warnings; warnings.simplefilter("ignore")
from w2vbench.impls.compiling.functions import ready

def double(x):
    return 2 * x

def triple(x):
    return 3 * x

def chosen(x, n):
    f = double if n > 2 else triple
    for i in range(n):
        x = f(x)
    return x

print(ready(chosen, (1.0, 3))(1.0, 3), ready(chosen, (1.0, 3))(1.0, 2))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)  # it could crash
    assert (done.returncode, done.stdout.split()) == (0, ["8.0", "9.0"]), done.stderr


def test_a_function_that_makes_no_arrays_counts_no_references_nor_do_its_callees() -> None:
    def first(pair: tuple[Array, Array]) -> float:
        one, _ = pair
        return float(one[0])

    def total(pairs: tuple[tuple[Array, Array], tuple[Array, Array]], n: int) -> float:
        result = 0.0
        for i in range(n):
            pair = pairs[i % 2]
            if i % 3:
                result += first(pair)
        return result

    def counted() -> int:
        from numba import types

        array = types.Array(types.float64, 1, "C")
        pair = types.UniTuple(array, 2)
        compiled = dispatcher(total)
        compiled.compile((types.UniTuple(pair, 2), types.intp))
        (code,) = compiled.inspect_llvm().values()
        return sum("call void @NRT_" in line for line in code.splitlines())

    assert counted()
    makes_no_arrays(total)
    assert not counted()


class Halves(NamedTuple):
    first: Array
    rest: Array


def half_and_number(array: Array) -> tuple[int, Array]:
    return 1, array[: len(array) // 2]


def halves(array: Array) -> Halves:
    return Halves(array[: len(array) // 2], array[len(array) // 2 :])


def half_if_any(array: Array) -> Array | None:
    return array[: len(array) // 2] if len(array) else None


@pytest.mark.parametrize("function", [half_and_number, halves, half_if_any])
def test_a_function_that_makes_no_arrays_cannot_return_a_part_of_one(
    function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """numba would return the whole array."""
    monkeypatch.setattr(function, "makes_no_arrays", True, raising=False)
    with pytest.raises(
        TypeError, match=rf"{function.__name__}\(\) is marked with makes_no_arrays, but does not return"
    ):
        ready(function, (np.zeros(4),))


def test_a_limit_costs_no_more_at_a_call_than_what_it_limits() -> None:
    compiled_floors = [one for one in all_defined() if one.is_floor and one.jit]
    assert len(compiled_floors) > 20
    assert not [floor.key for floor in compiled_floors if counts_references(floor.function)]


def test_numba_itself_refuses_to_return_a_part_alone() -> None:
    @makes_no_arrays
    def half(array: Array) -> Array:
        return array[: len(array) // 2]

    with pytest.raises(Exception, match="Only accept returning of array passed into the function as argument"):
        ready(half, (np.zeros(4),))


def test_a_users_own_compiled_helper_counts_no_references_either() -> None:
    import numba
    from numba import types

    same = numba.njit(lambda array: array)

    @makes_no_arrays
    def first(array: Array) -> float:
        return float(same(array)[0])

    version = dispatcher(first)
    version.compile((types.Array(types.float64, 1, "C"),))
    (code,) = version.inspect_llvm().values()
    assert "NRT_incref" not in code


def test_machine_code_refuses_arrays_whose_items_have_another_size() -> None:
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
    problem = Problem(Size(4, 3, 2), {"W": W}, [(W, idx)], 2.0)
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
    found = cache_key(caller, machinery(True))
    assert found
    return found


def test_a_name_follows_callees_constants_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    before = name()
    assert name() == before
    for value in (4, np.uint64(3)):
        monkeypatch.setattr(sys.modules[__name__], "STEP", value)
        assert name() != before
    monkeypatch.undo()
    assert name() == before
    monkeypatch.setitem(OPTIONS, "fastmath", set())
    assert name() != before


SOURCES = table("compiled")
BY_NAME = ("from near import copies", "copies(out, i, W, idx[i])")
BY_ITS_MODULE = ("import near", "near.copies(out, i, W, idx[i])")
BY_ITS_MODULES_MODULE = ("from parts import near", "near.copies(out, i, W, idx[i])")


def write(root: Path, use: tuple[str, str] = BY_NAME, options: str = "", factor: int = 1) -> Path:
    """A file whose implementation uses a function of its neighbour, which numba compiles."""
    imports, call = use
    near = root / ("parts/near.py" if "parts" in imports else "near.py")
    written(near, SOURCES["near"].format(options=options, factor=factor))
    return written(root / "mine.py", SOURCES["mine"].format(imports=imports, call=call))


def started(cache: Path, *files: Path) -> subprocess.Popen[str]:
    """A process that loads files side by side, calls each one's implementation, and prints an entry of what it gives."""
    folders = {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", SOURCES["calls"], *map(str, files)],
        env={**os.environ, **folders},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[list[float], str]:
    """The entries that it prints, none if it fails, and its errors."""
    output, errors = process.communicate()
    return list(map(float, output.split())), errors


def results(cache: Path, *files: Path) -> list[float]:
    found, errors = ended(started(cache, *files))
    assert found, errors
    return found


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
    assert [ended(process)[0] for process in processes] == [[1.0]] * 3


def test_kept_code_is_read_without_preparing_what_the_function_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))

    def twice(x: int) -> int:
        return helper(x) * 2

    def again() -> Callable[..., Any]:  # as another process would see it
        return FunctionType(twice.__code__, {"helper": helper})

    assert ready(again(), (4,))(4) == 14

    def prepared(*_: Any) -> None:
        raise RuntimeError("what it calls is prepared")

    monkeypatch.setattr("w2vbench.impls.compiling.functions.with_callees", prepared)
    assert ready(again(), (4,))(5) == 16
    with pytest.raises(RuntimeError, match="what it calls is prepared"):  # for other types it is compiled
        ready(again(), (4.0,))


@pytest.mark.parametrize("of", [lambda: lambda x: x + 1, lambda n=2: lambda x: x + n])
def test_a_function_without_global_names_and_a_closure_are_compiled_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: Callable[[], Any]
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    for _ in range(2):
        with pytest.raises(LookupError):
            reader(of(), ())
        assert ready(of(), (4,))(4) in (5, 6)


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
    found, errors = ended(started(tmp_path / "cache", file))
    assert not found
    assert "no_such_thing" in errors
    assert str(file) in errors


def test_two_versions_in_one_process_each_run_their_own_machine_code_kept_or_not(tmp_path: Path) -> None:
    """Machine code is linked by names, and both have the same."""
    files = [write(tmp_path / str(factor), factor=factor) for factor in (1, 2)]
    for loaded in ((0, 0), (0, 1), (1, 0, 1)):
        assert results(tmp_path / "cache", *(files[at] for at in loaded)) == [at + 1.0 for at in loaded]
    # once for each version, however often it is loaded, and from wherever
    assert len(list((tmp_path / "cache").rglob("*.nbc"))) == 2


def homeless() -> Path:
    raise RuntimeError("Could not determine home directory.")


@pytest.mark.parametrize("home", [lambda: Path("/proc/nowhere"), homeless])
def test_without_a_place_to_write_it_is_compiled_all_the_same(
    home: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(compile_cache, "cache_home", home)
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
