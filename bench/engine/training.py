"""A training run in a process of its own: what a worker does, and tells."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.engine import memory
from bench.engine.timing import Emit
from impls.interface import Implementation
from impls.training.contract import Settings
from impls.words import Corpus

from .training_loop import Plan, Trained, pace, train

EVERY_S = 1.0


def launch(spec: dict[str, Any], implementation: Implementation, emit: Emit) -> None:
    """Train once, tell how far it is every second, and leave the vectors in a file; or only find out the rung's pace.

    spec: ``words``: as many as it trains on at most (None: all); ``vectors``: the file, or None if its pace is wanted.
    """
    corpus = Corpus.load(Path(spec["corpus"]))
    emit("waits")
    plan = Plan(
        implementation=implementation,
        settings=Settings(**spec["settings"]),
        **{name: spec[name] for name in ("V", "H", "K", "threads", "epochs", "seed", "words")},
    )
    if spec["vectors"] is None:
        emit("stage", name="its pace", lane=implementation.key)
        emit("pace", words_per_s=pace(plan, corpus))
        emit("done")
        return
    emit("stage", name="training", lane=implementation.key)
    told = time.perf_counter()

    def note(run: Trained) -> None:
        nonlocal told
        if time.perf_counter() - told > EVERY_S:
            told = time.perf_counter()
            emit("progress", words=run.words, total=run.total, words_per_s=run.words_per_s, left_s=run.left_s)

    run, grown = memory.resident_growth(lambda: train(plan, corpus, note, hold_out=True))
    np.save(spec["vectors"], np.asarray(run.model.W_in))
    emit(
        "trained",
        words=run.words,
        seconds=run.seconds,
        cpu_s=run.cpu_s,
        peak_bytes=grown,
        curve=run.curve,
        whole=plan.words is None,
    )
    emit("done")
