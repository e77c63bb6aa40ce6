"""The result file: its schema.

The format is pytest-benchmark's JSON, so that ``pytest-benchmark compare`` and every CI service that reads it works on
ours. ``benchmarks`` holds the cases that were measured; all else stands in each row's ``extra_info`` and in one object
``w2vbench`` beside it, which has a schema version. The parts of a comparison, of a package's releases, of a calibration
and of training runs are in files of their own (``comparison.py`` and so on); ``w2vbench.reports.file.files`` reads and writes.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from w2vbench.reports.statistics.problems import Floats, Logs

from .calibration import Calibration
from .comparison import Comparison
from .corpus import CorpusRecord
from .deck import Deck
from .fields import Count, Family, Part, Positive, Samples, Seconds, Signed
from .machines import Machine
from .releases import Releases
from .training import Training

SCHEMA = 1


class SizeRecord(Part):
    """A case's size: vocabulary, hidden size, batch, negatives (or mean words of a bag), dtypes, words and threads."""

    V: Count
    H: Count
    B: Count
    K: Count
    dtype: str
    index: str
    words: str
    threads: Count


class Extra(Part):
    """What a row knows beyond pytest-benchmark's own fields. Units are in the names."""

    kernel: str
    implementation: str
    title: str
    summary: str = ""
    size: SizeRecord
    family: Family = "NumPy/SciPy"
    baseline: bool = False
    slide: int | None = None  # the slide of the source deck that shows it
    grows_with: str = ""  # the sizes that its time is declared to grow with
    unit: str = ""  # what a batch has B of: word, bag, example
    # these lists come from a factory, since a plain default would be copied deeply for each of many rows
    needs: list[str] = Field(default_factory=list)  # optional packages that it needs
    touched_rows: Positive | None = None  # distinct rows that a batch touches, mean
    processes: list[Samples] = Field(default_factory=list)
    cpu_s: Positive | None = None  # CPU time per call, where there are no processes
    prepare_s: Positive | None = None
    adapt_s: Positive | None = None
    peak_bytes: Count | None = None
    resident_bytes: Count | None = None
    prepare_bytes: Count | None = None
    prepare_resident_bytes: Count | None = None
    # what a call moves and computes
    read_bytes: Positive | None = None
    written_bytes: Positive | None = None
    flops: Positive | None = None
    # what any implementation must move
    least_read_bytes: Positive | None = None
    least_written_bytes: Positive | None = None
    moves_more: bool = False  # whether it moves more than it must
    loops: bool = False  # whether it loops in Python
    # examples a call, by what they are called; ratios are by the first
    covers: dict[str, Positive] = Field(default_factory=dict)
    differs: str = ""  # what else the case does otherwise than others of its problem
    machine: str = ""  # the machine of several on which it was measured
    doubt: str = ""  # why its figures are in doubt


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
    """One case that was measured."""

    group: str | None  # the problem
    name: str
    fullname: str
    params: Any = None
    param: str | None = None  # what pytest-benchmark, which names rows after its test, put in brackets
    extra_info: Extra
    options: dict[str, Any] = Field(default_factory=dict)
    stats: Stats

    @property
    def case(self) -> str:
        """The case's name, whichever engine wrote the row."""
        return self.param or self.name

    @property
    def slug(self) -> str:
        return self.extra_info.implementation

    @property
    def medians_s(self) -> list[float]:
        """The median of each process's wall times."""
        return [process.wall_median_s for process in self.extra_info.processes]

    @property
    def walls(self) -> list[Floats]:
        """The wall times of each process's rounds, in seconds per call; NaN where the implementation took no part."""
        return [process.walls for process in self.extra_info.processes]

    @property
    def wall_logs(self) -> list[Logs]:
        """The logarithms of each process's wall times; None where the implementation took no part."""
        return [process.wall_logs for process in self.extra_info.processes]


class NotMeasured(Part):
    """A case without figures, and why."""

    case: str
    kernel: str
    implementation: str
    title: str
    family: Family = "NumPy/SciPy"
    size: SizeRecord
    status: Literal["wrong", "skipped", "timeout", "out of memory", "crashed", "error"]
    reason: str
    marked_wrong: bool = False  # whether it is the textbook's wrong version, shown on purpose


class SourceCode(Part):
    """Where an implementation stands, and its text."""

    file: str
    line: Count
    code: str


class ProfiledLine(Part):
    """A source line, with null where no code runs."""

    number: Count
    text: str
    # of all calls together
    hits: Count | None = None
    time_s: Positive | None = None
    traced_bytes: Signed | None = None  # what it allocated in one call and left allocated, net over its hits
    traced_peak_bytes: Count | None = None  # the highest above what was there when a hit began
    memory_bytes: Signed | None = None  # by how much it raised the resident set


class LineProfile(Part):
    """An implementation line by line."""

    calls: Annotated[int, Field(ge=1)]
    unit_s: Positive  # line_profiler's timer unit
    hook_s: Positive  # what its hook adds to a hit
    lines: list[ProfiledLine]
    left_out: list[str] = []  # what could not be profiled, and why


class LayerFigures(Part):
    """A method of one of the book's layers, on the inputs of a problem, in one process: its samples, the memory of a call, and its lines."""

    problem: str
    size: SizeRecord
    samples: Samples
    peak_bytes: Count | None = None
    resident_bytes: Count | None = None
    profile: LineProfile | None = None
    not_profiled: str = ""


Curve = list[tuple[Annotated[float, Field(gt=0, lt=1e18)], Annotated[float, Field(gt=0, lt=1e18)]]]
"""A rate in bytes a second by the working set's bytes."""


class Limits(Part):
    """What the machine can do: bandwidths by working set, and floating-point operations a second of matrix products, by dtype."""

    read: Curve = []
    write: Curve = []
    copied: Curve = Field(default=[], alias="copy")  # pydantic's models have a method copy
    matmul: dict[str, Annotated[float, Field(gt=0, lt=1e18)]] = {}


UNKNOWN = Limits()


class KernelFacts(Part):
    """What people are told of a kernel: what it does, as its group is introduced, and the name of its drawing."""

    about: str = ""
    diagram: str = ""


class Phase(Part):
    """A phase of a run: its wall time, and the seconds of the steps of its workers, which may run at the same time."""

    name: str
    wall_s: Positive
    steps: dict[str, Positive] = {}


Engine = Literal["run", "pytest-benchmark", "compare", "calibrate", "quality", "versions"]
"""What made a file."""


class Suite(Part):
    """What the suite adds to the file."""

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
    kernels: dict[str, str] = {}  # titles of kernels, by name
    kernel_facts: dict[str, KernelFacts] = {}
    not_measured: list[NotMeasured] = []
    # what the machine can do: on the fewest threads, and on each number of them where there are several
    limits: Limits | None = None
    limits_by_threads: dict[int, Limits] = {}
    # by problem, what calling, and moving what must be moved, took
    limit_samples: dict[str, dict[str, list[Samples]]] = {}
    # line profiles by case, and why others have none
    profiles: dict[str, LineProfile] = {}
    not_profiled: dict[str, str] = {}
    stages: dict[str, dict[str, Positive]] = {}  # by case, seconds in each stage of a training step
    sources: dict[str, SourceCode] = {}  # code, by implementation
    # the run's own time: by phase, and by problem
    phases: list[Phase] = []
    problem_seconds: dict[str, Positive] = {}
    # of a run on several machines: their kind, and each of them
    kind: str = ""
    machines: list[Machine] = []

    comparison: Comparison | None = None
    releases: Releases | None = None
    calibration: Calibration | None = None
    training: Training | None = None
    # of a run of the source deck: its worked examples, and its layers by method
    deck: Deck | None = None
    layers: dict[str, LayerFigures] = {}

    def limits_on(self, threads: int) -> Limits:
        """Return what the machine can do on a number of threads, without a curve where that was not measured."""
        return (self.limits_by_threads.get(threads) if self.limits_by_threads else self.limits) or UNKNOWN


class Commit(Part):
    """The commit that a run was made at, as pytest-benchmark tells it."""

    id: str | None = None
    dirty: bool | None = None  # whether files were changed


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
