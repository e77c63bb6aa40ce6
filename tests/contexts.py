"""What tests measure with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.engine.context import RunContext
from bench.engine.pool import Workers
from bench.engine.protocol import ImplementationSource, MeasurementSettings


def context_of(
    workers: Workers, corpus: Path, files: Sequence[Path] = (), settings: MeasurementSettings | None = None
) -> RunContext:
    """A context with implementations from some files."""
    sources = {"": ImplementationSource(files=tuple(map(str, files)))}
    return RunContext(workers=workers, corpus=corpus, sources=sources, settings=settings or MeasurementSettings())
