"""Where implementations come from: this program's package, a user's files, or another revision, each loaded separately."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.machine.program import ROOMS
from w2vbench.bench.engine.pool.worker_process import START_PATIENCE
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.identity.digest import implementation_identity
from w2vbench.impls.identity.trees import Tree
from w2vbench.impls.interface import INTERFACE_VERSION, Implementation, Kernel, Problem
from w2vbench.impls.messages import describe

from w2vbench import impls

from .extensions import READERS
from .uses import distributions_of, files_used_by
from .watch import watched_names

LISTING_PATIENCE = 3
"""How many times the usual limit a side may take: the code of each of its implementations is followed, which on a busy machine takes
half a minute."""


@dataclass(frozen=True)
class LoadedSource:
    """A source that this process has loaded."""

    implementations: dict[str, Implementation]  # by key
    package: str  # name of the copy of ``impls`` that its kernels come from
    root: Path  # the folder in which its code is followed
    patched_names: tuple[str, ...] = ()  # names that loading it replaced, and that were restored

    def find(self, key: str) -> Implementation:
        """Return an implementation by its key. Installed packages are searched only for what the source lacks."""
        if key not in self.implementations:
            self.implementations.update((i.key, i) for i in catalogue.from_packages())
        return self.implementations[key]

    def kernel(self, name: str) -> Kernel:
        return next(i.kernel for i in self.implementations.values() if i.kernel.name == name)

    def make(self, kernel: str, size: str, corpus: Path, seed: Sequence[int]) -> Problem:
        """Make the inputs of a kernel at a size."""
        case, words = (import_module(f"{self.package}.{name}") for name in ("interface.case", "corpus.words"))
        rng = np.random.default_rng(list(seed))
        return self.kernel(kernel).make(case.Size.parse(size), words.Corpus.load(corpus), rng)


def load_sources(
    sources: Mapping[str, protocol.ImplementationSource], order: np.random.Generator
) -> dict[str, LoadedSource]:
    """Load sources in a random order: the first may get a better place in memory, or be the first to show numba its types."""
    items = list(sources.items())
    for at in order.permutation(len(items)):
        load_source(*items[at])
    return {name: load_source(name, source) for name, source in items}


@cache
def load_source(name: str, source: protocol.ImplementationSource) -> LoadedSource:
    """Load a source under its own module name, once a process. Raises whatever its code raises."""
    package, root = impls.__name__, Path(source.tree)
    if not source.tree:
        root = ROOMS / "impls"
        implementations = catalogue.load(map(Path, source.files), installed=False)
        if source.book:
            implementations += [one for read in READERS for one in read(Path(source.book))]
    elif source.files:
        beside = [folder for folder in (root, root / "src") if folder.is_dir()]
        files = [file for file in map(Path, source.files) if file.is_file()]
        implementations = [i for file in files for i in catalogue.from_file(file, beside, name)]
    else:
        package, root = f"w2vbench_{name}", root / "impls"
        implementations = catalogue.from_copy(root, package)
    keys = [i.key for i in implementations]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise catalogue.CatalogueError(f"two implementations are called {twice}: rename one")
    return LoadedSource(dict(zip(keys, implementations, strict=True)), package, root, tuple(watched_names().restore()))


def is_own(implementation: Implementation) -> bool:
    """Whether an implementation is one of this program's."""
    return implementation.function.__module__.startswith(f"{impls.__name__}.")


def load_packages(implementation: Implementation, variant: str, emit: protocol.Emit) -> None:
    """Import the packages that an implementation needs: its set-up is then its own, whichever comes first in a process.

    Raises what the import raises.
    """
    for package in implementation.requires:
        if package not in sys.modules:
            emit(protocol.StepBegins(name=f"importing {package}", variant=variant, patience=START_PATIENCE))
            import_module(package)


def is_of(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether an error is of a class of ``impls``: of this program's own, or by its name of another copy's."""
    return type(error).__name__ == kind.__name__


def list_sources(job: protocol.ListSources, emit: protocol.Emit) -> None:
    """List the implementations of both sides of a comparison, with the identity of their code."""
    for name, other in (("base", "head"), ("head", "base")):
        emit(protocol.StepBegins(name=f"loading {name.upper()}", patience=LISTING_PATIENCE))
        source = job.sources[name]
        try:
            side = load_source(name, source)
            version = sys.modules[f"{side.package}.interface"].INTERFACE_VERSION
            if version != INTERFACE_VERSION:
                raise catalogue.CatalogueError(
                    f"its interface is version {version}, but this w2vbench measures version {INTERFACE_VERSION}: "
                    "use the w2vbench of that revision"
                )
            trees = Path(source.tree), Path(job.sources[other].tree)
            listed = tuple(facts(i, side.root, *trees, job.differing) for i in side.implementations.values())
        except BaseException as error:  # SystemExit too: only this side has failed
            message = str(error) if is_of(error, catalogue.CatalogueError) else describe(error)
            emit(protocol.SourceListed(source=name, error=message))
            continue
        emit(protocol.SourceListed(source=name, implementations=listed))


def facts(
    implementation: Implementation, root: Path, top: Path, other: Path, differing: Sequence[str] = ()
) -> protocol.Facts:
    """Describe an implementation for the main process.

    Parameters
    ----------
    implementation
        What is described.
    root
        The folder in which its code is followed, inside the tree ``top``.
    top
        The tree of its side.
    other
        The tree of the other side, whose files it must not use.
    differing
        Files that differ between the trees.
    """
    kernel = implementation.kernel
    file, _, line = catalogue.source(implementation).rpartition(":")
    identity = implementation_identity(implementation, Tree(root, (root, root / "src", Path(file).parent)))
    strays = [] if root.is_relative_to(other) else sorted(filter(Tree(other).has_file, identity.outside_files))
    inside = [name for name in differing if (top / name).is_relative_to(root)]
    read, built = files_used_by(identity, Path(file), top, inside)
    return protocol.Facts(
        key=implementation.key,
        kernel=kernel.name,
        dimensions=kernel.dimensions,
        at=kernel.measured.at,
        batches=kernel.measured.batches,
        signature=tuple(kernel.parameters),
        slug=implementation.slug,
        title=implementation.title,
        baseline=implementation.baseline,
        wrong=implementation.wrong,
        requires=tuple(implementation.requires),
        missing=tuple(catalogue.missing(implementation)),
        identity=identity.digest,
        packages=tuple(sorted(distributions_of((*identity.packages, *identity.texts, *implementation.requires)))),
        late_imports=tuple(identity.late_imports),
        strays=tuple(str(Path(file).resolve().relative_to(other.resolve())) for file in strays),
        data=read,
        built=built,
        effects=tuple(
            (f"{Path(at).resolve().relative_to(top.resolve())}:{one.line}", one.text) for at, one in identity.effects
        ),
        file=file,
        line=int(line),
    )
