"""Profile one implementation line by line."""

from __future__ import annotations

from dataclasses import dataclass

from w2vbench.bench.engine.pool.worker_process import WorkerFailure
from w2vbench.bench.engine.protocol import LineProfile, MeasurementSettings, Status
from w2vbench.impls.interface import Implementation
from w2vbench.impls.interface.case import Case, Size

from .presets import fit
from .request import PlanError, Request, Say
from .selection import hint_for
from .session import Session, memory_limit


@dataclass(frozen=True, kw_only=True)
class ProfileRequest(Request):
    """What to profile. case: a case's name, or only its kernel and implementation."""

    case: str
    time_limit_s: float


@dataclass(frozen=True, kw_only=True)
class Profiled:
    """A line profile of a case."""

    case: Case
    implementation: Implementation
    lines: LineProfile

    @property
    def exit_code(self) -> int:
        return 1 if self.lines.status == Status.WRONG and not self.implementation.wrong else 0


def profile(request: ProfileRequest, say: Say) -> Profiled:
    """Profile one implementation in a process of its own. Raises PlanError, CatalogueError, CorpusError, BadName."""
    every = {i.key: i for i in request.implementations()}
    key = request.case.partition("@")[0]
    if key not in every:
        raise PlanError(f"no implementation {key!r}; {hint_for(key, every)}")
    implementation = every[key]
    if implementation.no_lines:
        raise PlanError(
            f"{key} has no lines to profile: {implementation.no_lines}; w2vbench run shows its time, and the stages of a training step"
        )
    size = Case.parse(request.case).size if "@" in request.case else fit(implementation.kernel, Size(10_000))
    case, text = implementation.case(size), request.text()
    settings = MeasurementSettings(time_limit_s=request.time_limit_s, memory_limit_bytes=memory_limit())
    with Session("", say).measuring(settings, [size.threads], request.files, text=text) as context:
        try:
            found = context.profile(key, size)
        except WorkerFailure as failure:
            raise PlanError(f"{case}: {failure.status}: {failure.reason}") from failure
    return Profiled(case=case, implementation=implementation, lines=found)
