"""What is kept and shown: result files, tables, the page. Imports nothing else of this project.

``reports.load(path)`` reads a result file into a tidy pandas DataFrame with one row per case; ``reports.COLUMNS`` describes
its columns. ``reports.load_samples(path)`` reads every sample; ``reports.samples.COLUMNS`` describes those columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .files import ResultError
    from .frame import COLUMNS, load
    from .samples import load_samples

__all__ = ["COLUMNS", "ResultError", "load", "load_samples"]


def __getattr__(name: str) -> Any:
    # pydantic and pandas are imported only when a file is loaded, so that the command's help is fast
    if name in ("COLUMNS", "load"):
        from . import frame

        return getattr(frame, name)
    if name == "load_samples":
        from .samples import load_samples

        return load_samples
    if name == "ResultError":
        from .files import ResultError

        return ResultError
    raise AttributeError(name)
