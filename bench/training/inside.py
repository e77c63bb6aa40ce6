"""A training run in a process of its own: what a worker does, and tells."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.engine.timing import Emit
from impls.interface import Implementation
from impls.training.contract import Settings
from impls.words import Corpus

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
    before, told = resident("VmRSS"), time.perf_counter()

    def note(run: Trained) -> None:
        nonlocal told
        if time.perf_counter() - told > EVERY_S:
            told = time.perf_counter()
            emit("progress", words=run.words, total=run.total, words_per_s=run.words_per_s, left_s=run.left_s)

    limited = Plan(**{**vars(plan), "words": words})
    run = train(limited, corpus, note, hold_out=True)
    grown = resident("VmHWM")
    np.save(spec["vectors"], np.asarray(run.model.W_in))
    emit(
        "trained",
        words=run.words,
        seconds=run.seconds,
        cpu_s=run.cpu_s,
        peak_bytes=max(0, grown - before) if grown and before else None,
        curve=run.curve,
        whole=words is None,
    )
    emit("done")


def affordable(plan: Plan, corpus: Corpus, budget_s: float, emit: Emit) -> int | None:
    """How many words the rung can be trained on in its time, going by a thousand; None if all."""
    emit("stage", name="its pace", lane=plan.implementation.key)
    tried = train(Plan(**{**vars(plan), "words": 2 * LEAST_PIECE, "epochs": 1}), corpus, lambda run: None)
    within = int(tried.words_per_s * budget_s)
    emit("stage", name="training", lane=plan.implementation.key)
    return None if within >= len(corpus.ids) * plan.epochs else max(LEAST_PIECE, within)


def resident(field: str) -> int:
    """A field of this process's status, in bytes; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")), 0)
