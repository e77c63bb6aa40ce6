"""The protocol between the main process and its workers: jobs in one direction, events in the other.

Both ends import these classes, and only this file writes and reads JSON. An implementation can write into every file
descriptor of its process, including the engine's pipe. Each line is therefore signed with a token that only the engine's
code has, and a line without it is not an event. The file is long because both ends must agree on all of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import msgspec

T = TypeVar("T")

LONGEST_LINE = 16 << 20
"""Longest line in bytes. A longer line is not the engine's, and would fill the reader's memory."""

WITHOUT_NUMBA = "--without-numba"
"""The argument of a worker that does not load numba at its start."""

Figures = list[float | None]
"""One figure a round; null for a round that the variant skipped."""


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


class Job(Struct, frozen=True, kw_only=True, tag=True):
    """Base of all jobs.

    Attributes
    ----------
    sources
        Where implementations come from, by name.
    corpus
        The folder in which the corpus is saved.
    settings
        How experiments are measured.
    cpu
        The CPU to stay on, if the job has one thread.
    timed
        Whether the job times anything. If not, its code loads numba where it needs it.
    """

    timed: ClassVar[bool] = True
    sources: dict[str, ImplementationSource]
    corpus: str
    settings: MeasurementSettings
    cpu: int | None = None


class CheckContract(Job, frozen=True, kw_only=True):
    """Check an implementation against its kernel's contract.

    Attributes
    ----------
    sizes
        The sizes at which it will be measured, to which the contract's are adapted; empty if they are not known.
    """

    timed: ClassVar[bool] = False
    key: str
    source: str = ""
    sizes: tuple[str, ...] = ()


class CheckBook(Job, frozen=True, kw_only=True):
    """Check a reader's layers of the book.

    Attributes
    ----------
    file
        The reader's file.
    done, wrong
        Classes that earlier processes have checked, and those of them that were wrong.
    """

    timed: ClassVar[bool] = False
    file: str
    done: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


class ListSources(Job, frozen=True, kw_only=True):
    """List the implementations of the sources ``base`` and ``head``.

    Attributes
    ----------
    differing
        Files that differ between their trees.
    """

    timed: ClassVar[bool] = False
    differing: tuple[str, ...] = ()


class MeasureLimits(Job, frozen=True, kw_only=True):
    """Measure the machine's limits, with working sets of up to ``largest_bytes``."""

    largest_bytes: int
    dtypes: tuple[str, ...]
    threads: int


class ProfileLines(Job, frozen=True, kw_only=True):
    """Check one implementation at a size, and profile it line by line."""

    key: str
    size: str


class MeasureOptions(Struct, frozen=True, kw_only=True):
    """What one process of an experiment measures.

    Attributes
    ----------
    process
        Number of the process in the experiment. Each process has its own inputs.
    plan
        Calls and rounds by variant, where they are known.
    least_rounds
        Fewest samples of a variant.
    limits
        Whether functions that only move the data that must be moved are timed too.
    memory, stages
        Whether these are measured after the times.
    unanswered
        By key, what is said of the memory of implementations that have given no answer in another process. They are not asked
        again.
    profile
        Variants that are profiled line by line.
    layers
        Methods of the book's layers, such as ``MatMul.forward``, that are timed and profiled too, each as a variant of its own
        (``book.ours``).
    paced
        Whether every round waits until the main process lets it begin, so that rounds of several processes alternate. A case
        then has one variant.
    placement
        Seed of where the arrays lie in memory; empty for where they happen to.
    reuse
        Whether the process may have done another job before.
    """

    process: int
    plan: dict[str, SamplePlan] = {}
    least_rounds: int = 3
    limits: bool = False
    memory: bool = False
    stages: bool = False
    unanswered: dict[str, str] = {}
    profile: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    paced: bool = False
    placement: tuple[int, ...] = ()
    reuse: bool = False


Case = tuple[Variant, ...]
"""The variants of a case: they get the same batches and the same number of rounds, and all are excluded if one fails."""


class Measure(Job, frozen=True, kw_only=True):
    """Measure one experiment in one process: a problem, and cases whose variants are timed in turn.

    Attributes
    ----------
    kernel, size
        The problem.
    cases
        What is measured together, interleaved.
    options
        What is measured. It may name variants that are not among the cases any more.
    inputs
        The source that makes the inputs and checks the results.
    careful
        Whether the worker checks after every sample that shared inputs have not changed.
    """

    kernel: str
    size: str
    cases: tuple[Case, ...]
    options: MeasureOptions
    inputs: str = ""
    careful: bool = False


class Train(Job, frozen=True, kw_only=True):
    """Train word vectors on the corpus, or measure how fast an implementation does so.

    Attributes
    ----------
    key
        The implementation.
    V, H, K, threads, epochs
        What is trained, as in ``training_loop.TrainingPlan``.
    training
        The fields of the training contract's settings. Not the class itself, because msgspec adds attributes to classes that
        it reads.
    words
        Most words to train on, in all epochs together; null for all.
    vectors
        The file for the vectors; null to measure the speed only.
    """

    key: str
    V: int
    H: int
    K: int
    threads: int
    epochs: int
    training: dict[str, Any]
    words: int | None = None
    vectors: str | None = None


Jobs = CheckContract | CheckBook | ListSources | MeasureLimits | ProfileLines | Measure | Train


class Event(Struct, frozen=True, kw_only=True, tag=True):
    """Base of all events."""


class Started(Event, frozen=True, kw_only=True):
    """The worker has imported what it needs, and waits for a job."""


class StepBegins(Event, frozen=True, kw_only=True):
    """A step begins.

    Attributes
    ----------
    name
        The step, as messages name it.
    variant
        The variant whose step it is; null if it is no variant's.
    patience
        How many times the usual limit it may take.
    """

    name: str
    variant: str | None = None
    patience: int = 1


class Ready(Event, frozen=True, kw_only=True):
    """The worker is ready to measure, and waits until nothing else runs."""


class RoundBegins(Event, frozen=True, kw_only=True):
    """The worker of a paced job is ready for its next round, and waits until no other process is in one."""


class Failed(Event, frozen=True, kw_only=True):
    """The job has failed, by the fault of the variant whose step it was in."""

    status: str
    reason: str


class Done(Event, frozen=True, kw_only=True):
    """The job is done.

    Attributes
    ----------
    clean
        Whether it left nothing running, so that the process may do another job.
    """

    clean: bool = False


class ContractChecked(Event, frozen=True, kw_only=True):
    """The result of checking an implementation."""

    key: str
    status: str
    reason: str


class BookFault(Struct, frozen=True, kw_only=True):
    """A fault of a reader's class.

    Attributes
    ----------
    fault
        Its name in ``book.faults``.
    method
        As in ``Embedding.backward``.
    file, line
        The line at fault, or the first of the method; 0 if there is none.
    says, instead
        What is wrong, and what to write instead.
    example
        The inputs, and what came out.
    remark
        Whether the result is right all the same.
    """

    fault: str
    method: str
    file: str
    line: int
    says: str
    instead: str
    example: str = ""
    remark: bool = False


class BookLoaded(Event, frozen=True, kw_only=True):
    """A reader's file is loaded.

    Attributes
    ----------
    classes
        Those of the book's that it has.
    """

    classes: tuple[str, ...]


class BookWeights(Event, frozen=True, kw_only=True):
    """The dtype of the weights that a reader's models make, as sizes name it."""

    dtype: str


class BookChecked(Event, frozen=True, kw_only=True):
    """The result of checking a reader's class.

    Attributes
    ----------
    faults
        What is wrong, and remarks.
    built_on
        Wrong classes that it uses; it was not checked then.
    """

    name: str
    faults: tuple[BookFault, ...] = ()
    built_on: tuple[str, ...] = ()

    @property
    def wrong(self) -> bool:
        return bool(self.built_on) or any(not fault.remark for fault in self.faults)


class ProblemMade(Event, frozen=True, kw_only=True):
    """The inputs are made.

    Attributes
    ----------
    touched
        Distinct rows that a batch touches, mean.
    """

    touched: float


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
    """All samples have been sent. A failure after this event loses none of them."""


class Memory(Event, frozen=True, kw_only=True):
    """The memory of a call and of set-up, in bytes.

    Attributes
    ----------
    peak_bytes, resident_bytes
        Peak of traced allocation in a call, and growth of the resident set.
    prepare_bytes, prepare_resident_bytes
        The same of what set-up leaves allocated.
    why_not
        Why there are no figures.
    needs
        Optional packages that the implementation imports.
    """

    variant: str
    peak_bytes: int | None = None
    resident_bytes: int | None = None
    prepare_bytes: int | None = None
    prepare_resident_bytes: int | None = None
    why_not: str = ""
    needs: tuple[str, ...] = ()


class StageTimes(Event, frozen=True, kw_only=True):
    """Seconds in each stage of a training step, by stage."""

    variant: str
    seconds: dict[str, float]


class Line(Struct, frozen=True, kw_only=True):
    """A source line: hits and seconds of all calls, and bytes of one call."""

    number: int
    text: str
    hits: int | None = None
    time_s: float | None = None
    traced_bytes: int | None = None
    traced_peak_bytes: int | None = None
    memory_bytes: int | None = None


class LineProfile(Event, frozen=True, kw_only=True):
    """A line profile, or why there is none (``why_not``). Fields are explained in ``lines.profile``."""

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
    """The machine's limits on a number of threads: (working set in bytes, bytes a second), and floating-point operations a second by dtype."""

    threads: int
    read: list[tuple[float, float]]
    write: list[tuple[float, float]]
    copy: list[tuple[float, float]]
    matmul: dict[str, float]
    blas_threads: int | None = None


class Facts(Struct, frozen=True, kw_only=True):
    """Facts about an implementation of a source.

    Attributes
    ----------
    kernel, dimensions, signature
        Its kernel's name, dimensions and parameters.
    requires, missing
        Optional packages that it needs, and those of them that are not installed.
    identity, packages
        Identity of its code, and the installed distributions that it uses, directly or not.
    late_imports
        Modules of its tree that it imports when it is called.
    strays
        Files of the other side that it uses.
    data
        Differing files that it may read.
    built
        Differing files that an extension which it uses may be built from.
    effects
        Statements that change something for the whole process when it is imported: where, and the statement.
    file, line
        Where its function is defined.
    """

    key: str
    kernel: str
    dimensions: str
    signature: tuple[str, ...]
    slug: str
    title: str
    baseline: bool
    wrong: str
    requires: tuple[str, ...]
    missing: tuple[str, ...]
    identity: str
    packages: tuple[str, ...]
    late_imports: tuple[str, ...]
    strays: tuple[str, ...]
    data: tuple[str, ...]
    built: tuple[str, ...]
    effects: tuple[tuple[str, str], ...]
    file: str
    line: int

    @property
    def name(self) -> str:
        """The kernel's name: presets choose the sizes of anything that has a ``name`` and ``dimensions``."""
        return self.kernel

    @property
    def compiles(self) -> bool:
        """Whether numba may compile it: its code, or a package that it uses, needs or names numba."""
        return "numba" in {*self.requires, *self.packages}


class SourceListed(Event, frozen=True, kw_only=True):
    """The implementations of a source, or the error with which it cannot be loaded or measured."""

    source: str
    error: str = ""
    implementations: tuple[Facts, ...] = ()


class Pace(Event, frozen=True, kw_only=True):
    """How fast an implementation trains, measured for this purpose or so far in a run."""

    words_per_s: float


class Trained(Event, frozen=True, kw_only=True):
    """A training run has ended.

    Attributes
    ----------
    words
        Words trained on, in all epochs.
    seconds, cpu_s
        Wall and CPU time of its steps.
    peak_bytes
        Growth of the resident set.
    curve
        Words so far, and loss on held-out lines.
    whole
        Whether it trained on the whole text, in all epochs.
    """

    words: int
    seconds: float
    cpu_s: float
    peak_bytes: int | None
    curve: list[tuple[int, float]]
    whole: bool


Events = (
    Started
    | StepBegins
    | Ready
    | RoundBegins
    | Failed
    | Done
    | ContractChecked
    | BookLoaded
    | BookWeights
    | BookChecked
    | ProblemMade
    | Timed
    | TimesTaken
    | Memory
    | StageTimes
    | LineProfile
    | MachineLimits
    | SourceListed
    | Pace
    | Trained
)


Emit = Callable[[Events], None]
"""A function that sends an event to the main process."""


class NotAnEvent(ValueError):
    """A line that the engine did not write."""


def encode(value: Any) -> bytes:
    """Encode a value as JSON in ASCII: names of files that are not UTF-8 have lone surrogates, which need JSON's escapes."""
    return json.dumps(msgspec.to_builtins(value)).encode()


def decode(text: bytes, kind: type[T]) -> T:
    """Decode a value of a type. Raises MsgspecError if it is none."""
    try:
        return msgspec.convert(json.loads(text), kind)
    except (ValueError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


def line_of(message: Jobs | Events, token: str = "") -> bytes:
    """Encode a job or an event as a line. token: what the worker's events are signed with."""
    return encode((message, token)) + b"\n"


def read_job(line: bytes) -> tuple[Jobs, str]:
    """Decode a line into a job and its token."""
    return msgspec.convert(json.loads(line), tuple[Jobs, str])


def read_event(line: bytes, token: str) -> Events:
    """Decode a worker's line into an event.

    Raises
    ------
    NotAnEvent
        If the line is not an event, or lacks the worker's token. ``Started`` needs none.
    """
    try:
        event, signed = msgspec.convert(json.loads(line), tuple[Events, str])
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise NotAnEvent from error
    if signed != token and not isinstance(event, Started):
        raise NotAnEvent
    return event
