"""The result file: what ``compare`` adds to it."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from w2vbench.reports.statistics.problems import MemoryVerdict
from w2vbench.reports.statistics.verdicts import SetupVerdict, Verdict

from .fields import Count, Part, Positive, Ratio, Samples, Seconds


class ComparedRow(Part):
    """One case at two revisions, or in two result files.

    Attributes
    ----------
    why
        What the verdict rests on, or why there is none.
    stages
        What each process timed of ``base``, ``control`` (BASE loaded once more) and ``head``; a stage is the processes from one
        look to the next. Every ratio, time and verdict of a comparison of revisions follows from it (``w2vbench.reports.compare.stages``); two
        result files have none.
    excluded
        Whether the case could not be compared: its verdict then follows from no samples.
    ratio, mean
        HEAD's median time over BASE's, and the same of mean times.
    control
        The A/A difference: control's over BASE's, in the same processes.
    setup, setup_ratio
        The verdict on set-up time; HEAD's over BASE's.
    processes
        How many processes the verdict stands on.
    base_s, head_s
        Seconds a call.
    base_cpu_s, head_cpu_s
        Seconds of CPU time a call, of all threads.
    memory
        How HEAD's peak of traced allocation in a call differs from BASE's.
    base_resident_bytes, head_resident_bytes
        Growth of the resident set in a call; it is never judged.
    memory_missing
        Why a side has no peak.
    needs
        Optional packages of either side.
    untraced
        Whether one of them allocates what tracing does not see, so that memory is unknown.
    acknowledged
        Why the slowdown is intended.
    file, line
        Where HEAD's implementation stands.
    margin
        The change that counted as none, where two result files were compared.
    """

    case: str
    kernel: str
    implementation: str
    title: str
    verdict: Verdict
    why: str = ""
    stages: list[list[dict[str, Samples]]] = []
    excluded: bool = False
    ratio: Ratio | None = None
    control: Ratio | None = None
    mean: Ratio | None = None
    setup: SetupVerdict = "unknown"
    setup_ratio: Ratio | None = None
    base_setup_s: Positive | None = None
    head_setup_s: Positive | None = None
    processes: Count = 0
    base_s: Seconds | None = None
    head_s: Seconds | None = None
    base_cpu_s: Positive | None = None
    head_cpu_s: Positive | None = None
    memory: MemoryVerdict = "unknown"
    base_bytes: Count | None = None
    control_bytes: Count | None = None
    head_bytes: Count | None = None
    base_resident_bytes: Count | None = None
    head_resident_bytes: Count | None = None
    memory_missing: str = ""
    needs: list[str] = []
    untraced: bool = False
    acknowledged: str | None = None
    file: str = ""
    line: Count = 0
    margin: Positive | None = None

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
    """One side of a comparison of packages.

    Attributes
    ----------
    requirements
        What was asked for.
    python
        The interpreter's version.
    packages
        The version of each package, by name.
    blas
        Which BLAS NumPy uses there, its version, and the processor that its kernels are made for.
    """

    requirements: list[str] = []
    python: str
    packages: dict[str, str]
    blas: str = ""


class Comparison(Part):
    """What was compared, and what came of it.

    Attributes
    ----------
    environments
        BASE's and HEAD's, where packages were compared.
    skipped
        By reason, the cases that were not measured.
    over_budget
        Those of them that differ, and that there was no time for.
    diffs
        By file, what changed in it, as git shows it.
    waiting
        The share of their time in which calls of one thread did not have their CPU.
    """

    base: str
    head: str
    base_commit: str | None = None
    head_commit: str | None = None
    interleaved: bool = True
    environments: list[ComparedEnvironment] = Field(default=[], max_length=2)
    threshold: Positive
    cases: list[ComparedRow] = []
    added: list[str] = []
    removed: list[str] = []
    renamed: list[tuple[str, str]] = []
    skipped: dict[str, list[str]] = {}
    over_budget: list[str] = []
    caveats: list[str] = []
    diffs: dict[str, str] = {}
    seconds: Positive = 0.0
    waiting: Positive = 0.0

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
