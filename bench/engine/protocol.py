"""What crosses a process boundary: the jobs that workers are given, and the events that they answer with.

Both ends import these classes, and JSON is written and read in this file only. An implementation can write into every
descriptor of its process, the engine's pipe among them: each line is signed with a token that only the engine's own code
has, and what is not signed is no event.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec

VERSION = 1
"""Version of these classes. Both ends are files of one tree, so that another version means that the tree changed meanwhile."""
LONGEST_LINE = 16 << 20
"""Longest line in bytes. A longer one is not the engine's, and would fill the memory of the process that reads it."""

Figures = list[float | None]
"""A figure a round; null where the variant took no part."""


class Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all parts."""


class Source(Struct, frozen=True, kw_only=True):
    """Where implementations are loaded from.

    tree: a checked-out revision, or empty for this program's own package. files: files from outside, absolute paths.
    """

    tree: str = ""
    files: tuple[str, ...] = ()


class Variant(Struct, frozen=True, kw_only=True):
    """What is timed: an implementation, of a source, with an optional exact slowdown.

    name: what it is called in its experiment's events. key: the implementation's. check: whether its results are checked
    before it is timed. slowed: the share by which its samples are made longer.
    """

    name: str
    key: str
    source: str = ""
    check: bool = False
    slowed: float = 0.0


class Plan(Struct, frozen=True, kw_only=True):
    """How often a variant is called in a sample, and how many rounds it takes part in."""

    calls: int
    rounds: int


class Job(Struct, frozen=True, kw_only=True, tag=True):
    """What every worker is told.

    sources: by name. corpus: the folder that it was saved in. cpu: the one to stay on, if the job has one thread.
    """

    sources: dict[str, Source]
    corpus: str
    seed: int = 0
    cpu: int | None = None
    memory_limit_bytes: int = 3 << 30
    time_limit_s: float = 30.0


class CheckContract(Job, frozen=True, kw_only=True):
    """Put implementations through their kernels' contracts."""

    keys: tuple[str, ...]
    source: str = ""


class ListSources(Job, frozen=True, kw_only=True):
    """List the implementations of the sources ``base`` and ``head``. differing: files that differ between their trees."""

    differing: tuple[str, ...] = ()


class MeasureLimits(Job, frozen=True, kw_only=True):
    """Measure what the machine can do, with working sets up to so many bytes."""

    largest_bytes: int
    dtypes: tuple[str, ...]
    threads: int


class ProfileLines(Job, frozen=True, kw_only=True):
    """Check one implementation at a size, and profile it line by line."""

    key: str
    size: str


class Measure(Job, frozen=True, kw_only=True):
    """Measure one experiment in one process: a problem, and the cases whose variants take turns.

    cases: groups of variants; those of a group are given the same batches, and the same number of rounds. inputs: the source
    that makes the inputs, and checks the results. process: the number of this process in the experiment; each has inputs of
    its own. rounds, least_rounds: samples of a variant, at most and at least. sample_s: shortest sample. variant_s: time that
    a variant may take in all. plan: calls and rounds by variant, where they are known. limits: whether the functions that only
    move what must be moved are timed too. memory, stages: whether these are measured once the times are taken.
    profile: variants that are profiled line by line. careful: look after every sample whether shared inputs have changed.
    """

    kernel: str
    size: str
    cases: tuple[tuple[Variant, ...], ...]
    process: int
    rounds: int
    sample_s: float
    variant_s: float
    least_rounds: int = 3
    inputs: str = ""
    plan: dict[str, Plan] = {}
    limits: bool = False
    memory: bool = False
    stages: bool = False
    profile: tuple[str, ...] = ()
    careful: bool = False


class TrainingSettings(Struct, frozen=True, kw_only=True):
    """The fields of the training contract's Settings: a class of its own, since msgspec leaves marks on those that it reads."""

    window: int
    sample: float
    alpha: float
    min_alpha: float
    power: float
    full_windows: bool


class Train(Job, frozen=True, kw_only=True):
    """Train word vectors on the corpus, or find out at what pace an implementation does so.

    words: train on so many at most (null: all, in all epochs). vectors: the file to leave them in (null: the pace is wanted).
    """

    key: str
    V: int
    H: int
    K: int
    threads: int
    epochs: int
    settings: TrainingSettings
    words: int | None = None
    vectors: str | None = None


Jobs = CheckContract | ListSources | MeasureLimits | ProfileLines | Measure | Train


class Event(Struct, frozen=True, kw_only=True, tag=True):
    """What a worker says."""


class Started(Event, frozen=True, kw_only=True):
    """It has imported what it needs, and waits for a job."""

    version: int = VERSION


class Stage(Event, frozen=True, kw_only=True):
    """A step begins. variant: whose (null: nobody's). patience: how many times the usual limit it may take."""

    name: str
    variant: str | None = None
    patience: int = 1


class Ready(Event, frozen=True, kw_only=True):
    """It waits until nothing else runs, and will measure then."""


class Failed(Event, frozen=True, kw_only=True):
    """The job has failed."""

    status: str
    reason: str


class Done(Event, frozen=True, kw_only=True):
    """The job is done. clean: whether it left nothing running, so that the process may do another."""

    clean: bool = False


class Excluded(Event, frozen=True, kw_only=True):
    """A variant cannot be measured (null: it is not known which), and the job ends."""

    variant: str | None
    status: str
    reason: str


class Verdict(Event, frozen=True, kw_only=True):
    """What the contract says of an implementation."""

    key: str
    status: str
    reason: str


class ProblemMade(Event, frozen=True, kw_only=True):
    """The inputs are there. touched: distinct rows of a batch, mean. batches: how many rotate."""

    touched: float
    batches: int


class Timed(Event, frozen=True, kw_only=True):
    """The samples of a variant: seconds a call, by round."""

    variant: str
    calls: int
    rounds: int
    prepare_s: float
    adapt_s: float | None
    wall_s: Figures
    cpu_s: Figures


class TimesTaken(Event, frozen=True, kw_only=True):
    """All samples are told: whatever happens from here on costs none."""


class Memory(Event, frozen=True, kw_only=True):
    """What a call and set-up allocate, in bytes; why_not: the reason where there are no figures."""

    variant: str
    peak_bytes: int | None = None
    resident_bytes: int | None = None
    prepare_bytes: int | None = None
    prepare_resident_bytes: int | None = None
    why_not: str = ""
    needs: tuple[str, ...] = ()


class Stages(Event, frozen=True, kw_only=True):
    """Seconds in each stage of a training step, by stage."""

    variant: str
    seconds: dict[str, float]


class Line(Struct, frozen=True, kw_only=True):
    """A source line: hits and seconds of all calls, bytes of one call."""

    number: int
    text: str
    hits: int | None = None
    time_s: float | None = None
    traced_bytes: int | None = None
    traced_peak_bytes: int | None = None
    memory_bytes: int | None = None


class Profile(Event, frozen=True, kw_only=True):
    """An implementation line by line, or why there is no profile."""

    variant: str
    status: str = "ok"
    reason: str = ""
    why_not: str = ""
    calls: int = 0
    unit_s: float = 0.0
    hook_s: float = 0.0
    lines: tuple[Line, ...] = ()
    left_out: tuple[str, ...] = ()


class MachineLimits(Event, frozen=True, kw_only=True):
    """What the machine can do: (working set in bytes, bytes a second), and floating-point operations a second by dtype."""

    read: list[tuple[float, float]]
    write: list[tuple[float, float]]
    copy: list[tuple[float, float]]
    matmul: dict[str, float]
    blas_threads: int | None = None


class Facts(Struct, frozen=True, kw_only=True):
    """What a source says of an implementation.

    kernel, dimensions, signature: its kernel's name, dimensions and parameters. identity: of its code. late_imports: modules
    of its tree that it imports when it is called. strays: files of the other side that it uses. data: files that differ and
    that it may read; built: those that an extension of it is built from. effects: what is changed for the whole process when
    it is imported: where, and the statement.
    """

    key: str
    kernel: str
    dimensions: str
    signature: tuple[str, ...]
    slug: str
    title: str
    baseline: bool
    wrong: str
    missing: tuple[str, ...]
    identity: str
    late_imports: tuple[str, ...]
    strays: tuple[str, ...]
    data: tuple[str, ...]
    built: tuple[str, ...]
    effects: tuple[tuple[str, str], ...]
    file: str
    line: int

    @property
    def name(self) -> str:
        """The kernel's name, as sizes ask for it."""
        return self.kernel


class SourceListed(Event, frozen=True, kw_only=True):
    """The implementations of a source, and the version of its interface; error: why it cannot be loaded."""

    source: str
    error: str = ""
    implementations: tuple[Facts, ...] = ()
    interface: int | None = None


class Pace(Event, frozen=True, kw_only=True):
    """How fast an implementation trains."""

    words_per_s: float


class Progress(Event, frozen=True, kw_only=True):
    """How far a training run has come."""

    words: int
    total: int
    words_per_s: float
    left_s: float


class Trained(Event, frozen=True, kw_only=True):
    """A training run has ended. curve: words, and the loss on held-out lines."""

    words: int
    seconds: float
    cpu_s: float
    peak_bytes: int | None
    curve: list[tuple[int, float]]
    whole: bool


Events = (
    Started
    | Stage
    | Ready
    | Failed
    | Done
    | Excluded
    | Verdict
    | ProblemMade
    | Timed
    | TimesTaken
    | Memory
    | Stages
    | Profile
    | MachineLimits
    | SourceListed
    | Pace
    | Progress
    | Trained
)


Emit = Callable[[Events], None]
"""What tells an event to the parent process."""


class SignedJob(Struct, frozen=True, kw_only=True):
    token: str
    job: Jobs


class SignedEvent(Struct, frozen=True, kw_only=True):
    token: str
    event: Events


class NotAnEvent(ValueError):
    """A line that the engine has not written."""


def written(signed: SignedJob | SignedEvent) -> bytes:
    """A line, in ASCII: a file's name may be no UTF-8, and is then text with lone surrogates, which only JSON's escapes hold."""
    return json.dumps(msgspec.to_builtins(signed)).encode() + b"\n"


def job_line(job: Jobs, token: str) -> bytes:
    """A job as a line. token: what its events must be signed with."""
    return written(SignedJob(token=token, job=job))


def read_job(line: bytes) -> tuple[Jobs, str]:
    """A job and its token."""
    signed = msgspec.convert(json.loads(line), SignedJob)
    return signed.job, signed.token


def event_line(event: Events, token: str = "") -> bytes:
    """An event as a line."""
    return written(SignedEvent(token=token, event=event))


def read_event(line: bytes, token: str) -> Events:
    """Read a worker's line.

    Raises
    ------
    NotAnEvent
        Unless it is an event with the worker's token, or its first sign of life, which has none.
    """
    try:
        signed = msgspec.convert(json.loads(line), SignedEvent)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise NotAnEvent from error
    if signed.token != token and not isinstance(signed.event, Started):
        raise NotAnEvent
    return signed.event
