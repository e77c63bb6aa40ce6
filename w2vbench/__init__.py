"""Kernels of word2vec, their implementations, and the results of measuring them, for other people's code.

``import w2vbench`` works in any repository, also in one with packages called ``bench``, ``impls`` or ``reports``. It takes a
few milliseconds: what a name needs is imported when the name is first used. These names stay; others of this project may
change with any version.

Attributes
----------
kernels : Mapping[str, Kernel]
    Every kernel by its name. ``kernels["lookup"].implementation`` is the decorator for an implementation of your own.
best, dispatch
    A function that uses the fastest implementation at a size, as ``w2vbench tune`` has measured on this machine.
TableError
    What they raise without such a measurement.
load : Callable[[str | Path], pandas.DataFrame]
    Read a result file into a table of one row a case.
COLUMNS : Mapping[str, str]
    What each column of that table is.
load_samples : Callable[[str | Path], pandas.DataFrame]
    Read every sample of a result file.
summary : Callable[[str | Path], Summary]
    What a run found, in short: a table in a notebook, and text if it is printed.
figure : Callable[[str | Path, str], Figure]
    A chart of a kernel's times, or memory, against the vocabulary: a notebook shows it, and ``save`` writes an SVG file.
read : Callable[[str | Path], ResultFile]
    Read and validate a whole result file. Raises ResultError.
ResultFile, ResultError
    The model of a result file (pydantic), and what is raised if a file is none.
Kernel, Implementation
    What is computed, and one way to compute it.
__version__ : str
    The installed version.

Examples
--------
>>> import numpy as np
>>> import w2vbench
>>> @w2vbench.kernels["lookup"].implementation("mine", "W[idx]")
... def mine(W, idx):
...     return W[idx]
>>> mine(np.eye(3), np.array([1]))
array([[0., 1., 0.]])
"""

from __future__ import annotations

from functools import wraps
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any

from .rooms import ours

if TYPE_CHECKING:
    from collections.abc import Mapping

    from impls.dispatch_table import TableError
    from impls.dispatcher import best, dispatch
    from impls.interface import Implementation, Kernel
    from reports.figures import figure
    from reports.files import ResultError, read
    from reports.frame import COLUMNS, load
    from reports.result_schema import ResultFile
    from reports.samples import load_samples
    from reports.summary import summary

    kernels: Mapping[str, Kernel]
    __version__: str

__all__ = [
    "COLUMNS",
    "Implementation",
    "Kernel",
    "ResultError",
    "ResultFile",
    "TableError",
    "__version__",
    "best",
    "dispatch",
    "figure",
    "kernels",
    "load",
    "load_samples",
    "read",
    "summary",
]

MODULES = {
    "COLUMNS": "reports.frame",
    "Implementation": "impls.interface",
    "Kernel": "impls.interface",
    "ResultError": "reports.files",
    "ResultFile": "reports.result_schema",
    "TableError": "impls",
    "best": "impls",
    "dispatch": "impls",
    "figure": "reports.figures",
    "load": "reports.frame",
    "load_samples": "reports.samples",
    "read": "reports.files",
    "summary": "reports.summary",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with ours():
        value = load_name(name)
    globals()[name] = value  # the next use finds it at once
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_name(name: str) -> Any:
    """Import what a public name stands for."""
    if name == "__version__":
        from importlib.metadata import version

        return version("w2vbench")
    if name == "kernels":
        from types import MappingProxyType

        catalogue = import_module("impls.catalogue")
        return MappingProxyType({kernel.name: kernel for kernel in catalogue.kernels(catalogue.own())})
    value = getattr(import_module(MODULES[name]), name)
    if name in ("best", "dispatch"):  # what they return imports at its first call
        import_module("impls.readiness").Readiness.inside = staticmethod(ours)
    return among_ours(value) if isinstance(value, FunctionType) else value


def among_ours(function: Any) -> Any:
    """Return a function that works where ``impls`` or ``reports`` is somebody else's too, if it imports when it is called."""

    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        with ours():
            return function(*arguments, **options)

    return call
