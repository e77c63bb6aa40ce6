"""Kernels of word2vec, their implementations, and the results of measuring them, for other people's code.

``import w2vbench`` takes a few milliseconds: what a name needs is imported when the name is first used. These names stay, and
so do ``w2vbench.impls.<kernel>`` modules, from which a file of implementations imports; others of this project may change
with any version.

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

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from w2vbench.impls.choosing.dispatch_table import TableError
    from w2vbench.impls.choosing.dispatcher import best, dispatch
    from w2vbench.impls.interface import Implementation, Kernel
    from w2vbench.reports.file.files import ResultError, read
    from w2vbench.reports.file.frame import COLUMNS, load
    from w2vbench.reports.file.samples import load_samples
    from w2vbench.reports.file.schema.result import ResultFile
    from w2vbench.reports.run.figures import figure
    from w2vbench.reports.run.summary import summary

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

if not (Path(__file__).parent / "impls").is_dir():
    __path__.append(str(Path(__file__).parents[1]))  # in a clone, impls, bench and reports lie beside this package

MODULES = {
    "COLUMNS": "reports.file.frame",
    "Implementation": "impls.interface",
    "Kernel": "impls.interface",
    "ResultError": "reports.file.files",
    "ResultFile": "reports.file.schema.result",
    "TableError": "impls.choosing.dispatch_table",
    "best": "impls.choosing.dispatcher",
    "dispatch": "impls.choosing.dispatcher",
    "figure": "reports.run.figures",
    "load": "reports.file.frame",
    "load_samples": "reports.file.samples",
    "read": "reports.file.files",
    "summary": "reports.run.summary",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = load_name(name)  # the next use finds it at once
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

        catalogue = import_module("w2vbench.impls.catalogue.discovery")
        return MappingProxyType({kernel.name: kernel for kernel in catalogue.kernels(catalogue.own())})
    return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
