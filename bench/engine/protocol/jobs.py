"""Jobs: what the main process asks a worker for."""

from __future__ import annotations

from typing import Any, ClassVar

from .variants import ImplementationSource, MeasurementSettings, SamplePlan, Struct, Variant

WITHOUT_NUMBA = "--without-numba"
"""The argument of a worker that does not load numba at its start."""


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
