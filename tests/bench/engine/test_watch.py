"""What implementations must leave alone: callbacks of the collector, but for those of a library that frees its own objects."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import pytest
from w2vbench.bench.engine.worker.variants.watch import COLLECTORS, WatchedNames


def module_of(name: str, file: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A loaded module with a function ``collect``."""
    module = ModuleType(name)
    module.__file__ = file
    exec(compile("def collect(phase, info):\n    pass\n", file, "exec"), vars(module))
    monkeypatch.setitem(sys.modules, name, module)
    return module


@pytest.fixture
def callbacks() -> Iterator[list[Any]]:
    """The collector's callbacks: none, until those that it has are put back."""
    before = list(gc.callbacks)
    gc.callbacks.clear()
    yield gc.callbacks
    gc.callbacks[:] = before


def test_a_library_may_free_its_own_objects(callbacks: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """JAX registers such a callback when it is imported."""
    watched = WatchedNames()
    callbacks.append(module_of(COLLECTORS[0], "/jax/lib.py", monkeypatch).collect)
    assert watched.restore() == WatchedNames().restore() == []


def test_nobody_else_is_told_of_collections(callbacks: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even in the name of that library: the code is from another file."""
    watched = WatchedNames()
    module = module_of(COLLECTORS[0], "/jax/lib.py", monkeypatch)
    foreign = module_of("mine", "/mine.py", monkeypatch).collect
    for callback in (foreign, FunctionType(foreign.__code__, vars(module)), print):
        callbacks.append(callback)
        assert watched.restore() == ["gc.callbacks"]
        assert callbacks == []
