"""Profile one implementation line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.engine.pool import WorkerFailure
from bench.engine.protocol import LineProfile, MeasurementSettings
from impls import catalogue
from impls.case import Case, Size
from impls.interface import Implementation

from .presets import fit
from .session import PlanError, Say, Session, free_memory, read_corpus


@dataclass(frozen=True, kw_only=True)
class ProfileRequest:
    """What to profile.

    Attributes
    ----------
    case
        A case's name, or only its kernel and implementation.
    files
        The user's own implementations.
    corpus
        A text file; None for the built-in text.
    """

    case: str
    files: Sequence[Path]
    corpus: Path | None
    time_limit_s: float


@dataclass(frozen=True, kw_only=True)
class Profiled:
    """A line profile of a case."""

    case: Case
    implementation: Implementation
    lines: LineProfile

    @property
    def exit_code(self) -> int:
        return 1 if self.lines.status == "wrong" and not self.implementation.wrong else 0


def profile(request: ProfileRequest, say: Say) -> Profiled:
    """Profile one implementation in a process of its own. Raises PlanError, CatalogueError, CorpusError, BadName."""
    every = {i.key: i for i in catalogue.load(request.files)}
    key = request.case.partition("@")[0]
    if key not in every:
        raise PlanError(f"no implementation {key!r}; w2vbench list shows the names (write them as in lookup/gather)")
    implementation = every[key]
    if implementation.no_lines:
        raise PlanError(
            f"{key} has no lines to profile: {implementation.no_lines}; w2vbench run shows its time, and the stages of a training step"
        )
    size = Case.parse(request.case).size if "@" in request.case else fit(implementation.kernel, Size(10_000))
    case, text = implementation.case(size), read_corpus(request.corpus)
    settings = MeasurementSettings(time_limit_s=request.time_limit_s, memory_limit_bytes=free_memory())
    with Session("", say).measuring(settings, size.threads, request.files) as context:
        text.save(context.corpus)
        try:
            found = context.profile(key, size)
        except WorkerFailure as failure:
            raise PlanError(f"{case}: {failure.status}: {failure.reason}") from failure
    return Profiled(case=case, implementation=implementation, lines=found)
