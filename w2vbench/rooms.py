"""This project's packages ``bench``, ``impls`` and ``reports`` in a process where these names may be somebody else's.

A repository may have packages of the same names, on ``sys.path`` before ours, and imported already. Inside ``ours()``
the three names are ours, and afterwards they are again what they were: each side imports its own. One thread at a time
exchanges them. Another thread that imports its own package of such a name meanwhile would get ours.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
"""The folder that holds our packages: a clone, or an environment's site-packages."""
ROOMS = ("bench", "impls", "reports")

kept: dict[str, ModuleType] = {}
"""Our modules whose names are somebody else's outside of ``ours()``."""
exchanging = RLock()
"""Held while the names are exchanged: another thread would take them for ours, and lose them in the middle of an import."""


@contextmanager
def ours() -> Iterator[None]:
    """Let ``bench``, ``impls`` and ``reports``, and their modules, be this project's."""
    with exchanging:
        foreign = [room for room in ROOMS if is_foreign(room)]
        if foreign:
            with exchanged(foreign):
                yield
            return
    yield


@contextmanager
def exchanged(foreign: list[str]) -> Iterator[None]:
    """Put our modules in the place of somebody else's."""
    theirs = take(foreign)
    sys.modules.update(kept)
    sys.path.insert(0, str(ROOT))
    try:
        yield
    finally:
        with suppress(ValueError):  # what was imported may have removed it
            sys.path.remove(str(ROOT))
        kept.update(take(foreign))
        sys.modules.update(theirs)


def take(rooms: list[str]) -> dict[str, ModuleType]:
    """Remove the modules of some packages from ``sys.modules``, and return them."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in rooms}


def is_foreign(room: str) -> bool:
    """Whether ``import`` gives a package of this name that is not ours, or none at all."""
    if room in sys.modules:
        folders = getattr(sys.modules[room], "__path__", ())
    else:
        spec = find_spec(room)
        folders = (spec.submodule_search_locations if spec else None) or ()
    return not any(Path(folder).resolve() == ROOT / room for folder in folders)
