"""Implementations against each other over whole runs: speed, quality and memory, several seeds, in shuffled order."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.engine import protocol
from bench.engine.context import RunContext
from bench.engine.contract import OK
from bench.engine.contracts import check_contracts
from bench.engine.pool import Died
from bench.engine.training_loop import LEAST_PIECE
from bench.plans.run import MACHINE, PlanError
from impls.interface import Implementation
from impls.training.contract import Settings
from impls.words import Corpus
from reports.results import ResultError, read
from reports.training import PEER

from . import scores as quality

LONGEST_STEP_S = 600.0


@dataclass(frozen=True)
class Asked:
    """What is to be compared. seeds: runs of each implementation on so many threads. planned: how many of them are tested,
    fixed before the first run. budget_s: time that a run may take; slower implementations train on as much as fits."""

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

    def same(self) -> dict[str, Any]:
        """What must be the same if runs are to be set beside each other, as a result file has it."""
        return {
            "V": self.V,
            "H": self.H,
            "K": self.K,
            "epochs": self.epochs,
            "budget_s": self.budget_s,
            "settings": asdict(self.settings),
        }

    def runs(self) -> list[tuple[Implementation, int, int]]:
        """Implementation, threads and seed of each run. Implementations of NumPy have one thread."""
        return [
            (implementation, threads, seed)
            for implementation in self.implementations
            for threads in dict.fromkeys(self.threads)
            for seed in range(1, self.seeds + 1)
            if threads == 1 or not implementation.one_thread
        ]

    def left(self, records: Sequence[dict[str, Any]]) -> list[tuple[Implementation, int, int]]:
        """Those of which there is no record yet."""
        done = {(record["kernel"], record["implementation"], record["threads"], record["seed"]) for record in records}
        return [run for run in self.runs() if (run[0].kernel.name, run[0].slug, *run[1:]) not in done]


Note = Callable[[str, int, int], None]


def compare(
    asked: Asked,
    words: int,
    tests: quality.Tests | None,
    context: RunContext,
    note: Note,
    records: list[dict[str, Any]],
) -> None:
    """Train every implementation with every seed on the context's text of so many words, one after another in random order, judge what
    it learnt, and put records of the runs into a list, which may have some already: these are not made again.

    note is told a run's name, its number, and how many there are; no name once it has ended. An implementation that fails has a record
    with the reason.
    """
    runs = asked.left(records)
    implementations = {implementation.key: implementation for implementation, _, _ in runs}
    verdicts = check_contracts(list(implementations), context, lambda key: note(f"checking {key}", 0, 0))
    within: dict[tuple[str, int], int | Died | None] = {**trained_on(records)}
    order = np.random.default_rng(0).permutation(len(runs))
    with tempfile.TemporaryDirectory(prefix=f"w2vbench-{os.getpid()}-") as room:
        for number, at in enumerate(order):
            implementation, threads, seed = runs[at]
            name = {
                "kernel": implementation.kernel.name,
                "implementation": implementation.slug,
                "title": implementation.title,
                "threads": threads,
                "seed": seed,
            }
            if (verdict := verdicts[implementation.key]).status != OK:
                records.append({**name, "status": verdict.status, "reason": verdict.reason})
                continue
            note(f"{implementation.key}, {threads} thread{'s'[: threads > 1]}, seed {seed}", number, len(runs))
            vectors = Path(room) / "vectors.npy"
            try:
                if (implementation.key, threads) not in within:
                    within[implementation.key, threads] = words_within(asked, words, context, implementation, threads)
                most = within[implementation.key, threads]
                if isinstance(most, Died):
                    raise most
                job = msgspec.structs.replace(
                    training_job(asked, context, implementation, threads, seed), words=most, vectors=str(vectors)
                )
                for event in context.workers.work(job, threads, ahead=True):
                    if isinstance(event, protocol.Progress):
                        note(
                            f"{implementation.key}, seed {seed}: {event.words_per_s:,.0f} words/s so far",
                            number,
                            len(runs),
                        )
                    elif isinstance(event, protocol.Trained):
                        records.append({**name, **judged(event, np.load(vectors), tests)})
            except Died as death:
                reason = death.reason.replace(" (--time-limit)", "")
                records.append({**name, "status": death.status, "reason": reason})
            note("", number + 1, len(runs))


def trained_on(records: Sequence[dict[str, Any]]) -> dict[tuple[str, int], int | None]:
    """Words that implementations were trained on, by their keys and threads; None: all. More seeds train on as many, whatever the pace now."""
    return {
        (f"{record['kernel']}/{record['implementation']}", record["threads"]): None
        if record["whole"]
        else record["words"]
        for record in records
        if record["status"] == "ok"
    }


def training_job(
    asked: Asked, context: RunContext, implementation: Implementation, threads: int, seed: int
) -> protocol.Train:
    """A job that finds out an implementation's pace."""
    common = {**context.common(), "seed": seed, "time_limit_s": LONGEST_STEP_S}
    return protocol.Train(
        **common,
        key=implementation.key,
        V=asked.V,
        H=asked.H,
        K=asked.K,
        threads=threads,
        epochs=asked.epochs,
        settings=protocol.TrainingSettings(**asdict(asked.settings)),
    )


def words_within(
    asked: Asked, in_text: int, context: RunContext, implementation: Implementation, threads: int
) -> int | Died | None:
    """How many words an implementation can be trained on in its time, by its pace in a worker of its own; None if all, or how it died.

    The peer that others are judged by always trains on all.
    """
    if implementation.slug == PEER:
        return None
    words = 0
    try:
        for event in context.workers.work(
            training_job(asked, context, implementation, threads, 0), threads, ahead=True
        ):
            if isinstance(event, protocol.Pace):
                words = int(event.words_per_s * asked.budget_s)
    except Died as death:
        return death
    return None if words >= in_text * asked.epochs else max(LEAST_PIECE, words)


def judged(event: protocol.Trained, W: Any, tests: quality.Tests | None) -> dict[str, Any]:
    """What is recorded of a run that has ended."""
    if not (np.isfinite(W).all() and np.isfinite([loss for _, loss in event.curve]).all()):
        return {"status": "wrong", "reason": "its vectors did not stay finite"}
    facts = msgspec.to_builtins(event)
    del facts["type"]
    loss = event.curve[-1][1] if event.curve else None
    return {"status": "ok", **facts, "scores": quality.judged(W, tests), "loss": loss}


def content(
    asked: Asked, corpus: Corpus, tests: quality.Tests | None, digest: str, records: list[dict[str, Any]]
) -> dict[str, Any]:
    """What a result file says of all runs, with which implementations are equal in quality to gensim. digest: of the text
    and the code.

    Only the seeds that were planned before the first run are tested, and only once all of them are done: a test at each
    look would be wrong more often than it says.
    """
    Group = tuple[str, str, int]
    scores: dict[Group, dict[str, list[float]]] = {}
    unfit: set[Group] = set()
    for record in records:
        group = record["kernel"], record["implementation"], record["threads"]
        if record["seed"] > asked.planned:
            continue
        if not record.get("whole"):  # failed, or trained on a part of the text
            unfit.add(group)
        mine = scores.setdefault(group, {})
        for name, score in record.get("scores", {}).items():
            mine.setdefault(name, []).append(score)
    fit = {group: mine for group, mine in scores.items() if group not in unfit}
    peers = {(kernel, threads): found for (kernel, slug, threads), found in fit.items() if slug == PEER}
    answers = {
        f"{kernel}/{slug}, t{threads}": quality.answers(mine, peers.get((kernel, threads), {}), asked.planned)
        for (kernel, slug, threads), mine in fit.items()
        if slug != PEER
    }
    return {
        "corpus": corpus.name,
        "tokens": len(corpus.ids),
        **asked.same(),
        "digest": digest,
        "planned": asked.planned,
        "runs": records,
        "asked": tests.asked if tests else {},
        "against": {
            key: {name: asdict(one) for name, one in answered.items() if one} for key, answered in answers.items()
        },
        "equal": {key: quality.equal(answered) for key, answered in answers.items()},
    }


OPTION = {"V": "--min-count", "epochs": "--epochs", "budget_s": "--budget"}
"""What the command calls a setting."""


def earlier(
    path: Path, asked: Asked, digest: str, machine: dict[str, Any], seeds: int | None
) -> tuple[Asked, list[dict[str, Any]]]:
    """What is asked for where an earlier result file goes on, and the records of the runs that it has.

    They must be of the same text, code, settings and machine; those that failed are left out, to be tried again. The
    file's plan of seeds stays. seeds: how many to make, if not as many as it planned. Raises PlanError.
    """
    try:
        before = read(path).w2vbench
    except ResultError as error:
        raise PlanError(f"--resume: {error}") from error
    if before.training is None:
        raise PlanError(f"--resume: {path} has no training runs")
    there = before.training.model_dump()
    differ = [OPTION.get(name, name) for name, value in asked.same().items() if there[name] != value]
    differ += ["text or code"] * (there["digest"] != digest)
    differ += [name for name in MACHINE if before.environment.get(name) != machine.get(name)]
    if differ:
        raise PlanError(f"--resume: {path} is of other runs ({', '.join(differ)} differ): leave --resume out")
    planned = before.training.planned
    records = [run.model_dump() for run in before.training.runs if run.status == "ok"]
    return replace(asked, planned=planned, seeds=seeds or planned), records
