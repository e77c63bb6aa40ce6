"""What plans add to the engine, which imports none of them: jobs of their own, and further implementations.

``bench/worker.py``, a worker's script, imports the plans that add something when they are imported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from w2vbench.bench.engine import protocol
from w2vbench.impls.interface import Implementation, Kernel

from .methods import MethodCalls

JOBS: dict[type[protocol.Job], Callable[[Any, protocol.Emit], None]] = {}
"""What does a job, by the job's class."""
READERS: list[Callable[[Path], Sequence[Implementation]]] = []
"""Each returns the implementations that a reader's file of the book's layers holds (``ImplementationSource.book``)."""
LAYERS: list[Callable[[Kernel, Sequence[str]], dict[str, MethodCalls]]] = []
"""Each returns methods of layers, by the names of their variants (``MeasureOptions.layers``)."""
