"""Discovery: the implementations in this package, in files from outside, and in installed packages."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from importlib.abc import Loader
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType
from typing import TYPE_CHECKING

from ..identity.digest import NEIGHBOURS
from ..identity.values import is_implementation
from ..interface import INTERFACE_VERSION, Implementation, Kernel
from ..interface.facts import printable
from ..messages import type_and_message
from .neighbours import importing_from

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

PACKAGE = Path(__file__).resolve().parents[1]
ENTRY_POINTS = "w2vbench.implementations"


class CatalogueError(ValueError):
    """Implementations that cannot be loaded. The message is one line and states what to do."""


def load(files: Iterable[Path] = (), *, installed: bool = True) -> list[Implementation]:
    """Load all implementations: this package's, then the files', then the installed packages'.

    Parameters
    ----------
    files
        Python files from outside.
    installed
        Whether to load the implementations that installed packages announce.

    Raises
    ------
    CatalogueError
        If one cannot be loaded, or two have the same key.
    """
    implementations = list(own())
    for file in files:
        check_there(file)
        implementations += from_file(file, import_roots(file))
    if installed:
        implementations += from_packages()
    by_key: dict[str, Implementation] = {}
    for implementation in implementations:
        twin = by_key.setdefault(implementation.key, implementation)
        if twin is not implementation:
            raise CatalogueError(
                f"two implementations are called {implementation.key} ({source(twin)} and {source(implementation)}): rename one"
            )
    return list(by_key.values())


def kernels(implementations: Iterable[Implementation]) -> list[Kernel]:
    """Return the kernels of implementations, each once, in order."""
    return list({implementation.kernel.name: implementation.kernel for implementation in implementations}.values())


def from_copy(folder: Path, name: str) -> list[Implementation]:
    """Load another copy of this package under another name, and return the implementations that it finds in itself.

    The copy may be of any revision, so that any exception from it passes through.
    """
    spec = spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None or not (folder / "__init__.py").is_file():
        raise CatalogueError(f"{folder}: no package of implementations")
    if not (folder / "catalogue").is_dir():
        raise CatalogueError(f"{folder}: laid out as in an older w2vbench: use the w2vbench of that revision")
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return list(import_module(f"{name}.catalogue.discovery").own())


def own() -> Iterator[Implementation]:
    """Yield the implementations of this package: kernels by their place, each with its implementations in source order."""
    implementations = [i for i in all_defined() if not i.is_floor]
    yield from sorted(implementations, key=lambda i: i.kernel.place)


@cache
def kernel_names() -> tuple[str, ...]:
    """Return the names of this package's kernels, in order."""
    return tuple(kernel.name for kernel in kernels(own()))


@cache
def floors(kernel: str) -> tuple[Implementation, ...]:
    """Return the floors of a kernel of this package: what any implementation must move, in several ways."""
    return tuple(i for i in all_defined() if i.is_floor and i.kernel.name == kernel)


@cache
def all_defined() -> tuple[Implementation, ...]:
    """Return the implementations and floors of this package's modules."""
    modules = walk_packages([str(PACKAGE)], f"{__package__.rpartition('.')[0]}.")
    return tuple(i for module in modules for i in defined_in(import_module(module.name)))


def defined_in(module: ModuleType) -> list[Implementation]:
    """Return the implementations that a module defines, alone or in a tuple, without those that it imports, each once.

    A floor may be of a function that several kernels share.
    """
    # by type, not by attributes: an object may answer to any name, such as one whose __getattr__ is dict.get
    values = (
        part for value in vars(module).values() for part in (value if issubclass(type(value), tuple) else (value,))
    )
    by_id = {
        id(value): value
        for value in values
        if issubclass(type(value), Implementation) and (value.is_floor or value.function.__module__ == module.__name__)
    }
    return list(by_id.values())


def import_roots(file: Path) -> list[Path]:
    """Return the folders of a file's project to import from: the nearest with a .git or pyproject.toml, and its src."""
    folders = file.resolve().parents
    top = next((at for at in folders if (at / ".git").exists() or (at / "pyproject.toml").is_file()), None)
    return [] if top is None else [folder for folder in (top, top / "src") if folder.is_dir()]


def check_there(file: Path) -> None:
    """Raise CatalogueError if this is no file. A link that leads to itself is none."""
    if not file.is_file():
        raise CatalogueError(f"{file}: {'a folder, not a file' if file.is_dir() else 'no such file'}")


def new_module(file: Path, name: str, loader: Loader | None = None) -> tuple[ModuleType, Loader]:
    """Return a module for a file from outside, not executed yet, and what executes it, under a name that no other file's has.

    loader: of a file that is no Python file. Raises CatalogueError.
    """
    digest = hashlib.sha256(os.fsencode(file.resolve())).hexdigest()[:12]
    spec = spec_from_file_location(f"w2vbench_{name}_{digest}", file, loader=loader)
    if spec is None or spec.loader is None:
        raise CatalogueError(f"{file}: not a Python file (its name must end in .py)")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    return module, spec.loader


def from_file(file: Path, beside: Iterable[Path] = (), name: str = "from_outside") -> list[Implementation]:
    """Load a file under a unique module name, so that it cannot collide with another module.

    What it imports comes from its own folder and ``beside`` first. Those modules are unloaded afterwards, so that another
    copy of the file gets its own.

    Parameters
    ----------
    file
        A Python file with implementations.
    beside
        Further folders to import from.
    name
        Part of the module's name, which distinguishes two copies of one file.

    Raises
    ------
    CatalogueError
        If the file cannot be loaded, or has no implementation.
    """
    check_there(file)
    module, loader = new_module(file, name)
    with importing_from([str(file.resolve().parent), *map(str, beside)]) as files:
        try:
            loader.exec_module(module)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            sys.modules.pop(module.__name__, None)
            line = line_at_fault(error, module.__file__)
            message = type_and_message(error)
            if (
                isinstance(error, SyntaxError) and error.filename == module.__file__
            ):  # its own words name the place again
                message = message.removesuffix(f" ({file.name}, line {line})")
            raise CatalogueError(f"{file}{f', line {line}' if line else ''}: {message}") from error
    vars(module)[NEIGHBOURS] = tuple(files)
    implementations = [i for i in defined_in(module) if not i.is_floor]
    if not implementations:
        raise CatalogueError(
            f'{file}: holds no implementation (decorate one, e.g. @lookup.implementation("mine", "my gather"))'
        )
    return implementations


def announced() -> EntryPoints:
    """Return what installed packages announce, without loading it."""
    from importlib.metadata import entry_points  # takes longer to import than all of this package

    return entry_points(group=ENTRY_POINTS)


def from_packages() -> list[Implementation]:
    """Load what installed packages announce. An entry point names a module, an Implementation or a list of these.

    Raises
    ------
    CatalogueError
        If one cannot be loaded, or is something else.
    """
    implementations: list[Implementation] = []
    for entry in announced():
        try:
            loaded = entry.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            package = entry.dist.name if entry.dist else entry.value
            raise CatalogueError(f"installed package {package}: {type_and_message(error)}") from error
        values = (
            defined_in(loaded)
            if issubclass(type(loaded), ModuleType)
            else loaded
            if issubclass(type(loaded), list)
            else [loaded]
        )
        for value in values:
            if not is_implementation(value) or value.interface_version != INTERFACE_VERSION:
                raise CatalogueError(
                    f"entry point {entry.name} = {entry.value} is {printable(value)}, "
                    f"not an implementation of interface version {INTERFACE_VERSION}"
                )
        implementations += values
    return implementations


def missing(implementation: Implementation) -> list[str]:
    """Return the optional packages that an implementation needs and that are not installed."""
    return [package for package in implementation.requires if not importable(package)]


def importable(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package
        return False
    except Exception:  # its parent package cannot be imported: the call will fail and give the reason
        return True


def source(implementation: Implementation) -> str:
    """Return where an implementation is defined: ``file:line``."""
    code = implementation.function.__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


def line_at_fault(error: BaseException, file: str | None) -> int | None:
    """Return the line of a file that cannot be parsed, or the last that an error passed through."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
