"""``w2vbench list``: every implementation, and whether it can run here."""

from __future__ import annotations

from .app import app
from .options import Impl, Json, Kernels
from .setup import narrowed


@app.command("list")
def list_(kernel: Kernels = None, impl: Impl = None, json: Json = False) -> None:
    """Every implementation, whether it can run here, and if not what to install."""
    from bench.commands import terminal as show
    from impls import catalogue

    show.implementations(narrowed(catalogue.load(impl or ()), kernel), as_json=json)
