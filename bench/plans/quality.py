"""Compare whole training runs of implementations: speed, quality and memory, with several seeds, in random order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from bench.engine import protocol
from bench.engine.context import RunContext
from bench.engine.contract import OK
from bench.engine.contracts import check_contracts
from bench.engine.pool import WorkerFailure
from bench.engine.protocol import MeasurementSettings
from bench.engine.training_loop import LEAST_PIECE
from impls.interface import Implementation
from impls.training.contract import Settings
from impls.words import Corpus
from reports.files import ResultError, dump, read, write
from reports.result_schema import ResultFile, Training, TrainingRun
from reports.training import PEER

from . import scores as quality
from .keeping import Outputs, keep, locked, put_aside
from .selection import Selection
from .session import (
    BROKEN,
    MACHINE_FACTS,
    MeasurementRequest,
    Note,
    NothingToKeep,
    PlanError,
    Say,
    Session,
    corpus_and_code,
    free_memory,
    implementations,
    read_corpus,
)
from .train import without_rare_words

SEEDS = 5
"""Runs of each implementation, by default."""
LONGEST_STEP_S = 600.0
"""Time limit of one training step."""
TIME_LIMIT = re.compile(r" \([^()]*--time-limit[^()]*\)")
"""An option that this command does not have."""


@dataclass(frozen=True, kw_only=True)
class QualityRequest(MeasurementRequest):
    """What to compare.

    Attributes
    ----------
    seeds
        Runs of each implementation; None for the usual number, or as many as were planned before the first run.
    epochs
        Times through the text.
    budget_s
        Training time of a run. Slower implementations train on as much of the text as fits.
    threads
        Each implementation is measured on each of these numbers of threads.
    min_count
        How often a word must occur.
    resume
        Whether to keep the finished runs of an earlier result file.
    """

    seeds: int | None
    epochs: int
    budget_s: float
    threads: Sequence[int]
    min_count: int
    resume: bool

    def implementations(self) -> list[Implementation]:
        """Return the implementations of training to compare. Raises PlanError if there are none."""
        every = [i for i in implementations(self.files, self.kernels) if i.kernel.name.startswith("training.")]
        chosen = [i for i in every if Selection(globs=self.globs).has_case(i.key)]
        if not chosen:
            raise PlanError("no training implementation matches; w2vbench list --kernel training shows the names")
        return chosen


def compare(request: QualityRequest, say: Say, progress: AbstractContextManager[Note]) -> Outputs:
    """Train all implementations with several seeds, score the vectors, and write the records after each run.

    Raises
    ------
    PlanError, CatalogueError, CorpusError
        If the request cannot be carried out.
    NothingToKeep
        If it is interrupted before the first run is finished.
    """
    chosen, path = request.implementations(), request.out / "quality.json"
    if request.resume and not path.exists():
        raise PlanError(f"--resume: {path}: No such file, so there is nothing to resume: run without --resume")
    with locked(request.out):
        session, text = Session(request.command, say), read_corpus(request.corpus)
        digest, text = corpus_and_code(text, request.files), without_rare_words(text, request.min_count)
        seeds = request.seeds or SEEDS
        plan = QualityPlan(
            chosen,
            V=len(text.counts),
            threads=request.threads,
            seeds=seeds,
            planned=seeds,
            epochs=request.epochs,
            budget_s=request.budget_s,
        )
        if not plan.runs():
            raise PlanError(
                "these implementations run on one thread only: leave out --threads, or choose numba, gensim or torch"
            )
        records: list[TrainingRun] = []
        if request.resume:
            plan, records = resume(path, plan, digest, session.machine, request.seeds)
            if plan.seeds != plan.planned:
                say(f"the test still uses the {plan.planned} seeds that were planned before the first run")
        elif aside := put_aside(path):
            say(f"earlier runs were put aside as {aside} (--resume would have kept them)")
        earlier, tests, most_threads = len(records), quality.load_tests(text.vocabulary), max(plan.threads)

        def result(complete: bool) -> ResultFile:
            training = content(plan, text, tests, digest, records)
            noise = {"threads": most_threads}
            return session.result_file("quality", noise=noise, training=training, complete=complete)

        def note_and_save(what: str, done: int, of: int) -> None:
            if what:
                note(what, done, of)
            elif len(records) > earlier:
                write(path, dump(result(complete=False)))

        settings = MeasurementSettings(memory_limit_bytes=free_memory())
        with progress as note, session.measuring(settings, most_threads, request.files) as context:
            text.save(context.corpus)
            with session.until_interrupted():
                train_all(plan, len(text.ids), tests, context, note_and_save, records)
        if not records:
            raise NothingToKeep("interrupted before the first run was finished: nothing to save", 130)
        unfinished = f"{len(plan.remaining_runs(records))} of {len(plan.runs())} runs are left"
        statuses = {record.status for record in records}
        if session.interrupted:
            return keep(result(complete=False), path, 130, unfinished)
        return keep(result(complete=True), path, 1 if statuses & {*BROKEN} else 0 if "ok" in statuses else 3)


class PlannedRun(NamedTuple):
    """A run to make: an implementation, its number of threads, and a seed."""

    implementation: Implementation
    threads: int
    seed: int

    def record(self, **result: Any) -> TrainingRun:
        """Return the record of the run."""
        kernel, slug, title = self.implementation.kernel.name, self.implementation.slug, self.implementation.title
        known = {"kernel": kernel, "implementation": slug, "title": title, "family": self.implementation.family}
        return TrainingRun.model_validate({**known, "threads": self.threads, "seed": self.seed, **result})

    def job(self, plan: QualityPlan, context: RunContext, **job: Any) -> protocol.Train:
        """Return a job that makes the run. job: its other fields."""
        settings = replace(context.settings, seed=self.seed, time_limit_s=LONGEST_STEP_S)
        return protocol.Train(
            **context.job_fields() | {"settings": settings},
            key=self.implementation.key,
            V=plan.V,
            H=plan.H,
            K=plan.K,
            threads=self.threads,
            epochs=plan.epochs,
            training=asdict(plan.settings),
            **job,
        )


@dataclass(frozen=True)
class QualityPlan:
    """What to compare.

    Attributes
    ----------
    V, H, K
        Vocabulary, length of the vectors, and negatives a target.
    threads
        Each implementation is measured on each of these numbers of threads.
    seeds
        Runs of each implementation on each number of threads.
    planned
        How many of the seeds are tested, fixed before the first run.
    budget_s
        Training time of a run. Slower implementations train on as much of the text as fits.
    """

    implementations: Sequence[Implementation]
    V: int
    threads: Sequence[int] = (1,)
    seeds: int = 5
    planned: int = 5
    epochs: int = 5
    budget_s: float = 30.0
    H: int = 100
    K: int = 5
    settings: Settings = field(default_factory=Settings)

    def shared_settings(self) -> dict[str, Any]:
        """Return the settings that must be the same for runs to be compared, as in the result file."""
        return {
            "V": self.V,
            "H": self.H,
            "K": self.K,
            "epochs": self.epochs,
            "budget_s": self.budget_s,
            "settings": asdict(self.settings),
        }

    def runs(self) -> list[PlannedRun]:
        """Return the runs to make. Some implementations only have one thread."""
        return [
            PlannedRun(implementation, threads, seed)
            for implementation in self.implementations
            for threads in dict.fromkeys(self.threads)
            for seed in range(1, self.seeds + 1)
            if threads == 1 or not implementation.one_thread
        ]

    def remaining_runs(self, records: Sequence[TrainingRun]) -> list[PlannedRun]:
        """Return the runs that have no record yet."""
        done = {(record.kernel, record.implementation, record.threads, record.seed) for record in records}
        return [
            run
            for run in self.runs()
            if (run.implementation.kernel.name, run.implementation.slug, *run[1:]) not in done
        ]


def train_all(
    plan: QualityPlan,
    words: int,
    tests: quality.Tests | None,
    context: RunContext,
    note: Note,
    records: list[TrainingRun],
) -> None:
    """Train every implementation with every seed, one after another in random order, and score the vectors.

    Parameters
    ----------
    words
        Length of the context's text.
    tests
        Tests of the vectors; None if gensim is not installed.
    note
        Called with a run's name, its number, and the number of runs. The name is empty once the run has ended.
    records
        The records of the runs are added to it. Runs that have a record already are not made again. The record of a run that
        failed has the reason.
    """
    runs = plan.remaining_runs(records)
    keys = dict.fromkeys(run.implementation.key for run in runs)
    verdicts = check_contracts(list(keys), context, lambda key: note(f"checking {key}", 0, 0))
    word_limits: dict[tuple[str, int], int | WorkerFailure | None] = {**words_trained(records)}
    vectors = context.corpus / "vectors.npy"
    for number, at in enumerate(np.random.default_rng(0).permutation(len(runs))):
        run = runs[at]
        key, threads, seed = run.implementation.key, run.threads, run.seed
        if (verdict := verdicts[key]).status != OK:
            records.append(run.record(status=verdict.status, reason=verdict.reason))
            continue
        note(f"{key}, {threads} thread{'s'[: threads > 1]}, seed {seed}", number, len(runs))
        try:
            if (key, threads) not in word_limits:
                word_limits[key, threads] = words_in_budget(run, plan, words, context)
            word_limit = word_limits[key, threads]
            if isinstance(word_limit, WorkerFailure):
                raise word_limit
            job = run.job(plan, context, words=word_limit, vectors=str(vectors))
            for event in context.workers.work(job, threads, start_next=True):
                if isinstance(event, protocol.Progress):
                    note(f"{key}, seed {seed}: {event.words_per_s:,.0f} words/s so far", number, len(runs))
                elif isinstance(event, protocol.Trained):
                    records.append(run.record(**training_record(event, np.load(vectors), tests)))
        except WorkerFailure as failure:
            records.append(run.record(status=failure.status, reason=TIME_LIMIT.sub("", failure.reason)))
        note("", number + 1, len(runs))


def words_trained(records: Sequence[TrainingRun]) -> dict[tuple[str, int], int | None]:
    """Return how many words implementations were trained on (None: the whole text), by key and threads.

    Further seeds train on as many, even if the machine is slower or faster now.
    """
    return {
        (f"{record.kernel}/{record.implementation}", record.threads): None if record.whole else record.words
        for record in records
        if record.status == "ok"
    }


def words_in_budget(
    run: PlannedRun, plan: QualityPlan, in_text: int, context: RunContext
) -> int | WorkerFailure | None:
    """Measure how many words an implementation can be trained on within the time budget, in a worker of its own.

    Returns
    -------
    int | WorkerFailure | None
        None for the whole text. The peer that the others are compared with always trains on the whole text. If the worker
        failed, the reason.
    """
    if run.implementation.slug == PEER:
        return None
    words = 0
    try:
        for event in context.workers.work(run._replace(seed=0).job(plan, context), run.threads, start_next=True):
            if isinstance(event, protocol.Pace):
                words = int(event.words_per_s * plan.budget_s)
    except WorkerFailure as failure:
        return failure
    return None if words >= in_text * plan.epochs else max(LEAST_PIECE, words)


def training_record(event: protocol.Trained, W: Any, tests: quality.Tests | None) -> dict[str, Any]:
    """Return the record of a finished run."""
    if not (np.isfinite(W).all() and np.isfinite([loss for _, loss in event.curve]).all()):
        return {"status": "wrong", "reason": "its vectors did not stay finite"}
    facts = msgspec.to_builtins(event)
    del facts["type"]
    loss = event.curve[-1][1] if event.curve else None
    return {"status": "ok", **facts, "scores": quality.score_vectors(W, tests), "loss": loss}


def content(
    plan: QualityPlan, corpus: Corpus, tests: quality.Tests | None, digest: str, records: list[TrainingRun]
) -> Training:
    """Return all runs as the result file has them, and which implementations are as good as gensim.

    Only the seeds that were planned before the first run are tested, and only once all of them are done. Repeated tests
    while seeds are added would raise the error rate.

    Parameters
    ----------
    digest
        Of the text and the code.
    """
    groups: dict[tuple[str, str, int], list[TrainingRun]] = {}
    for run in records:
        if run.seed <= plan.planned:
            groups.setdefault((run.kernel, run.implementation, run.threads), []).append(run)
    scores = {
        group: {name: [run.scores[name] for run in mine if name in run.scores] for name in quality.SCORES}
        for group, mine in groups.items()
        if all(run.status == "ok" and run.whole for run in mine)  # none failed, or was trained on a part of the text
    }
    comparisons = {
        f"{kernel}/{slug}, t{threads}": quality.compare_scores(
            mine, scores.get((kernel, PEER, threads), {}), plan.planned
        )
        for (kernel, slug, threads), mine in scores.items()
        if slug != PEER
    }
    return Training(
        corpus=corpus.name,
        tokens=len(corpus.ids),
        **plan.shared_settings(),
        digest=digest,
        planned=plan.planned,
        runs=records,
        asked=tests.counts if tests else {},
        against={key: {name: one for name, one in answers.items() if one} for key, answers in comparisons.items()},
        equal={key: quality.equal_quality(answers) for key, answers in comparisons.items()},
    )


OPTION_NAMES = {"V": "--min-count", "epochs": "--epochs", "budget_s": "--budget"}
"""The option of a setting, where its name is another."""


def resume(
    path: Path, plan: QualityPlan, digest: str, machine: dict[str, Any], seeds: int | None
) -> tuple[QualityPlan, list[TrainingRun]]:
    """Resume an earlier result file.

    Its runs must have the same text, code, settings and machine. Its number of planned seeds stays.

    Parameters
    ----------
    seeds
        How many seeds to run; None for as many as were planned.

    Returns
    -------
    tuple[QualityPlan, list[TrainingRun]]
        The request with the file's plan, and the records of the finished runs. Runs that failed are made again.

    Raises
    ------
    PlanError
        If the file cannot be resumed.
    """
    try:
        before = read(path).w2vbench
    except ResultError as error:
        raise PlanError(f"--resume: {error}") from error
    if before.training is None:
        raise PlanError(f"--resume: {path} has no training runs: run without --resume")
    there = before.training.model_dump()
    differ = [OPTION_NAMES.get(name, name) for name, value in plan.shared_settings().items() if there[name] != value]
    differ += ["text or code"] * (there["digest"] != digest)
    differ += [name for name in MACHINE_FACTS if before.environment.get(name) != machine.get(name)]
    if differ:
        raise PlanError(f"--resume: {path} is of other runs ({', '.join(differ)} differ): run without --resume")
    planned = before.training.planned
    records = [run for run in before.training.runs if run.status == "ok"]
    return replace(plan, planned=planned, seeds=seeds or planned), records
