"""What this plan adds to the engine's workers. It is imported in each of them, so the rest is imported when it is used."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.worker.variants import extensions


def later(module: str, name: str) -> Callable[..., Any]:
    """Return a function of this folder, whose module is imported when it is called."""
    return lambda *arguments: getattr(import_module(f".{module}", __package__), name)(*arguments)


extensions.JOBS[protocol.CheckBook] = later("checking", "check")
extensions.READERS.append(later("implementations", "implementations_of"))
extensions.LAYERS.append(later("deck_layers", "method_calls"))
