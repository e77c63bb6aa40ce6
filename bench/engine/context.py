"""What experiments are measured with: workers, the text, where implementations come from, and settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impls.case import Size

from . import protocol
from .pool import Died, Workers


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How experiments are measured.

    processes: fresh processes of an experiment. rounds: samples of a variant in a process, at most.
    sample_s: shortest sample. variant_s: time that a variant may take in a process; slower ones get fewer rounds.
    time_limit_s: longest that a step of an implementation may take. memory_limit_bytes: most that a worker may hold.
    profile: whether each implementation is also profiled line by line, at one size.
    """

    processes: int = 3
    rounds: int = 12
    sample_s: float = 0.002
    variant_s: float = 0.04
    time_limit_s: float = 30.0
    memory_limit_bytes: int = 3 << 30
    seed: int = 0
    profile: bool = True


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What experiments are measured with.

    corpus: the folder that the text was saved in. sources: where implementations come from, by name; the empty name is this
    program's own package, with the user's files. cpu: the one that workers of one thread stay on.
    """

    workers: Workers
    corpus: Path
    settings: Settings = field(default_factory=Settings)
    sources: Mapping[str, protocol.Source] = field(default_factory=lambda: {"": protocol.Source()})
    cpu: int | None = None

    @property
    def own(self) -> bool:
        """Whether all implementations are this program's: processes may check and time several, one after another."""
        return all(not source.tree and not source.files for source in self.sources.values())

    def common(self) -> dict[str, Any]:
        """The fields that every job has."""
        return {
            "sources": dict(self.sources),
            "corpus": str(self.corpus),
            "seed": self.settings.seed,
            "cpu": self.cpu,
            "memory_limit_bytes": self.settings.memory_limit_bytes,
            "time_limit_s": self.settings.time_limit_s,
        }

    def check(self, *keys: str, source: str = "", again: bool = False) -> Iterator[protocol.Events]:
        """The events of a process that puts implementations through their kernels' contracts. Raises Died."""
        job = protocol.CheckContract(**self.common(), keys=keys, source=source)
        return self.workers.work(job, 1, again=again)

    def profile(self, key: str, size: Size) -> protocol.Profile:
        """Profile one implementation line by line, in a process of its own. Raises Died."""
        job = protocol.ProfileLines(**self.common(), key=key, size=str(size))
        events = self.workers.work(job, size.threads)
        return next(event for event in events if isinstance(event, protocol.Profile))

    def machine_limits(self, sizes: Sequence[Size]) -> protocol.MachineLimits | None:
        """What the machine can do, at the working sets and dtypes of some sizes; None if it could not be found out."""
        job = protocol.MeasureLimits(
            **self.common(),
            largest_bytes=max(size.V * size.H * size.float_type.itemsize for size in sizes),
            dtypes=tuple(sorted({size.dtype for size in sizes})),
            threads=sizes[0].threads,
        )
        try:
            events = list(self.workers.work(job, sizes[0].threads, again=True))
        except Died:
            return None
        return next(event for event in events if isinstance(event, protocol.MachineLimits))

    def list_sources(self, differing: Sequence[str] = ()) -> dict[str, protocol.SourceListed]:
        """The implementations of the sources ``base`` and ``head``. Raises Died."""
        job = protocol.ListSources(**self.common(), differing=tuple(differing))
        events = self.workers.work(job, 1, ahead=True)
        return {event.source: event for event in events if isinstance(event, protocol.SourceListed)}
