"""Files other than Python's that an implementation may depend on: what it reads, and what its package is built from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from impls.identity import Identity

DOCUMENTS = (".md", ".rst", ".adoc", ".html", ".css", ".ipynb", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".pdf")
PROJECT = re.compile(
    r"(readme|license|licence|copying|notice|authors|changelog|changes|contributing|makefile|dockerfile|requirements)"
    r"([-_.].*)?|pyproject\.toml|setup\.cfg|tox\.ini|pytest\.ini|mypy\.ini|ruff\.toml|manifest\.in|.*\.lock|.*\.ya?ml",
    re.IGNORECASE,
)
"""Files about a project, which nothing reads that is timed; an implementation that names one reads it all the same."""
SOURCES = (".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".pyx", ".pxd", ".pxi", ".rs", ".f", ".f90", ".cu", ".zig")
"""What an extension is built from when its package is installed."""
SHORTEST = 4
"""Letters that a text must have to stand for a part of a file's name."""


def read_by(code: Identity, file: Path, tree: Path, differing: Sequence[str]) -> list[str]:
    """The differing files that some code may read: those that it names, all where it reads files or cannot be followed, and
    those of its own package. Documents never."""
    return [
        name
        for name in differing
        if is_data(name)
        and (
            named(code, name)
            or (not is_source(name) and not is_about(name) and (code.reads or beside(file, tree, name)))
        )
    ]


def built_from(code: Identity, file: Path, tree: Path, differing: Sequence[str]) -> list[str]:
    """The differing files that an extension may be built from which some code uses: of its package, or named like what it imports."""
    return [
        name
        for name in differing
        if is_data(name)
        and is_source(name)
        and not named(code, name)
        and (beside(file, tree, name) or PurePosixPath(name).stem.removeprefix("_") in imported(code))
    ]


def is_data(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        path.suffix not in (".py", ".pyi", *DOCUMENTS)
        and not any(part.startswith(".") for part in path.parts)
        and path.parts[0] not in ("docs", "doc")
    )


def is_about(name: str) -> bool:
    return PROJECT.fullmatch(PurePosixPath(name).name) is not None


def is_source(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SOURCES


def imported(code: Identity) -> set[str]:
    return {text.removeprefix("_") for text in code.texts if text.isidentifier()}


def named(code: Identity, name: str) -> bool:
    """Whether a text in the code is a file's name or the end of its path, or a part of its name (``f"table_{n}.npy"``)."""
    path = PurePosixPath(name)
    if any(text.endswith(path.name) or name.endswith(f"/{text}") for text in code.texts if text):
        return True
    parts = (text for text in code.texts if len(text) >= SHORTEST and text != path.suffix)
    return not is_source(name) and any(text in path.name for text in parts)


def beside(file: Path, tree: Path, name: str) -> bool:
    """Whether a file of the tree lies in the package that a Python file belongs to."""
    package = None
    for folder in file.resolve().parents:
        if folder == tree.resolve() or not (folder / "__init__.py").exists():
            break
        package = folder
    return package is not None and (tree / name).resolve().is_relative_to(package)
