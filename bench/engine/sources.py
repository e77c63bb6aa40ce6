"""Where implementations come from: this program's package, files from outside, or another revision, each loaded apart."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from impls import catalogue
from impls.identity import implementation_identity
from impls.interface import INTERFACE_VERSION, Implementation, Kernel, Problem
from impls.trees import Tree

from . import protocol
from .contract import describe
from .data_files import built_from, read_by
from .watch import names


@dataclass(frozen=True)
class Loaded:
    """A source in this process.

    package: name of the copy of ``impls`` that its kernels come from. root: the folder that its code is followed in.
    patched: names that loading it changed, and that were put back.
    """

    implementations: dict[str, Implementation]
    package: str
    root: Path
    patched: tuple[str, ...] = ()

    def find(self, key: str) -> Implementation:
        """An implementation by its key. Installed packages are asked only for what the source lacks."""
        if key not in self.implementations:
            self.implementations.update((i.key, i) for i in catalogue.from_packages())
        return self.implementations[key]

    def kernel(self, name: str) -> Kernel:
        return next(i.kernel for i in self.implementations.values() if i.kernel.name == name)

    def make(self, kernel: str, size: str, corpus: Path, seed: Sequence[int]) -> Problem:
        """The inputs of a kernel at a size, as this source makes them."""
        case, words = import_module(f"{self.package}.case"), import_module(f"{self.package}.words")
        rng = np.random.default_rng(list(seed))
        return self.kernel(kernel).make(case.Size.parse(size), words.Corpus.load(corpus), rng)


KNOWN: dict[tuple[str, protocol.Source], Loaded] = {}
"""The sources that this process has loaded; each is loaded once."""


def loaded(sources: Mapping[str, protocol.Source], order: np.random.Generator) -> dict[str, Loaded]:
    """Load sources, in a random order: what is loaded first may lie better in memory, or have its types known to numba first."""
    found = list(sources.items())
    for at in order.permutation(len(found)):
        name, source = found[at]
        if (name, source) not in KNOWN:
            KNOWN[name, source] = load(source, name)
    return {name: KNOWN[name, source] for name, source in found}


def load(source: protocol.Source, name: str) -> Loaded:
    """Load a source under a name of its own. Raises whatever is wrong there."""
    own = catalogue.__name__.rpartition(".")[0]
    if not source.tree:
        found, package, root = (
            catalogue.load(map(Path, source.files), installed=False),
            own,
            Path(catalogue.__file__).parent,
        )
    elif source.files:
        tree = Path(source.tree)
        beside = [folder for folder in (tree, tree / "src") if folder.is_dir()]
        files = [file for file in map(Path, source.files) if file.is_file()]
        found = [i for file in files for i in catalogue.from_file(file, beside, name)]
        package, root = own, tree
    else:
        root = Path(source.tree) / "impls"
        package = f"w2vbench_{name}"
        found = catalogue.copied(root, package)
    keys = [i.key for i in found]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise catalogue.CatalogueError(f"two implementations are called {twice}: rename one")
    return Loaded(dict(zip(keys, found, strict=True)), package, root, tuple(names().put_back()))


def is_own(implementation: Implementation) -> bool:
    """Whether an implementation is this program's."""
    return implementation.function.__module__.startswith("impls.")


def list_sources(job: protocol.ListSources, emit: protocol.Emit) -> None:
    """List what each side of a comparison has, with the identity of its code."""
    for name, other in (("base", "head"), ("head", "base")):
        emit(protocol.Stage(name=f"loading {name.upper()}"))
        source = job.sources[name]
        try:
            side = load(source, name)
            trees = Path(source.tree), Path(job.sources[other].tree)
            found = tuple(facts(i, side.root, *trees, job.differing) for i in side.implementations.values())
            version = sys.modules[f"{side.package}.interface"].INTERFACE_VERSION
            if version != INTERFACE_VERSION:
                raise catalogue.CatalogueError(
                    f"its interface is version {version}, and this w2vbench measures version {INTERFACE_VERSION}: "
                    "compare with the w2vbench of that revision"
                )
        except BaseException as error:  # SystemExit too: it is that side's doing, not the other's
            meant = str(error) if type(error).__name__ == "CatalogueError" else describe(error)  # the copy's class too
            emit(protocol.SourceListed(source=name, error=meant))
            continue
        emit(protocol.SourceListed(source=name, implementations=found, interface=version))
    emit(protocol.Done())


def facts(
    implementation: Implementation, root: Path, top: Path, other: Path, differing: Sequence[str] = ()
) -> protocol.Facts:
    """Describe an implementation to the parent process.

    root: the folder that its code is followed in, a part of the tree below top. other: the other side's tree, of which it
    must use nothing. differing: files that differ between the trees.
    """
    kernel = implementation.kernel
    file, _, line = catalogue.source(implementation).rpartition(":")
    found = implementation_identity(implementation, Tree(root, (root, root / "src", Path(file).parent)))
    strays = [] if root.is_relative_to(other) else sorted(filter(Tree(other).has_file, found.outside))
    inside = [name for name in differing if (top / name).is_relative_to(root)]
    return protocol.Facts(
        key=implementation.key,
        kernel=kernel.name,
        dimensions=kernel.dimensions,
        signature=tuple(kernel.parameters),
        slug=implementation.slug,
        title=implementation.title,
        baseline=implementation.baseline,
        wrong=implementation.wrong,
        missing=tuple(catalogue.missing(implementation)),
        identity=found.digest,
        late_imports=tuple(found.late),
        strays=tuple(str(Path(file).resolve().relative_to(other.resolve())) for file in strays),
        data=tuple(read_by(found, Path(file), top, inside)),
        built=tuple(built_from(found, Path(file), top, inside)),
        effects=tuple(
            (f"{Path(at).resolve().relative_to(top.resolve())}:{one.line}", one.text) for at, one in found.effects
        ),
        file=file,
        line=int(line),
    )
