"""What a file from outside imports from its own folders: found first while the file is executed, and unloaded afterwards."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import PathFinder


@contextmanager
def importing_from(folders: list[str]) -> Iterator[list[str]]:
    """Import from some folders first. What was imported from them is unloaded afterwards: another folder may have the same names.

    Python keeps no compiled modules there, in a user's folder.

    Yields
    ------
    list[str]
        Empty; afterwards the files of the modules that were unloaded.
    """
    files: list[str] = []
    loaded = set(map(top_level, sys.modules))
    sys.path[:0] = folders
    keeps_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield files
    finally:
        sys.dont_write_bytecode = keeps_none
        for folder in folders:
            with suppress(ValueError):  # the file may have removed it itself
                sys.path.remove(folder)
        files += filter(None, map(unload, neighbours(folders, loaded)))


def neighbours(folders: list[str], loaded: set[str]) -> list[str]:
    """Return the names of modules that came from some folders, and whose top level was not loaded before."""
    return [name for name in sys.modules if top_level(name) not in loaded and is_in(folders, top_level(name))]


def is_in(folders: list[str], name: str) -> bool:
    """Whether some folders have a module or a package of this name."""
    spec = PathFinder.find_spec(name, folders)
    return bool(spec and (spec.origin or spec.submodule_search_locations))


def unload(name: str) -> str | None:
    """Unload a module, and return its file."""
    module = sys.modules.pop(name)
    parent, _, child = name.rpartition(".")
    if vars(sys.modules.get(parent, module)).get(child) is module:
        delattr(sys.modules[parent], child)
    return vars(module).get("__file__")


def top_level(name: str) -> str:
    return name.partition(".")[0]
