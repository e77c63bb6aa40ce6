"""JAX: which of its arrays are results, where it is imported, and what its programs leave in the problem."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from w2vbench.bench.engine.worker.checking.verify import Verifier
from w2vbench.bench.engine.worker.variants.variant import PreparedVariant, prepare_variant
from w2vbench.impls.catalogue.discovery import own
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Array, Implementation
from w2vbench.impls.interface.case import Size
from w2vbench.impls.interface.checks import Tables, Wrong, as_arrays, new_tables, tables_after

from tests.impls.calling import available

SIZE = Size(300, 8, 40, 3)
FOUND = [i for i in own() if "jax" in i.requires]
CHANGING = [i for i in FOUND if set(i.kernel.mutates) & {"W", "dW"}]


class FalseArray:
    """What an array of JAX says of itself. ready: whether it has been computed."""

    def __init__(self, values: list[float], ready: bool = True, platform: str = "cpu") -> None:
        self.values, self.ready, self.platform = values, ready, platform

    def is_ready(self) -> bool:
        return self.ready

    def devices(self) -> Sequence[Any]:
        return [SimpleNamespace(platform=self.platform)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.values, dtype)


class Lazier(FalseArray):
    pass


@pytest.fixture
def false_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    """A JAX that needs no installation."""
    fake = SimpleNamespace(Array=FalseArray, numpy=SimpleNamespace(empty=lambda n: FalseArray([])))
    monkeypatch.setitem(sys.modules, "jax", fake)


def test_arrays_of_jax_are_results_once_they_are_computed(false_jax: None) -> None:
    """JAX computes in the background. What it still has to do is not timed."""
    assert as_arrays((FalseArray([1.0]), 2))[0].tolist() == [1.0]
    with pytest.raises(Wrong, match="still computing"):
        as_arrays(FalseArray([1.0], ready=False))
    for odd in (Lazier([1.0]), FalseArray([1.0], platform="gpu")):
        with pytest.raises(Wrong, match="not a plain array"):
            as_arrays(odd)


def test_only_jax_may_return_new_tables_instead_of_changing_them(false_jax: None) -> None:
    """A new array of NumPy's may hold pages of zeros that nobody has written, which would cost nothing."""
    given = np.zeros(2)
    assert new_tables(np.ones(2)) is None
    assert new_tables((np.ones(2), FalseArray([1.0, 1.0]))) is None
    assert new_tables(None) is None
    assert tables_after(None, given) == (given,)
    (new,) = tables_after(new_tables(FalseArray([1.0, 2.0])), given)
    assert new.tolist() == [1, 2]
    assert new_tables((FalseArray([1.0]), FalseArray([2.0]))) == Tables((np.array([1.0]), np.array([2.0])))


@pytest.mark.parametrize(
    "new", [Tables((np.zeros(3),)), Tables((np.zeros(2, np.float32),)), Tables((np.zeros(2),) * 2)]
)
def test_new_tables_must_be_like_those_that_the_call_got(new: Tables) -> None:
    with pytest.raises(Wrong, match="other shapes or dtypes"):
        tables_after(new, np.zeros(2))


def test_jax_is_not_imported_before_something_of_it_runs() -> None:
    code = "import sys; from w2vbench.impls.catalogue.discovery import own; list(own()); print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def prepared(implementation: Implementation, corpus: Corpus, size: Size) -> PreparedVariant:
    has = implementation.kernel.dimensions
    size = Size(size.V, size.H if "H" in has else 1, size.B, size.K if "K" in has else 0, size.dtype, size.index)
    problem = implementation.kernel.make(size, corpus, np.random.default_rng(0))
    return prepare_variant(implementation.key, available(implementation), problem)


@pytest.mark.parametrize("implementation", CHANGING, ids=lambda i: i.key)
def test_each_sample_begins_with_the_problems_own_tables(implementation: Implementation, corpus: Corpus) -> None:
    """Other implementations have changed the tables meanwhile, and the engine has put them back."""
    variant = prepared(implementation, corpus, SIZE)
    verifier = Verifier(variant, np.random.default_rng(1))
    for calls in (1, 5, 3):
        verifier.verify(variant.time_calls(calls), required=True)
        variant.problem.reset()
        variant.advance(calls)


@pytest.mark.parametrize("implementation", CHANGING, ids=lambda i: i.key)
def test_tables_are_changed_where_they_are(implementation: Implementation, corpus: Corpus) -> None:
    """Not copied: else a step of gradient descent would take as long as V is large."""
    variant = prepared(implementation, corpus, SIZE)
    (program,) = variant.workspace
    assert implementation.adapt is not None
    arguments = [implementation.adapt(program, *batch) for batch in variant.problem.batches[:3]]
    places = [table.array.unsafe_buffer_pointer() for table in program.tables.values()]
    for batch in arguments:
        implementation.function(*batch, program)
        assert [table.array.unsafe_buffer_pointer() for table in program.tables.values()] == places


@pytest.mark.parametrize("index", ["i32", "i64"])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("implementation", FOUND, ids=lambda i: i.key)
def test_types_of_ids_and_numbers_stay_what_they_are(
    implementation: Implementation, dtype: str, index: str, corpus: Corpus
) -> None:
    """JAX makes 64 bits 32 unless it is told not to, and a user's own program need not be told."""
    variant = prepared(implementation, corpus, Size(300, 8, 40, 3, dtype, index))
    (program,) = variant.workspace
    batch = variant.problem.batches[0]
    for original, other in zip(batch, implementation.adapt(program, *batch), strict=True):  # type: ignore[misc]
        if isinstance(original, np.ndarray):
            assert np.asarray(other).dtype == original.dtype
    assert program.jax.numpy.arange(3).dtype == np.int32


def test_a_process_has_one_number_of_threads(corpus: Corpus) -> None:
    lookup = available(next(i for i in FOUND if i.kernel.name == "lookup"))
    prepared(lookup, corpus, SIZE)
    two = Size(300, 8, 40, threads=2)
    with pytest.raises(ValueError, match="another number of threads"):
        prepare_variant("two", lookup, lookup.kernel.make(two, corpus, np.random.default_rng(0)))
