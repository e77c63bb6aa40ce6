"""Where the arrays of an experiment lie in memory, and how workspaces move while they are timed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, NamedTuple

import numpy as np
import pytest
from w2vbench.bench.engine.pool.worker_process import STEADY_ALLOCATOR
from w2vbench.bench.engine.worker.checking.contract import Fault
from w2vbench.bench.engine.worker.checking.verify import Verifier
from w2vbench.bench.engine.worker.timing.places import LEAST_CALLS
from w2vbench.bench.engine.worker.timing.timing import take_turns
from w2vbench.bench.engine.worker.variants.variant import PreparedVariant, prepare_variant
from w2vbench.impls.corpus.texts import builtin
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Array, Problem
from w2vbench.impls.interface.case import Size
from w2vbench.impls.lookup import lookup

# workspaces that move

SIZE = Size(200, 100, 100)


def rows(problem: Problem) -> Array:
    return np.empty((problem.size.B, problem.size.H), problem.size.float_type)


def timed(*variants: PreparedVariant, sample_s: float = 1.0) -> None:
    """Time variants in turns. Beside a sample_s of a second, setting up again is cheap."""
    verifiers = {one.name: Verifier(one, np.random.default_rng(1)) for one in variants}
    take_turns([list(variants)], np.random.default_rng(2), verifiers, lambda name: None, sample_s=sample_s)


class Noting:
    """An implementation with a workspace, of which each timed call is noted with its batch and its workspace's place."""

    def __init__(self, corpus: Corpus, problem: Problem | None = None) -> None:
        self.batches: list[bytes] = []
        self.places: list[int] = []

        def call(W: Array, idx: Array, out: Array) -> Array:
            self.batches.append(idx.tobytes())
            self.places.append(out.ctypes.data)
            return np.take(W, idx, axis=0, out=out, mode="clip")

        implementation = lookup.implementation("noting", "notes what it gets", prepare=rows)(call)
        problem = problem or lookup.make(SIZE, corpus, np.random.default_rng(0))
        self.variant = prepare_variant(str(id(self)), implementation, problem)
        self.variant.calls, self.variant.rounds = LEAST_CALLS, 20


def places_of_two() -> tuple[list[int], list[int]]:
    """Time two variants of a case in turns, and return where the workspace of each lay in each call."""
    corpus = builtin()
    one = Noting(corpus)
    other = Noting(corpus, one.variant.problem)
    timed(one.variant, other.variant)
    return one.places, other.places


def test_workspaces_of_a_case_are_at_one_place_in_a_round_and_at_another_in_the_next() -> None:
    """In a process that allocates memory as a worker does, and has allocated little else."""
    script = "import json; from tests.bench.engine.test_places import places_of_two; print(json.dumps(places_of_two()))"
    one, other = json.loads(subprocess.check_output([sys.executable, "-c", script], env=os.environ | STEADY_ALLOCATOR))
    assert len({place % 4096 for place in one}) > 3
    assert sum(here == there for here, there in zip(one, other, strict=True)) > 0.8 * len(one)


@pytest.mark.parametrize("change", ["slow set-up", "few calls", "remembers", "no workspace"])
def test_where_moving_costs_too_much_or_would_lose_something_nothing_moves(corpus: Corpus, change: str) -> None:
    """A model must learn on. Set up again, a generator would repeat its numbers."""
    one = Noting(corpus)
    variant = one.variant
    if change == "few calls":
        variant.calls = LEAST_CALLS - 1
    if change == "remembers":
        variant.history.append("drawn")
    if change == "no workspace":
        variant.start_again = None
    timed(variant, sample_s=1e-9 if change == "slow set-up" else 1.0)
    assert len(set(one.places[-10 * LEAST_CALLS :])) == 1


def test_a_set_up_that_fails_the_second_time_is_the_variants_fault(corpus: Corpus) -> None:
    variant = Noting(corpus).variant

    def fail() -> Any:
        raise ValueError("not again")

    variant.start_again = fail
    with pytest.raises(Fault, match="ValueError: not again"):
        timed(variant)


class Pair(NamedTuple):
    out: Array
    sizes: tuple[int, ...]


@pytest.mark.parametrize(
    ("workspace", "moves"),
    [(np.ones(3), True), (Pair(np.ones(3), (1, 2)), True), ({}, False), ((np.ones(3), []), False), (None, False)],
)
def test_only_workspaces_of_arrays_move(corpus: Corpus, workspace: Any, moves: bool) -> None:
    """Others may have learnt from the calls so far, or have threads."""
    implementation = lookup.implementation("with", "with a workspace", prepare=lambda problem: workspace)(
        lambda W, idx, workspace: W[idx]
    )
    variant = prepare_variant("with", implementation, lookup.make(SIZE, corpus, np.random.default_rng(0)))
    assert (variant.start_again is not None) is moves


@pytest.mark.parametrize("other", [np.float64, np.float32])
def test_code_is_compiled_again_where_a_workspace_has_another_type(corpus: Corpus, other: Any) -> None:
    """Machine code would read an array of another type as if it were of the first one."""
    types = iter([np.float32, other])

    def prepare(problem: Problem) -> Array:
        return np.full(1, 3, next(types))

    implementation = lookup.implementation("first", "the workspace's number", prepare=prepare, jit=True)(first)
    variant = prepare_variant("first", implementation, lookup.make(SIZE, corpus, np.random.default_rng(0)))
    function = variant.function
    assert variant.start_again
    variant.function, variant.workspace = variant.start_again()
    assert variant.function(*variant.problem.batches[0], *variant.workspace) == 3
    assert (variant.function is function) is (other is np.float32)


def first(W: Array, idx: Array, out: Array) -> Any:
    return out[0]
