"""Facts of implementations, as one side of a comparison lists them."""

from __future__ import annotations

from typing import Any

from w2vbench.bench.engine.protocol import Facts

import w2vbench


def facts(key: str, identity: str = "f", **other: Any) -> Facts:
    """Facts of an implementation. The same identity means the same code."""
    kernel, _, slug = key.rpartition("/")
    plain: dict[str, Any] = {
        "dimensions": "VHB",
        "at": w2vbench.kernels[kernel].measured.at if kernel in w2vbench.kernels else "all",
        "batches": kernel in w2vbench.kernels and w2vbench.kernels[kernel].measured.batches,
        "signature": ("W", "idx"),
        "title": slug,
        "baseline": False,
        "wrong": "",
        "requires": (),
        "packages": (),
        "missing": (),
        "late_imports": (),
        "strays": (),
        "data": (),
        "built": (),
        "effects": (),
        "file": f"/tree/impls/{kernel}.py",
        "line": 1,
    }
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in other.items()}
    return Facts(key=key, kernel=kernel, slug=slug, identity=identity, **{**plain, **given})
