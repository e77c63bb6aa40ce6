"""Events: what a worker tells the main process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from w2vbench.impls.interface import Deck, Measured

from .status import Status
from .variants import Struct

Figures = list[float | None]
"""One figure a round; null for a round that the variant skipped."""


class Event(Struct, frozen=True, kw_only=True, tag=True):
    """Base of all events."""


class Started(Event, frozen=True, kw_only=True):
    """The worker has imported what it needs, and waits for a job."""


class StepBegins(Event, frozen=True, kw_only=True):
    """A step begins."""

    name: str  # the step, as messages name it
    variant: str | None = None  # the variant whose step it is; null if it is no variant's
    patience: int = 1  # how many times the usual limit it may take


class Ready(Event, frozen=True, kw_only=True):
    """The worker is ready to measure, and waits until nothing else runs."""


class RoundBegins(Event, frozen=True, kw_only=True):
    """The worker of a paced job is ready for its next round, and waits until no other process is in one."""


class Failed(Event, frozen=True, kw_only=True):
    """The job has failed, by the fault of the variant whose step it was in."""

    status: Status
    reason: str


class Done(Event, frozen=True, kw_only=True):
    """The job is done."""

    clean: bool = False  # whether it left nothing running, so that the process may do another job


class ContractChecked(Event, frozen=True, kw_only=True):
    """The result of checking an implementation."""

    key: str
    status: Status
    reason: str


class BookFault(Struct, frozen=True, kw_only=True):
    """A fault of a reader's class."""

    fault: str  # its name in ``book.faults.FAULTS``
    method: str  # as in ``Embedding.backward``
    # the line at fault, or the first of the method; 0 if there is none
    file: str
    line: int
    # what is wrong, and what to write instead
    says: str
    instead: str
    example: str = ""  # the inputs, and what came out
    remark: bool = False  # whether the result is right all the same


class BookLoaded(Event, frozen=True, kw_only=True):
    """A reader's file is loaded."""

    classes: tuple[str, ...]  # those of the book's that it has


class BookWeights(Event, frozen=True, kw_only=True):
    """The dtype of the weights that a reader's models make, as sizes name it."""

    dtype: str


class BookChecked(Event, frozen=True, kw_only=True):
    """The result of checking a reader's class."""

    name: str
    faults: tuple[BookFault, ...] = ()  # what is wrong, and remarks
    built_on: tuple[str, ...] = ()  # wrong classes that it uses; it was not checked then

    @property
    def wrong(self) -> bool:
        return bool(self.built_on) or any(not fault.remark for fault in self.faults)


class ProblemMade(Event, frozen=True, kw_only=True):
    """The inputs are made."""

    touched: float  # distinct rows that a batch touches, mean


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
    """The memory of a call and of set-up, in bytes."""

    variant: str
    # peak of traced allocation in a call, and growth of the resident set
    peak_bytes: int | None = None
    resident_bytes: int | None = None
    # the same of what set-up leaves allocated
    prepare_bytes: int | None = None
    prepare_resident_bytes: int | None = None
    why_not: str = ""  # why there are no figures
    needs: tuple[str, ...] = ()  # optional packages that the implementation imports


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
    status: Status = Status.OK
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
    """Facts about an implementation of a source."""

    key: str
    # its kernel's name, dimensions and parameters
    kernel: str
    dimensions: str
    signature: tuple[str, ...]
    # at which of a preset's sizes the kernel is measured, as in ``Kernel.measured``
    at: Literal["all", "flat", "tables", "small", "slow", "text"]
    batches: bool

    slug: str
    title: str
    baseline: bool
    wrong: str
    # optional packages that it needs, and those of them that are not installed
    requires: tuple[str, ...]
    missing: tuple[str, ...]
    # identity of its code, and the installed distributions that it uses, directly or not
    identity: str
    packages: tuple[str, ...]
    late_imports: tuple[str, ...]  # modules of its tree that it imports when it is called
    strays: tuple[str, ...]  # files of the other side that it uses
    data: tuple[str, ...]  # differing files that it may read
    built: tuple[str, ...]  # differing files that an extension which it uses may be built from
    # statements that change something for the whole process when it is imported: where, and the statement
    effects: tuple[tuple[str, str], ...]
    # where its function is defined
    file: str
    line: int

    @property
    def measured(self) -> Measured:
        """At which of a preset's sizes its kernel is measured."""
        return Measured(at=self.at, batches=self.batches)

    @property
    def deck(self) -> Deck:
        """Nothing: the source deck's sizes are not compared."""
        return Deck()

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
    """A training run has ended."""

    words: int  # words trained on, in all epochs
    # wall and CPU time of its steps
    seconds: float
    cpu_s: float
    peak_bytes: int | None  # growth of the resident set
    curve: list[tuple[int, float]]  # words so far, and loss on held-out lines
    whole: bool  # whether it trained on the whole text, in all epochs


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
