"""Where compiled code is kept on disk, by exactly what it was compiled from.

numba's own cache goes by the time of one file, and would miss an edit in another one; and it looks functions and classes
up by the names of their modules, which another process may not know, or know as others. So code is kept in a folder
that is named after the identity of all that is compiled in, and numba's cache is used inside of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any

from .identity import code_identity
from .trees import Tree

KEPT_S = 14 * 86_400
"""Compiled code that nobody has used for this long is taken away when more is written."""
SOURCE = "source.py"


def name_of(function: Any, machinery: tuple[Any, ...], classes: tuple[str, ...] = ()) -> str | None:
    """A short text that is the same for exactly the same code, compiled by the same machinery; None for code that cannot be followed."""
    found = code_identity((function, machinery), Tree())
    if found is None:
        return None
    facts = found.digest, function.__qualname__, classes, versions()
    return hashlib.sha256(repr(facts).encode("utf-8", "replace")).hexdigest()[:20]


@cache
def versions() -> tuple[str, ...]:
    return tuple(version(name) for name in ("numba", "llvmlite", "numpy"))


def classes_of(arguments: Iterable[Any]) -> tuple[str, ...]:
    """Full names of the named tuples among some arguments: numba looks them up again when it reads kept code."""
    return tuple(sorted(set(named_tuples(arguments))))


def named_tuples(arguments: Iterable[Any]) -> Iterator[str]:
    for argument in arguments:
        if isinstance(argument, tuple):
            if hasattr(type(argument), "_fields"):
                yield f"{type(argument).__module__}.{type(argument).__qualname__}"
            yield from named_tuples(argument)


def folder(name: str) -> Path | None:
    """Where compiled code of this name is kept, in numba's own cache or in the user's; None where neither can be written."""
    try:
        root = Path(os.environ.get("NUMBA_CACHE_DIR") or cache_home()) / "w2vbench"
        place = root / name
        made = not place.is_dir()
        place.mkdir(parents=True, exist_ok=True)
        os.utime(place)
        if made:
            forget_old(root)
        if not (place / SOURCE).exists():
            stand_in(place)
        return place if os.access(place, os.W_OK) else None
    except (OSError, RuntimeError):  # no right to, no room, or no home at all
        return None


def stand_in(place: Path) -> None:
    """The file that numba takes for the code's source, whose time it goes by: always the same."""
    with tempfile.NamedTemporaryFile("w", dir=place, delete=False) as file:
        file.write("# stands for the source of the compiled code beside it\n")
    os.utime(file.name, (0, 0))
    Path(file.name).replace(place / SOURCE)


def in_folder(place: Path, make: Callable[[], Any]) -> Any:
    """Make something of numba's that keeps what it compiles in a folder."""
    import numba

    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(place)
    try:
        return make()
    finally:
        numba.config.CACHE_DIR = before


def relocated(function: FunctionType, place: Path) -> FunctionType:
    """A function as if it stood in its folder."""
    function.__code__ = function.__code__.replace(co_filename=str(place / SOURCE))
    return function


def forget(name: str | None) -> None:
    """Take away what is kept under a name: it cannot be read."""
    place = folder(name) if name else None
    if place is not None:
        shutil.rmtree(place, ignore_errors=True)


def cache_home() -> Path:
    """The user's folder for what can be made again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or tempfile.gettempdir())
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def forget_old(root: Path) -> None:
    """Take away compiled code that has not been used for long."""
    for old in root.iterdir():
        with contextlib.suppress(OSError):  # another process was faster
            if re.fullmatch("[0-9a-f]{20}", old.name) and time.time() - old.stat().st_mtime > KEPT_S:
                shutil.rmtree(old, ignore_errors=True)
