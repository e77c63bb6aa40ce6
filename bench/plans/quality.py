"""Compare whole training runs of implementations: speed, quality and memory, with several seeds, in random order."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
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
from bench.engine.training_loop import LEAST_PIECE
from bench.plans.run import MACHINE_FACTS, PlanError
from impls.interface import Implementation
from impls.training.contract import Settings
from impls.words import Corpus
from reports.files import ResultError, read
from reports.result_schema import Training, TrainingRun
from reports.training import PEER

from . import scores as quality

LONGEST_STEP_S = 600.0
"""Time limit of one training step."""
TIME_LIMIT = re.compile(r" \([^()]*--time-limit[^()]*\)")
"""An option that this command does not have."""


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

    def job(self, request: QualityRequest, context: RunContext, **job: Any) -> protocol.Train:
        """Return a job that makes the run. job: its other fields."""
        settings = replace(context.settings, seed=self.seed, time_limit_s=LONGEST_STEP_S)
        return protocol.Train(
            **context.job_fields() | {"settings": settings},
            key=self.implementation.key,
            V=request.V,
            H=request.H,
            K=request.K,
            threads=self.threads,
            epochs=request.epochs,
            training=asdict(request.settings),
            **job,
        )


@dataclass(frozen=True)
class QualityRequest:
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


Note = Callable[[str, int, int], None]


def compare(
    request: QualityRequest,
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
    runs = request.remaining_runs(records)
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
                word_limits[key, threads] = words_in_budget(run, request, words, context)
            word_limit = word_limits[key, threads]
            if isinstance(word_limit, WorkerFailure):
                raise word_limit
            job = run.job(request, context, words=word_limit, vectors=str(vectors))
            for event in context.workers.work(job, threads, start_next=True):
                if isinstance(event, protocol.Pace):
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
    run: PlannedRun, request: QualityRequest, in_text: int, context: RunContext
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
        for event in context.workers.work(run._replace(seed=0).job(request, context), run.threads, start_next=True):
            if isinstance(event, protocol.Pace):
                words = int(event.words_per_s * request.budget_s)
    except WorkerFailure as failure:
        return failure
    return None if words >= in_text * request.epochs else max(LEAST_PIECE, words)


def training_record(event: protocol.Trained, W: Any, tests: quality.Tests | None) -> dict[str, Any]:
    """Return the record of a finished run."""
    if not (np.isfinite(W).all() and np.isfinite([loss for _, loss in event.curve]).all()):
        return {"status": "wrong", "reason": "its vectors did not stay finite"}
    facts = msgspec.to_builtins(event)
    del facts["type"]
    loss = event.curve[-1][1] if event.curve else None
    return {"status": "ok", **facts, "scores": quality.score_vectors(W, tests), "loss": loss}


def content(
    request: QualityRequest, corpus: Corpus, tests: quality.Tests | None, digest: str, records: list[TrainingRun]
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
        if run.seed <= request.planned:
            groups.setdefault((run.kernel, run.implementation, run.threads), []).append(run)
    scores = {
        group: {name: [run.scores[name] for run in mine if name in run.scores] for name in quality.SCORES}
        for group, mine in groups.items()
        if all(run.status == "ok" and run.whole for run in mine)  # none failed, or was trained on a part of the text
    }
    comparisons = {
        f"{kernel}/{slug}, t{threads}": quality.compare_scores(
            mine, scores.get((kernel, PEER, threads), {}), request.planned
        )
        for (kernel, slug, threads), mine in scores.items()
        if slug != PEER
    }
    return Training(
        corpus=corpus.name,
        tokens=len(corpus.ids),
        **request.shared_settings(),
        digest=digest,
        planned=request.planned,
        runs=records,
        asked=tests.counts if tests else {},
        against={key: {name: one for name, one in answers.items() if one} for key, answers in comparisons.items()},
        equal={key: quality.equal_quality(answers) for key, answers in comparisons.items()},
    )


OPTION_NAMES = {"V": "--min-count", "epochs": "--epochs", "budget_s": "--budget"}
"""The option of a setting, where its name is another."""


def resume(
    path: Path, request: QualityRequest, digest: str, machine: dict[str, Any], seeds: int | None
) -> tuple[QualityRequest, list[TrainingRun]]:
    """Resume an earlier result file.

    Its runs must have the same text, code, settings and machine. Its number of planned seeds stays.

    Parameters
    ----------
    seeds
        How many seeds to run; None for as many as were planned.

    Returns
    -------
    tuple[QualityRequest, list[TrainingRun]]
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
    differ = [OPTION_NAMES.get(name, name) for name, value in request.shared_settings().items() if there[name] != value]
    differ += ["text or code"] * (there["digest"] != digest)
    differ += [name for name in MACHINE_FACTS if before.environment.get(name) != machine.get(name)]
    if differ:
        raise PlanError(f"--resume: {path} is of other runs ({', '.join(differ)} differ): run without --resume")
    planned = before.training.planned
    records = [run for run in before.training.runs if run.status == "ok"]
    return replace(request, planned=planned, seeds=seeds or planned), records
