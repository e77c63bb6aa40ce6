"""Word vectors in word2vec's own formats, which gensim's KeyedVectors and others read."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def save(path: Path, words: Iterable[str], W: NDArray[Any], binary: bool) -> None:
    """Write words and their vectors, (V, H) float32, whole or not at all. Raises OSError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(f"{len(W)} {W.shape[1]}\n".encode())
            for record in as_bytes(words, W) if binary else as_text(words, W):
                file.write(record)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def as_bytes(words: Iterable[str], W: NDArray[Any]) -> Iterator[bytes]:
    """A word, a space, and the floats as they are in memory, low byte first."""
    for word, vector in zip(words, np.ascontiguousarray(W, "<f4"), strict=True):
        yield word.encode() + b" " + vector.tobytes() + b"\n"


def as_text(words: Iterable[str], W: NDArray[Any]) -> Iterator[bytes]:
    """A word and its numbers, in as many digits as tell float32 numbers apart."""
    for word, vector in zip(words, W.astype(np.float32), strict=True):
        yield f"{word} {' '.join(map(str, vector))}\n".encode()
