"""What is measured, and how: variants of experiments, and the settings that all experiments of a run share."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

FLOOR = "floor:"
"""Prefix of the names of variants that are not implementations, but limits of one."""
LAYER = "layer:"
"""Prefix of the names of variants that are not implementations, but methods of the book's layers."""


class Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all classes of the protocol."""


class ImplementationSource(Struct, frozen=True, kw_only=True):
    """Where implementations are loaded from."""

    tree: str = ""  # a checked-out revision, or empty for this program's own package
    files: tuple[str, ...] = ()  # the user's files, as absolute paths
    book: str = ""  # a reader's layers of the book, whose methods become implementations; empty for none

    @property
    def is_own(self) -> bool:
        """Whether all of it is this program's own code, of this revision."""
        return not (self.tree or self.files or self.book)


class Variant(Struct, frozen=True, kw_only=True):
    """What is timed: an implementation, from a source, with an optional exact slowdown."""

    name: str  # its name in the experiment's events
    key: str  # the implementation's key
    source: str = ""  # the name of the source
    check: bool = False  # whether its results are checked before it is timed
    slowed: float = 0.0  # share by which its samples are made longer


class SamplePlan(Struct, frozen=True, kw_only=True):
    """Calls in a sample of a variant, and rounds in which it is timed."""

    calls: int
    rounds: int


@dataclass(frozen=True, kw_only=True)
class MeasurementSettings:
    """How experiments are measured."""

    processes: int = 3  # fresh processes of an experiment
    rounds: int = 12  # most samples of a variant in a process
    sample_s: float = 0.002  # shortest sample
    variant_s: float = 0.04  # time that a variant may take in a process; slower variants get fewer rounds
    time_limit_s: float = 30.0  # longest that one step of an implementation may take
    memory_limit_bytes: int = 3 << 30  # most that a worker may allocate
    seed: int = 0  # seed of all random choices
    profile: bool = True  # whether each implementation is also profiled line by line, at one size
