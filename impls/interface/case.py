"""Sizes and case names. A case name identifies one measurement everywhere: in options, files, the page and pytest ids."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from ..messages import quoted

DTYPES: dict[str, DTypeLike] = {"f32": np.float32, "f64": np.float64}
INDEX_DTYPES: dict[str, DTypeLike] = {"i32": np.int32, "i64": np.int64}
WORDS = ("zipf", "uniform", "repeat")
KINDS = {"dtype": DTYPES, "index": INDEX_DTYPES, "words": WORDS}
THREADS = re.compile(r"t[0-9]{1,4}")
MOST_THREADS = 1024
EXAMPLE = "expected e.g. V=1e5,H=100,B=100,f32,i64,zipf,t1"
NAME = re.compile(r"[\w.-]{1,100}")
"""A kernel's name or a slug, as it stands in a case name."""
LARGEST = 10**15
"""Largest number that is read: more than any machine's memory holds."""
NUMBER = re.compile(r"([0-9]{1,16}(?:\.[0-9]{1,16})?)(?:e([0-9]{1,2})|([kKmM]))?")


class BadName(ValueError):
    """A size, a case name or a slug that is not valid. The message states the expected form."""


@dataclass(frozen=True, order=True)
class Size:
    """The size of a problem. Its inputs depend on the size, the corpus and the seed, and on nothing else.

    Attributes
    ----------
    V
        Vocabulary: rows of a weight matrix.
    H
        Hidden size: columns of a weight matrix.
    B
        Words in a batch, or bags of words.
    K
        Negatives per target, or mean number of words of a bag; 0 where the kernel has neither.
    dtype
        ``f32`` or ``f64``.
    index
        Dtype of word ids: ``i32`` or ``i64``.
    words
        ``zipf`` (the corpus), ``uniform``, or ``repeat``: the same batch in every call, so that its rows stay in cache.
    threads
        BLAS and OpenMP threads.
    """

    V: int
    H: int = 100
    B: int = 100
    K: int = 0
    dtype: str = "f32"
    index: str = "i64"
    words: str = "zipf"
    threads: int = 1

    def __post_init__(self) -> None:
        for name, value, least in (
            ("V", self.V, 2),
            ("H", self.H, 1),
            ("B", self.B, 0),
            ("K", self.K, 0),
            ("threads", self.threads, 1),
        ):
            if value < least:
                raise BadName(f"{name} must be at least {least}, not {value}")
        if self.threads > MOST_THREADS:
            raise BadName(f"threads must be at most {MOST_THREADS}, not {self.threads}")
        for name, word, known in (
            ("dtype", self.dtype, DTYPES),
            ("index dtype", self.index, INDEX_DTYPES),
            ("words", self.words, WORDS),
        ):
            if word not in known:
                raise BadName(f"{name} must be one of {', '.join(known)}, not {word!r}")

    @property
    def float_type(self) -> np.dtype[Any]:
        return np.dtype(DTYPES[self.dtype])

    @property
    def index_type(self) -> np.dtype[Any]:
        return np.dtype(INDEX_DTYPES[self.index])

    def __str__(self) -> str:
        negatives = f",K={format_number(self.K)}" if self.K else ""
        dimensions = f"V={format_number(self.V)},H={format_number(self.H)},B={format_number(self.B)}{negatives}"
        return f"{dimensions},{self.dtype},{self.index},{self.words},t{self.threads}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse what ``str`` prints. Raises BadName."""
        counts: dict[str, int] = {}
        words: dict[str, str] = {}
        for part in text.split(","):
            name, _, value = part.partition("=")
            kind = next(
                (kind for kind, known in KINDS.items() if part in known), "threads" if THREADS.fullmatch(part) else None
            )
            if value and name in ("V", "H", "B", "K") and name not in counts:
                counts[name] = parse_number(value)
            elif kind and kind not in words:
                words[kind] = part
            else:
                raise BadName(f"not a size: {quoted(part)} in {quoted(text)} is unknown or a duplicate ({EXAMPLE})")
        missing = [name for name in ("V", "H", "B", *KINDS, "threads") if name not in {**counts, **words}]
        if missing:
            raise BadName(f"not a size: {quoted(text)} lacks {', '.join(missing)} ({EXAMPLE})")
        return cls(
            counts["V"],
            counts["H"],
            counts["B"],
            counts.get("K", 0),
            words["dtype"],
            words["index"],
            words["words"],
            int(words["threads"][1:]),
        )


@dataclass(frozen=True, order=True)
class Case:
    """One implementation at one size, written ``scatter.dense/add-at@V=1e5,H=100,B=100,f32,i64,zipf,t1``."""

    kernel: str
    slug: str
    size: Size

    @property
    def problem(self) -> str:
        """The case's problem: its kernel and size, without the implementation."""
        return f"{self.kernel}@{self.size}"

    def __str__(self) -> str:
        return f"{self.kernel}/{self.slug}@{self.size}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse what ``str`` prints. Raises BadName."""
        match = re.fullmatch(rf"({NAME.pattern})/({NAME.pattern})@(.+)", text)
        if not match:
            raise BadName(f"not a case: {quoted(text)} (expected e.g. lookup/gather@V=1e5,H=100,B=100,f32,i64,zipf,t1)")
        kernel, slug, size = match.groups()
        return cls(kernel, slug, Size.parse(size))


def format_number(number: int) -> str:
    """Write a whole number as people do: ``7``, ``100``, ``3e5``, ``25391``."""
    digits = str(number)
    zeros = len(digits) - len(digits.rstrip("0"))
    return f"{digits[0]}e{zeros}" if zeros >= 3 and zeros == len(digits) - 1 else digits


def parse_number(text: str) -> int:
    """Parse ``25391``, ``1e5``, ``2.5e4``, ``10k`` or ``1M`` as a whole number up to LARGEST. Raises BadName."""
    match = NUMBER.fullmatch(text.strip().replace("_", ""))
    if match:
        mantissa, exponent, unit = match.groups()
        power = int(exponent) if exponent else {"k": 3, "m": 6}.get((unit or "").lower(), 0)
        integer, _, fraction = mantissa.partition(".")
        if len(fraction.rstrip("0")) <= power:
            number = int(integer + fraction.rstrip("0").ljust(power, "0"))
            if number <= LARGEST:
                return number
    raise BadName(f"not a whole number up to {format_number(LARGEST)}: {quoted(text)} (write 100000, 1e5 or 100k)")
