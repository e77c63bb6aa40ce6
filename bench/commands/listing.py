"""``w2vbench list``: every implementation, and whether it can run here."""

from __future__ import annotations

from .app import app
from .options import Impl, Json, Kernels


@app.command("list")
def list_(kernel: Kernels = None, impl: Impl = None, json: Json = False) -> None:
    """List every implementation, and whether it can run here or what to install."""
    from bench.commands import terminal as show
    from bench.plans.session import implementations

    show.implementations(implementations(impl or (), kernel or ()), as_json=json)
