"""A tree of source files: which files belong to it, what its modules do on import, and a digest of all of it."""

from __future__ import annotations

import ast
import hashlib
import os
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

SETTERS = ("set", "put", "unset", "enable", "disable", "freeze", "patch", "install", "nice", "init", "register")
"""Prefixes of functions that change something for the whole process."""
PINNED = ("numpy", "scipy", "numba", "llvmlite")
"""Packages that are identified by their versions."""
HARMLESS = ("warnings", "logging", "sys.path", "typing")
"""What a module may change on import without any effect on the time of a call."""


@dataclass(frozen=True)
class Tree:
    """The files whose code is followed. Code of other packages is identified by name and version."""

    # Top folder of the files, without its hidden folders and virtual environments. With no root, every file belongs to
    # the tree, except those of the standard library and of the PINNED packages.
    root: Path | None = None
    importable: tuple[Path, ...] = ()  # folders from which the tree's modules are imported by their full names

    def has_file(self, file: str) -> bool:
        """Whether a source file belongs to the tree."""
        return belongs(file, self.root)

    @cached_property
    def modules(self) -> frozenset[str]:
        """Names of the tree's modules and packages that ``import`` finds."""
        return frozenset(name for folder in self.importable for name in importable_from(folder))

    @property
    def digest(self) -> str | None:
        """Digest of all Python files, without comments and docstrings; None without a root."""
        return None if self.root is None else tree_digest(str(self.root))


@cache
def belongs(file: str, root: Path | None) -> bool:
    if file.startswith("<"):  # generated code, such as a dataclass's methods
        return False
    path = Path(file).resolve()
    if root is None:
        return not is_pinned(path)
    above = root.resolve()
    if not path.is_relative_to(above):
        return False
    inside = path.relative_to(above).parts
    return not any(part.startswith(".") for part in inside) and not any(
        is_environment(above.joinpath(*inside[:depth])) for depth in range(len(inside))
    )


@cache
def is_environment(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").exists()


def is_pinned(file: Path) -> bool:
    """Whether a file belongs to the standard library or to a PINNED package."""
    for site in python_folders("purelib", "platlib"):
        if file.is_relative_to(site):
            return file.relative_to(site).parts[0] in PINNED
    return any(file.is_relative_to(folder) for folder in python_folders("stdlib", "platstdlib"))


@cache
def python_folders(*names: str) -> tuple[Path, ...]:
    """Return folders of this Python, by ``sysconfig``'s names."""
    return tuple(Path(sysconfig.get_path(name)).resolve() for name in names)


@cache
def importable_from(folder: Path) -> frozenset[str]:
    """Return names of modules and packages in a folder that ``import`` finds. A folder with a Python file counts as a package."""
    if not folder.is_dir():
        return frozenset()
    return frozenset(
        item.name.removesuffix(".py")
        for item in folder.iterdir()
        if not item.name.startswith(".")
        and (item.suffix == ".py" or (item.is_dir() and next(python_files(item), None) is not None))
    )


def python_files(root: Path) -> Iterator[Path]:
    """Yield a tree's Python files, except those in hidden folders and virtual environments."""
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if not name.startswith(".") and not is_environment(Path(folder, name))]
        yield from (Path(folder, name) for name in names if name.endswith(".py"))


@cache
def tree_digest(root: str) -> str:
    digest = hashlib.sha256()
    for file in sorted(python_files(Path(root))):
        digest.update(file.relative_to(root).as_posix().encode("utf-8", "replace"))
        digest.update(without_docstrings(file).encode("utf-8", "replace"))
    return digest.hexdigest()


def without_docstrings(file: Path) -> str:
    """Return a file's syntax tree as text, or the file's text if it is not valid Python."""
    text = file.read_text(encoding="utf-8", errors="replace")
    tree = parse(text)
    if tree is None:
        return text
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return ast.dump(tree)


def parse(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


# what modules do on import


@dataclass(frozen=True)
class Effect:
    """A statement that runs when its module is imported, and does more than define a name."""

    name: str  # the name that the changed expression starts with
    line: int  # its line in the file
    text: str  # its source text
    # whether it changes another package, and therefore all code in the process: ``os.environ``, ``np.setbufsize``
    process_wide: bool


@cache
def effects(file: str) -> tuple[Effect, ...]:
    """Return what a Python file does on import beyond defining names, in order; empty for a file that cannot be read."""
    try:
        tree = parse(Path(file).read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ()
    if tree is None:
        return ()
    statements = list(run_on_import(tree.body))
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for node in statements
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    result = []
    for node in statements:
        for changed, setting in changes(node):
            name = ast.unparse(changed)
            if not name.startswith(HARMLESS):
                root = name.partition(".")[0].partition("[")[0].partition("(")[0]
                foreign = root in imported
                if setting or not isinstance(node, ast.Assign | ast.AnnAssign):
                    result.append(Effect(root, node.lineno, ast.unparse(node), foreign))
                    break
    return tuple(result)


def run_on_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run on import, also those under conditions, but not those of ``if __name__ == ...``."""
    for node in body:
        if isinstance(node, ast.If):
            test = ast.unparse(node.test)
            if "__name__" not in test and "TYPE_CHECKING" not in test:
                yield from run_on_import(node.body)
            yield from run_on_import(node.orelse)
        elif isinstance(node, ast.For | ast.While | ast.With | ast.Try):
            for part in ("body", "handlers", "orelse", "finalbody"):
                for inner in getattr(node, part, []):
                    yield from run_on_import(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node


def changes(node: ast.stmt) -> Iterator[tuple[ast.expr, bool]]:
    """Yield what a statement changes or calls, and whether it sets something (by the prefixes in SETTERS)."""
    targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [getattr(node, "target", None)]
    for target in targets:
        if isinstance(target, ast.Attribute | ast.Subscript):
            yield target.value, True
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            name = inner.func.attr if isinstance(inner.func, ast.Attribute) else ast.unparse(inner.func)
            yield inner.func, name.startswith(SETTERS)
