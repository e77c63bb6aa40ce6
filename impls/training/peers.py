"""What people use instead: gensim, and word2vec in torch as its tutorials write it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np

from ..corpus.words import Ints
from ..interface import Array, Problem
from .contract import LONGEST, initial
from .pairs import examples, keep_probability, windows
from .settings import Settings

AT_ONCE = 1_000_000
"""Words per piece for gensim's workers: starting them and waiting for the last takes as long as some thousand words."""

Jobs = list[list[list[str]]]
"""Lines of words, in the groups that gensim trains on at a time."""


class GensimModel:
    """gensim's Word2Vec. Its words are ids written as text.

    Attributes
    ----------
    at_once
        Words that a piece should have for several workers; 0 for one.
    rates
        Rates at the beginning and the end of a piece.
    """

    def __init__(self, problem: Problem, skip_gram: bool) -> None:
        from gensim.models import Word2Vec

        size, inputs = problem.size, problem.inputs
        settings: Settings = inputs["settings"]
        self.alpha, self.rates, self.threads = settings.alpha, (settings.alpha, settings.alpha), size.threads
        self.model = Word2Vec(
            vector_size=size.H,
            window=settings.window,
            negative=size.K,
            sample=settings.sample,
            shrink_windows=not settings.full_windows,
            alpha=settings.alpha,
            min_alpha=settings.min_alpha,
            ns_exponent=settings.power,
            sg=int(skip_gram),
            workers=size.threads,
            seed=inputs["seed"] % 2**31,
            min_count=1,
        )
        counts = {str(word): max(1, round(count)) for word, count in enumerate(inputs["counts"])}
        self.model.build_vocab_from_freq(counts)
        self.names = [str(word) for word in range(size.V)]
        self.order = [self.model.wv.key_to_index[name] for name in self.names]
        self.memory = tuple(np.zeros(size.H, np.float32) for _ in range(2))

    @property
    def at_once(self) -> int:
        return AT_ONCE if self.threads > 1 else 0

    def adapted(self, words: Ints, starts: Ints) -> tuple[Any, Ints]:
        """Return a piece in gensim's form: making its sentences is not training."""
        return self.jobs(words, starts), starts

    def jobs(self, words: Ints, starts: Ints) -> Jobs:
        """Group lines into jobs of at most 10,000 words: of a larger one, gensim would drop the rest."""
        names = [self.names[word] for word in words.tolist()]
        lines = [
            names[first : min(first + LONGEST, end)]
            for begin, end in pairwise(starts.tolist())
            for first in range(begin, end, LONGEST)
        ]
        jobs: Jobs = []
        free = 0
        for line in lines:
            if len(line) > free:
                jobs.append([])
                free = LONGEST
            jobs[-1].append(line)
            free -= len(line)
        return jobs

    def step(self, pieces: Any, starts: Ints) -> GensimModel:
        """Train on a piece: one worker by gensim's inner function, without its queues, several by ``Word2Vec.train``."""
        if self.threads == 1:
            for lines in pieces:
                self.model._do_train_job(lines, self.alpha, self.memory)
        elif pieces:
            all_lines = [line for lines in pieces for line in lines]
            first, last = self.rates
            self.model.train(
                all_lines, total_words=int(starts[-1]), epochs=1, start_alpha=first, end_alpha=last, report_delay=1e9
            )
        return self

    @property
    def W_in(self) -> Array:
        return np.asarray(self.model.wv.vectors[self.order])

    @property
    def W_out(self) -> Array:
        return np.asarray(self.model.syn1neg[self.order])


class GensimFileModel(GensimModel):
    """gensim's Word2Vec in its file mode: each worker reads its own part of a file, without a queue between them.

    The file lies in memory, so that no disk is timed and none is left behind.
    """

    @property
    def at_once(self) -> int:
        return AT_ONCE

    def adapted(self, words: Ints, starts: Ints) -> tuple[Any, Ints]:
        """Return a piece as a file of lines: writing it is not training."""
        return TextInMemory(" ".join(line) for lines in self.jobs(words, starts) for line in lines), starts

    def step(self, text: Any, starts: Ints) -> GensimModel:
        """Train on a piece."""
        first, last = self.rates
        if starts[-1]:
            self.model.train(
                corpus_file=text.path,
                total_words=int(starts[-1]),
                epochs=1,
                start_alpha=first,
                end_alpha=last,
                report_delay=1e9,
            )
        return self


class TextInMemory:
    """A text as a file that exists as long as this object. lines: without their ends."""

    def __init__(self, lines: Iterable[str]) -> None:
        in_memory = hasattr(os, "memfd_create")
        self.file = os.fdopen(os.memfd_create("text"), "w") if in_memory else NamedTemporaryFile("w")  # noqa: SIM115
        self.file.writelines(f"{line}\n" for line in lines)
        self.file.flush()
        self.path = f"/proc/self/fd/{self.file.fileno()}" if in_memory else self.file.name

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Return the word ids in the file: what shows that it has the words of its piece, in their order."""
        return np.array(Path(self.path).read_text("utf-8").split(), dtype or np.int32)


class TorchModel:
    """Two sparse embeddings and SparseAdam, in batches of pairs, with negatives by torch.multinomial."""

    PAIRS = 1_000

    def __init__(self, problem: Problem, skip_gram: bool) -> None:
        import torch

        size, inputs = problem.size, problem.inputs
        torch.set_num_threads(size.threads)
        torch.manual_seed(inputs["seed"] % 2**63)
        self.torch, self.skip_gram, self.K = torch, skip_gram, size.K
        self.settings: Settings = inputs["settings"]
        self.alpha = self.settings.alpha
        self.rows_in = torch.nn.Embedding.from_pretrained(torch.from_numpy(initial(problem)), freeze=False, sparse=True)
        self.rows_out = torch.nn.Embedding.from_pretrained(torch.zeros(size.V, size.H), freeze=False, sparse=True)
        self.rng, self.keep = (
            np.random.default_rng(inputs["seed"]),
            keep_probability(inputs["counts"], self.settings.sample),
        )
        self.law = torch.from_numpy(inputs["counts"] ** self.settings.power)
        self.optimizer = torch.optim.SparseAdam([self.rows_in.weight, self.rows_out.weight])

    def step(self, words: Ints, starts: Ints) -> TorchModel:
        words, line, reach = examples(words.astype(np.int64), starts, self.keep, self.settings, self.rng)
        batch = max(1, self.PAIRS // (2 * self.settings.window)) if self.skip_gram else self.PAIRS
        for first in range(0, len(words), batch):
            centres = np.arange(first, min(first + batch, len(words)))
            contexts, counts = windows(line, centres, reach[centres])
            if len(contexts):
                self.learn(words[contexts], words[centres[counts > 0]], counts[counts > 0])
        return self

    def learn(self, contexts: Ints, centres: Ints, counts: Ints) -> None:
        """Train on a batch: contexts (r,), centres (n,), and how many contexts each has (n,), at least one."""
        torch = self.torch
        inputs, targets = torch.from_numpy(contexts), torch.from_numpy(centres)
        if self.skip_gram:
            h, targets = self.rows_in(inputs), torch.from_numpy(np.repeat(centres, counts))
        else:
            starts = torch.from_numpy(np.cumsum(counts) - counts)
            h = torch.nn.functional.embedding_bag(inputs, self.rows_in.weight, starts, mode="mean", sparse=True)
        negatives = torch.multinomial(self.law, len(targets) * self.K, replacement=True).reshape(-1, self.K)
        positive = (self.rows_out(targets) * h).sum(1)
        negative = (self.rows_out(negatives) @ h[:, :, None])[:, :, 0]
        softplus = torch.nn.functional.softplus
        self.optimizer.zero_grad()
        ((softplus(-positive).sum() + softplus(negative).sum()) / len(targets)).backward()
        self.optimizer.step()

    @property
    def W_in(self) -> Array:
        return np.asarray(self.rows_in.weight.detach().numpy())

    @property
    def W_out(self) -> Array:
        return np.asarray(self.rows_out.weight.detach().numpy())
