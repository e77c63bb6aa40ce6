"""A training run in a worker."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from impls.training.contract import Settings
from impls.words import Corpus

from . import memory, protocol
from .process import limit_memory, pin
from .sources import load_sources
from .training_loop import TrainingPlan, TrainingState, pace, train

PROGRESS_S = 1.0
"""Time between two reports of progress."""


def train_once(job: protocol.Train, emit: protocol.Emit) -> None:
    """Train once and save the vectors in a file, or only measure the implementation's training speed."""
    pin(job.threads, job.cpu)
    limit_memory(job.settings.memory_limit_bytes)
    implementation = load_sources(job.sources, np.random.default_rng(job.settings.seed))[""].find(job.key)
    corpus = Corpus.load(Path(job.corpus))
    emit(protocol.Ready())
    plan = TrainingPlan(
        implementation=implementation,
        settings=Settings(**job.training),
        seed=job.settings.seed,
        **{name: getattr(job, name) for name in ("V", "H", "K", "threads", "epochs", "words")},
    )
    if job.vectors is None:
        emit(protocol.StepBegins(name="measuring its speed", variant=implementation.key))
        emit(protocol.Pace(words_per_s=pace(plan, corpus)))
        return
    emit(protocol.StepBegins(name="training", variant=implementation.key))
    last = time.perf_counter()

    def note(run: TrainingState) -> None:
        nonlocal last
        if time.perf_counter() - last > PROGRESS_S:
            last = time.perf_counter()
            emit(protocol.Progress(words=run.words, total=run.total, words_per_s=run.words_per_s, left_s=run.left_s))

    run, growth = memory.resident_growth(lambda: train(plan, corpus, note, hold_out=True))
    np.save(job.vectors, np.asarray(run.model.W_in))
    emit(
        protocol.Trained(
            words=run.words,
            seconds=run.seconds,
            cpu_s=run.cpu_s,
            peak_bytes=growth,
            curve=run.curve,
            whole=plan.words is None,
        )
    )
