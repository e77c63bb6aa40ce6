"""What an implementation may use beside Python code of its tree: other files, and installed distributions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path, PurePosixPath

from w2vbench.impls.identity.digest import Identity

DOCUMENTS = (".md", ".rst", ".adoc", ".html", ".css", ".ipynb", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".pdf")
PROJECT = re.compile(
    r"(readme|license|licence|copying|notice|authors|changelog|changes|contributing|makefile|dockerfile|requirements)"
    r"([-_.].*)?|pyproject\.toml|setup\.cfg|tox\.ini|pytest\.ini|mypy\.ini|ruff\.toml|manifest\.in|.*\.lock|.*\.ya?ml",
    re.IGNORECASE,
)
"""Files about a project. Timed code is assumed not to read them, unless it names one."""
SOURCES = (".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".pyx", ".pxd", ".pxi", ".rs", ".f", ".f90", ".cu", ".zig")
"""What an extension is built from when its package is installed."""
ACKNOWLEDGED = "w2vbench.toml"
"""The file of acknowledged slowdowns: this program reads it, and no code that is timed."""
SHORTEST = 4
"""Least length of a text that may stand for a part of a file's name."""


def files_used_by(
    code: Identity, file: Path, tree: Path, differing: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which of the differing files some code may use. Documents are never among them.

    Parameters
    ----------
    code
        What is known of the code.
    file
        The Python file that it stands in.
    tree
        The top of the tree.
    differing
        Names of the files that differ, relative to the tree.

    Returns
    -------
    read
        Those that it may read: those that it names, and those of its package. If it reads files or cannot be followed, it may
        read any of them.
    built
        Those that an extension which it uses may be built from. They belong to its package, or are named like a module that
        it imports.
    """
    imported = {text.removeprefix("_") for text in code.texts if text.isidentifier()}
    read, built = [], []
    for name in filter(is_data, differing):
        path, near = PurePosixPath(name), in_same_package(file, tree, name)
        if is_named(code, name):
            read.append(name)
        elif path.suffix.lower() in SOURCES:
            if near or path.stem.removeprefix("_") in imported:
                built.append(name)
        elif (near or code.reads_files) and not PROJECT.fullmatch(path.name):
            read.append(name)
    return tuple(read), tuple(built)


def is_data(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        path.suffix not in (".py", ".pyi", *DOCUMENTS)
        and not any(part.startswith(".") for part in path.parts)
        and path.parts[0] not in ("docs", "doc")
        and name != ACKNOWLEDGED
    )


def is_named(code: Identity, name: str) -> bool:
    """Whether a text in the code is the file's name, the end of its path, or a part of its name (``f"table_{n}.npy"``)."""
    path = PurePosixPath(name)
    if any(text.endswith(path.name) or name.endswith(f"/{text}") for text in code.texts if text):
        return True
    parts = (text for text in code.texts if len(text) >= SHORTEST and text != path.suffix)
    return path.suffix.lower() not in SOURCES and any(text in path.name for text in parts)


def in_same_package(file: Path, tree: Path, name: str) -> bool:
    """Whether a file of the tree lies in the top-level package that a Python file belongs to."""
    package = None
    for folder in file.resolve().parents:
        if folder == tree.resolve() or not (folder / "__init__.py").exists():
            break
        package = folder
    return package is not None and (tree / name).resolve().is_relative_to(package)


def distributions_of(modules: Iterable[str]) -> frozenset[str]:
    """Return the names of the distributions that modules belong to, with all that they require; not this program itself.

    Names of modules that no distribution has, such as the standard library's, are left out.
    """
    tops = {module.partition(".")[0] for module in modules}
    found = {canonical(name) for top in tops for name in provided().get(top, ())} - {"w2vbench"}
    return frozenset(found.union(*map(required_by, found)))


@cache
def provided() -> dict[str, list[str]]:
    return dict(packages_distributions())


@cache
def required_by(distribution: str) -> frozenset[str]:
    """Return all that a distribution requires, directly or not, except for its extras."""
    found: set[str] = set()
    left = [distribution]
    while left:
        try:
            wanted = requires(left.pop()) or ()
        except PackageNotFoundError:
            continue
        new = {canonical(one) for one in wanted if "extra ==" not in one} - found
        found |= new
        left += new
    return frozenset(found)


def canonical(requirement: str) -> str:
    """Return a distribution's name as package indexes write it: ``scikit-learn`` for ``Scikit_Learn>=1``."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()
