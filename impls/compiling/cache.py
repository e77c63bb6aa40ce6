"""The disk cache of compiled code, keyed by exactly what was compiled.

numba's own cache checks the modification time of one file, and misses an edit in another. It also looks functions and
classes up by module name, which another process may not know or may use for something else. Compiled code is therefore
cached in a folder whose name is the identity of all code that was compiled, and numba's cache works inside that folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any

from ..identity.digest import code_identity
from ..identity.trees import Tree

MAX_UNUSED_S = 14 * 86_400
"""Compiled code that was not used for this long is deleted when more is written."""
SOURCE = "source.py"
MAKING = threading.Lock()
"""numba's folder is a setting of the process: another thread would cache its code in the wrong one, or in the working folder."""


def cache_key(function: Any, machinery: tuple[Any, ...], classes: tuple[str, ...] = ()) -> str | None:
    """Return a short text that is equal for exactly equal code, compiled in the same way.

    Parameters
    ----------
    function
        The function to compile; everything that it uses counts too.
    machinery
        What determines how it is compiled.
    classes
        Names of the classes among its arguments.

    Returns
    -------
    str | None
        The key; None for code that cannot be followed.
    """
    identity = code_identity((function, machinery), Tree())
    if identity is None:
        return None
    facts = identity.digest, function.__qualname__, classes, versions()
    return hashlib.sha256(repr(facts).encode("utf-8", "replace")).hexdigest()[:20]


@cache
def versions() -> tuple[str, ...]:
    return tuple(version(name) for name in ("numba", "llvmlite", "numpy"))


def named_tuples_in(arguments: Iterable[Any]) -> tuple[str, ...]:
    """Return full names of the named tuples among arguments: numba looks these up when it reads cached code."""
    return tuple(sorted(set(named_tuples(arguments))))


def named_tuples(arguments: Iterable[Any]) -> Iterator[str]:
    for argument in arguments:
        if isinstance(argument, tuple):
            if hasattr(type(argument), "_fields"):
                yield f"{type(argument).__module__}.{type(argument).__qualname__}"
            yield from named_tuples(argument)


def cache_folder(key: str) -> Path | None:
    """Return the folder for this key, in numba's cache folder or the user's. None if neither can be written."""
    try:
        root = Path(os.environ.get("NUMBA_CACHE_DIR") or cache_home()) / "w2vbench"
        folder = root / key
        is_new = not folder.is_dir()
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        if is_new:
            delete_old(root)
        if not (folder / SOURCE).exists():
            write_source(folder)
        return folder if os.access(folder, os.W_OK) else None
    except (OSError, RuntimeError):  # no permission, no space, or no home folder
        return None


def write_source(folder: Path) -> None:
    """Write the file that numba takes for the code's source. Its modification time, which numba checks, is always the same."""
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
        file.write("# stands for the source of the compiled code beside it\n")
    os.utime(file.name, (0, 0))
    Path(file.name).replace(folder / SOURCE)


def in_folder(folder: Path, make: Callable[[], Any]) -> Any:
    """Make a numba dispatcher whose compiled code is cached in a folder."""
    import numba

    with MAKING:
        before = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(folder)
        try:
            return make()
        finally:
            numba.config.CACHE_DIR = before


def relocate(function: FunctionType, folder: Path) -> FunctionType:
    """Make a function's code appear to come from the source file in a folder."""
    function.__code__ = function.__code__.replace(co_filename=str(folder / SOURCE))
    return function


def delete(key: str | None) -> None:
    """Delete what is cached under a key, because it cannot be read."""
    folder = cache_folder(key) if key else None
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def cache_home() -> Path:
    """Return the user's folder for caches."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or tempfile.gettempdir())
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def delete_old(root: Path) -> None:
    """Delete compiled code that was not used for a long time."""
    for folder in root.iterdir():
        with contextlib.suppress(OSError):  # another process was faster
            if re.fullmatch("[0-9a-f]{20}", folder.name) and time.time() - folder.stat().st_mtime > MAX_UNUSED_S:
                shutil.rmtree(folder, ignore_errors=True)
