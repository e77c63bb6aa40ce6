"""What an implementation's time depends on, as a short text: equal where only comments, names or places have changed.

A function is followed from its compiled code through every function, class and value that it uses, as far as its own tree
defines them. What another package defines stands by its name and version. Where something cannot be followed, the text
of all files of the tree takes its place, so that a change is measured rather than missed.

Two things rely on it: a comparison of revisions, which measures what differs, and the cache of compiled code, which must
not hand out yesterday's.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .follower import Follower, attributes
from .trees import Effect, Tree, effects

NEIGHBOURS = "__w2vbench_neighbours__"
"""Under this name a module that was loaded from a file keeps the files that it imported from beside it."""
READS = re.compile(
    "(^|_)(read(?!y)|load|open|from_?file|genfromtxt|mmap|memmap|r?glob|scandir|listdir|iterdir|walk|c?dll|files?|resources?)",
    re.IGNORECASE,
)
"""How the names of functions begin, or a part of them, that read files."""


@dataclass(frozen=True)
class Identity:
    """What is known of some code.

    digest: equal where the code does the same. late: modules of the tree that it imports by their full name when it is
    called. outside: files of other packages, or of another tree, whose functions it uses. texts: strings in its code, among
    which are the names of files that it reads, and names of packages that it imports. reads: whether it reads files, or
    cannot be followed. effects: what the modules that it comes from change for the whole process when they are imported,
    each with its file.
    """

    digest: str
    late: tuple[str, ...] = ()
    outside: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    reads: bool = False
    effects: tuple[tuple[str, Effect], ...] = ()


def code_identity(values: tuple[Any, ...], tree: Tree, loaded: Iterable[str] = ()) -> Identity | None:
    """Follow functions or other values through a tree; None where they cannot be followed and the tree has no root.

    loaded: files of other modules that were imported with them, whose effects on the process count too.
    """
    follower = Follower(tree)
    try:
        form = tuple(map(follower.form, values))
    except RecursionError:
        form = follower.everything()
    own = [
        follower.alone((effect.text, follower.named(file, effect.name)))
        for file in sorted(follower.files)
        for effect in effects(file)
        if not effect.process_wide
    ]
    files = sorted({*follower.files, *filter(tree.has_file, loaded)})
    wide = [(file, effect) for file in files for effect in effects(file) if effect.process_wide]
    versions = sorted(filter(None, map(follower.version_of, follower.packages)))
    if follower.lost and tree.root is None:
        return None
    text = repr((form, versions, sorted(own)))
    return Identity(
        hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:20],
        tuple(dict.fromkeys(follower.late)),
        frozenset(follower.outside),
        frozenset(follower.texts | follower.packages),
        follower.lost or any(map(READS.search, follower.names)),
        tuple(wide),
    )


def implementation_identity(implementation: Any, tree: Tree) -> Identity:
    """What an implementation's time depends on: its code, how it is compiled, and how its kernel makes inputs and sets them back.

    tree: the one that it belongs to. Raises ValueError for a tree without a root.
    """
    values = [implementation, implementation.kernel.make]
    if implementation.jit:  # by the machinery of the copy of this package that it was decorated by
        package = sys.modules[type(implementation).__module__].__package__
        values.append(import_module(f"{package}.compiled").ready)
    found = code_identity(tuple(values), tree, loaded_with(implementation))
    if found is None:
        raise ValueError("a tree without a root")
    return found


def loaded_with(implementation: Any) -> tuple[str, ...]:
    """The files of the modules that were imported with an implementation: its package's, or those that its file imported."""
    names = implementation.function.__globals__
    package = str(names.get("__package__") or "")
    beside = [name for name in sys.modules if package and name.startswith(f"{package}.")]
    files = [attributes(sys.modules[name]).get("__file__") for name in beside]
    return tuple(file for file in (*files, *names.get(NEIGHBOURS, ())) if file)
