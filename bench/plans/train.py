"""``w2vbench train``: a text in, word vectors out, by the fastest implementation."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.engine import memory
from bench.engine.training_loop import Plan, Trained, kept, rate_at
from bench.engine.training_loop import train as train_implementation
from bench.plans.journal import put_aside
from bench.plans.run import PlanError
from impls import catalogue, words
from impls.training.contract import Settings, kept_share
from reports.units import size_bytes

from .vectors import save

IMPLEMENTATION = "numba"
LITTLE = 0.01
"""Share of a text's words below which subsampling is warned of."""
LONGEST_NUMBER = 16
"""Bytes of a number written as text, about, with the space before it."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be trained, and where it goes. settings: fields of the contract's Settings."""

    kernel: str
    corpus: Path | None
    out: Path
    H: int
    K: int
    threads: int
    epochs: int
    min_count: int
    seed: int
    settings: dict[str, Any]
    binary: bool


def train(
    wanted: Wanted, progress: Callable[[int], AbstractContextManager[Callable[[int, float, float], None]]]
) -> bool:
    """Read, train and save; True if it was interrupted, in which case what was learnt so far is saved. Raises PlanError, CorpusError."""
    writable(wanted.out, wanted.corpus)
    try:
        settings = Settings(**wanted.settings)
    except ValueError as error:
        raise PlanError(f"cannot train so: {error}") from error
    with tempfile.TemporaryDirectory(prefix=f"w2vbench-{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        say(f"reading {wanted.corpus or 'the built-in text'}")
        corpus = read(wanted, Path(folder))
        V = len(corpus.counts)
        counts = corpus.expected_counts(V)
        share = float(counts @ kept_share(counts, settings.sample) / counts.sum())
        kept_part = f"{share:.0%}" if share >= LITTLE else f"{100 * share:.1g}%"
        say(
            f"{len(corpus.ids):,} words ({corpus.name}), of which --sample keeps {kept_part}; {V:,} distinct; "
            f"{wanted.kernel.removeprefix('training.')}, H = {wanted.H}"
        )
        if share < LITTLE:
            say(f"w2vbench: --sample {settings.sample:g} leaves so few words that little will be learnt: 1e-3 is usual")
        needed = V * wanted.H * (4 if wanted.binary else LONGEST_NUMBER)
        free = shutil.disk_usage(wanted.out.parent).free
        if needed > free:
            raise PlanError(
                f"--out: the vectors need about {size_bytes(needed)}, and {wanted.out.parent} has {size_bytes(free)} free"
            )
        implementation = next(i for i in catalogue.own() if i.key == f"{wanted.kernel}/{IMPLEMENTATION}")
        plan = Plan(
            implementation=implementation, V=V, H=wanted.H, K=wanted.K, threads=wanted.threads, epochs=wanted.epochs, seed=wanted.seed,
            settings=settings,
        )  # fmt: skip
        latest: list[Trained] = []
        interrupted = False
        with progress(len(corpus.ids) * wanted.epochs) as paint:

            def note(run: Trained) -> None:
                latest[:] = [run]
                paint(run.words, run.words_per_s, run.left_s)

            try:
                train_implementation(plan, corpus, note)
            except KeyboardInterrupt:
                interrupted = True
        if not latest:
            say("interrupted before anything was learnt: nothing to save")
            return True
        run = latest[0]
        vectors = np.asarray(run.model.W_in)
        if not np.isfinite(vectors).all():
            raise PlanError("the vectors did not stay finite: try a smaller --alpha, or fewer --threads")
        if interrupted and (aside := put_aside(wanted.out)):
            say(f"w2vbench: the vectors that {wanted.out} had were put aside as {aside}")
        save(wanted.out, corpus.vocabulary, vectors, wanted.binary)
    epochs = f"{wanted.epochs} epoch{'s'[: wanted.epochs != 1]}"
    if interrupted:
        rate = rate_at(settings, run.words / run.total)
        epochs = f"{run.words / len(corpus.ids):.1f} of {epochs}, being interrupted at a rate of {rate:.3g}"
    print(
        f"{wanted.out}: {V:,} vectors of {wanted.H} numbers ({'binary' if wanted.binary else 'text'}), {epochs}; "
        f"{run.words_per_s:,.0f} words a second, {run.cpu_s / run.words * 1e6:.2f} CPU seconds a million words{held()}"
    )
    return interrupted


def writable(out: Path, corpus: Path | None) -> None:
    """Raise PlanError unless vectors can be written there, and nothing but earlier ones would be lost."""
    if not out.parent.is_dir() or out.is_dir():
        raise PlanError(f"--out: {out}: {'a folder' if out.is_dir() else f'no folder {out.parent}'}")
    if out.exists() and (out.is_symlink() or not out.is_file()):
        raise PlanError(f"--out: {out} is no ordinary file")
    if corpus is not None and corpus.exists() and out.exists() and out.samefile(corpus):
        raise PlanError(f"--out: {out} is the text itself")
    if str(out) == "-":
        raise PlanError("--out: a file is needed, not -")
    try:
        with tempfile.NamedTemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise PlanError(f"--out: {out.parent} cannot be written to ({error.strerror or error})") from error


def read(wanted: Wanted, folder: Path) -> words.Corpus:
    """The text, without its rarest words; one's own is kept on disk, not in memory."""
    if wanted.corpus is not None:
        return words.stored(wanted.corpus, folder, wanted.min_count)
    whole = words.builtin()
    V = int((whole.counts >= wanted.min_count).sum())
    if V < 2:
        raise PlanError(f"--min-count: no two words occur {wanted.min_count} times or more")
    return replace(kept(whole, V), vocabulary=whole.vocabulary[:V])


def held() -> str:
    """What the process held at most, mapped files included, where the system tells."""
    try:
        return f"; at most {size_bytes(memory.status_bytes('VmHWM'))} of memory"
    except (OSError, KeyError):
        return ""


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
