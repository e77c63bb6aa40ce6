"""Load the packages that implementations need, before any clock runs."""

from __future__ import annotations

import sys
from importlib import import_module

from impls.interface import Implementation

from . import protocol

PATIENCE = 10
"""How many times the usual limit it may take: on a busy machine, with its files not in memory, torch takes many seconds."""


def load_packages(implementation: Implementation, variant: str, emit: protocol.Emit) -> None:
    """Import the packages that an implementation needs: its set-up is then its own, whichever comes first in a process.

    Raises what the import raises.
    """
    for package in implementation.requires:
        if package not in sys.modules:
            emit(protocol.StepBegins(name=f"importing {package}", variant=variant, patience=PATIENCE))
            import_module(package)
