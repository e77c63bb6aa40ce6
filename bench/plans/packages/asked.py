"""What of a request can be told to be wrong before environments are made, which takes minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from packaging.utils import canonicalize_name
from w2vbench.bench.engine.machine.program import ROOMS
from w2vbench.bench.engine.worker.variants.sources import facts
from w2vbench.bench.plans.run.presets import GATE
from w2vbench.bench.plans.run.request import PlanError, Request
from w2vbench.bench.plans.run.selection import Selection, no_such_kernel
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.interface import Implementation


def check_files(files: Sequence[Path]) -> None:
    """Raise PlanError unless all files exist, before environments are made for them."""
    for file in files:
        if not file.is_file():
            raise PlanError(f"{file}: {'a folder, not a file' if file.is_dir() else 'no such file'}")


def selected(request: Request, threads: int, where: str) -> list[Implementation]:
    """Return the implementations of which --kernel and --only select a case.

    Parameters
    ----------
    threads
        Of each case.
    where
        Ends a message: ``in either environment``.

    Returns
    -------
    list of Implementation
        Nothing if this process cannot load a file of --impl, which may import what only the environments have.

    Raises
    ------
    PlanError
        If a kernel is unknown, or no case is selected.
    """
    try:
        theirs = [one for file in request.files for one in catalogue.from_file(file, catalogue.import_roots(file))]
    except catalogue.CatalogueError:
        return []
    every = theirs if request.files else list(catalogue.own())
    if problem := no_such_kernel(request.kernels, [one.kernel.name for one in every]):
        raise PlanError(problem)
    selection = Selection(request.kernels, request.globs)

    def is_selected(one: Implementation) -> bool:
        names = (str(one.case(replace(size, threads=threads))) for size in GATE.sizes(one.kernel))
        return selection.has_kernel(one.kernel.name) and any(map(selection.has_case, names))

    if not (found := list(filter(is_selected, every))):
        raise PlanError(selection.matches_nothing(where))
    return found


def check_package(package: str, implementations: Sequence[Implementation]) -> None:
    """Raise PlanError if none of this program's implementations imports a package, so that its releases make no difference."""
    name = canonicalize_name(package)

    def imports(one: Implementation) -> bool:
        return (
            name in map(canonicalize_name, one.requires) or name in facts(one, ROOMS / "impls", ROOMS, ROOMS).packages
        )

    if not any(map(imports, implementations)):
        raise PlanError(f"no selected implementation imports {package}, so its releases make no difference")
