"""A run under way: how it is measured, and what is finished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.protocol import MeasurementSettings
from w2vbench.impls.corpus.words import Corpus

from .passed import PassedChecks
from .problems import ProblemRun
from .session import Session


@dataclass(kw_only=True)
class Run:
    """A run under way: how it is measured, and what is finished.

    Attributes
    ----------
    preset
        The preset's name; None for the user's own sizes.
    planned
        All problems of the run.
    limits
        Measurements of the machine's limits.
    passed
        Checks that need not be repeated.
    looks
        After how many processes it is looked whether a problem is decided; empty where the user has chosen their number.
    complete
        Whether every process of every problem is finished.
    """

    session: Session
    preset: str | None
    settings: MeasurementSettings
    corpus: Corpus
    planned: Sequence[ProblemRun]
    looks: Sequence[int] = ()
    limits: list[protocol.MachineLimits] = field(default_factory=list)
    passed: PassedChecks = field(default_factory=PassedChecks)
    complete: bool = False

    @property
    def problems(self) -> list[ProblemRun]:
        """The problems of which at least one process is finished."""
        return [problem for problem in self.planned if problem.processes]

    @property
    def exit_code(self) -> int:
        """What follows from its cases; those that are marked as wrong do not count."""
        cases = (case for problem in self.problems for case in problem.cases)
        return self.session.exit_code(case.status for case in cases if not case.implementation.wrong)
