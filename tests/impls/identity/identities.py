"""Trees of code that are written, loaded and identified: what tests of identities share. The codes are in tests/data/identity."""

from __future__ import annotations

import itertools
import re
import sys
import tempfile
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from w2vbench.impls.catalogue.discovery import from_file
from w2vbench.impls.identity.digest import Identity, implementation_identity
from w2vbench.impls.identity.trees import Tree
from w2vbench.impls.interface import Implementation

from tests.impls.catalogue.files import module, written
from tests.tables import table

Files = dict[str, str]
NUMBERS = itertools.count()
VERSIONS = re.compile(r"<<(.*?)\|(.*?)>>", re.DOTALL)
WORLD: Files = table("identity/world")
EDITS, SOURCES = table("identity/edits"), table("identity/sources")


def edited(*edits: list[str]) -> Files:
    """The world's files with some text in them replaced, which must be there."""
    changed = dict(WORLD)
    for file, old, new in edits:
        assert old in changed[file]
        changed[file] = changed[file].replace(old, new)
    return changed


def tree_of(before: str, returns: str, **others: str) -> Files:
    """A tree whose one implementation needs no more than what comes before it."""
    head = "import functools\nimport numpy as np\nfrom w2vbench.impls.lookup import lookup\n"
    mine = f"\n@lookup.implementation('mine', 'mine')\ndef mine(W, idx):\n    return {returns}\n"
    return {"__init__.py": "", "top.py": head + before + mine, **{f"{name}.py": text for name, text in others.items()}}


def chain(length: int) -> str:
    """Functions that call each other, one after the other."""
    return (
        "".join(f"def f{i}(x):\n    return f{i + 1}(x)\n" for i in range(length))
        + f"def f{length}(x):\n    return x\nf0(W)"
    )


def versions(source: str, **others: str) -> list[Files]:
    """The two versions of a tree, from what comes before its implementation and, in the last line, what that returns."""
    both = (VERSIONS.sub(which, source.strip("\n")).rpartition("\n") for which in (r"\1", r"\2"))
    return [tree_of(before + end, returns, **others) for before, end, returns in both]


def write(root: Path, files: Files) -> Path:
    for name, text in files.items():
        written(root / name, text)
    return root


def identity(implementation: Implementation, root: Path) -> Identity:
    """Of an implementation that belongs to a tree."""
    file = Path(implementation.function.__code__.co_filename)
    return implementation_identity(implementation, Tree(root, (root, root / "src", file.parent)))


def load(files: Files) -> Identity:
    """Write a tree, load it under a name of its own as ``catalogue.from_copy`` does, and identify top.mine."""
    name = f"identified_{next(NUMBERS)}"
    with tempfile.TemporaryDirectory() as folder:
        root = write(Path(folder) / "tree", files)
        spec = spec_from_file_location(name, root / "__init__.py", submodule_search_locations=[str(root)])
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[name])
            return identity(import_module(f"{name}.top").mine, root)
        finally:
            for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] == name]:
                del sys.modules[loaded]


def digest(files: Files) -> str:
    return load(files).digest


def identity_of_file(root: Path, statement: str, returns: str, name: str = "mine.py") -> Identity:
    """Of the implementation in a file of a tree, which is written and loaded."""
    (mine,) = from_file(module(root / name, statement, returns), [root])
    return identity(mine, root)
