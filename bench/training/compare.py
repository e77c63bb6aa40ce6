"""Rungs against each other over whole runs: speed, quality and memory, several seeds, in shuffled order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.engine.race import Track
from bench.engine.workers import Died
from bench.run import saved
from impls.catalogue import missing
from impls.interface import Implementation
from impls.training.contract import Settings
from impls.words import Corpus

from . import quality
from .runs import kept

LONGEST_STEP_S = 600.0
PEER = "gensim"


@dataclass(frozen=True)
class Asked:
    """What is to be compared. budget_s: time that a run may take; slower rungs train on as much as fits."""

    implementations: Sequence[Implementation]
    V: int
    threads: Sequence[int] = (1,)
    seeds: int = 5
    epochs: int = 5
    budget_s: float = 60.0
    H: int = 100
    K: int = 5
    settings: Settings = field(default_factory=Settings)


Note = Callable[[str, int, int], None]


def compare(asked: Asked, corpus: Corpus, track: Track, note: Note, records: list[dict[str, Any]]) -> None:
    """Train every rung with every seed, one after another in random order, judge what it learnt, and put records of the runs
    into a list.

    note is told a run's name, its number, and how many there are. A rung that fails has a record with the reason.
    """
    small = kept(corpus, asked.V)
    tests = quality.tests(corpus.vocabulary[: asked.V])
    runs = [
        (rung, threads, seed)
        for rung in asked.implementations
        for threads in asked.threads
        for seed in range(1, asked.seeds + 1)
        if threads == 1 or rung.slug in ("numba", "gensim", "torch")
    ]
    order = np.random.default_rng(0).permutation(len(runs))
    with saved(small) as folder, tempfile.TemporaryDirectory(prefix="w2vbench-vectors-") as room:
        for number, at in enumerate(order):
            rung, threads, seed = runs[at]
            name = {
                "kernel": rung.kernel.name,
                "implementation": rung.slug,
                "title": rung.title,
                "threads": threads,
                "seed": seed,
            }
            if absent := missing(rung):
                records.append(
                    {
                        **name,
                        "status": "skipped",
                        "reason": f"needs {', '.join(absent)}: pip install {' '.join(absent)}",
                    }
                )
                continue
            note(f"{rung.key}, {threads} thread{'s'[: threads > 1]}, seed {seed}", number, len(runs))
            vectors = Path(room) / "vectors.npy"
            spec = {
                **replace(track, corpus=folder).specification("train", [rung.key]),
                "V": asked.V,
                "H": asked.H,
                "K": asked.K,
                "threads": threads,
                "epochs": asked.epochs,
                "seed": seed,
                "settings": asdict(asked.settings),
                "budget_s": asked.budget_s,
                "vectors": str(vectors),
            }
            try:
                for event in track.workers.work(spec, threads, LONGEST_STEP_S, ahead=True):
                    if event["event"] == "progress":
                        note(f"{rung.key}, seed {seed}: {event['words_per_s']:,.0f} words/s", number, len(runs))
                    elif event["event"] == "trained":
                        facts = {key: value for key, value in event.items() if key != "event"}
                        scores = quality.judged(np.load(vectors), tests)
                        loss = event["curve"][-1][1] if event["curve"] else None
                        records.append({**name, "status": "ok", **facts, "scores": scores, "loss": loss})
            except Died as death:
                records.append({**name, "status": death.status, "reason": death.reason})


def content(asked: Asked, corpus: Corpus, records: list[dict[str, Any]]) -> dict[str, Any]:
    """What a result file says of all runs, with which rungs are equal in quality to gensim."""
    scores: dict[tuple[str, str, int], dict[str, list[float]]] = {}
    for record in records:
        if not record.get("whole"):
            continue  # on a part of the text nobody can be as good
        mine = scores.setdefault((record["kernel"], record["implementation"], record["threads"]), {})
        for name, score in record.get("scores", {}).items():
            mine.setdefault(name, []).append(score)
    peers = {(kernel, threads): found for (kernel, slug, threads), found in scores.items() if slug == PEER}
    return {
        "corpus": corpus.name,
        "tokens": int(corpus.counts[: asked.V].sum()),
        "V": asked.V,
        "H": asked.H,
        "K": asked.K,
        "epochs": asked.epochs,
        "settings": asdict(asked.settings),
        "runs": records,
        "margins": quality.MARGINS,
        "equal": {
            f"{kernel}/{slug}, t{threads}": quality.equal(mine, peers.get((kernel, threads), {}))
            for (kernel, slug, threads), mine in scores.items()
            if slug != PEER
        },
    }
