"""``w2vbench train``: learn word vectors from a text with the fastest implementation."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from w2vbench.bench.engine.machine.cpus import allowed
from w2vbench.bench.engine.worker.profiling import memory
from w2vbench.bench.engine.worker.training_loop import TrainingPlan, TrainingState, most_frequent, rate_at
from w2vbench.bench.engine.worker.training_loop import train as train_implementation
from w2vbench.bench.plans.run.keeping import put_aside
from w2vbench.bench.plans.run.request import NothingToKeep, PlanError, Say
from w2vbench.bench.plans.run.session import stop_on_signals, temporary_folder
from w2vbench.impls.catalogue import discovery as catalogue
from w2vbench.impls.corpus import texts
from w2vbench.impls.corpus.words import Corpus
from w2vbench.impls.training.pairs import keep_probability
from w2vbench.impls.training.settings import Settings
from w2vbench.reports.statistics.units import size_bytes

from .vectors import save

FASTEST = "numba"
LEAST_SHARE = 0.01
"""A warning is printed if subsampling keeps less than this share of the words."""
LONGEST_NUMBER = 16
"""Bytes of a number written as text, with the space before it, at most (about)."""


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """What to train, and where to save the vectors."""

    corpus: Path | None  # a text file; None for the built-in text
    min_count: int  # how often a word must occur
    model: str  # ``skip-gram`` or ``cbow``
    # length of the vectors, and negatives a target
    H: int
    K: int

    window: int
    sample: float
    alpha: float
    min_alpha: float
    ns_exponent: float
    epochs: int
    threads: int | None  # none for as many as there are CPUs
    seed: int
    out: Path
    binary: bool  # whether to save word2vec's binary format instead of text

    def settings(self) -> Settings:
        """Return what is learnt from the text. Raises PlanError if the settings contradict each other."""
        try:
            return Settings(
                window=self.window,
                sample=self.sample,
                alpha=self.alpha,
                min_alpha=self.min_alpha,
                power=self.ns_exponent,
            )
        except ValueError as error:
            raise PlanError(f"these settings cannot be used: {error}") from error


@dataclass(frozen=True)
class Trained:
    """What was saved where, in one line, and whether the user ended the training before its end."""

    summary: str
    interrupted: bool


def train(
    request: TrainingRequest,
    say: Say,
    warn: Say,
    progress: Callable[[int], AbstractContextManager[Callable[[int, float, float], None]]],
) -> Trained:
    """Read a text, train on it, and save the vectors. If the user ends it, the vectors learnt so far are saved.

    Parameters
    ----------
    say, warn
        Called with what is done, and with what the user should know.
    progress
        A context manager, given the number of words. It yields a function that shows the words so far, words a second, and
        seconds left.

    Raises
    ------
    PlanError, CorpusError
        If the request cannot be carried out, or the text cannot be read.
    NothingToKeep
        If it is interrupted before anything was learnt.
    """
    stop_on_signals()
    cpus = len(allowed()) or os.cpu_count() or 1
    if request.threads and request.threads > cpus:
        warn(f"{request.threads} threads on {cpus} CPUs will be slower: use at most one thread a CPU")
    settings = request.settings()
    check_writable(request.out, request.corpus)
    with temporary_folder() as folder:
        if request.corpus:
            request.corpus.open("rb").close()  # what cannot be read is one line
        say(f"reading {request.corpus or 'the built-in text'}")
        corpus = read(request, folder)
        V, H = len(corpus.counts), request.H
        counts = corpus.expected_counts(V)
        share = float(counts @ keep_probability(counts, settings.sample) / counts.sum())
        kept_share_text = f"{share:.0%}" if share >= LEAST_SHARE else f"{100 * share:.1g}%"
        often = f" that occur {request.min_count} times or more (--min-count)" if request.min_count > 1 else ""
        say(
            f"{corpus.name}: {len(corpus.ids):,} words{often}, {V:,} of them different; --sample keeps {kept_share_text}; "
            f"{request.model}, H = {H}"
        )
        if share < LEAST_SHARE:
            warn(f"--sample {settings.sample:g} keeps too few words to learn much: 1e-3 is usual")
        needed = V * H * (4 if request.binary else LONGEST_NUMBER)
        free = shutil.disk_usage(request.out.parent).free
        if needed > free:
            raise PlanError(
                f"--out: the vectors need about {size_bytes(needed)}, but {request.out.parent} has only {size_bytes(free)} free"
            )
        plan = TrainingPlan(
            implementation=next(i for i in catalogue.own() if i.key == f"training.{request.model}/{FASTEST}"),
            V=V,
            H=H,
            K=request.K,
            threads=request.threads or cpus,
            epochs=request.epochs,
            seed=request.seed,
            settings=settings,
        )
        latest: list[TrainingState] = []
        interrupted = False
        with progress(len(corpus.ids) * plan.epochs) as paint:

            def note(run: TrainingState) -> None:
                latest[:] = [run]
                paint(run.words, run.words_per_s, run.left_s)

            try:
                train_implementation(plan, corpus, note)
            except KeyboardInterrupt:
                interrupted = True
        if not latest:
            raise NothingToKeep("interrupted before anything was learnt: nothing to save", 130)
        run = latest[0]
        vectors = np.asarray(run.model.W_in)
        if not np.isfinite(vectors).all():
            raise PlanError("the vectors are not finite: try a smaller --alpha, or fewer --threads")
        if interrupted and (aside := put_aside(request.out)):
            warn(f"the earlier vectors in {request.out} were put aside as {aside}")
        save(request.out, corpus.vocabulary, vectors, binary=request.binary)
    epochs = f"{plan.epochs} epoch{'s'[: plan.epochs != 1]}"
    if interrupted:
        rate = rate_at(settings, run.words / run.total)
        epochs = f"{run.words / len(corpus.ids):.1f} of {epochs} (interrupted at a learning rate of {rate:.3g})"
    summary = (
        f"{request.out}: {V:,} vectors of {H} numbers ({'binary' if request.binary else 'text'}), {epochs}; "
        f"{run.words_per_s:,.0f} words a second, {run.cpu_s / run.words * 1e6:.2f} CPU seconds a million words{peak_memory()}"
    )
    return Trained(summary, interrupted)


def check_writable(out: Path, corpus: Path | None) -> None:
    """Raise PlanError if vectors cannot be written there, or would overwrite something else."""
    if not out.parent.is_dir() or out.is_dir():
        raise PlanError(f"--out: {out}: {'a folder, not a file' if out.is_dir() else f'no folder {out.parent}'}")
    if out.is_symlink() or (out.exists() and not out.is_file()):
        raise PlanError(f"--out: {out} is not an ordinary file: choose another name")
    if corpus is not None and corpus.exists() and out.exists() and out.samefile(corpus):
        raise PlanError(f"--out: {out} is the text itself: choose another name")
    if str(out) == "-":
        raise PlanError("--out: a file is needed, not -")
    try:
        with tempfile.NamedTemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise PlanError(f"--out: {out.parent} cannot be written to ({error.strerror or error})") from error


def read(request: TrainingRequest, folder: Path) -> Corpus:
    """Read the text, without its rarest words. A user's text is streamed from disk; the built-in text is in memory."""
    if request.corpus is not None:
        corpus = texts.stored(request.corpus, folder, request.min_count)
        memory.trim_heap()  # reading has freed hundreds of megabytes, which the allocator keeps
        return corpus
    return without_rare_words(texts.builtin(), request.min_count)


def without_rare_words(text: Corpus, min_count: int) -> Corpus:
    """Return a text without the words that occur less often. Raises PlanError if fewer than two are left."""
    V = int((text.counts >= min_count).sum())
    if V < 2:
        raise PlanError(f"--min-count: no two words of {text.name} occur {min_count} times or more")
    return replace(most_frequent(text, V), vocabulary=text.vocabulary[:V])


def peak_memory() -> str:
    """Return the process's peak memory as text, mapped files included; empty where the system does not report it."""
    peak = memory.status().get("VmHWM")
    return f"; peak memory {size_bytes(peak)}" if peak else ""
