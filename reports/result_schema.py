"""The result file: its schema.

The format is pytest-benchmark's JSON, so that ``pytest-benchmark compare`` and every CI service that reads it works on
ours. ``benchmarks`` holds the cases that were measured; all else stands in each row's ``extra_info`` and in one object
``w2vbench`` beside it, which has a schema version. The file is long so that the schema stands in one place;
``reports.files`` reads and writes.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from .statistics import Floats, Interval, MemoryVerdict
from .verdicts import LogRatios, SetupVerdict, Verdict

SCHEMA = 1

Positive = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=1e-12, lt=1e9)]
"""Wall time a call. Ratios and logarithms are taken of it, so it is neither zero nor absurd; CPU time may be zero, since its clock is coarse."""
Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Signed = Annotated[int, Field(gt=-(1 << 62), lt=1 << 62)]


class Part(BaseModel):
    """Base of all parts: unknown fields are kept, since a file may have more than this version reads."""

    model_config = ConfigDict(extra="allow", frozen=True)


Family = Literal["textbook", "NumPy/SciPy", "compiled", "framework"]
"""What an implementation is written with, from the textbook's own way on; numba compiles, torch and gensim are frameworks."""


class SizeRecord(Part):
    """A case's size: vocabulary, hidden size, batch, negatives, dtypes, words and threads."""

    V: Count
    H: Count
    B: Count
    K: Count
    dtype: str
    index: str
    words: str
    threads: Count


def some(rounds: list[float | None]) -> list[float | None]:
    """Raise ValueError where no round has a figure."""
    if all(figure is None for figure in rounds):
        raise ValueError("no figure in any round")
    return rounds


@dataclass(frozen=True, kw_only=True)
class Samples:
    """What one process timed of one variant.

    Attributes
    ----------
    wall_s, cpu_s
        Seconds a call, one figure a round; null where the variant took no part in a round.
    setup_s
        Seconds that set-up took.
    adapt_s
        Seconds to convert a batch, median; null where nothing is converted.
    """

    wall_s: Annotated[list[Seconds | None], AfterValidator(some)]
    cpu_s: Annotated[list[Positive | None], AfterValidator(some)]
    setup_s: Positive | None = None
    adapt_s: Positive | None = None

    def __post_init__(self) -> None:
        if len(self.wall_s) != len(self.cpu_s):
            raise ValueError("wall_s and cpu_s have different numbers of rounds")

    @property
    def walls(self) -> Floats:
        """The wall times, NaN where the variant took no part."""
        return np.array(self.wall_s, np.float64)


class Extra(Part):
    """What a row knows beyond pytest-benchmark's own fields. Units are in the names. covers: examples a call, by what they
    are called; ratios are by the first. differs: what else the case does otherwise than others of its problem."""

    kernel: str
    implementation: str
    title: str
    summary: str = ""
    size: SizeRecord
    family: Family = "NumPy/SciPy"
    baseline: bool = False
    slide: int | None = None
    grows_with: str = ""
    needs: list[str] = []
    touched_rows: Positive | None = None
    processes: list[Samples] = []
    cpu_s: Positive | None = None
    prepare_s: Positive | None = None
    adapt_s: Positive | None = None
    peak_bytes: Count | None = None
    resident_bytes: Count | None = None
    prepare_bytes: Count | None = None
    prepare_resident_bytes: Count | None = None
    read_bytes: Positive | None = None
    written_bytes: Positive | None = None
    flops: Positive | None = None
    least_read_bytes: Positive | None = None
    least_written_bytes: Positive | None = None
    moves_more: bool = False
    loops: bool = False
    covers: dict[str, Positive] = {}
    differs: str = ""


class Stats(Part):
    """pytest-benchmark's statistics of all samples together, in seconds."""

    min: Positive
    max: Positive
    mean: Positive
    median: Seconds
    stddev: Positive
    rounds: Count
    iterations: Count


class Row(Part):
    """One case that was measured. group: the problem. param: what pytest-benchmark, which names rows after its test, put in brackets."""

    group: str | None
    name: str
    fullname: str
    params: Any = None
    param: str | None = None
    extra_info: Extra
    options: dict[str, Any] = {}
    stats: Stats

    @property
    def case(self) -> str:
        """The case's name, whichever engine wrote the row."""
        return self.param or self.name

    @property
    def slug(self) -> str:
        return self.extra_info.implementation

    @property
    def walls(self) -> list[Floats]:
        """The wall times of each process's rounds, in seconds per call; NaN where the implementation took no part."""
        return [process.walls for process in self.extra_info.processes]


class NotMeasured(Part):
    """A case without figures, and why. marked_wrong: whether it is the textbook's wrong version, shown on purpose."""

    case: str
    kernel: str
    implementation: str
    title: str
    family: Family = "NumPy/SciPy"
    size: SizeRecord
    status: Literal["wrong", "skipped", "timeout", "out of memory", "crashed", "error"]
    reason: str
    marked_wrong: bool = False


class SourceCode(Part):
    """Where an implementation stands, and its text."""

    file: str
    line: Count
    code: str


class ProfiledLine(Part):
    """A source line: hits and seconds of all calls together, bytes of one call; null where no code runs.

    traced_bytes: what it allocated and left allocated, net over its hits; traced_peak_bytes: the highest above what was
    there when a hit began. memory_bytes: by how much it raised the resident set.
    """

    number: Count
    text: str
    hits: Count | None = None
    time_s: Positive | None = None
    traced_bytes: Signed | None = None
    traced_peak_bytes: Count | None = None
    memory_bytes: Signed | None = None


class LineProfile(Part):
    """An implementation line by line: calls, line_profiler's timer unit and what its hook adds to a hit, in seconds.
    left_out: what could not be profiled, and why."""

    calls: Annotated[int, Field(ge=1)]
    unit_s: Positive
    hook_s: Positive
    lines: list[ProfiledLine]
    left_out: list[str] = []


class CorpusRecord(Part):
    """Where the words came from.

    Attributes
    ----------
    name, tokens, words
        Of the text: its name, its length in words, and how many of them are distinct.
    tail_exponent
        The power of the rank by which counts go on beyond the text's own vocabulary.
    streams
        For each vocabulary, a sentence on its stream of words.
    """

    name: str = ""
    tokens: Count | None = None
    words: Count | None = None
    tail_exponent: Positive | None = None
    streams: dict[str, str] = {}


Curve = list[tuple[Annotated[float, Field(gt=0, lt=1e18)], Annotated[float, Field(gt=0, lt=1e18)]]]
"""A rate in bytes a second by the working set's bytes."""


class Limits(Part):
    """What the machine can do: bandwidths by working set, and floating-point operations a second of matrix products, by dtype."""

    read: Curve = []
    write: Curve = []
    copied: Curve = Field(default=[], alias="copy")  # pydantic's models have a method copy
    matmul: dict[str, Annotated[float, Field(gt=0, lt=1e18)]] = {}


def plausible(ratio: Interval) -> Interval:
    """Raise ValueError where a ratio of times, or an end of its 95 % interval, cannot be one."""
    ends = [end for end in (ratio.low, ratio.high) if end is not None]
    if not 1e-12 < ratio.estimate < 1e9 or not all(0 <= end < math.inf for end in ends):
        raise ValueError("no ratio of times")
    return ratio


Ratio = Annotated[Interval, AfterValidator(plausible)]
"""A ratio of times, with its 95 % interval where there is one."""


class ComparedRow(Part):
    """One case at two revisions, or in two result files.

    Attributes
    ----------
    why
        What the verdict rests on, or why there is none.
    stages
        What each process of each stage timed of ``base``, ``control`` (BASE loaded once more) and ``head``. Every ratio, time
        and verdict of a comparison of revisions follows from it (``reports.stages``); two result files have none.
    excluded
        Whether the case could not be compared: its verdict then follows from no samples.
    ratio, mean, control
        HEAD's median time over BASE's; the same of mean times; the A/A difference, control's over BASE's, in the same processes.
    setup, setup_ratio, base_setup_s, head_setup_s
        The verdict on set-up time; HEAD's over BASE's; seconds.
    processes, second_stage
        How many processes the verdict stands on, and whether they are the fresh ones of a second stage.
    base_s, head_s, base_cpu_s, head_cpu_s
        Seconds a call, and of CPU time, of all threads.
    memory, base_bytes, control_bytes, head_bytes
        How HEAD's peak of traced allocation in a call differs from BASE's; the peaks in bytes.
    base_resident_bytes, head_resident_bytes
        Growth of the resident set in a call, in bytes; it is never judged.
    memory_missing
        Why a side has no peak.
    needs, untraced
        Optional packages of either side; whether one of them allocates what tracing does not see, so that memory is unknown.
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
    second_stage: bool = False
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
        """Each process has samples of the three variants, and a stage has two processes or more, or none."""
        for stage in self.stages:
            if not self.excluded and len(stage) == 1:
                raise ValueError(f"{self.case!r} has a stage of one process")
            for process in stage:
                timed = {side for side, one in process.items() if any(wall is not None for wall in one.wall_s)}
                if not {"base", "control", "head"} <= timed:
                    raise ValueError(f"{self.case!r} has a process without samples of base, control and head")
        if not self.excluded and any(self.stages) and not self.stages[0]:
            raise ValueError(f"{self.case!r} has a second stage and no first one")
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
    """What was compared, and what came of it. skipped: cases by the reason for which they were not measured; over_budget: those
    of them that differ, and that there was no time for.
    environments: BASE's and HEAD's, where packages were compared: then processes are compared, not rounds.
    diffs: by file, what changed in it, as git shows it. waiting: share of their time that calls of one thread did not have
    its CPU."""

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
    def same_rounds(self) -> Self:
        """The variants of one process were timed in the same rounds; of two environments, each had its own process."""
        if len(self.environments) == 1:
            raise ValueError("a comparison of environments has two")
        for row in self.cases if not self.environments else ():
            for process in (process for stage in row.stages for process in stage):
                if len({tuple(wall is None for wall in one.wall_s) for one in process.values()}) > 1:
                    raise ValueError(f"{row.case!r} has a process without the same rounds of base, control and head")
        return self


class ReleasedCase(Part):
    """A case over the releases of a package.

    Attributes
    ----------
    times
        By release, the median seconds a call of each turn.
    failed
        By release, why it has no times.
    """

    case: str
    kernel: str
    implementation: str
    title: str
    times: dict[str, list[Seconds]]
    failed: dict[str, str] = {}


class Narrowed(Part):
    """Where between two measured releases a change came.

    Attributes
    ----------
    before, after
        The measured releases.
    last, first
        The last release that is like the one before, and the first that is like the one after.
    undecided
        The releases between these two, which could not be told.
    """

    case: str
    before: str
    after: str
    last: str
    first: str
    undecided: list[str] = []


class Releases(Part):
    """Cases over the releases of a package, in one process a release and turn.

    Attributes
    ----------
    environments
        By release, the oldest first.
    not_measured
        By release, why there is no environment.
    threshold
        The share of time that counts as no change.
    """

    package: str
    threshold: Positive
    environments: dict[str, ComparedEnvironment]
    not_measured: dict[str, str] = {}
    cases: list[ReleasedCase] = []
    narrowed: list[Narrowed] = []
    seconds: Positive = 0.0

    @model_validator(mode="after")
    def as_many_turns(self) -> Self:
        """Every release of a case has a time in each turn, or none and a reason."""
        for case in self.cases:
            if len({len(times) for times in case.times.values()}) > 1:
                raise ValueError(f"{case.case!r} has more turns at one release than at another")
            if not {*case.times, *case.failed} <= self.environments.keys():
                raise ValueError(f"{case.case!r} has times of a release without an environment")
        return self


class Trial(Part):
    """One comparison of identical code, one side slowed by a known share.

    Attributes
    ----------
    injected
        How much slower HEAD was made; below zero where BASE was.
    verdict, setup
        On the time of a call, and on set-up time.
    why
        Why the case could not be compared.
    comparison
        The number of the comparison that it was a part of.
    rules
        Whether other tools' rules call HEAD slower, from the same samples.
    """

    case: str
    injected: Annotated[float, Field(gt=-1, lt=100)]
    threshold: Positive
    verdict: Verdict
    setup: SetupVerdict = "unknown"
    why: str = ""
    comparison: Count = 0
    rules: dict[str, bool] = {}


class Calibration(Part):
    """How often a comparison is right on this machine.

    Attributes
    ----------
    found
        By slowdown, the share of cases that would be called slower, worked out from the trials of identical code.
    stages
        Those trials' log-ratios: both stages of each batch.
    apart
        Whether each side had a process of its own, as where packages are compared.
    packages
        The versions in that environment, by name.
    """

    threshold: Positive
    comparisons: Count
    apart: bool = False
    packages: dict[str, str] = {}
    seconds: Positive = 0.0
    trials: list[Trial] = []
    found: list[tuple[Positive, Annotated[float, Field(ge=0, le=1)]]] = []
    stages: list[tuple[list[LogRatios], list[LogRatios]]] = []


class TrainingRun(Part):
    """One training run of an implementation. words: trained on, in all epochs. whole: whether that is all of the text, in all epochs.
    curve: words and negative-sampling loss on held-out lines; loss: the last of them. scores: rank correlation with
    people's judgements (wordsim353, simlex999), share of analogies found."""

    kernel: str
    implementation: str
    title: str
    family: Family = "NumPy/SciPy"
    threads: Count
    seed: Count
    status: Literal["ok", "skipped", "timeout", "out of memory", "crashed", "error", "wrong"]
    reason: str = ""
    words: Count = 0
    whole: bool = True
    seconds: Positive = 0.0
    cpu_s: Positive = 0.0
    peak_bytes: Count | None = None
    curve: list[tuple[Count, Positive]] = []
    loss: Positive | None = None
    scores: dict[str, Annotated[float, Field(ge=-1, le=1)]] = {}


class Against(Part):
    """A score beside the peer's, means over the seeds that were planned. difference: above zero where it is better. margin: by
    how much it may be worse. room: how far the difference is above -margin at least, at 5 % one-sided. shown: whether it
    is not worse by the margin; null where that cannot be told."""

    difference: Annotated[float, Field(allow_inf_nan=False)]
    margin: Positive
    room: Annotated[float, Field(allow_inf_nan=False)]
    shown: bool | None


class Training(Part):
    """Whole training runs on one text, in random order. budget_s: time that a run might take. digest: of the text and the
    code. planned: seeds that are tested, fixed before the first run (0: a file of before there was a plan). asked: pairs or
    questions behind each score. against: by implementation and threads, each score that can be set beside the peer's;
    equal: whether it is equal in quality (null: that cannot be told)."""

    corpus: str
    tokens: Count
    V: Count
    H: Count
    K: Count
    epochs: Count
    budget_s: Positive = 0.0
    settings: dict[str, float] = {}
    digest: str = ""
    runs: list[TrainingRun] = []
    asked: dict[str, Count] = {}
    planned: Count = 0
    against: dict[str, dict[str, Against]] = {}
    equal: dict[str, bool | None] = {}


Engine = Literal["run", "pytest-benchmark", "compare", "calibrate", "quality", "versions"]
"""What made a file."""


class Suite(Part):
    """What the suite adds to the file: how it was measured, what was not, what the machine can do, a
    call's cost by problem, line profiles by case and why others have none, and seconds in each stage of a training step by case."""

    schema_version: int
    engine: Engine
    command: str
    preset: str | None = None
    seed: int = 0
    complete: bool = True
    settings: dict[str, Any] = {}
    corpus: CorpusRecord = CorpusRecord()
    environment: dict[str, Any] = {}
    warnings: list[str] = []
    kernels: dict[str, str] = {}
    not_measured: list[NotMeasured] = []
    limits: Limits | None = None
    limit_samples: dict[str, dict[str, list[Samples]]] = {}
    profiles: dict[str, LineProfile] = {}
    not_profiled: dict[str, str] = {}
    stages: dict[str, dict[str, Positive]] = {}
    sources: dict[str, SourceCode] = {}
    comparison: Comparison | None = None
    releases: Releases | None = None
    calibration: Calibration | None = None
    training: Training | None = None


class Commit(Part):
    """The commit that a run was made at, as pytest-benchmark tells it. dirty: whether files were changed."""

    id: str | None = None
    dirty: bool | None = None


class ResultFile(Part):
    """A whole result file."""

    machine_info: dict[str, Any]
    commit_info: Commit
    benchmarks: list[Row]
    datetime: str
    version: str
    w2vbench: Suite

    @model_validator(mode="after")
    def consistent(self) -> Self:
        """Each case stands in the file once, and cases of a problem have the same processes, since they are compared process by process."""
        cases = Counter([row.case for row in self.benchmarks] + [case.case for case in self.w2vbench.not_measured])
        twice = [case for case, times in cases.items() if times > 1]
        if twice:
            raise ValueError(f"{twice[0]!r} stands in it more than once")
        processes: dict[str | None, int] = {}
        for row in self.benchmarks:
            if processes.setdefault(row.group, len(row.extra_info.processes)) != len(row.extra_info.processes):
                raise ValueError(f"{row.case!r} has not as many processes as others of its problem")
        return self

    def __hash__(self) -> int:
        """By identity, so that what several outputs need can be kept by file (functools.lru_cache)."""
        return id(self)

    @property
    def baselines(self) -> dict[str | None, Row]:
        """The case of each problem that speed-ups refer to, by the problem."""
        return {row.group: row for row in self.benchmarks if row.extra_info.baseline}


def with_part(result: ResultFile, **part: Any) -> ResultFile:
    """Return a result file with other values of its ``w2vbench`` part."""
    return result.model_copy(update={"w2vbench": result.w2vbench.model_copy(update=part)})
