"""Whole training runs of implementations, with several seeds, in random order: speed, quality and memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from w2vbench.bench.engine import protocol
from w2vbench.bench.engine.pool.context import RunContext
from w2vbench.bench.engine.pool.contracts import check_contracts
from w2vbench.bench.engine.pool.worker_process import WorkerFailure
from w2vbench.bench.engine.protocol import Status
from w2vbench.bench.engine.worker.training_loop import LEAST_PIECE
from w2vbench.bench.plans.run.request import Note
from w2vbench.bench.plans.run.rows import names
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.interface import Implementation
from w2vbench.impls.training.settings import Settings
from w2vbench.reports.file.schema.training import Training, TrainingRun
from w2vbench.reports.others.training import PEER

from . import scores as quality

H, K, SETTINGS = 100, 5, Settings()
"""Length of the vectors, negatives a target, and what is learnt from the text: the same in every run."""
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
        known = {**names(self.implementation), "threads": self.threads, "seed": self.seed}
        return TrainingRun.model_validate({**known, **result})


@dataclass(kw_only=True)
class TrainingRuns:
    """The runs of a comparison, those that are made and those that are left."""

    implementations: Sequence[Implementation]
    corpus: Corpus  # the text, without its rarest words
    digest: str = ""  # of the text and the code
    tests: quality.Tests | None = None  # tests of the vectors; None if gensim is not installed
    threads: Sequence[int] = (1,)  # each implementation is measured on each of these numbers of threads
    seeds: int  # runs of each implementation on each number of threads
    planned: int  # how many of the seeds are tested, fixed before the first run
    epochs: int = 5
    budget_s: float = 30.0  # Training time of a run. Slower implementations train on as much of the text as fits.
    # Of the runs that are made. That of a run that failed has the reason.
    records: list[TrainingRun] = field(default_factory=list)

    @property
    def V(self) -> int:
        return len(self.corpus.counts)

    def differing(self, earlier: Training) -> list[str]:
        """Return the settings that must be the same for runs to be compared, and are not."""
        mine = {
            "V": self.V,
            "H": H,
            "K": K,
            "settings": asdict(SETTINGS),
            "epochs": self.epochs,
            "budget_s": self.budget_s,
        }
        return [name for name, value in mine.items() if getattr(earlier, name) != value]

    def every(self) -> list[PlannedRun]:
        """Return all runs, made or not. Some implementations only have one thread."""
        return [
            PlannedRun(implementation, threads, seed)
            for implementation in self.implementations
            for threads in dict.fromkeys(self.threads)
            for seed in range(1, self.seeds + 1)
            if threads == 1 or not implementation.one_thread
        ]

    def left(self) -> list[PlannedRun]:
        """Return the runs that have no record yet."""
        done = {(record.kernel, record.implementation, record.threads, record.seed) for record in self.records}
        return [
            run
            for run in self.every()
            if (run.implementation.kernel.name, run.implementation.slug, *run[1:]) not in done
        ]

    def make(self, context: RunContext, note: Note, save: Callable[[], None]) -> None:
        """Make the runs that are left, one after another in random order, and score the vectors.

        Parameters
        ----------
        note
            Called with what is being done, the number of the run, and the number of runs.
        save
            Called after each run.
        """
        runs = self.left()
        keys = dict.fromkeys(run.implementation.key for run in runs)
        verdicts = check_contracts(list(keys), context, lambda key: note(f"checking {key}", 0, 0))
        word_limits: dict[tuple[str, int], int | WorkerFailure | None] = {**words_trained(self.records)}
        vectors = context.corpus / "vectors.npy"
        for number, at in enumerate(np.random.default_rng(0).permutation(len(runs))):
            run = runs[at]
            key, threads, seed = run.implementation.key, run.threads, run.seed
            if (verdict := verdicts[key]).status != Status.OK:
                self.records.append(run.record(status=verdict.status, reason=verdict.reason))
                continue
            note(f"{key}, {threads} thread{'s'[: threads > 1]}, seed {seed}", number, len(runs))
            try:
                if (key, threads) not in word_limits:
                    word_limits[key, threads] = self.words_in_budget(run, context)
                word_limit = word_limits[key, threads]
                if isinstance(word_limit, WorkerFailure):
                    raise word_limit
                job = self.job(run, context, words=word_limit, vectors=str(vectors))
                for event in context.workers.work(job, threads, start_next=True):
                    if isinstance(event, protocol.Pace):
                        note(f"{key}, seed {seed}: {event.words_per_s:,.0f} words/s so far", number, len(runs))
                    elif isinstance(event, protocol.Trained):
                        self.records.append(trained(run, event, np.load(vectors), tests=self.tests))
            except WorkerFailure as failure:
                self.records.append(run.record(status=failure.status, reason=TIME_LIMIT.sub("", failure.reason)))
            save()

    def words_in_budget(self, run: PlannedRun, context: RunContext) -> int | WorkerFailure | None:
        """Measure how many words an implementation can be trained on within the time budget, in a worker of its own.

        Returns
        -------
        int | WorkerFailure | None
            None for the whole text. The peer that the others are compared with always trains on the whole text. If the
            worker failed, the reason.
        """
        if run.implementation.slug == PEER:
            return None
        words = 0
        try:
            for event in context.workers.work(self.job(run._replace(seed=0), context), run.threads, start_next=True):
                if isinstance(event, protocol.Pace):
                    words = int(event.words_per_s * self.budget_s)
        except WorkerFailure as failure:
            return failure
        return None if words >= len(self.corpus.ids) * self.epochs else max(LEAST_PIECE, words)

    def job(self, run: PlannedRun, context: RunContext, **job: Any) -> protocol.Train:
        """Return a job that makes a run. job: its other fields."""
        settings = replace(context.settings, seed=run.seed, time_limit_s=LONGEST_STEP_S)
        return protocol.Train(
            **context.job_fields() | {"settings": settings},
            key=run.implementation.key,
            V=self.V,
            H=H,
            K=K,
            threads=run.threads,
            epochs=self.epochs,
            training=asdict(SETTINGS),
            **job,
        )

    def content(self) -> Training:
        """Return all runs as the result file has them, and which implementations are as good as gensim.

        Only the seeds that were planned before the first run are tested, and only once all of them are done. Repeated tests
        while seeds are added would raise the error rate.
        """
        groups: dict[tuple[str, str, int], list[TrainingRun]] = {}
        for run in self.records:
            if run.seed <= self.planned:
                groups.setdefault((run.kernel, run.implementation, run.threads), []).append(run)
        scores = {
            group: {name: [run.scores[name] for run in mine if name in run.scores] for name in quality.SCORES}
            for group, mine in groups.items()
            if all(
                run.status == "ok" and run.whole for run in mine
            )  # none failed, or was trained on a part of the text
        }
        comparisons = {
            f"{kernel}/{slug}, t{threads}": quality.compare_scores(
                mine, scores.get((kernel, PEER, threads), {}), self.planned
            )
            for (kernel, slug, threads), mine in scores.items()
            if slug != PEER
        }
        return Training(
            corpus=self.corpus.name,
            tokens=len(self.corpus.ids),
            V=self.V,
            H=H,
            K=K,
            settings=asdict(SETTINGS),
            epochs=self.epochs,
            budget_s=self.budget_s,
            digest=self.digest,
            planned=self.planned,
            runs=self.records,
            asked=self.tests.counts if self.tests else {},
            against={key: {name: one for name, one in answers.items() if one} for key, answers in comparisons.items()},
            equal={key: quality.equal_quality(answers) for key, answers in comparisons.items()},
        )


def words_trained(records: Sequence[TrainingRun]) -> dict[tuple[str, int], int | None]:
    """Return how many words implementations were trained on (None: the whole text), by key and threads.

    Further seeds train on as many, even if the machine is slower or faster now.
    """
    return {
        (f"{record.kernel}/{record.implementation}", record.threads): None if record.whole else record.words
        for record in records
        if record.status == "ok"
    }


def trained(run: PlannedRun, event: protocol.Trained, W: NDArray[Any], tests: quality.Tests | None) -> TrainingRun:
    """Return the record of a finished run."""
    if not (np.isfinite(W).all() and np.isfinite([loss for _, loss in event.curve]).all()):
        return run.record(status="wrong", reason="its vectors did not stay finite")
    facts = msgspec.to_builtins(event)
    del facts["type"]
    loss = event.curve[-1][1] if event.curve else None
    return run.record(status="ok", **facts, scores=quality.score_vectors(W, tests), loss=loss)
