"""What plans add to the engine, which imports none of them: jobs of their own, and implementations whose work is done in methods.

``bench/worker.py``, a worker's script, imports the plans that add something when they are imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any

from w2vbench.bench.engine import protocol
from w2vbench.impls.interface import Implementation, Kernel, Problem

from .variant import PreparedVariant, prepare_variant


@dataclass(frozen=True, kw_only=True)
class MethodCalls(Implementation):
    """An implementation that calls methods."""

    # those whose lines are profiled, by the names of their profiles
    methods: Mapping[str, FunctionType] = field(default_factory=dict)
    # returns the kernel that checks its results, from the one that checks all others'
    checked_by: Callable[[Kernel], Kernel] = lambda kernel: kernel


def lined(name: str, implementation: Implementation) -> Mapping[str, FunctionType]:
    """Return the functions whose lines are profiled, by the names of their profiles: methods, or the implementation's function."""
    if isinstance(implementation, MethodCalls):
        return implementation.methods
    return {name: implementation.function}  # type: ignore[dict-item]


def layer_variant(name: str, calls: MethodCalls, problem: Problem, place: int) -> PreparedVariant:
    """Return a layer's method ready to be timed. Its results are not those of a kernel, and are not verified."""
    variant = prepare_variant(name, calls, problem, place=place)
    variant.kernel = None
    return variant


JOBS: dict[type[protocol.Job], Callable[[Any, protocol.Emit], None]] = {}
"""What does a job, by the job's class."""
READERS: list[Callable[[Path], Sequence[Implementation]]] = []
"""Each returns the implementations that a reader's file of the book's layers holds (``ImplementationSource.book``)."""
LAYERS: list[Callable[[Kernel, Sequence[str]], dict[str, MethodCalls]]] = []
"""Each returns methods of layers, by the names of their variants (``MeasureOptions.layers``)."""
