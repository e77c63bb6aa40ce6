"""What a file from outside imports from its own folders: found first while the file is executed, and unloaded afterwards."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

OURS = Path(__file__).resolve().parent
HIDDEN = ("bench", "reports")
"""This project's other packages. A file from outside needs none of them, and may mean packages of its own by these names."""


@contextmanager
def importing_from(folders: list[str]) -> Iterator[list[str]]:
    """Import from some folders first. What was imported from them is unloaded afterwards: another folder may have the same names.

    A package of this one's name there adds its modules to ours. Python keeps no compiled modules there, in a user's folder.

    Yields
    ------
    list[str]
        Empty; afterwards the files of the modules that were unloaded.
    """
    files: list[str] = []
    hidden = [name for name in HIDDEN if is_theirs(found_in(folders, name), OURS.parent / name)]
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if top_level(name) in hidden}
    loaded = set(map(top_level, sys.modules))
    package = sys.modules[__package__]
    path = [*package.__path__]
    package.__path__ = [*path, *twins(folders)]
    sys.path[:0] = folders
    keeps_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield files
    finally:
        sys.dont_write_bytecode = keeps_none
        for folder in folders:
            with suppress(ValueError):  # the file may have removed it itself
                sys.path.remove(folder)
        package.__path__ = path
        files += filter(None, map(unload, [*neighbours(folders, loaded), *guests(package)]))
        sys.modules.update(ours)


def found_in(folders: list[str], name: str) -> ModuleSpec | None:
    """Return what a top-level name stands for in some folders."""
    spec = PathFinder.find_spec(name, folders)
    return spec if spec and (spec.origin or spec.submodule_search_locations) else None


def is_theirs(spec: ModuleSpec | None, ours: Path) -> bool:
    """Whether a package or module was found, and is not the one in our folder."""
    places = [*(spec.submodule_search_locations or ()), spec.origin or ""] if spec else []
    return bool(places) and not any(Path(place).resolve() in (ours, ours / "__init__.py") for place in places if place)


def twins(folders: list[str]) -> list[str]:
    """Return the folders' own packages that are called as this one is."""
    places = [Path(folder) / OURS.name for folder in folders]
    return [str(place) for place in places if place.is_dir() and place.resolve() != OURS]


def neighbours(folders: list[str], loaded: set[str]) -> list[str]:
    """Return the names of modules that came from some folders, and whose top level was not loaded before."""
    return [name for name in sys.modules if top_level(name) not in loaded and found_in(folders, top_level(name))]


def guests(package: ModuleType) -> list[str]:
    """Return the names of modules of a package whose files stand elsewhere."""
    modules = [(name, module) for name, module in sys.modules.items() if name.startswith(f"{package.__name__}.")]
    files = [(name, getattr(module, "__file__", None)) for name, module in modules]
    return [name for name, file in files if file and not Path(file).resolve().is_relative_to(OURS)]


def unload(name: str) -> str | None:
    """Unload a module, and return its file."""
    module = sys.modules.pop(name)
    parent, _, child = name.rpartition(".")
    if vars(sys.modules.get(parent, module)).get(child) is module:
        delattr(sys.modules[parent], child)
    return vars(module).get("__file__")


def top_level(name: str) -> str:
    return name.partition(".")[0]
