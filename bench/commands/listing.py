"""``w2vbench list``: every implementation, and whether it can run here."""

from __future__ import annotations

from .app import app
from .options import Impl, Json, Kernels


@app.command("list")
def list_(kernel: Kernels = None, impl: Impl = None, json: Json = False) -> None:
    """List every implementation, and whether it can run here or what to install."""
    from bench.commands import terminal as show
    from bench.plans.request import Request

    show.implementations(Request(files=impl or (), kernels=kernel or ()).implementations(), as_json=json)
