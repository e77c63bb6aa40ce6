"""Workers in other environments, which run this program's code or a user's files, and what such an environment has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from w2vbench.bench.engine.machine import program
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.pool import SCRIPT, Workers
from w2vbench.bench.engine.pool.worker_process import WorkerFailure
from w2vbench.bench.engine.protocol import ImplementationSource
from w2vbench.bench.plans.compare.differences import Listed, NotComparable
from w2vbench.bench.plans.compare.worktrees import RevisionError
from w2vbench.impls.catalogue.discovery import import_roots
from w2vbench.reports.compare.stages import BASE, HEAD
from w2vbench.reports.file.schema.comparison import ComparedEnvironment

from .environments import PythonEnvironment
from .installers import run


@contextmanager
def measuring_in(
    context: RunContext, environments: Mapping[str, PythonEnvironment], files: Sequence[Path]
) -> Iterator[dict[str, RunContext]]:
    """Start workers in each environment, which run a copy of this program, or the user's files.

    It is a copy, since beside an installed program stand the packages of its own environment.

    Yields
    ------
    dict
        For each name of an environment, its workers, with HEAD as their only source.
    """
    copy = program.copy_to(context.corpus / "program")
    with ExitStack() as stack:
        contexts = {}
        for side, environment in environments.items():
            # -E and -s: neither the user's PYTHONPATH nor packages of the user's home
            command = environment.python, "-E", "-s", str(copy / SCRIPT.relative_to(program.ROOMS))
            workers: Workers = stack.enter_context(context.workers.like(command))
            contexts[side] = replace(context, workers=workers, sources={HEAD: source_of(copy, files)})
        yield contexts


def source_of(rooms: Path, files: Sequence[Path]) -> ImplementationSource:
    """Return where implementations come from: the program's rooms, or the user's files in their project."""
    if not files:
        return ImplementationSource(tree=str(rooms))
    top = next(iter(import_roots(files[0])), files[0].resolve().parent)
    return ImplementationSource(tree=str(top), files=tuple(str(file.resolve()) for file in files))


def facts_in(context: RunContext, side: str) -> Listed:
    """Return the implementations as an environment loads them, by key. Raises RevisionError, NotComparable."""
    raised = RevisionError if side == HEAD else NotComparable
    (source,) = context.sources.values()
    try:
        listed = replace(context, sources={BASE: source, HEAD: source}).list_sources()[HEAD]
    except WorkerFailure as failure:
        raise raised(f"{side.upper()}'s environment: {failure.status}: {failure.reason}") from failure
    if listed.error:
        raise raised(f"{side.upper()}'s environment cannot load the implementations: {listed.error}")
    return {one.key: one for one in listed.implementations}


BLAS = "import sys; sys.path.append(sys.argv[1]); from w2vbench.impls.choosing.fingerprint import blas; print(blas())"
"""Appended, since beside an installed program stand other packages, which the environment's own must come before."""


def described(environment: PythonEnvironment, requirements: Sequence[str]) -> ComparedEnvironment:
    """Describe an environment for the result file. Raises PlanError."""
    return ComparedEnvironment(
        requirements=list(requirements),
        python=environment.python_version,
        packages=dict(environment.packages),
        blas=run([environment.python, "-E", "-s", "-c", BLAS, str(program.PACKAGE.parent)]).strip(),
    )
