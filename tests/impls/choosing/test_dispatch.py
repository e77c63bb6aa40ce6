"""``best`` and ``dispatch``: right results that stay right, whichever implementation is chosen, from any number of threads."""

from __future__ import annotations

import itertools
import re
import reprlib
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from w2vbench.impls.catalogue.discovery import own
from w2vbench.impls.choosing.dispatch_table import DispatchTable, KernelTimes, TableError
from w2vbench.impls.choosing.dispatcher import Dispatched
from w2vbench.impls.choosing.offered import candidates, kernel_of, why_never_chosen
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Array, Kernel, Problem
from w2vbench.impls.interface.case import Size

import w2vbench
from tests.impls.choosing.dispatched import function_of, table_of

OFFERED = list(dict.fromkeys(i.kernel.name for i in own() if i.kernel.shapes))
CHOICES = [pytest.param(name, slug, id=f"{name}/{slug}") for name in OFFERED for slug in candidates(name)]


def problems(kernel: Kernel, corpus: Corpus) -> Iterator[Problem]:
    """The kernel's problems at the contract's sizes, with one batch each beside those that are checked: nothing is timed."""
    for at, size in enumerate(kernel.sizes):
        yield kernel.make(replace(size, words="repeat"), corpus, np.random.default_rng(at))


def arrays_in(value: Any) -> Iterator[Array]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from arrays_in(part)


@pytest.mark.parametrize(("name", "slug"), CHOICES)
def test_every_implementation_passes_its_kernels_check_at_every_size(name: str, slug: str, corpus: Corpus) -> None:
    """The empty batch, both dtypes, and both types of ids are among the sizes."""
    kernel = kernel_of(name)
    for problem in problems(kernel, corpus):
        call = function_of(name, slug, problem.size.V)
        for batch in problem.checked:
            kernel.check(call, *batch)


@pytest.mark.parametrize("name", OFFERED)
def test_one_function_serves_all_sizes_in_turn(name: str, corpus: Corpus) -> None:
    kernel = kernel_of(name)
    made = list(problems(kernel, corpus))
    call = function_of(name, list(candidates(name))[-1], max(problem.size.V for problem in made))
    for problem in (*made, *reversed(made)):
        kernel.check(call, *problem.checked[0])


@pytest.mark.parametrize(("name", "slug"), CHOICES)
def test_no_later_call_changes_a_result(name: str, slug: str, corpus: Corpus) -> None:
    kernel = kernel_of(name)
    if kernel.mutates and "rng" not in kernel.mutates:
        pytest.skip("its result is in its arguments")
    problem = kernel.make(kernel.sizes[1], corpus, np.random.default_rng(0))
    call = function_of(name, slug, problem.size.V)
    results, copies = [], []
    for batch, _ in zip(itertools.cycle(problem.batches), range(5), strict=False):
        results.append(call(*batch))
        copies.append([array.copy() for array in arrays_in(results[-1])])
    for result, copy in zip(results, copies, strict=True):
        for array, before in zip(arrays_in(result), copy, strict=True):
            np.testing.assert_array_equal(array, before)
    for one, other in itertools.combinations(results, 2):
        assert not any(np.shares_memory(a, b) for a in arrays_in(one) for b in arrays_in(other))


def test_a_view_of_a_result_keeps_it_too() -> None:
    W, idx = np.random.default_rng(0).standard_normal((50, 8)), np.arange(6)
    for slug in candidates("lookup"):
        call = function_of("lookup", slug)
        row = call(W, idx)[3]
        for shift in range(1, 5):
            call(W, idx + shift)
        np.testing.assert_array_equal(row, W[3])


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")
def test_what_a_caller_does_to_a_results_shape_does_no_harm() -> None:
    W, idx = np.random.default_rng(0).standard_normal((50, 8)), np.arange(6)
    for slug in candidates("lookup"):
        call = function_of("lookup", slug)
        for _ in range(4):
            out = call(W, idx)
            out.shape = (8, 6)
            out.setflags(write=False)
            del out
            np.testing.assert_array_equal(call(W, idx), W[idx])


def test_no_table_is_kept_alive() -> None:
    for slug in candidates("lookup"):
        call, W = function_of("lookup", slug), np.random.default_rng(0).standard_normal((50, 8))
        call(W, np.arange(6))
        table = weakref.ref(W)
        del W
        assert table() is None


@pytest.mark.parametrize("name", [name for name in OFFERED if not name.startswith(("scatter.dense", "update"))])
def test_eight_threads_get_right_results(name: str, corpus: Corpus) -> None:
    kernel = kernel_of(name)
    slug = list(candidates(name))[-1]
    size = replace(kernel.sizes[1], words="repeat")
    made = [kernel.make(size, corpus, np.random.default_rng(at)) for at in range(8)]
    first = made[0]
    call = function_of(name, slug, size.V)
    barrier = threading.Barrier(8)

    def work(problem: Problem) -> None:
        batch = tuple(
            own if name in kernel.mutates or name not in kernel.constants else shared
            for name, own, shared in zip(kernel.parameters, problem.checked[0], first.checked[0], strict=True)
        )
        barrier.wait()
        for _ in range(20 if not name.startswith("sampling") else 3):
            kernel.check(call, *batch)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, made))


def test_two_threads_do_not_draw_the_same_negatives() -> None:
    p = np.full(1000, 1e-3)
    targets = np.arange(200)
    for name in ("sampling.with-replacement", "sampling.without-replacement"):
        call = function_of(name, "numba-alias")
        rng, both = np.random.default_rng(0), threading.Barrier(2)
        drawn: list[Array] = []

        def draw(
            call: Dispatched = call,
            rng: np.random.Generator = rng,
            drawn: list[Array] = drawn,
            both: threading.Barrier = both,
        ) -> None:
            both.wait()
            drawn.extend(call(targets, 5, p, rng) for _ in range(20))

        threads = [threading.Thread(target=draw) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({array.tobytes() for array in drawn}) == 40


LAWS = ("sampling.with-replacement", "sampling.without-replacement")
SAMPLERS = [pytest.param(name, slug, id=f"{name}/{slug}") for name in LAWS for slug in candidates(name)]


@pytest.mark.parametrize(("name", "slug"), SAMPLERS)
def test_the_same_seed_draws_the_same_also_after_warming(name: str, slug: str) -> None:
    p, targets = np.full(1000, 1e-3), np.arange(200)

    def drawn(seed: int, warm: bool) -> list[Array]:
        call = function_of(name, slug, inputs={"p": p})
        if warm:
            call.warm(V=1000, B=200, K=5)
        rng = np.random.default_rng(seed)
        return [call(some, 5, p, rng) for some in (targets, targets[:50], targets)]

    np.testing.assert_equal(drawn(1, warm=True), drawn(1, warm=False))
    assert not np.array_equal(drawn(1, warm=True)[0], drawn(2, warm=True)[0])


def test_a_generator_among_the_inputs_seeds_what_is_warmed() -> None:
    p, targets = np.full(1000, 1e-3), np.arange(200)
    results = []
    for seed in (1, 1, 2):
        rng = np.random.default_rng(seed)
        call = function_of("sampling.with-replacement", "numba-alias", inputs={"p": p, "rng": rng})
        call.warm(V=1000, B=200, K=5)
        results.append(call(targets, 5, p, rng))
    np.testing.assert_array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


@pytest.mark.parametrize(
    ("slug", "making"), [("numba-alias", "contract.integer_alias_table"), ("alias", "with_replacement.alias_table")]
)
def test_tables_of_a_law_are_made_once_for_all_sizes(slug: str, making: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, _, name = making.partition(".")
    made: list[Array] = []
    real = getattr(import_module(f"w2vbench.impls.sampling.{module}"), name)

    def making_one(p: Array) -> Any:
        made.append(p)
        return real(p)

    monkeypatch.setattr(f"w2vbench.impls.sampling.{making}", making_one)
    call, rng = function_of("sampling.with-replacement", slug), np.random.default_rng(0)
    first, second = np.full(100, 0.01), np.full(100, 0.01)
    for p in (first, second, first):
        for n in range(
            1, 200
        ):  # the function lets go of what is ready for many sizes, and not of the last law's tables
            call(np.arange(n) % 100, 3, p, rng)
    assert len(made) <= 4
    assert made[0] is first
    assert made[1] is second


def test_another_law_is_prepared_for_anew() -> None:
    """Alias tables hold for one p."""
    rng, targets = np.random.default_rng(0), np.zeros(2000, np.int64)
    first, second = np.array([0.2, 0.8, 0.0, 0.0]), np.array([0.2, 0.0, 0.0, 0.8])
    for slug in candidates("sampling.with-replacement"):
        call = function_of("sampling.with-replacement", slug)
        for p, word in ((first, 1), (second, 3), (first, 1)):
            assert set(call(targets, 2, p, rng).ravel().tolist()) == {word}


def test_best_keeps_to_the_implementation_of_its_size_and_dispatch_does_not() -> None:
    small, large = Size(100, 10, 1), Size(100, 10, 1000)
    times = {small: {"gather": 1e-6, "take": 5e-6}, large: {"gather": 5e-6, "take": 1e-6}}
    table = DispatchTable({"lookup": KernelTimes(("gather", "take"), times)})
    call = w2vbench.best("lookup", V=100, H=10, B=1, table=table)
    assert (call.slug(), call.slug(B=1000)) == ("gather", "gather")
    W = np.random.default_rng(0).standard_normal((100, 10))
    np.testing.assert_array_equal(call(W, np.arange(50)), W[:50])
    either = w2vbench.dispatch("lookup", table=table)
    assert [either.slug(V=100, H=10, B=B) for B in (1, 1000)] == ["gather", "take"]


def test_a_warm_function_compiles_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    call = w2vbench.best("lookup", V=100, H=10, B=7, dtype=np.float64, table=table_of("lookup", "numba"))
    call.warm()
    monkeypatch.setattr("w2vbench.impls.compiling.functions.ready", lambda *arguments: pytest.fail("it compiles"))
    W = np.random.default_rng(0).standard_normal((100, 10))
    np.testing.assert_array_equal(call(W, np.arange(7)), W[:7])


def test_warming_a_sampler_needs_its_law() -> None:
    table, p = table_of("sampling.with-replacement", "numba-alias"), np.full(10, 0.1)
    with pytest.raises(TypeError, match=r"inputs=\{'p': …\}"):
        w2vbench.best("sampling.with-replacement", V=10, B=4, table=table).warm()
    call = w2vbench.best("sampling.with-replacement", V=10, B=4, table=table, inputs={"p": p})
    call.warm()
    assert call(np.arange(4), 5, p, np.random.default_rng(0)).shape == (4, 5)
    with pytest.raises(ValueError, match="inputs of sampling"):
        w2vbench.best("sampling.with-replacement", V=10, table=table, inputs={"q": p})


def test_what_is_never_chosen_has_a_reason() -> None:
    reasons = {i.key: why_never_chosen(i) for i in own() if why_never_chosen(i) and i.kernel.shapes}
    assert reasons["scatter.dense/assign"] == "its result is wrong"
    assert reasons["sampling.with-replacement/table"] == "its result is approximate"
    assert reasons["output.negative-sampling/book-layers"] == "its result has another form (dense)"
    assert all("converted" in reason for key, reason in reasons.items() if key.endswith("/torch"))
    assert all(set(candidates(name)) for name in OFFERED)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda table: w2vbench.best("gather", V=10, table=table), "no kernel 'gather'"),
        (lambda table: w2vbench.best("training.cbow", V=10, table=table), "trains a model"),
        (lambda table: w2vbench.best("lookup", V=1, table=table), "no size of lookup: V must be at least 2, not 1"),
        (lambda table: w2vbench.dispatch("lookup", table=table).warm(B=-1), "no size of lookup: B must be at least 0"),
        (lambda table: w2vbench.best("lookup", V=10, dtype="f16", table=table), "dtype must be one of"),
        (lambda table: w2vbench.best("lookup", V=10, index=np.int8, table=table), "index must be one of"),
        (lambda table: w2vbench.dispatch("scatter.rows", table=table), "do not tell V"),
        (lambda table: w2vbench.best("scatter.dense", V=10, table=table), "run w2vbench tune --kernel scatter.dense"),
    ],
)
def test_what_cannot_be_given_is_said(call: Callable[[DispatchTable], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        call(table_of("lookup", "gather"))
    assert raised.type in (ValueError, TableError)
    assert not raised.value.__cause__


@pytest.mark.parametrize("bad", ["1e5", 1e5, None, [7], np.ones(3)], ids=str)
def test_a_size_that_is_no_whole_number_is_said(bad: Any) -> None:
    table = table_of("lookup", "gather")
    asked: list[tuple[str, Callable[[], Any]]] = [
        ("V", lambda: w2vbench.best("lookup", V=bad, table=table)),
        ("B", lambda: w2vbench.best("lookup", V=10, B=bad, table=table)),
        ("threads", lambda: w2vbench.best("lookup", V=10, threads=bad, table=table)),
        ("H", lambda: w2vbench.dispatch("lookup", table=table).slug(H=bad)),
        ("H", lambda: w2vbench.dispatch("lookup", table=table).warm(H=bad)),
    ]
    for name, call in asked:
        with pytest.raises(TypeError, match=rf"^{name} must be a whole number, not {re.escape(reprlib.repr(bad))}$"):
            call()


def test_a_size_may_be_of_numpys_whole_numbers() -> None:
    call = w2vbench.best("lookup", V=np.int32(10), H=np.int64(3), B=np.uint8(4), table=table_of("lookup", "gather"))  # type: ignore[arg-type]
    call.warm(B=np.int64(5))
    assert call.slug() == "gather"


def test_sizes_that_are_left_out_are_the_documented_ones() -> None:
    name, usual = "output.negative-sampling", Size(50, 100, 100, 5)
    here, there = list(candidates(name))[:2]
    for axis in "HBK":
        above = getattr(usual, axis) + 1
        beside = Size(**{**vars(usual), axis: above})
        times = {usual: {here: 1.0, there: 2.0}, beside: {here: 2.0, there: 1.0}}
        table = DispatchTable({name: KernelTimes((here, there), times)})
        fixed, free = w2vbench.best(name, V=50, table=table), w2vbench.dispatch(name, table=table)
        assert fixed.slug() == free.slug() == here
        assert free.slug(**{axis: above}) == w2vbench.best(name, V=50, table=table, **{axis: above}).slug() == there


@pytest.mark.parametrize("name", ["lookup", "scatter.accumulate"])
def test_errors_and_repr_name_the_kernel(name: str) -> None:
    call = function_of(name, next(iter(candidates(name))))
    assert f"<function {name} at" in repr(call)
    with pytest.raises(TypeError, match=rf"^{re.escape(name)}\(\) missing \d required positional arguments"):
        call()


def test_a_table_without_anything_that_runs_here_is_no_table() -> None:
    table = table_of("lookup", "gather")
    absent = replace(table.kernels["lookup"], simplest_first=("absent",))
    with pytest.raises(TableError, match="run w2vbench tune again"):
        w2vbench.dispatch("lookup", table=DispatchTable({"lookup": absent}))


def test_threads_that_meet_at_one_workspace_get_one_each() -> None:
    """Whoever finds none free makes another."""
    W, idx = np.random.default_rng(0).standard_normal((300, 64)), np.arange(200)
    for slug in ("take-out", "numba"):
        call = function_of("lookup", slug)

        def work(shift: int, call: Dispatched = call) -> bool:
            return all(np.array_equal(call(W, idx[shift : shift + 150]), W[shift : shift + 150]) for _ in range(2_000))

        switched = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            with ThreadPoolExecutor(8) as pool:
                assert all(pool.map(work, range(8)))
        finally:
            sys.setswitchinterval(switched)
