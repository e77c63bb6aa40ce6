"""training.cbow and training.skip-gram: predict a word from its neighbours, and its neighbours from a word.

Both have the same implementations. Chapter 3 of the book (one-hot rows and a full softmax), section 4.1 (rows picked by
index) and section 4.2 (negative sampling) come first, each with the book's Adam over whole tables. Then come the faster
implementations of the other kernels, with only the rows that occur and with faster draws; word2vec's own rules in NumPy
batches; and one compiled loop. torch and gensim are what people use instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..compiling.intrinsics.training_steps import cbow_moves, cbow_slopes, skip_gram_moves, skip_gram_slopes
from ..corpus.words import Ints
from ..interface import Deck, Implementation, Kernel, Problem
from ..interface.case import Size
from .compiled import CompiledModel, covers_in_threads, one_pass
from .contract import Model, training_kernel
from .peers import GensimFileModel, GensimModel, TorchModel
from .staged import BATCHED, CHAPTER_3, CHAPTER_4_1, CHAPTER_4_2, SPARSE, StagedModel, Stages

cbow = training_kernel(
    "training.cbow",
    "word vectors by CBOW, a piece of text",
    skip_gram=False,
    place=60,
    about="all of it: word vectors from text",
    deck=Deck(sizes=(Size(10**4, B=100),), beside=("sparse", "numba")),
)
skip_gram = training_kernel(
    "training.skip-gram", "word vectors by skip-gram, a piece of text", skip_gram=True, place=61
)


def step(words: Ints, starts: Ints, model: Any) -> Model:
    """Take a step with any implementation's model."""
    model.step(words, starts)
    return model  # type: ignore[no-any-return]


TABLES = "VH+VH"
BOOK = "+".join(["VH"] * 9)
"""Both tables, Adam's moments, gradients and intermediate results."""


def implementations(kernel: Kernel, is_skip_gram: bool) -> Iterator[Implementation]:
    """Yield the implementations, from the textbook's upward."""

    def implementation(slug: str, title: str, summary: str, model: Any, *sources: Any, **facts: Any) -> Implementation:
        return kernel.implementation(slug, title, summary=summary, prepare=model, source_functions=sources, **facts)(
            step
        )

    def in_stages(slug: str, title: str, summary: str, stages: Stages, makes: str, **facts: Any) -> Implementation:
        def model(problem: Problem) -> StagedModel:
            return StagedModel(problem, stages, is_skip_gram)

        return implementation(
            slug, title, summary, model, *stages.functions, one_thread=True, temporaries=makes, **facts
        )

    one_hot, scores = ("1000V", "3000V") if is_skip_gram else ("1000V", "300V")  # for 100 words with full windows
    yield in_stages(
        "chapter-3", "one-hot rows, full softmax, dense Adam", "chapter 3's one-hot rows and full softmax",
        CHAPTER_3, f"{one_hot}+{scores}+{BOOK}", slide=4, baseline=True, grows_with="V",
        differs="full softmax, Adam over whole tables",
    )  # fmt: skip
    yield in_stages(
        "chapter-4-1", "gather, full softmax, dense Adam", "picking rows by index before the full softmax",
        CHAPTER_4_1, f"{scores}+{BOOK}", slide=10, textbook=True, grows_with="V", differs="full softmax, Adam over whole tables",
    )  # fmt: skip
    yield in_stages(
        "chapter-4-2", "gather, the book's negative sampling, dense Adam", "the book's negative sampling",
        CHAPTER_4_2, BOOK, slide=24, textbook=True, grows_with="V", differs="K different negatives a target, Adam over whole tables",
    )  # fmt: skip
    yield in_stages(
        "sparse", "alias draws, gradients as rows, lazy Adam", "negative sampling that touches only the rows that occur",
        SPARSE, "+".join([TABLES] * 3), differs="K negatives a target, lazy Adam",
    )  # fmt: skip
    yield in_stages(
        "batched", "NumPy batches, plain descent", "batches of NumPy by plain gradient descent",
        BATCHED, TABLES, differs="K negatives a target, descent at word2vec's rate, batch by batch",
    )  # fmt: skip
    yield implementation(
        "torch", "torch: sparse embeddings, autograd, SparseAdam", "torch's sparse embeddings",
        lambda problem: TorchModel(problem, is_skip_gram), TorchModel.learn, temporaries=TABLES, requires=("torch",),
        differs="K negatives a target, lazy Adam",
    )  # fmt: skip
    yield implementation(
        "gensim", "gensim's Word2Vec", "gensim",
        lambda problem: GensimModel(problem, is_skip_gram), GensimModel.step, temporaries=TABLES, requires=("gensim",),
        differs="K negatives a target, descent at word2vec's rate, pair by pair",
        adapt=GensimModel.adapted,
    )  # fmt: skip
    yield implementation(
        "gensim-file", "gensim's Word2Vec, corpus_file", "gensim's file mode",
        lambda problem: GensimFileModel(problem, is_skip_gram), GensimFileModel.step, temporaries=TABLES, requires=("gensim",),
        differs="K negatives a target, descent at word2vec's rate, pair by pair",
        adapt=GensimFileModel.adapted,
    )  # fmt: skip
    yield implementation(
        "numba", "one compiled loop, rows in vector registers", "one compiled loop that keeps rows in vector registers",
        lambda problem: CompiledModel(problem, is_skip_gram), one_pass,
        *([skip_gram_slopes, skip_gram_moves] if is_skip_gram else [cbow_slopes, cbow_moves]),
        temporaries=TABLES, requires=("numba",), covers=covers_in_threads,
        differs="K negatives for up to two centres and their contexts, descent at word2vec's rate"
        if is_skip_gram
        else "K negatives for up to two targets at a time, descent at word2vec's rate",
    )  # fmt: skip


CBOW = tuple(implementations(cbow, False))
SKIP_GRAM = tuple(implementations(skip_gram, True))
