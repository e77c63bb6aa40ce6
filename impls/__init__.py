"""What is measured: the kernels of word2vec and their implementations. Imports nothing else of this project.

``best`` and ``dispatch`` give a program the fastest implementation at its sizes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .choosing.dispatch_table import TableError
    from .choosing.dispatcher import best, dispatch

__all__ = ("TableError", "best", "dispatch")


def __getattr__(name: str) -> Any:
    """Import what a program asks for when it does: kernels alone need none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .choosing import dispatch_table, dispatcher

    return getattr(dispatch_table if name == "TableError" else dispatcher, name)
