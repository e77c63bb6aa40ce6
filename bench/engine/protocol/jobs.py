"""Jobs: what the main process asks a worker for."""

from __future__ import annotations

from typing import Any, ClassVar

from .variants import ImplementationSource, MeasurementSettings, SamplePlan, Struct, Variant

WITHOUT_NUMBA = "--without-numba"
"""The argument of a worker that does not load numba at its start."""


class Job(Struct, frozen=True, kw_only=True, tag=True):
    """Base of all jobs."""

    timed: ClassVar[bool] = True  # Whether the job times anything. If not, its code loads numba where it needs it.
    sources: dict[str, ImplementationSource]  # where implementations come from, by name
    corpus: str  # the folder in which the corpus is saved
    settings: MeasurementSettings  # how experiments are measured
    cpu: int | None = None  # the CPU to stay on, if the job has one thread


class CheckContract(Job, frozen=True, kw_only=True):
    """Check an implementation against its kernel's contract."""

    timed: ClassVar[bool] = False
    key: str
    source: str = ""
    # the sizes at which it will be measured, to which the contract's are adapted; empty if they are not known
    sizes: tuple[str, ...] = ()


class CheckBook(Job, frozen=True, kw_only=True):
    """Check a reader's layers of the book."""

    timed: ClassVar[bool] = False
    file: str  # the reader's file
    # classes that earlier processes have checked, and those of them that were wrong
    done: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


class ListSources(Job, frozen=True, kw_only=True):
    """List the implementations of the sources ``base`` and ``head``."""

    timed: ClassVar[bool] = False
    differing: tuple[str, ...] = ()  # files that differ between their trees


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
    """What one process of an experiment measures."""

    process: int  # Number of the process in the experiment. Each process has its own inputs.
    plan: dict[str, SamplePlan] = {}  # calls and rounds by variant, where they are known
    least_rounds: int = 3  # fewest samples of a variant
    limits: bool = False  # whether functions that only move the data that must be moved are timed too
    # whether these are measured after the times
    memory: bool = False
    stages: bool = False
    # By key, what is said of the memory of implementations that have given no answer in another process. They are not
    # asked again.
    unanswered: dict[str, str] = {}
    profile: tuple[str, ...] = ()  # variants that are profiled line by line
    # methods of the book's layers, such as ``MatMul.forward``, that are timed and profiled too, each as a variant of
    # its own (``book.ours``)
    layers: tuple[str, ...] = ()
    # Whether every round waits until the main process lets it begin, so that rounds of several processes alternate. A
    # case then has one variant.
    paced: bool = False
    placement: tuple[int, ...] = ()  # seed of where the arrays lie in memory; empty for where they happen to
    reuse: bool = False  # whether the process may have done another job before


Case = tuple[Variant, ...]
"""The variants of a case: they get the same batches and the same number of rounds, and all are excluded if one fails."""


class Measure(Job, frozen=True, kw_only=True):
    """Measure one experiment in one process: a problem, and cases whose variants are timed in turn."""

    # the problem
    kernel: str
    size: str
    cases: tuple[Case, ...]  # what is measured together, interleaved
    options: MeasureOptions  # What is measured. It may name variants that are not among the cases any more.
    inputs: str = ""  # the source that makes the inputs and checks the results
    careful: bool = False  # whether the worker checks after every sample that shared inputs have not changed


class Train(Job, frozen=True, kw_only=True):
    """Train word vectors on the corpus, or measure how fast an implementation does so."""

    key: str  # the implementation
    # what is trained, as in ``training_loop.TrainingPlan``
    V: int
    H: int
    K: int
    threads: int
    epochs: int
    # The fields of the training contract's settings. Not the class itself, because msgspec adds attributes to classes
    # that it reads.
    training: dict[str, Any]
    words: int | None = None  # most words to train on, in all epochs together; null for all
    vectors: str | None = None  # the file for the vectors; null to measure the speed only


Jobs = CheckContract | CheckBook | ListSources | MeasureLimits | ProfileLines | Measure | Train
