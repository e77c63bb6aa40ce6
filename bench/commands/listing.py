"""``w2vbench list``: every implementation, and whether it can run here."""

from __future__ import annotations

from .terminal.app import app
from .terminal.options import Impl, Json, Kernels


@app.command("list")
def list_(kernel: Kernels = None, impl: Impl = None, json: Json = False) -> None:
    """List every implementation, and whether it can run here or what to install."""
    from w2vbench.bench.plans.run.request import Request

    from .terminal import printing as show

    show.implementations(Request(files=impl or (), kernels=kernel or ()).implementations(), as_json=json)
