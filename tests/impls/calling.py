"""What tests of several kernels share: their implementations as parameters, and a call with the workspace it asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from w2vbench.bench.engine.protocol import Verdict
from w2vbench.bench.engine.worker.checking.contract import check_contract
from w2vbench.impls.catalogue.discovery import missing, own
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Array, Implementation, Kernel, Problem
from w2vbench.impls.interface.case import Size


def implementations(*kernels: str) -> list[Any]:
    """Parameters for every implementation of some kernels that is not marked wrong."""
    return [pytest.param(i, id=i.key) for i in own() if i.kernel.name in kernels and not i.wrong]


def for_every(parameters: Sequence[Any], *, examples: int = 25, **inputs: st.SearchStrategy[Any]) -> Callable[..., Any]:
    """Make a test of a property: it holds for every implementation, whatever the inputs."""

    def decorate(test: Callable[..., None]) -> Any:
        property_ = settings(max_examples=examples)(given(**inputs)(test))
        return pytest.mark.parametrize("implementation", parameters)(property_)

    return decorate


def available(implementation: Implementation) -> Implementation:
    """The implementation itself; skips the test if a package that it needs is not installed."""
    if lacking := missing(implementation):
        pytest.skip(f"needs {', '.join(lacking)}")
    return implementation


def sized(values: Array, ids: Array, V: int, K: int = 0) -> Size:
    """The size of a problem with such rows of values and such word ids."""
    return Size(V, values.shape[-1], len(ids), K, dtype=f"f{8 * values.itemsize}", index=f"i{8 * ids.itemsize}")


def problem_of(implementation: Implementation, size: Size, *arguments: Any) -> Problem:
    """The problem whose one batch is these arguments."""
    return Problem(size, dict(zip(implementation.kernel.parameters, arguments, strict=True)), [arguments], 1.0)


def called(implementation: Implementation, size: Size, *arguments: Any) -> Any:
    """Call an implementation with the workspace that it asks for."""
    prepare = available(implementation).prepare
    workspace = [prepare(problem_of(implementation, size, *arguments))] if prepare else []
    return implementation(*arguments, *workspace)


def verdict_of(kernel: Kernel, function: Callable[..., Any], corpus: Corpus, **facts: Any) -> Verdict:
    """How a function fares in the contract as an implementation of a kernel."""
    return check_contract(kernel.implementation("tested", "the tested function", **facts)(function), corpus)


def slopes(loss: Callable[[], float], at: Array) -> Array:
    """Central finite differences of a loss by every entry of an array, which is put back."""
    result = np.empty(at.shape)
    for place in np.ndindex(at.shape):
        middle, ends = at[place], []
        for step in (1e-5, -1e-5):
            at[place] = middle + step
            ends.append(float(loss()))
        at[place] = middle
        result[place] = (ends[0] - ends[1]) / 2e-5
    return result
