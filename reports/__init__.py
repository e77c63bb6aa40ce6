"""What is kept and shown: result files, tables, the page. Imports nothing else of this project.

``reports.load(path)`` reads a result file into a tidy pandas DataFrame with one row per case; ``reports.COLUMNS`` describes
its columns. ``reports.load_samples(path)`` reads every sample; ``w2vbench.reports.file.samples.COLUMNS`` describes those columns.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .file.files import ResultError
    from .file.frame import COLUMNS, load
    from .file.samples import load_samples

__all__ = ["COLUMNS", "ResultError", "load", "load_samples"]


MODULES = {"COLUMNS": "frame", "ResultError": "files", "load": "frame", "load_samples": "samples"}


def __getattr__(name: str) -> Any:
    # pydantic and pandas are imported only when a file is loaded, so that the command's help is fast
    if name not in MODULES:
        raise AttributeError(name)
    return getattr(import_module(f".{MODULES[name]}", __name__), name)
