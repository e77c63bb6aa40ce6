"""Words of a text as numbers, from its bytes: what TOKEN finds in lower-case text, compiled and on all CPUs.

A text is cut at spaces into chunks. A compiled function turns each into ids of the chunk's own words, several chunks at a time.
The chunks' words are then numbered one after another, by first occurrence in the text.

The function knows characters below U+3000, from two tables that the regular expression itself has filled. A chunk with any
other character, or with one whose lower case depends on its neighbours, is left to the regular expression.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..interface import Array
from .words import Ints

TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\n")
LIMIT = 0x3000
"""Characters from this one on are left to the regular expression: ideographs, and those of more than three bytes."""
OTHER, LETTER, APOSTROPHE, NEWLINE, UNKNOWN = range(5)
FEW_SLOTS = 1 << 14
"""Slots of a chunk's table of words at first."""
PRIME, BASIS = np.uint64(0x100000001B3), np.uint64(0xCBF29CE484222325)
"""FNV-1a, 64 bits (Fowler, Noll and Vo)."""


class Chunk(NamedTuple):
    """A chunk's words."""

    ids: Array  # numbers of the words, (n,) int32, by first occurrence in this chunk
    ends: Array  # after how many words each of its lines ends, (lines,) int64
    # of each distinct word: hash (m,) uint64, and where it begins in the letters (m + 1,) int64; the letters, uint8
    hashes: Array
    begins: Array
    letters: Array


@cache
def characters() -> tuple[Array, Array]:
    """Return what each character below LIMIT is, (LIMIT,) uint8, and its lower case, (LIMIT,) uint16."""
    kinds, lower = np.zeros(LIMIT, np.uint8), np.zeros(LIMIT, np.uint16)
    for code in range(LIMIT):
        character = chr(code)
        small = character.lower()
        # İ becomes two characters, and what Σ becomes depends on where it stands in its word
        if len(small) != 1 or ord(small) >= LIMIT or character == "Σ":
            kinds[code] = UNKNOWN
            continue
        lower[code] = ord(small)
        if character in "\n\r":  # as a file that is opened as text; an empty line between the two is left out
            kinds[code] = NEWLINE
        elif character in "'’":
            kinds[code] = APOSTROPHE
        elif TOKEN.fullmatch(small):
            kinds[code] = LETTER
    return kinds, lower


def find_words(text: Array, kinds: Array, lower: Array) -> tuple[int, Array, Array, Array, Array, Array]:
    """Find the words of a chunk of valid UTF-8, (bytes,) uint8. Compiled.

    Returns
    -------
    int
        How many words there are, or -1 if there is a character that it does not know.
    ids, ends, hashes, begins, letters
        As in ``Chunk``.
    """
    n = len(text)
    ids, ends = np.empty(n // 2 + 1, np.int32), np.empty(n, np.int64)
    hashes, begins = np.empty(n // 2 + 1, np.uint64), np.empty(n // 2 + 2, np.int64)
    letters = np.empty(n + n // 2 + 4, np.uint8)  # a small letter may have three bytes where the other has two
    slots = np.zeros(FEW_SLOTS, np.int32)
    words = distinct = lines = at = 0
    begin = end = 0  # of the word that is being read, in ``letters``
    begins[0] = 0
    while at <= n:
        code, width = character(text, at)
        kind = kinds[code] if code < LIMIT else UNKNOWN
        if kind == UNKNOWN:
            return -1, ids, ends, hashes, begins, letters
        inside = kind == LETTER
        if kind == APOSTROPHE and end > begin:  # part of the word if a letter follows
            following, _ = character(text, at + width)
            inside = following < LIMIT and kinds[following] == LETTER
        if inside:
            end = append(letters, end, np.int64(lower[code]))
        elif end > begin:
            hashed = hash_of(letters, begin, end)
            word = find(slots, hashes, begins, letters, hashed, letters, begin, end)
            if word < 0:  # the letters stay where they are
                word, begin = distinct, end
                hashes[word] = hashed
                distinct += 1
                begins[distinct] = end
                slots[free_slot(slots, hashed)] = distinct
                if 2 * distinct > len(slots):
                    slots = spread(hashes, distinct, 4 * len(slots))
            ids[words] = word
            words += 1
            end = begin
        if kind == NEWLINE and at < n:
            ends[lines] = words
            lines += 1
        at += width
    return words, ids[:words], ends[:lines], hashes[:distinct], begins[: distinct + 1], letters[:begin]


def character(text: Array, at: int) -> tuple[Any, int]:
    """Return the character at a byte of valid UTF-8, and its bytes: 0 after the end, LIMIT for one of four bytes. Compiled."""
    if at >= len(text):
        return 0, 1
    first = np.int64(text[at])
    if first < 0x80:
        return first, 1
    if first < 0xE0:
        return ((first & 31) << 6) | (np.int64(text[at + 1]) & 63), 2
    if first < 0xF0:
        return ((first & 15) << 12) | ((np.int64(text[at + 1]) & 63) << 6) | (np.int64(text[at + 2]) & 63), 3
    return LIMIT, 4


def append(letters: Array, end: int, code: Any) -> int:
    """Write a character as UTF-8 behind others, and return where it ends. Compiled."""
    if code < 0x80:
        letters[end] = code
        return end + 1
    if code < 0x800:
        letters[end] = 0xC0 | (code >> 6)
    else:
        letters[end] = 0xE0 | (code >> 12)
        end += 1
        letters[end] = 0x80 | ((code >> 6) & 63)
    letters[end + 1] = 0x80 | (code & 63)
    return end + 2


def hash_of(letters: Array, begin: int, end: int) -> Any:
    """Return a word's hash. Compiled."""
    hashed = BASIS
    for at in range(begin, end):
        hashed = (hashed ^ np.uint64(letters[at])) * PRIME
    return hashed


def find(
    slots: Array, hashes: Array, begins: Array, letters: Array, hashed: Any, text: Array, begin: int, end: int
) -> int:
    """Return a word's number in a table, or -1 where it has none. Compiled.

    Parameters
    ----------
    slots
        Numbers of words plus 1, or 0, a power of two of them: a word is in the first free slot from its hash on.
    hashes, begins, letters
        The table's words, as in ``Chunk``.
    hashed, text, begin, end
        The word's hash, and where its letters are.
    """
    at = hashed & np.uint64(len(slots) - 1)
    while slots[at]:
        word = slots[at] - 1
        start = begins[word]
        if hashes[word] == hashed and begins[word + 1] - start == end - begin:
            same = 0
            while same < end - begin and letters[start + same] == text[begin + same]:
                same += 1
            if same == end - begin:
                return int(word)
        at = (at + np.uint64(1)) & np.uint64(len(slots) - 1)
    return -1


def free_slot(slots: Array, hashed: Any) -> Any:
    """Return the first free slot for a hash. Compiled."""
    at = hashed & np.uint64(len(slots) - 1)
    while slots[at]:
        at = (at + np.uint64(1)) & np.uint64(len(slots) - 1)
    return at


def spread(hashes: Array, number: int, size: int) -> Array:
    """Return slots for words with these hashes. size: how many, a power of two. Compiled."""
    slots = np.zeros(size, np.int32)
    for word in range(number):
        slots[free_slot(slots, hashes[word])] = word + 1
    return slots


def number_words(
    slots: Array, hashes: Array, begins: Array, letters: Array, known: int,
    new_hashes: Array, new_begins: Array, new_letters: Array,
) -> tuple[int, Array]:  # fmt: skip
    """Add a chunk's words to a table with room for them. Return the words in it, and the number of each of the chunk's. Compiled."""
    numbers = np.empty(len(new_hashes), np.int32)
    for word in range(len(new_hashes)):
        begin, end, hashed = new_begins[word], new_begins[word + 1], new_hashes[word]
        number = find(slots, hashes, begins, letters, hashed, new_letters, begin, end)
        if number < 0:
            number, start = known, begins[known]
            for i in range(end - begin):
                letters[start + i] = new_letters[begin + i]
            hashes[number] = hashed
            known += 1
            begins[known] = start + end - begin
            slots[free_slot(slots, hashed)] = known
        numbers[word] = number
    return known, numbers


@cache
def machine_code() -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """Return ``find_words``, ``number_words`` and ``spread``, compiled."""
    from ..compiling.functions import ready

    kinds, lower = characters()
    few, hashes, begins = np.zeros(2, np.int32), np.zeros(2, np.uint64), np.zeros(2, np.int64)
    letters = np.frombuffer(b"a", np.uint8)
    return (
        ready(find_words, (letters, kinds, lower)),
        ready(number_words, (few, hashes, begins, np.zeros(1, np.uint8), 0, hashes, begins, np.zeros(1, np.uint8))),
        ready(spread, (hashes, 0, 2)),
    )


@dataclass
class Numbering:
    """The words of a text, numbered by first occurrence."""

    known: int = 0
    slots: Array = field(default_factory=lambda: np.zeros(FEW_SLOTS, np.int32))
    hashes: Array = field(default_factory=lambda: np.zeros(FEW_SLOTS, np.uint64))
    begins: Array = field(default_factory=lambda: np.zeros(FEW_SLOTS + 1, np.int64))
    letters: Array = field(default_factory=lambda: np.zeros(FEW_SLOTS * 8, np.uint8))

    def ids(self, chunk: Chunk) -> Ints:
        """Return a chunk's words by their numbers in the text, (n,) int32."""
        _, number_words, spread = machine_code()
        words = self.known + len(chunk.hashes)
        self.hashes, self.begins = enlarged(self.hashes, words), enlarged(self.begins, words + 1)
        self.letters = enlarged(self.letters, int(self.begins[self.known]) + len(chunk.letters))
        if 2 * words > len(self.slots):
            self.slots = spread(self.hashes, self.known, 1 << (4 * words).bit_length())
        self.known, numbers = number_words(
            self.slots, self.hashes, self.begins, self.letters, self.known, chunk.hashes, chunk.begins, chunk.letters
        )
        return np.asarray(numbers[chunk.ids])

    def words(self) -> list[str]:
        """Return the words by number."""
        whole, ends = self.letters.tobytes(), self.begins[: self.known + 1].tolist()
        return [whole[begin:end].decode() for begin, end in pairwise(ends)]


def enlarged(array: Array, least: int) -> Array:
    """Return an array with room for at least so many elements, the first ones as they were."""
    if len(array) >= least:
        return array
    larger = np.zeros(2 * least, array.dtype)
    larger[: len(array)] = array
    return larger


def compiled_chunk(piece: bytes) -> Chunk | None:
    """Return the words of a piece of valid UTF-8; None where it has a character that the compiled function does not know."""
    number, *found = machine_code()[0](np.frombuffer(piece, np.uint8), *characters())
    return Chunk(*found) if number >= 0 else None


def chunk_from(words: list[str], ids: Ints, ends: Ints) -> Chunk:
    """Return a chunk's words as the compiled code returns them. words: by number."""
    encoded = [word.encode() for word in words]
    begins = np.concatenate([[0], np.cumsum([len(one) for one in encoded])]).astype(np.int64)
    hashes = np.array([fnv1a(one) for one in encoded], np.uint64)
    return Chunk(ids, ends.astype(np.int64), hashes, begins, np.frombuffer(bytearray(b"".join(encoded)), np.uint8))


def fnv1a(letters: bytes) -> int:
    """Return a word's hash, as ``hash_of`` does."""
    hashed = int(BASIS)
    for letter in letters:
        hashed = (hashed ^ letter) * int(PRIME) & 0xFFFFFFFFFFFFFFFF
    return hashed


def in_order(pieces: Iterator[bytes], work: Callable[[bytes], Chunk]) -> Iterator[Chunk]:
    """Yield the words of pieces, in order, found by as many threads as there are CPUs. Few pieces wait at a time."""
    machine_code(), characters()  # once, before several threads need them
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    waiting: deque[Future[Chunk]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for piece in pieces:
            waiting.append(pool.submit(work, piece))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
