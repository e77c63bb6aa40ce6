"""What skip-gram and CBOW share: the text, the settings, the model that a step improves, and the check that it learns.

words (B,) int32 and starts (S + 1,) int64, where each line begins and the last ends -> the model, trained on them. A
model is what an implementation's ``prepare`` makes of a problem; windows never reach across lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ..case import Size
from ..interface import Array, Kernel, Problem, Work, Wrong, arrays, ring_length
from ..words import Corpus, Floats, Ints

LONGEST = 10_000
"""Words of a line that are trained on together, as in gensim; a longer one is cut."""


@dataclass(frozen=True)
class Settings:
    """How to train, under word2vec.c's names.

    window: words on each side of a centre, at most. sample: subsampling threshold (0: none). alpha: the rate, which falls
    linearly to min_alpha over a whole run. power: of the counts that negatives are drawn by. full_windows: every window
    has all of its words; else each reaches as far as chance has it, from one word on.

    What is learnt from (window, full_windows, sample) binds every implementation, so that ratios are of equal work.
    Raises ValueError for what no training can be done with.
    """

    window: int = 5
    sample: float = 1e-3
    alpha: float = 0.025
    min_alpha: float = 0.0001
    power: float = 0.75
    full_windows: bool = False

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ValueError(f"window is {self.window}: at least one word on each side is needed")
        for name in ("sample", "alpha", "min_alpha", "power"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"{name} is {value}: a number from 0 up is needed")
        if not self.alpha:
            raise ValueError("alpha is 0: at that rate nothing is learnt")
        if self.min_alpha > self.alpha:
            raise ValueError(f"min_alpha, {self.min_alpha:g}, is above alpha, {self.alpha:g}")

    @property
    def least_window(self) -> int:
        """How far a window reaches at least, in words."""
        return self.window if self.full_windows else 1


EVERY_PAIR = Settings(sample=0.0, full_windows=True)
"""What a case trains by: each word and its whole window. By chance two implementations would not get the same pairs."""


class Model(Protocol):
    """Word vectors under training: what an implementation's ``prepare`` makes of a problem, and its only workspace. In whole runs the
    problem has no batches. alpha: the rate of the next step, for implementations whose rate falls.

    It learns from what ``problem.inputs["settings"]`` says: windows and subsampling are the problem's, not the model's.
    A model may have more, which is used where it is there. ``stages(words, starts)``: take a step, and give the seconds in
    each part of it by name. ``at_once``: words that a piece of a whole run should have. ``rates``: is set before a piece's
    step to the rates at its begin and end.
    """

    alpha: float

    @property
    def W_in(self) -> Array:
        """The word vectors, (V, H) float32."""
        ...

    @property
    def W_out(self) -> Array:
        """The output rows, (V, H) float32."""
        ...


def training_problem(
    size: Size,
    counts: Floats,
    batches: Sequence[tuple[Ints, Ints]],
    rng: np.random.Generator,
    settings: Settings | None = None,
) -> Problem:
    """A training run's inputs: counts (V,) of all words, settings, a seed, and pieces of text with their lines."""
    inputs = {"counts": counts, "settings": settings or Settings(), "seed": int(rng.integers(2**63))}
    touched = float(np.mean([len(np.unique(words)) for words, _ in batches[:32]])) if batches else 0.0
    return Problem(size, inputs, batches, touched)


def initial(problem: Problem) -> Array:
    """Word vectors to begin with, (V, H) float32: uniform within 1 / H, as gensim begins; word2vec.c's half of that costs CBOW analogies."""
    size = problem.size
    rng = np.random.default_rng(problem.inputs["seed"])
    return np.asarray((2 * rng.random((size.V, size.H), np.float32) - 1) / np.float32(size.H))


def make(size: Size, corpus: Corpus, rng: np.random.Generator) -> Problem:
    """Successive pieces of B words, each in lines of at most LONGEST words; all pairs of full windows are learnt from."""
    ring = corpus.ring(size, min(64, ring_length(size, size.H * 4, size.B)), rng)
    starts = np.array([*range(0, size.B, LONGEST), size.B], np.int64)
    batches, checked = ([(words.astype(np.int32), starts) for (words,) in of] for of in (ring.batches, ring.checked))

    def renew(first: int, count: int) -> None:
        ring.renew(first, count)
        some = slice(first, first + count)
        for (words, _), (fresh,) in zip(batches[some], ring.batches[some], strict=True):
            words[:] = fresh

    problem = training_problem(size, corpus.expected_counts(size.V), batches, rng, EVERY_PAIR)
    return replace(problem, checked=checked, renew=renew)


def covers(size: Size) -> dict[str, float]:
    """The pairs of a word and one of its window's that a call learns from, and the words of text they come from."""
    whole, rest = divmod(size.B, LONGEST)
    pairs = whole * pairs_in(LONGEST, EVERY_PAIR.window) + pairs_in(rest, EVERY_PAIR.window)
    return {"pairs": float(pairs), "words": float(size.B)}


def pairs_in(words: int, window: int) -> int:
    """How many pairs the full windows of a line have: of each distance, every place in both directions."""
    return 2 * sum(words - distance for distance in range(1, min(window, words - 1) + 1))


def examples(
    words: Ints, starts: Ints, kept: Floats, settings: Settings, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints]:
    """What a pass over some lines learns from: the words that subsampling leaves, each one's line, and its window's reach.

    kept (V,): with which probability each word is kept. All three (n,).
    """
    line = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    if settings.sample:
        stay = rng.random(len(words)) < kept[words]
        words, line = words[stay], line[stay]
    return words, line, rng.integers(settings.least_window, settings.window + 1, len(words))


def kept_share(counts: Floats, sample: float) -> Floats:
    """With which probability an occurrence of each word is kept: (sqrt(f / t) + 1) t / f at frequency f and threshold t.

    As word2vec.c and gensim have it (the paper, Mikolov et al. 2013b, has 1 - sqrt(t / f) for what is dropped).
    """
    if not sample:
        return np.ones(len(counts))
    ratio = counts / (sample * counts.sum())
    return np.asarray(np.minimum(1.0, (np.sqrt(ratio) + 1) / np.maximum(ratio, 1e-12)))


def pairs_of(words: Ints, starts: Ints, window: int) -> tuple[Ints, Ints]:
    """All pairs within a full window: centres (n,) and contexts (n,)."""
    line = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    centres, contexts = [], []
    for distance in range(1, window + 1):
        same = line[distance:] == line[:-distance]
        left, right = words[:-distance][same], words[distance:][same]
        centres += [left, right]
        contexts += [right, left]
    return np.concatenate(centres), np.concatenate(contexts)


def windows(line: Ints, centres: Ints, reach: Ints) -> tuple[Ints, Ints]:
    """Places (n,) of the words around some centres (m,) in their own lines, centre after centre, and how many each has (m,).

    line: each word's (B,). reach (m,): how many words to each side a centre's window has.
    """
    widest = int(reach.max(initial=0))
    offsets = np.concatenate([np.arange(-widest, 0), np.arange(1, widest + 1)])
    places = centres[:, None] + offsets
    there = np.clip(places, 0, len(line) - 1)
    inside = (there == places) & (line[there] == line[centres, None]) & (np.abs(offsets) <= reach[:, None])
    return places[inside], inside.sum(axis=1)


def told_apart(W_in: Array, W_out: Array, words: Ints, starts: Ints, counts: Floats, seed: int = 0) -> float:
    """How often a word's score with a neighbour of the text beats that with a word drawn by the noise law: 0.5 is chance.

    Unlike a loss it means the same for softmax and negative sampling.
    """
    centres, contexts = pairs_of(words, starts, 2)
    others = centres != contexts  # a word beside itself tells nothing of two tables that are alike
    centres, contexts = centres[others], contexts[others]
    law = np.cumsum(counts**0.75)
    noise = np.searchsorted(law, np.random.default_rng(seed).random(len(centres)) * law[-1], side="right")
    own = np.einsum("ph,ph->p", W_in[contexts], W_out[centres])
    other = np.einsum("ph,ph->p", W_in[contexts], W_out[np.minimum(noise, len(law) - 1)])
    return float(np.mean(own > other) + np.mean(own == other) / 2)


def noise_loss(
    W_in: Array, W_out: Array, words: Ints, starts: Ints, counts: Floats, K: int = 5, seed: int = 0
) -> float | None:
    """Negative-sampling loss of a text's pairs of neighbours, each with K words by the noise law: the same ones for a seed.

    (K + 1) log 2 is that of a model that knows nothing; None where no word has a neighbour.
    """
    centres, contexts = pairs_of(words, starts, 2)
    law = np.cumsum(counts**0.75)
    drawn = np.searchsorted(law, np.random.default_rng(seed).random((len(centres), K)) * law[-1], side="right")
    loss, block = 0.0, 1 << 11
    for start in range(0, len(centres), block):
        part = slice(start, start + block)
        h = W_in[contexts[part]]
        own = np.einsum("ph,ph->p", h, W_out[centres[part]])
        other = np.einsum("ph,pkh->pk", h, W_out[np.minimum(drawn[part], len(law) - 1)])
        loss += float(np.logaddexp(0, -own).sum(dtype=np.float64) + np.logaddexp(0, other).sum(dtype=np.float64))
    return loss / len(centres) if len(centres) else None


PASSES = 60
"""How often the check trains on a planted text at most."""
TOLD_APART = 0.64
"""How well the model must then tell the text's pairs from noise: 0.5 is chance, and constant scores give no more."""


def planted(V: int, rng: np.random.Generator, lines: int = 200, length: int = 5, topics: int = 3) -> tuple[Ints, Ints]:
    """A text whose lines keep to one of a few topics each, so that it can be learnt from a few thousand words."""
    topic = rng.integers(topics, size=(lines, 1))
    words = rng.integers(V // topics, size=(lines, length)) * topics + topic
    return words.astype(np.int32).reshape(-1), np.arange(lines + 1, dtype=np.int64) * length


def fits(problem: Problem, model: Any) -> None:
    """A model has two tables with a row of H a word: fewer numbers would be faster, and no match for it."""
    expect(model, (problem.size.V, problem.size.H))


def expect(model: Any, shape: tuple[int, ...]) -> None:
    """Raise Wrong unless a model has two finite float32 tables of a shape."""
    for name, W in zip(("W_in", "W_out"), tables_of(model, shape), strict=True):
        if not np.isfinite(W).all():
            raise Wrong(f"the model's {name} is not finite")


def tables_of(model: Any, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """A model's two tables. Raises Wrong unless they are plain float32 arrays of a shape."""
    tables = tuple(arrays(getattr(model, name, None)) for name in ("W_in", "W_out"))
    for name, W in zip(("W_in", "W_out"), tables, strict=True):
        if not isinstance(W, np.ndarray) or W.dtype != np.float32 or W.shape != shape:
            found = f"{W.dtype} of shape {W.shape}" if isinstance(W, np.ndarray) else f"a {type(W).__name__}"
            raise Wrong(f"the model's {name} is {found}, and must be float32 of shape {shape}")
    return tables


def whole(model: Any) -> Any:
    """A step's result is the model itself."""
    return model


def check(call: Any, words: Ints, starts: Ints) -> None:
    """A model whose tables stay finite and as they were made, which learns to tell the pairs of a planted text from noise.

    No exact reference: implementations draw their own negatives and follow their own rules. Large pieces are only trained on once.
    """
    model = call(words, starts)
    shape = np.shape(model.W_in)
    expect(model, shape)
    V = shape[0] if shape else 0
    if 12 <= V < 100:
        words, starts = planted(V, np.random.default_rng(1))
        counts = np.bincount(words, minlength=V).astype(np.float64)
        best = 0.0
        for _ in range(PASSES):
            model = call(words, starts)
            expect(model, shape)
            best = max(best, told_apart(np.asarray(model.W_in), np.asarray(model.W_out), words, starts, counts))
            if best >= TOLD_APART:
                return
        raise Wrong(
            f"does not learn: in {PASSES} passes over a simple text the model told its pairs from noise in at most {best:.0%} "
            "of cases (50% is chance)"
        )


WATCHED = 64
"""Rows of each table that are seen to move from sample to sample: those of so many words of the text's most frequent ones."""


def verify(problem: Problem, calls: Any, model: Any, rng: np.random.Generator, kept: list[Any]) -> None:
    """Some rows of a model's tables: finite, and, of words in the pieces since it was last looked at, most of them moved.

    What it has learnt cannot be told from a few steps: ``w2vbench quality`` judges whole runs.
    """
    size = problem.size
    rows = np.arange(min(WATCHED, size.V))
    seen = [np.array(table[rows]) for table in tables_of(model, (size.V, size.H))]
    if not all(np.isfinite(part).all() for part in seen):
        raise Wrong("the model's tables are not finite")
    if kept:
        met = np.isin(rows, np.concatenate([words for words, _ in calls]))
        for name, part, before in zip(("W_in", "W_out"), seen, kept, strict=True):
            moved = (part != before).any(axis=1)
            if met.any() and moved[met].mean() < 0.5:
                raise Wrong(
                    f"a step leaves {name} as it was at {int((~moved[met]).sum())} of {int(met.sum())} words of the text"
                )
    kept[:] = seen


def work(skip_gram: bool) -> Callable[[Size], Work]:
    """Least traffic: each word of the text read, its row in both tables read and written. Flops: each pair of skip-gram
    against K + 1 rows; of CBOW a word's mean, which the rows of its window are added to and its change to them."""

    def of(size: Size) -> Work:
        rows, pairs = 2.0 * size.B * size.H * 4, covers(size)["pairs"]
        against = 6.0 * (1 + size.K) * size.H
        flops = pairs * against if skip_gram else size.B * against + 2 * pairs * size.H
        return Work(rows + 4.0 * size.B, rows, flops)

    return of


def training_kernel(name: str, title: str, skip_gram: bool) -> Kernel:
    """A kernel of training: the two differ in what they learn from a window, and in nothing else."""
    return Kernel(
        name,
        title,
        ("words", "starts"),
        make,
        check,
        work(skip_gram),
        (
            Size(12, 128, 40, 5, index="i32"),
            Size(300, 20, 700, 2, index="i32"),
            Size(9, 1, 1, 1, index="i32"),
            Size(9, 4, 0, 3, index="i32"),
        ),
        dimensions="VHBK",
        inputs="",
        min_batch=20,  # words with no neighbours left teach nothing
        check_workspace=fits,
        covers=covers,
        verify=verify,
        result=whole,
    )
