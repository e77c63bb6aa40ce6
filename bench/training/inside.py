"""A training run in a process of its own: what a worker does, and tells."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.engine import memory
from bench.engine.timing import Emit
from impls.interface import Implementation
from impls.training.contract import Settings
from impls.words import Corpus

from .quality import PEER
from .runs import LEAST_PIECE, Plan, Trained, train

EVERY_S = 1.0


def launch(spec: dict[str, Any], implementation: Implementation, emit: Emit) -> None:
    """Train once, tell how far it is every second, and leave the vectors in a file."""
    corpus = Corpus.load(Path(spec["corpus"]))
    emit("waits")
    plan = Plan(
        implementation,
        spec["V"],
        spec["H"],
        spec["K"],
        spec["threads"],
        spec["epochs"],
        spec["seed"],
        Settings(**spec["settings"]),
    )
    words = affordable(plan, corpus, spec["budget_s"], emit)
    told = time.perf_counter()

    def note(run: Trained) -> None:
        nonlocal told
        if time.perf_counter() - told > EVERY_S:
            told = time.perf_counter()
            emit("progress", words=run.words, total=run.total, words_per_s=run.words_per_s, left_s=run.left_s)

    limited = replace(plan, words=words)
    run, grown = memory.resident_growth(lambda: train(limited, corpus, note, hold_out=True))
    np.save(spec["vectors"], np.asarray(run.model.W_in))
    emit(
        "trained",
        words=run.words,
        seconds=run.seconds,
        cpu_s=run.cpu_s,
        peak_bytes=grown,
        curve=run.curve,
        whole=words is None,
    )
    emit("done")


def affordable(plan: Plan, corpus: Corpus, budget_s: float, emit: Emit) -> int | None:
    """How many words the rung can be trained on in its time, going by its second thousand; None if all. The peer that others
    are judged by always trains on all."""
    if plan.implementation.slug == PEER:
        return None
    emit("stage", name="its pace", lane=plan.implementation.key)
    seen: list[tuple[int, float]] = []
    short = replace(plan, words=2 * LEAST_PIECE, epochs=1)
    train(short, corpus, lambda run: seen.append((run.words, run.seconds)))
    (words, warm_s), (more, ended_s) = seen[0], seen[-1]
    pace = (more - words) / (ended_s - warm_s) if more > words else words / warm_s
    emit("stage", name="training", lane=plan.implementation.key)
    within = int(pace * budget_s)
    return None if within >= len(corpus.ids) * plan.epochs else max(LEAST_PIECE, within)
