"""Code identity: a digest of all code that an implementation's time depends on.

It is equal where only comments, docstrings, names or positions differ. A function is followed from its bytecode through
every function, class and value that it uses, as far as its own tree defines them. Code of other packages is identified by
name and version. Where something cannot be followed, the text of all files of the tree takes its place, so that a change
is measured rather than missed.

A comparison of revisions relies on it to find what differs, and the cache of compiled code to never return old code.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .follower import Follower
from .trees import Effect, Tree, effects
from .values import attributes

NEIGHBOURS = "__w2vbench_neighbours__"
"""Attribute of a module loaded from a file: the files that it imported from its own folders."""
READERS = re.compile(
    "(^|_)(read(?!y)|load|open|from_?file|genfromtxt|mmap|memmap|r?glob|scandir|listdir|iterdir|walk|c?dll|files?|resources?)",
    re.IGNORECASE,
)
"""Beginnings of words in the names of functions that read files."""


@dataclass(frozen=True)
class Identity:
    """The identity of some code, and facts about it."""

    digest: str  # equal for equal code
    # modules of the tree that the code imports by their full names when it is called
    late_imports: tuple[str, ...] = ()
    outside_files: frozenset[str] = frozenset()  # files of other packages, or of another tree, whose functions it uses
    # strings in the code, which may name files that it reads, and names of packages that it imports
    texts: frozenset[str] = frozenset()
    reads_files: bool = False  # whether it reads files, or cannot be followed
    # what its modules change for the whole process on import, each with its file
    effects: tuple[tuple[str, Effect], ...] = ()
    packages: frozenset[str] = frozenset()  # names of the other packages that it uses


def code_identity(values: tuple[Any, ...], tree: Tree, loaded: Iterable[str] = ()) -> Identity | None:
    """Follow functions or other values through a tree.

    Parameters
    ----------
    values
        What to follow.
    tree
        The files whose code is followed.
    loaded
        Files of other modules that were imported with them: their effects on the process count too.

    Returns
    -------
    Identity | None
        None where something cannot be followed and the tree has no root.
    """
    follower = Follower(tree)
    try:
        form = tuple(map(follower.form, values))
    except RecursionError:
        form = follower.whole_tree()
    own = [
        follower.independent_form((effect.text, follower.value_of(file, effect.name)))
        for file in sorted(follower.files)
        for effect in effects(file)
        if not effect.process_wide
    ]
    files = sorted({*follower.files, *filter(tree.has_file, loaded)})
    wide = [(file, effect) for file in files for effect in effects(file) if effect.process_wide]
    versions = sorted(filter(None, map(follower.version_of, follower.packages)))
    if follower.incomplete and tree.root is None:
        return None
    text = repr((form, versions, sorted(own)))
    return Identity(
        hashlib.sha256(text.encode()).hexdigest()[:20],
        tuple(dict.fromkeys(follower.late_imports)),
        frozenset(follower.outside_files),
        frozenset(follower.texts | follower.packages),
        follower.incomplete or any(map(READERS.search, follower.names)),
        tuple(wide),
        frozenset(follower.packages),
    )


def implementation_identity(implementation: Any, tree: Tree) -> Identity:
    """Return the identity of an implementation's code, with how it is compiled and how its kernel makes and resets inputs.

    Parameters
    ----------
    implementation
        An Implementation of any copy of this package.
    tree
        The tree that it belongs to.

    Raises
    ------
    ValueError
        For a tree without a root.
    """
    values = [implementation, implementation.kernel.make]
    if implementation.jit:  # its own copy of this package compiles it
        package = type(implementation).__module__.partition(".interface")[0]
        values.append(import_module(f"{package}.compiling.functions").ready)
    identity = code_identity(tuple(values), tree, loaded_with(implementation))
    if identity is None:
        raise ValueError("a tree without a root")
    return identity


def loaded_with(implementation: Any) -> tuple[str, ...]:
    """Return files of the modules that were imported with an implementation: its package's, or those that its file imported."""
    names = implementation.function.__globals__
    package = f"{names.get('__package__')}."  # that of a file without a package is no beginning of a name
    beside = [name for name in sys.modules if name.startswith(package)]
    files = [attributes(sys.modules[name]).get("__file__") for name in beside]
    return tuple(file for file in (*files, *names.get(NEIGHBOURS, ())) if file)
