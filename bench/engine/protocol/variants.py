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
    """Where implementations are loaded from.

    Attributes
    ----------
    tree
        A checked-out revision, or empty for this program's own package.
    files
        The user's files, as absolute paths.
    book
        A reader's layers of the book, whose methods become implementations; empty for none.
    """

    tree: str = ""
    files: tuple[str, ...] = ()
    book: str = ""

    @property
    def is_own(self) -> bool:
        """Whether all of it is this program's own code, of this revision."""
        return not (self.tree or self.files or self.book)


class Variant(Struct, frozen=True, kw_only=True):
    """What is timed: an implementation, from a source, with an optional exact slowdown.

    Attributes
    ----------
    name
        Its name in the experiment's events.
    key
        The implementation's key.
    source
        The name of the source.
    check
        Whether its results are checked before it is timed.
    slowed
        Share by which its samples are made longer.
    """

    name: str
    key: str
    source: str = ""
    check: bool = False
    slowed: float = 0.0


class SamplePlan(Struct, frozen=True, kw_only=True):
    """Calls in a sample of a variant, and rounds in which it is timed."""

    calls: int
    rounds: int


@dataclass(frozen=True, kw_only=True)
class MeasurementSettings:
    """How experiments are measured.

    Attributes
    ----------
    processes
        Fresh processes of an experiment.
    rounds
        Most samples of a variant in a process.
    sample_s
        Shortest sample.
    variant_s
        Time that a variant may take in a process; slower variants get fewer rounds.
    time_limit_s
        Longest that one step of an implementation may take.
    memory_limit_bytes
        Most that a worker may allocate.
    seed
        Seed of all random choices.
    profile
        Whether each implementation is also profiled line by line, at one size.
    """

    processes: int = 3
    rounds: int = 12
    sample_s: float = 0.002
    variant_s: float = 0.04
    time_limit_s: float = 30.0
    memory_limit_bytes: int = 3 << 30
    seed: int = 0
    profile: bool = True
