"""A kernel's function that always uses one implementation, for tests of what a program gets."""

from __future__ import annotations

from typing import Any

from w2vbench.impls.choosing.dispatch_table import DispatchTable, KernelTimes
from w2vbench.impls.choosing.dispatcher import Dispatched
from w2vbench.impls.choosing.offered import kernel_of, sized

import w2vbench


def table_of(name: str, slug: str) -> DispatchTable:
    """A table by which one implementation is always chosen."""
    size = sized(kernel=kernel_of(name), V=100, H=10, B=10, K=3)
    return DispatchTable({name: KernelTimes((slug,), {size: {slug: 1e-6}})})


def function_of(name: str, slug: str, V: int = 0, **options: Any) -> Dispatched:
    if name == "scatter.rows":
        options["V"] = V
    return w2vbench.dispatch(name, table=table_of(name, slug), **options)
