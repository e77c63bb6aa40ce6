"""Compare whole training runs of implementations: speed, quality and memory."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from w2vbench.bench.engine.protocol import MeasurementSettings
from w2vbench.bench.plans.run.keeping import Outputs, keep, locked, put_aside
from w2vbench.bench.plans.run.request import MeasurementRequest, Note, NothingToKeep, PlanError, Say
from w2vbench.bench.plans.run.selection import Selection
from w2vbench.bench.plans.run.session import Session, memory_limit
from w2vbench.impls.interface import Implementation
from w2vbench.reports.file.files import ResultError, dump, read, write
from w2vbench.reports.file.schema.result import ResultFile

from .scores import load_tests
from .train import without_rare_words
from .training_runs import TrainingRuns

SEEDS = 5
"""Runs of each implementation, by default."""
OPTION_NAMES = {"V": "--min-count", "epochs": "--epochs", "budget_s": "--budget"}
"""The option of a setting, where its name is another."""


@dataclass(frozen=True, kw_only=True)
class QualityRequest(MeasurementRequest):
    """What to compare."""

    # runs of each implementation; None for the usual number, or as many as were planned before the first run
    seeds: int | None
    epochs: int  # times through the text
    budget_s: float  # Training time of a run. Slower implementations train on as much of the text as fits.
    threads: Sequence[int]  # each implementation is measured on each of these numbers of threads
    min_count: int  # how often a word must occur
    resume: bool  # whether to keep the finished runs of an earlier result file

    def trained(self) -> list[Implementation]:
        """Return the implementations of training to compare. Raises PlanError if there are none."""
        every = [i for i in self.implementations() if i.kernel.name.startswith("training.")]
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
    chosen, path = request.trained(), request.out / "quality.json"
    if request.resume and not path.exists():
        raise PlanError(f"--resume: {path}: No such file, so there is nothing to resume: run without --resume")
    with locked(request.out):
        session, text = Session(request.command, say), request.text()
        frequent = without_rare_words(text, request.min_count)
        runs = TrainingRuns(
            implementations=chosen,
            corpus=frequent,
            digest=request.digest(text),
            tests=load_tests(frequent.vocabulary),
            threads=request.threads,
            seeds=request.seeds or SEEDS,
            planned=request.seeds or SEEDS,
            epochs=request.epochs,
            budget_s=request.budget_s,
        )
        if not runs.every():
            raise PlanError(
                "these implementations run on one thread only: leave out --threads, or choose numba, gensim or torch"
            )
        if request.resume:
            resume(path, runs, session, seeds=request.seeds)
            if runs.seeds != runs.planned:
                say(f"the test still uses the {runs.planned} seeds that were planned before the first run")
        elif aside := put_aside(path):
            say(f"earlier runs were put aside as {aside} (--resume would have kept them)")

        def result(complete: bool) -> ResultFile:
            noise = {"threads": max(runs.threads)}
            return session.result_file("quality", noise=noise, training=runs.content(), complete=complete)

        settings = MeasurementSettings(memory_limit_bytes=memory_limit())
        with (
            progress as note,
            session.measuring(settings, runs.threads, request.files, text=frequent) as context,
            session.until_interrupted(),
        ):
            runs.make(context, note, lambda: write(path, dump(result(complete=False))))
        if not runs.records:
            raise NothingToKeep("interrupted before the first run was finished: nothing to save", 130)
        left, of = len(runs.left()), len(runs.every())
        unfinished = f"{left} of {of} runs are left" if session.interrupted else ""
        code = session.exit_code(record.status for record in runs.records)
        return keep(result(complete=not session.interrupted), path, code, unfinished=unfinished)


def resume(path: Path, runs: TrainingRuns, session: Session, seeds: int | None) -> None:
    """Add the finished runs of an earlier result file, and its number of planned seeds. Runs that failed are made again.

    Parameters
    ----------
    seeds
        How many seeds to run; None for as many as were planned.

    Raises
    ------
    PlanError
        If its text, code, settings or machine are others.
    """
    try:
        before = read(path).w2vbench
    except ResultError as error:
        raise PlanError(f"--resume: {error}") from error
    if before.training is None:
        raise PlanError(f"--resume: {path} has no training runs: run without --resume")
    differ = [OPTION_NAMES.get(name, name) for name in runs.differing(before.training)]
    differ += ["text or code"] * (before.training.digest != runs.digest)
    differ += [name for name, value in session.fixed_facts().items() if before.environment.get(name) != value]
    if differ:
        raise PlanError(f"--resume: {path} is of other runs ({', '.join(differ)} differ): run without --resume")
    runs.planned = before.training.planned
    runs.seeds = seeds or runs.planned
    runs.records = [run for run in before.training.runs if run.status == "ok"]
