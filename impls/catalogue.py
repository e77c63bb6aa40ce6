"""Discovery: the implementations defined in this package, in a file from outside, or announced by installed packages."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType

from .follower import is_implementation
from .identity import NEIGHBOURS
from .interface import INTERFACE_VERSION, Implementation, Kernel, shown
from .messages import told

ORDER = (
    *("lookup", "scatter.dense", "scatter.accumulate", "scatter.rows", "scatter.scalar"),
    *(
        "output.softmax",
        "output.negative-sampling",
        "output.shared-negatives",
        "output.sampled-softmax",
        "output.nce",
        "output.hierarchical",
    ),
    *("sampling.without-replacement", "sampling.with-replacement"),
    *("update.sgd", "update.adam", "update.lazy-adam"),
    *("training.cbow", "training.skip-gram"),
)
"""Kernels in the order of the story: from the input layer to the output layer and the step, from the textbook's upward."""

ENTRY_POINTS = "w2vbench.implementations"


class CatalogueError(ValueError):
    """Implementations that cannot be loaded as asked; the message is one line and says what to do."""


def load(files: Iterable[Path] = (), *, installed: bool = True) -> list[Implementation]:
    """All implementations: this package's, then the files', then the installed packages'. Raises CatalogueError."""
    found = list(own())
    for file in files:
        found += from_file(file, tops(file))
    if installed:
        found += from_packages()
    seen: dict[str, Implementation] = {}
    for implementation in found:
        twin = seen.setdefault(implementation.key, implementation)
        if twin is not implementation:
            raise CatalogueError(
                f"two implementations are called {implementation.key} ({source(twin)} and {source(implementation)}): rename one"
            )
    return list(seen.values())


def kernels(implementations: Iterable[Implementation]) -> list[Kernel]:
    """The kernels of some implementations, each once, in their order."""
    return list({implementation.kernel.name: implementation.kernel for implementation in implementations}.values())


def copied(folder: Path, name: str) -> list[Implementation]:
    """The implementations of another copy of this package, as that copy finds them, under a name of its own.

    Whatever is wrong with the copy is raised as it is: it may be of any age.
    """
    spec = spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None or not (folder / "catalogue.py").is_file():
        raise CatalogueError(f"{folder}: no package of implementations")
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return list(import_module(f"{name}.{__name__.rpartition('.')[2]}").own())


def own() -> Iterator[Implementation]:
    """The implementations of this package: kernels in ORDER, each with its implementations in the order they stand in."""
    found = [one for one in everything() if not one.is_floor]
    yield from sorted(found, key=lambda i: ORDER.index(i.kernel.name))


@cache
def floors(kernel: str) -> tuple[Implementation, ...]:
    """What must be moved for a kernel of this package, in all ways that are known."""
    return tuple(one for one in everything() if one.is_floor and one.kernel.name == kernel)


def everything() -> Iterator[Implementation]:
    """What is defined in the modules of this package."""
    package = sys.modules[__package__]
    for module in walk_packages(package.__path__, f"{package.__name__}."):
        yield from defined_in(import_module(module.name))


def defined_in(module: ModuleType) -> list[Implementation]:
    """Values of a module whose function was defined there (not those it imported), each once whatever its names.

    Several may stand in a tuple.
    """
    # by type: what a value says of itself may be anything, as of a configuration whose __getattr__ is dict.get
    held = (part for value in vars(module).values() for part in (value if issubclass(type(value), tuple) else (value,)))
    found = {
        id(value): value
        for value in held
        if issubclass(type(value), Implementation) and value.function.__module__ == module.__name__
    }
    return list(found.values())


def tops(file: Path) -> list[Path]:
    """Where a file's project keeps its modules: the nearest folder above with a .git or a pyproject.toml, and its src."""
    folders = file.resolve().parents
    top = next((at for at in folders if (at / ".git").exists() or (at / "pyproject.toml").is_file()), None)
    return [] if top is None else [folder for folder in (top, top / "src") if folder.is_dir()]


def from_file(file: Path, beside: Iterable[Path] = (), name: str = "from_outside") -> list[Implementation]:
    """Load a file under a module name of its own, so that it can meet no other module. Raises CatalogueError.

    What it imports is looked for in its folder and in those beside it first, and forgotten again, so that another copy
    of the file gets its own. name: tells two copies of one file apart.
    """
    if not file.is_file():
        raise CatalogueError(f"{file}: {'a folder, not a file' if file.is_dir() else 'no such file'}")
    digest = hashlib.sha256(os.fsencode(file.resolve())).hexdigest()[:12]
    spec = spec_from_file_location(f"w2vbench_{name}_{digest}", file)
    if spec is None or spec.loader is None:
        raise CatalogueError(f"{file}: not a Python file (its name must end in .py)")
    module = module_from_spec(spec)
    folders, known = [str(file.resolve().parent), *map(str, beside)], set(map(top_level, sys.modules))
    sys.modules[spec.name] = module
    sys.path[:0] = folders
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        sys.modules.pop(spec.name, None)
        line = line_at_fault(error, spec.origin)
        raise CatalogueError(f"{file}{f', line {line}' if line else ''}: {told(error)}") from error
    finally:
        for folder in folders:
            with contextlib.suppress(ValueError):  # the file may have taken it away itself
                sys.path.remove(folder)
        vars(module)[NEIGHBOURS] = forget_neighbours(folders, known)
    found = [one for one in defined_in(module) if not one.is_floor]
    if not found:
        raise CatalogueError(
            f'{file}: holds no implementation (decorate one, e.g. @lookup.implementation("mine", "my gather"))'
        )
    return found


def forget_neighbours(folders: list[str], known: set[str]) -> tuple[str, ...]:
    """Drop the modules that a file has just imported from its own folders: another folder's may have the same names. Gives their files."""
    files = []
    for name in list(sys.modules):
        if top_level(name) not in known:
            spec = PathFinder.find_spec(top_level(name), folders)
            if spec is not None and (spec.origin or spec.submodule_search_locations):
                files.append(vars(sys.modules.pop(name)).get("__file__"))
    return tuple(file for file in files if file)


def top_level(name: str) -> str:
    """The package that a module belongs to."""
    return name.partition(".")[0]


def from_packages() -> list[Implementation]:
    """What installed packages announce: each entry point names a module, an Implementation or a list of them."""
    from importlib.metadata import entry_points  # takes longer to import than all of this package

    found: list[Implementation] = []
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            loaded = entry.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            package = entry.dist.name if entry.dist else entry.value
            raise CatalogueError(f"installed package {package}: {told(error)}") from error
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
                    f"entry point {entry.name} = {entry.value} gives {shown(value)}, "
                    f"no implementation of interface version {INTERFACE_VERSION}"
                )
        found += values
    return found


def missing(implementation: Implementation) -> list[str]:
    """The optional packages that an implementation needs and that are not installed."""
    return [package for package in implementation.requires if not importable(package)]


def importable(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package that it is a part of
        return False
    except Exception:  # that package cannot be imported, or says nothing of itself: the call will tell why
        return True


def source(implementation: Implementation) -> str:
    """Where an implementation stands: ``file:line``."""
    code = implementation.function.__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


def line_at_fault(error: BaseException, file: str | None) -> int | None:
    """The line of a file that cannot be parsed, or else the last that an error passed through."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
