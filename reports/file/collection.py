"""Python's collector of cyclic garbage, which looks through all objects again and again while many are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Pause the collector while a whole file becomes objects that stay: it took two thirds of the time, and finds nothing there.

    Afterwards they count as old, so that the next collection, which is of new objects, does not look through them.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            if not gc.get_freeze_count():  # else they would be thawed as well
                gc.freeze()
                gc.unfreeze()
            gc.enable()
