"""Load the packages that implementations need, before any clock runs."""

from __future__ import annotations

import sys
from importlib import import_module

from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.pool.worker_process import START_PATIENCE
from w2vbench.impls.interface import Implementation


def load_packages(implementation: Implementation, variant: str, emit: protocol.Emit) -> None:
    """Import the packages that an implementation needs: its set-up is then its own, whichever comes first in a process.

    Raises what the import raises.
    """
    for package in implementation.requires:
        if package not in sys.modules:
            emit(protocol.StepBegins(name=f"importing {package}", variant=variant, patience=START_PATIENCE))
            import_module(package)
