"""What is kept and shown: result files, tables, the page. Imports nothing else of this project.

``reports.load(path)`` gives a result file as a tidy pandas DataFrame, a row a case; its columns are in ``reports.COLUMNS``.
``reports.load_samples(path)`` gives every sample; its columns are in ``reports.samples.COLUMNS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .frame import COLUMNS, load
    from .results import ResultError
    from .samples import load_samples

__all__ = ["COLUMNS", "ResultError", "load", "load_samples"]


def __getattr__(name: str) -> Any:
    # pydantic and pandas are imported when somebody loads a file, not when the command's help is asked for
    if name in ("COLUMNS", "load"):
        from . import frame

        return getattr(frame, name)
    if name == "load_samples":
        from .samples import load_samples

        return load_samples
    if name == "ResultError":
        from .results import ResultError

        return ResultError
    raise AttributeError(name)
