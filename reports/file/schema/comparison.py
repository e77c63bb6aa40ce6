"""The result file: what ``compare`` adds to it."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from w2vbench.reports.statistics.problems import MemoryVerdict
from w2vbench.reports.statistics.verdicts import SetupVerdict, Verdict

from .fields import Count, Part, Positive, Ratio, Samples, Seconds


class ComparedRow(Part):
    """One case at two revisions, or in two result files."""

    case: str
    kernel: str
    implementation: str
    title: str
    verdict: Verdict
    why: str = ""  # what the verdict rests on, or why there is none
    # What each process timed of ``base``, ``control`` (BASE loaded once more) and ``head``; a stage is the processes
    # from one look to the next. Every ratio, time and verdict of a comparison of revisions follows from it
    # (``w2vbench.reports.compare.stages``); two result files have none.
    stages: list[list[dict[str, Samples]]] = []
    excluded: bool = False  # whether the case could not be compared: its verdict then follows from no samples
    ratio: Ratio | None = None  # HEAD's median time over BASE's
    control: Ratio | None = None  # the A/A difference: control's over BASE's, in the same processes
    mean: Ratio | None = None  # HEAD's mean time over BASE's
    # the verdict on set-up time; HEAD's over BASE's
    setup: SetupVerdict = "unknown"
    setup_ratio: Ratio | None = None

    base_setup_s: Positive | None = None
    head_setup_s: Positive | None = None
    processes: Count = 0  # how many processes the verdict stands on
    # seconds a call
    base_s: Seconds | None = None
    head_s: Seconds | None = None
    # seconds of CPU time a call, of all threads
    base_cpu_s: Positive | None = None
    head_cpu_s: Positive | None = None
    memory: MemoryVerdict = "unknown"  # how HEAD's peak of traced allocation in a call differs from BASE's
    base_bytes: Count | None = None
    control_bytes: Count | None = None
    head_bytes: Count | None = None
    # growth of the resident set in a call; it is never judged
    base_resident_bytes: Count | None = None
    head_resident_bytes: Count | None = None
    memory_missing: str = ""  # why a side has no peak
    needs: list[str] = []  # optional packages of either side
    untraced: bool = False  # whether one of them allocates what tracing does not see, so that memory is unknown
    acknowledged: str | None = None  # why the slowdown is intended
    # where HEAD's implementation stands
    file: str = ""
    line: Count = 0
    margin: Positive | None = None  # the change that counted as none, where two result files were compared

    @model_validator(mode="after")
    def complete(self) -> Self:
        """Each process has samples of the three variants, and there are two or more before the first look, or none."""
        for stage in self.stages:
            for process in stage:
                timed = {side for side, one in process.items() if any(wall is not None for wall in one.wall_s)}
                if not {"base", "control", "head"} <= timed:
                    raise ValueError(f"{self.case!r} has a process without samples of base, control and head")
        if not self.excluded and any(self.stages) and len(self.stages[0]) < 2:
            raise ValueError(f"{self.case!r} has fewer than two processes before its first look")
        return self


class ComparedEnvironment(Part):
    """One side of a comparison of packages."""

    requirements: list[str] = []  # what was asked for
    python: str  # the interpreter's version
    packages: dict[str, str]  # the version of each package, by name
    blas: str = ""  # which BLAS NumPy uses there, its version, and the processor that its kernels are made for


class Comparison(Part):
    """What was compared, and what came of it."""

    base: str
    head: str
    base_commit: str | None = None
    head_commit: str | None = None
    interleaved: bool = True
    environments: list[ComparedEnvironment] = Field(default=[], max_length=2)  # where packages were compared
    threshold: Positive
    cases: list[ComparedRow] = []
    added: list[str] = []
    removed: list[str] = []
    renamed: list[tuple[str, str]] = []
    skipped: dict[str, list[str]] = {}  # by reason, the cases that were not measured
    over_budget: list[str] = []  # those of them that differ, and that there was no time for
    caveats: list[str] = []
    diffs: dict[str, str] = {}  # by file, what changed in it, as git shows it
    seconds: Positive = 0.0
    waiting: Positive = 0.0  # the share of their time in which calls of one thread did not have their CPU

    @model_validator(mode="after")
    def two_environments_or_none(self) -> Self:
        """Packages are compared in BASE's environment and HEAD's, and revisions in none of their own."""
        if len(self.environments) == 1:
            raise ValueError("a comparison of environments has two")
        return self

    @model_validator(mode="after")
    def same_rounds(self) -> Self:
        """Rounds of the same number are compared, so all sides were timed in the same ones."""
        for row in self.cases:
            for process in (process for stage in row.stages for process in stage):
                if len({tuple(wall is None for wall in one.wall_s) for one in process.values()}) > 1:
                    raise ValueError(f"{row.case!r} has a process without the same rounds of base, control and head")
        return self
